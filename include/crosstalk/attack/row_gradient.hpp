#pragma once

#include <functional>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/mtrl/solve.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::attack {

/// All that a gradient of the utility with respect to the injected rows can depend on.
struct AttackState {
  const mtrl::EmpiricalRisk& risk;  ///< over clean and injected rows
  const TaskSet& injected;          ///< m tasks
  const mtrl::Fit& fit;             ///< the learner's answer to these rows
  const mtrl::Options& learner;
  const Eigen::MatrixXd& utility_gradient;  ///< dU/dW at the fit, d x m
};

/// The derivative of the utility with respect to every injected row. Tasks without injected rows have empty entries.
struct RowDerivatives {
  std::vector<Eigen::MatrixXd> features;  ///< dU/dx, k_i x d for each of the m tasks
  std::vector<Eigen::VectorXd> labels;    ///< dU/dy, k_i for each of the m tasks
};
using RowGradient = std::function<RowDerivatives(const AttackState&)>;

/// [Zhao18, Eqs. 15 and 16], (12) of docs/methods/attacks.md. From W = sum alpha_ij x_ij e_i' Phi with Phi = Omega (l1
/// Omega + l2 I)^-1, holding Omega and the dual variables alpha fixed:
///   dU/dx_ij = alpha_ij sum_p Phi_ip grad_p U,   alpha = -loss'(z, y) / N_i
/// (2 (y - z) / N_i for the squared loss, 2 max(0, 1 - y z) y / N_i for the squared hinge). The paper has no derivative
/// with respect to labels: with alpha held it is zero.
RowDerivatives patom_row_gradient(const AttackState& state);

/// dU/dx and dU/dy from an adjoint L, with z = w_i'x (13):
///   dU/dx_ij = -1/N_i ( loss'(z, y) l_i + loss''(z, y) (x'l_i) w_i ),     dU/dy_ij = -1/N_i d2loss/dzdy (x'l_i)
/// @param adjoint  d x m.
RowDerivatives row_gradient_from(const AttackState& state, const Eigen::MatrixXd& adjoint);

/// The gradient of U as a function of the injected rows, through W and Omega: mtrl::adjoint, which serves all rows.
/// For the squared hinge it holds where no row sits on the kink.
RowDerivatives exact_row_gradient(const AttackState& state);

/// The same with Omega held fixed (14); what Omega adds is missing.
RowDerivatives fixed_covariance_row_gradient(const AttackState& state);

}  // namespace crosstalk::attack
