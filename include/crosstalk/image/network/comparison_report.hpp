#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "crosstalk/confidence_interval.hpp"
#include "crosstalk/image/network/comparison.hpp"
#include "crosstalk/report/page.hpp"
#include "crosstalk/report/table.hpp"
#include "crosstalk/report/verdict.hpp"

namespace crosstalk::image {

/// What the report of a comparison says besides the trials.
struct ComparisonFacts {
  ComparisonOptions options;
  std::vector<std::string> missing = {};  ///< sets that are not here, one sentence each
  std::string version = {};
  std::string command = {};
};

/// A statement of [Yu25] on one set, beside what came out.
struct ProtectionClaim {
  std::string set;
  std::string text;
  std::string paper;        ///< its number, on its own data, or its word
  ConfidenceInterval ours;  ///< over the seeds, in shares
  std::string rule;         ///< from `ours` to the verdict
  report::Verdict verdict = report::Verdict::DoesNotHold;
};

/// All claims that the trials can decide.
std::vector<ProtectionClaim> protection_claims(const std::vector<ComparisonTrial>& trials);

/// One row a trial.
report::Table trials_table(const std::vector<ComparisonTrial>& trials);
/// One row a method and victim of a set: mean over tasks with its interval over seeds, and the tasks where they are
/// few.
report::Table methods_table(const std::vector<ComparisonTrial>& trials, const std::string& set);
report::Table claims_table(const std::vector<ProtectionClaim>& claims);

nlohmann::ordered_json to_json(const std::vector<ComparisonTrial>& trials, const ComparisonFacts& facts);
report::Page comparison_page(const std::vector<ComparisonTrial>& trials, const ComparisonFacts& facts);

}  // namespace crosstalk::image
