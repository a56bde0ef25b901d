#pragma once

#include <vector>

#include <Eigen/Core>

#include "crosstalk/defence/trim.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::defence {

/// The share of the rows that detectors and `screen` take for the core: up to 30 % of far rows cannot pull the metric.
inline constexpr double kSupportFraction = 0.7;

/// How far every row lies from where most rows are: (x - c)' C^-1 (x - c) with centre and covariance of the `core` of
/// the rows that lie nearest to it (the concentration steps of Rousseeuw and Van Driessen 1999, begun at the half
/// nearest to the median), so that a share 1 - support_fraction of far rows cannot pull them. Scaled to a median of 1.
/// @param X     k x d, k >= 1: the rows that may be in the core.  @param support_fraction  in [0.5, 1].
/// @param rows  n x d.
/// @return n numbers; the order of the rows plays no part.
Eigen::VectorXd mcd_distances(const Eigen::MatrixXd& X, double support_fraction, const Eigen::MatrixXd& rows);

/// The same for the rows of all tasks at once, so that tasks with a few rows can be looked at, too. Features that take
/// two values in most rows and both of them inside of tasks, as indicators of categories do, count by how far they are
/// from the next value that 0.2 % of the rows have.
/// @param bias  the last feature is the constant 1 and is left out.  @param known  the rows that may be in the core.
std::vector<Eigen::VectorXd> mcd_distances(const TaskSet& tasks, bool bias, double support_fraction, const Rows& known);

}  // namespace crosstalk::defence
