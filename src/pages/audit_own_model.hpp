#pragma once

#include <string>
#include <utility>
#include <vector>

#include "crosstalk/evaluate/audit_summary.hpp"
#include "crosstalk/pages/audit_page.hpp"
#include "crosstalk/report/page.hpp"
#include "crosstalk/report/table.hpp"

/// A model that is not ours beside MTRL, on the same rows.
namespace crosstalk::pages::own_model {

/// A row a kind of attack and set of training rows: the mean primary metric of the tasks under attack.
report::Table by_kind(const AuditResult& result, const AuditSummary& summary);
/// For files: every metric by scenario, and by task.
std::vector<std::pair<std::string, report::Table>> tables(const AuditResult& result);

/// What the most planned attack does to it, a sentence a kind; begins with a blank. Empty where nothing was measured.
std::string sentences(const AuditResult& result, const AuditSummary& summary);
report::Section section(const AuditResult& result, const AuditSummary& summary, const AuditFacts& facts);

}  // namespace crosstalk::pages::own_model
