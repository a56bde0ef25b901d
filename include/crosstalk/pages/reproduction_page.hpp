#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "crosstalk/pages/audit_page.hpp"
#include "crosstalk/evaluate/reproduction.hpp"
#include "crosstalk/evaluate/reproduction_claims.hpp"
#include "crosstalk/report/page.hpp"
#include "crosstalk/report/table.hpp"

namespace crosstalk::pages {

using namespace evaluate;

/// What the result does not know of itself.
struct ReproductionFacts {
  ReproductionOptions options = {};            ///< the number of threads is not reported
  std::vector<std::string> missing_sets = {};  ///< a sentence each: what is missing and how to get it
  std::vector<std::string> sources = {};       ///< the files that were read
  std::string command = {};                    ///< that repeats the run
  std::string version = {};
};

/// The paper's figures, redrawn, at both lambdas. Names begin with "figure-".
std::vector<AuditFigure> reproduction_figures(const ReproductionResult& result, const ReproductionFacts& facts);

/// Every number, for CSV files: a file's stem and its table.
std::vector<std::pair<std::string, report::Table>> reproduction_tables(const ReproductionResult& result,
                                                                       const ReproductionFacts& facts);

/// The report. Nothing in it depends on the clock or the number of threads.
/// @param svgs  a figure's name -> the SVG that gnuplot drew; where one is missing or empty, the page says so.
report::Page reproduction_page(const ReproductionResult& result, const ReproductionFacts& facts,
                               const std::map<std::string, std::string>& svgs);

/// The claims with their verdicts, and the readings.
nlohmann::json to_json(const ReproductionResult& result, const ReproductionFacts& facts);

}  // namespace crosstalk::pages
