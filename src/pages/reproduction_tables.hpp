#pragma once

#include <vector>

#include "crosstalk/pages/reproduction_page.hpp"
#include "crosstalk/report/table.hpp"

/// The tables that the page shows; reproduction_tables() adds those that are for files only.
namespace crosstalk::pages::tables {

/// Claim, paper, ours, verdict: the short form, and with the rules and details.
report::Table verdicts(const std::vector<Claim>& claims, const std::string& caption);
report::Table claims(const std::vector<Claim>& claims, const std::string& caption);
report::Table interpretations(const ReproductionResult& result);
/// Harm at 30 % (Figure 2) by kind of attack: random, PATOM, exact.
report::Table methods(const ReproductionResult& result, Lambdas lambdas);
report::Table sets(const ReproductionResult& result);
report::Table threats(const ReproductionResult& result);

}  // namespace crosstalk::pages::tables
