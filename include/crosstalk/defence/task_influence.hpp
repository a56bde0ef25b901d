#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "crosstalk/defence/trim.hpp"
#include "crosstalk/mtrl/solve.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::defence {

struct LeaveOneOutOptions {
  mtrl::Options learner = {};
  std::size_t draws = 10;       ///< >= 2. Of every task as it could be if it were honest.
  std::size_t honest_sets = 4;  ///< Sets of honest tasks that p is counted among; with 0 every p is 1.
  std::uint64_t seed = 1;       ///< of the folds and the draws
};

/// What the others gain or lose by a task's taking part.
struct TaskInfluence {
  /// Sum of the other tasks' mean losses on held-out trusted rows, with the task less without it: > 0 for harm.
  double harm = 0.0;
  /// Frobenius distance between the others' correlations (Omega) with the task and without it.
  double relation_change = 0.0;
  /// By how many standard deviations `harm` lies away from what honest draws of the task do, >= 0. Rows that are
  /// injected against some tasks may well help the rest, so both sides count.
  double score = 0.0;
  /// Share of tasks of honest sets with this score or more, (1 + k) / (1 + n), n = honest_sets * tasks.
  double p = 1.0;
};

/// Leaves out every task in turn and looks at the others. Three folds inside each task; the others learn from their
/// trusted rows, the task from all of its rows. A draw of a task has its features (those of rows that are not trusted
/// replaced by trusted ones) and labels from a robust fit of the trusted rows: its predictions and resampled residuals
/// (numbers), or signs with the probability that belongs to the prediction [Platt 1999]. That fit knows the task's
/// rows, so honest tasks lie closer to their draws than these to each other; for p, therefore, whole sets are drawn and
/// gone through in the same way, fit included.
///
/// Costs 3 m (draws + 2) fits from warm starts, and as many for every honest set.
/// @param trusted  the rows that nothing is held against: all_rows, or better what `defend` has kept.
/// @param progress  called with the share that is done, between tasks.
/// @throws std::invalid_argument for less than two tasks or draws, or a task without trusted rows.
std::vector<TaskInfluence> leave_one_task_out(const TaskSet& tasks, const mtrl::Loss& loss, const Rows& trusted,
                                              const LeaveOneOutOptions& options,
                                              const std::function<void(double done)>& progress = {});

}  // namespace crosstalk::defence
