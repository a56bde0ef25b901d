#pragma once

#include "crosstalk/evaluate/audit.hpp"
#include "crosstalk/evaluate/audit_summary.hpp"
#include "crosstalk/mtrl/cross_validation.hpp"
#include "crosstalk/report/table.hpp"

/// The tables that the page shows; audit_tables() adds those that are for files only.
namespace crosstalk::pages::tables {

/// A row a kind, at the summary's budget: the methods side by side. Needs summary.budget.
report::Table kinds(const AuditSummary& summary);
/// A row a kind, method and budget.
report::Table exposure(const AuditSummary& summary);
/// A row a target, at the summary's budget. Need summary.budget.
report::Table task_losses(const AuditResult& result, const AuditSummary& summary);
report::Table task_metrics(const AuditResult& result, const AuditSummary& summary);
/// A row an attacking task.
report::Table harm(const AuditResult& result);
/// A row an attacking task and scenario, at the largest budget.
report::Table row_harm(const AuditResult& result);
/// A row a target and way.
report::Table cheapest_attacks(const AuditResult& result, double reach);
/// A row a scenario: its targets without and behind a defence, the attacker knowing it or not. Needs result.defended.
report::Table defended(const AuditResult& result, const AuditSummary& summary);
/// A row a scenario: the attacker's utility as found and as certified, as multiples of the clean one.
report::Table bounds(const AuditResult& result, const AuditSummary& summary);
/// A row a pair of tasks and scenario.
report::Table correlation_changes(const AuditResult& result, const AuditSummary& summary);
/// A row an attack.
report::Table attacks(const AuditResult& result);
/// A row an attack and iteration.
report::Table convergence(const AuditResult& result);
/// A row a pair of lambdas.
report::Table trials(const mtrl::CrossValidation& chosen, const std::string& metric);

}  // namespace crosstalk::pages::tables
