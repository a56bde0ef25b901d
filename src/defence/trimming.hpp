#pragma once

#include <vector>

#include "crosstalk/defence/defend.hpp"
#include "crosstalk/defence/row_scores.hpp"

namespace crosstalk::defence {

/// -log10 of the smallest share of the kept rows that have the row's statistic or more.
RowScores smallest_p(const std::vector<RowScores>& statistics, const Rows& kept);

/// What Method::Trim finds.
struct Trimming {
  Rows kept;
  std::vector<RowScores> statistics;             ///< the detectors', then the residual; measured by the kept rows
  std::vector<std::vector<std::string>> causes;  ///< of every row: the detector that it was left out by, or empty
  std::vector<bool> tasks_left_out;
  Eigen::VectorXd outlyingness;  ///< of every task (TaskTrimming)
  std::vector<Decision> decisions;
};

/// Rounds of one step: of all that a detector and a share name, leave out what lowers the held-out loss of the rows
/// kept most, if it does so by more than chance and by Calibration::least_gain; end where nothing does.
/// Then the same for whole tasks (trim_tasks).
Trimming trim_by_held_out_loss(const TaskSet& tasks, const mtrl::Loss& loss, const Options& options);

}  // namespace crosstalk::defence
