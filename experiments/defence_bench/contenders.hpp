#pragma once

#include <optional>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "cases.hpp"
#include "crosstalk/defence/defend.hpp"

namespace bench {

/// What a defence makes of a case: rows and tasks to learn from, or a model's metric where it leaves nothing out.
struct Answer {
  crosstalk::defence::Rows kept;
  std::vector<bool> left_out = {};    ///< tasks learned alone; empty for none
  std::optional<double> metric = {};  ///< of the defence's own model
  Eigen::VectorXd task_scores = {};   ///< larger for tasks that stand out; empty where there are none
  double honest_flagged = 0.0;        ///< share of the honest rows
  std::vector<crosstalk::defence::Decision> decisions = {};
};

/// trim, and the baselines that it is compared with (experiments/README.md).
const std::vector<std::string>& all_defences();

/// @param defence  one of all_defences.
Answer answer_of(const std::string& defence, const Case& problem);

}  // namespace bench
