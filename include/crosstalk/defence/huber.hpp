#pragma once

#include <Eigen/Core>

#include "crosstalk/mtrl/solve.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::defence {

struct HuberFit {
  mtrl::Fit fit;
  Eigen::VectorXd thresholds;  ///< m, in units of the task's labels; for signs 1 in units of the margin
};

/// MTRL with a loss that grows linearly beyond a threshold: one row pulls with a bounded force, though from a far point
/// it still has leverage.
///   numbers: r^2 up to |r| <= t_i, then 2 t_i |r| - t_i^2, with t_i = 1.345 times the scale of the task's residuals
///            (their median size / 0.6745) [Huber 1964];
///   signs:   max(0, 1 - y z)^2 up to y z >= 0, then 1 - 2 y z; for the logistic loss the logistic loss itself,
///            which is linear already.
/// @param start  a fit of the same tasks; the thresholds follow the fit from there.
/// @param smallest_change  of W, as a share of its length, at which the turns end.
HuberFit huber(const TaskSet& tasks, const mtrl::Loss& loss, const mtrl::Options& options, const mtrl::Fit& start,
               double smallest_change = 1e-6);

}  // namespace crosstalk::defence
