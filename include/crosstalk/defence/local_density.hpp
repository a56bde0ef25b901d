#pragma once

#include <Eigen/Core>

#include "crosstalk/defence/row_scores.hpp"
#include "crosstalk/defence/trim.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::defence {

/// The ratio of densities is at most this; rows that stand in one place have it.
inline constexpr double kLargestRatio = 1e6;

/// The median k-nearest-neighbour distance of a task's rows over the row's own, k = 3 % of the task's rows and at least
/// 3 [the distance of Ramaswamy, Rastogi and Shim 2000, turned round]. Injected rows that pull together stand close. 1
/// for all rows of a task of k rows or less, and of one without a continuous feature, whose honest rows repeat.
/// @param bias  the last feature is the constant 1 and is left out.
/// @param rows  those that neighbours are sought among; of more than 2,000 in a task, evenly spaced ones.
RowScores local_density(const TaskSet& tasks, bool bias, const Rows& rows);

/// The same among the rows of all tasks, k = 0.5 %, whatever the features; of more than 2,000 rows neighbours are
/// sought among evenly spaced ones.
RowScores pooled_density(const TaskSet& tasks, bool bias, const Rows& rows);

}  // namespace crosstalk::defence
