#pragma once

#include <string>
#include <vector>

#include "crosstalk/evaluate/audit.hpp"
#include "crosstalk/pages/audit_page.hpp"
#include "crosstalk/evaluate/audit_summary.hpp"
#include "crosstalk/report/page.hpp"

/// The first screen of the report: what came out, in words.
namespace crosstalk::pages::answer {

/// True when no kind of planned attack worsens loss or metric by a step worth mentioning.
bool is_harmless(const AuditSummary& summary);

/// True when nothing couples the tasks.
bool are_apart(const AuditFacts& facts);

/// A few sentences.
std::string sentences(const AuditSummary& summary, const AuditResult& result, const AuditFacts& facts);

/// The numbers behind them; none when nothing ran.
std::vector<report::Card> cards(const AuditSummary& summary, const AuditResult& result);

/// What makes the numbers less than they seem: stopped early, fits that did not converge, no held-out rows.
std::vector<report::Block> warnings(const AuditSummary& summary, const AuditResult& result, const AuditFacts& facts);

}  // namespace crosstalk::pages::answer
