#pragma once

#include <vector>

#include <Eigen/Core>

#include "crosstalk/defence/trim.hpp"
#include "crosstalk/mtrl/loss.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::defence {

/// One number a row, a vector a task: the larger, the more the row stands out.
using RowScores = std::vector<Eigen::VectorXd>;

/// What some rows have, of all tasks in one.
Eigen::VectorXd pooled(const RowScores& scores, const Rows& rows);

/// How far the label is from the prediction, comparable between tasks: |y - w'x| over its median in the task, or, for
/// signs, the loss over the median loss of the rows of its class in all tasks.
/// @param rows  those that the medians are of; a task without any counts as it is.
RowScores residual_scores(const TaskSet& tasks, const mtrl::Loss& loss, const Eigen::MatrixXd& W, const Rows& rows);

/// Divides the scores of each class by the median score of the given rows of the class, of all tasks.
void divide_by_class_median(RowScores& scores, const TaskSet& tasks, const Rows& rows);

/// Distance from the mean of the task's rows, the sphere of [Steinhardt,
/// Koh and Liang 2017].
/// @param bias  the last feature is the constant 1 and has no distance.
RowScores distance_from_mean(const TaskSet& tasks, bool bias);

/// Whether some feature takes more than half as many values as the task has rows: it was measured, not counted or
/// chosen from a few.
bool is_continuous(const Task& task, bool bias);

/// Share of the recurring features in which a row has a rare value: less than 1 % of the given rows have it, and less
/// than half of those of its task. A feature recurs when at most a quarter of the given rows have a rare value there,
/// as counts and categories do. 0 for all rows where less than three features recur.
/// @param rows  those that values are counted among.
RowScores rare_value_fraction(const TaskSet& tasks, bool bias, const Rows& rows);

/// For every row (1 + k) / (1 + n) with n the number of kept rows of all tasks and k those of them with this
/// score or more. For honest data all of which is kept, a share q of the rows has p <= q, whatever the scores are.
RowScores p_values(const RowScores& scores, const Rows& kept);

/// Mean over the statistics of 1 / p, p as p_values has it: large where one p is very small or several are small. 1
/// over it is the harmonic mean of the p [Wilson 2019].
RowScores harmonic_mean_score(const std::vector<RowScores>& statistics, const Rows& kept);

/// The rows with scores up to the threshold, or the lower half of a task that has less of them.
Rows keep_below(const Rows& rows, const RowScores& scores, double threshold);

/// Without the share of the rows of all tasks with the largest scores; no task loses more than half of its rows.
/// @param share  in [0, 1).
Rows trim_fraction(const Rows& rows, const RowScores& scores, double share);

}  // namespace crosstalk::defence
