#pragma once

#include <functional>

#include <Eigen/Core>

#include "crosstalk/defence/defend.hpp"
#include "crosstalk/problem/problem.hpp"

namespace crosstalk::evaluate {

/// What is learned from the rows that a defence keeps, as `crosstalk defend` writes it.
struct CleanedModel {
  Problem problem;          ///< with the kept rows, and with the preparation that they give
  mtrl::Fit fit;            ///< of the tasks that share; zeros for a task that is left out whole
  Eigen::MatrixXd weights;  ///< d x m: those of the fit, and of tasks that are learned alone their own
};

/// Where nothing is left out, the model of the defence. Otherwise scale and lambdas are chosen again on what is kept:
/// the scale on the kept rows of all tasks, the lambdas on the tasks that share.
/// @param choose_lambdas  puts the lambdas into the learner of a problem.
CleanedModel learn_cleaned(const Problem& problem, const defence::Defended& defended,
                           const std::function<void(Problem&)>& choose_lambdas);

}  // namespace crosstalk::evaluate
