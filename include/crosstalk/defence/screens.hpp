#pragma once

#include <vector>

#include <Eigen/Core>

#include "crosstalk/defence/trim.hpp"
#include "crosstalk/mtrl/loss.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::defence {

/// One number a row, a vector a task: the larger, the more the row stands out.
using Look = std::vector<Eigen::VectorXd>;

/// What some rows have, of all tasks in one.
Eigen::VectorXd pooled(const Look& look, const Rows& rows);

/// How far the label is from the prediction, comparable between tasks: |y - w'x| over its median in the task, or, for
/// signs, the loss over the median loss of the rows of its class in all tasks.
/// @param rows  those that the medians are of; a task without any counts as it is.
Look residual_look(const TaskSet& tasks, const mtrl::Loss& loss, const Eigen::MatrixXd& W, const Rows& rows);

/// Distance from the mean of the task's rows, as an owner would look who suspects nothing: the sphere of [Steinhardt,
/// Koh and Liang 2017].
/// @param bias  the last feature is the constant 1 and has no distance.
Look distance_from_mean(const TaskSet& tasks, bool bias);

/// Whether some feature takes a value of its own in most rows of the task: numbers that were measured, not counted or
/// chosen from a few. Without one honest rows have twins, and a rare category lies infinitely far from the others.
bool has_own_values(const Task& task, bool bias);

/// Share of the recurring features in which a row has a value of its own: less than 1 % of all rows have it, and less
/// than half of its task, so that what is the same all over a task is none. A feature recurs when at most a quarter of
/// the rows have such a value there: what is counted, or chosen from a few. Rows that were injected without regard to
/// it have values of their own in most of them, honest rows in the few where they are rare. 0 for all rows where less
/// than three features recur.
Look unshared_values(const TaskSet& tasks, bool bias);

/// For every row (1 + k) / (1 + n) with n the number of kept rows of all tasks and k those of them that look at least
/// as bad. For honest data all of which is kept, a share q of the rows has p <= q, whatever the look.
Look p_values(const Look& look, const Rows& kept);

/// The rows that look no worse than the threshold, or the better half of a task that has less of them.
Rows up_to(const Rows& rows, const Look& look, double threshold);

/// Without the share of the rows of all tasks that looks worst; no task loses more than half of its rows.
/// @param share  in [0, 1).
Rows without_worst(const Rows& rows, const Look& look, double share);

/// How the numbers of honest rows are taken to thin out above their 60 % quantile: as a power of the number (distances)
/// or exponentially (residuals).
enum class Tail { Power, Exponential };

/// The number above which there are too many rows: of all t that where  #{above t} - 2 n S(t)  is largest, S(t) the
/// share that the tail has above t. S is laid through the 30 and 60 % quantiles of the numbers, which at most 30 %
/// injected rows shift but do not set, for a power half as slow again, since real data has heavier tails than its body
/// tells. Infinite when no t has at least twice as many as S says, and four standard deviations more.
double excess_threshold(Eigen::VectorXd values, Tail tail);

/// Without the rows of all tasks beyond excess_threshold, again and again until there is none; no task loses more than
/// half of its rows.
Rows without_excess(const Rows& rows, const Look& look, Tail tail);

/// Without the rows that lie beyond a gap in their task: of numbers that thin out as excess_threshold has it, the k-th
/// largest is  E / (k rate)  above the next, E exponential of mean 1 [Renyi 1953]. Beyond the first gap, of those in
/// the upper half, that one of all rows' would have by chance in 1 of 1,000 data sets, nothing honest is taken to lie.
/// Rows too few to be too many give themselves away so, when they lie far beyond the others.
Rows without_islands(const Rows& rows, const Look& look, Tail tail);

/// Those of the rows of a task that stay when there are more of small p than chance gives: of all q that where
/// #{p <= q} - 2 n q is largest, n the number of the rows given, the rows up to q go. None does when no q has at least
/// twice as many rows as n q, and two standard deviations more; half of the task stays.
/// @param p  of all rows of the task, kept or not.
std::vector<Eigen::Index> below_chance(const std::vector<Eigen::Index>& rows, const Eigen::VectorXd& p);

}  // namespace crosstalk::defence
