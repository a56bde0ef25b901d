#pragma once

#include <vector>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include "crosstalk/mtrl/empirical_risk.hpp"

namespace crosstalk::mtrl {

/// The inverse of the Hessian of (2) with T held fixed (10),
///   V -> [X_i' D_i X_i v_i]_i + V P^-1,     P = (l1 I + l2 tau S^-1)^-1, m x m,
/// from N x N matrices, N the number of rows with curvature (Woodbury's identity). With X~ V the scores of all rows,
/// each by the weights of its own task, it is
///   R -> (R - X~' D^1/2 (I + D^1/2 M D^1/2)^-1 D^1/2 X~ (R P)) P,     M_ab = x_a'x_b P_t(a)t(b).
/// Nothing is inverted that could be singular.
class RowPreconditioner {
 public:
  /// @param risk  laid out by rows; it must outlive this object.
  /// @param P  m x m, symmetric positive semidefinite.
  RowPreconditioner(const EmpiricalRisk& risk, const EmpiricalRisk::Evaluation& at, Eigen::MatrixXd P);

  /// @param R  d x m.
  [[nodiscard]] Eigen::MatrixXd apply(const Eigen::MatrixXd& R) const;

 private:
  const EmpiricalRisk::RowProducts& products_;
  Eigen::MatrixXd P_;
  std::vector<Eigen::Index> used_;  // rows with curvature
  Eigen::VectorXd root_;            // D^1/2 of these
  Eigen::LLT<Eigen::MatrixXd> factor_;
};

}  // namespace crosstalk::mtrl
