#pragma once

#include <functional>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/mtrl/solve.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::attack {

/// All that a gradient of the utility with respect to the injected rows can depend on.
struct Situation {
  const mtrl::EmpiricalRisk& risk;           ///< over clean and injected rows
  const TaskSet& injected;                   ///< m tasks
  const mtrl::Fit& fit;                      ///< the learner's answer to these rows
  const mtrl::Options& learner;
  const Eigen::MatrixXd& utility_gradient;   ///< dU/dW at the fit, d x m
};

/// dU/dx for every injected row: a matrix k_i x d for each of the m tasks, empty for a task without injected rows.
using RowGradient = std::function<std::vector<Eigen::MatrixXd>(const Situation&)>;

/// [Zhao18, Eqs. 15 and 16]. From W = sum alpha_ij x_ij e_i' Phi with Phi = Omega (l1 Omega + l2 I)^-1, holding Omega and
/// the dual variables alpha fixed:
///   dU/dx_ij = alpha_ij sum_p Phi_ip grad_p U,   alpha = -loss'(z, y) / N_i
/// (2 (y - z) / N_i for the squared loss, 2 max(0, 1 - y z) y / N_i for the squared hinge).
std::vector<Eigen::MatrixXd> patom_row_gradient(const Situation& situation);

}  // namespace crosstalk::attack
