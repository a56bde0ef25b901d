#pragma once

#include <string_view>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/defence/defend.hpp"
#include "crosstalk/defence/row_scores.hpp"
#include "held_out_test.hpp"

namespace crosstalk::defence {

/// A statistic of a task, larger for tasks that stand out more.
struct TaskDetector {
  std::string_view name;
  std::string_view statistic;
  std::string_view reference;
};

/// All of them, in the order in which they are listed everywhere.
const std::vector<TaskDetector>& task_detectors();

/// The tasks that others are better off without.
struct TaskTrimming {
  std::vector<bool> left_out;
  Eigen::VectorXd outlyingness;  ///< of every task: the largest of its statistics, each less the tasks' median in units
                                 ///< of their scaled median deviation [Stahel 1981; Donoho 1982]
  std::vector<Decision> decisions;
};

/// As rows are trimmed: of the tasks that a statistic and a share name, leave out of the sharing what lowers the
/// held-out loss of the other tasks most, if it does so by more than chance and by Calibration::least_gain. Each fold's
/// candidates are named by the rows of the other folds, so that no label judges a choice that it made.
/// @param kept      rows to learn from, some in every task.
/// @param row_scores  how much the features of rows stand out.
/// @param learner   with lambdas chosen on the kept rows.
/// @param leave_out  false: only say how much tasks stand out.
TaskTrimming trim_tasks(const TaskSet& tasks, bool is_classification, const HeldOutTest& test, const Rows& kept,
                        const RowScores& row_scores, const mtrl::Options& learner, const Calibration& calibration,
                        bool leave_out);

}  // namespace crosstalk::defence
