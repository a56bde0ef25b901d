#pragma once

#include <vector>

#include <Eigen/Core>

#include "crosstalk/defence/screens.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::defence {

// What the rows next to a row say of it. Tasks none of whose features has a value of its own in most rows have no say:
// honest rows have twins there. In tasks with more than 2,000 rows neighbours are sought among a part of them.

/// Distance of every row to its k-th neighbour in the task, k = 3 % of the rows and at least 3. Empty for a task
/// without k-th neighbours, or without a say.
/// @param bias  the last feature is the constant 1 and is left out.
Eigen::VectorXd reach(const Task& task, bool bias);

/// Closer than by this many times a row is in the same place as another.
inline constexpr double kMostTimesCloser = 1e6;

/// How much closer a row's neighbours are than is usual in its task: the median reach over the row's own. Injected rows
/// that pull together stand in one place, where they hide from distances and residuals alike. 1 for all rows of a task
/// whose reach is empty.
Look crowding(const TaskSet& tasks, bool bias);

/// How far the residual y - w'x of a row is from the median of those of its k nearest kept rows, k = 5 % of them and at
/// least 16, over what is usual of the kept rows of the task. Where injected rows bend w, residuals there shift
/// together, so this hides an injected row only where most of the rows next to it are injected, too. Empty for a task
/// that keeps less than ten rows a feature, where no row has near ones, or is without a say, or usually agrees to the
/// digit.
/// @param w  d
Eigen::VectorXd disagreement(const Task& task, const Eigen::VectorXd& w, const std::vector<Eigen::Index>& kept,
                             bool bias);

}  // namespace crosstalk::defence
