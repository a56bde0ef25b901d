#pragma once

#include <Eigen/Core>

namespace crosstalk::mtrl {

/// The task covariance Omega = diagonal * I + factor * factor', kept as a factor so that its size is linear in the
/// number of tasks. Symmetric positive semidefinite, trace 1.
struct Covariance {
  double diagonal = 0.0;   ///< e / tau
  Eigen::MatrixXd factor;  ///< m x r with orthogonal columns, r = min(d, m)

  [[nodiscard]] Eigen::Index tasks() const { return factor.rows(); }
  [[nodiscard]] Eigen::MatrixXd dense() const;  ///< m x m
  /// Omega_ij / sqrt(Omega_ii Omega_jj), m x m; a task with Omega_ii = 0 (weights zero, e = 0) correlates with none.
  [[nodiscard]] Eigen::MatrixXd correlation() const;
  /// G * f(Omega) for a function of the eigenvalues; G is k x m.
  template <class Function>
  [[nodiscard]] Eigen::MatrixXd apply_on_right(const Eigen::MatrixXd& G, Function f) const;
};

/// The term tau(W)^2 / 2 that couples the tasks, tau = sum_k sqrt(s_k(W)^2 + e^2) over k = 1..m, with its derivatives
/// at one W. With Omega minimised out this is what tr((W'W + e^2 I) Omega^-1) / 2 becomes: (2) of
/// docs/methods/learner.md.
///
/// All of it is computed on the smaller side of W (4): with A = W (d <= m, "feature side") or A = W' ("task side"),
/// A = U diag(s) V' and T = (AA' + e^2 I)^(1/2) = U diag(t) U'. The m x m or d x d matrix of the larger side is never
/// formed, and no matrix is inverted.
class Coupling {
 public:
  /// @param W  d x m.  @param smoothing  e >= 0; derivatives need e > 0 unless W has full rank.
  Coupling(const Eigen::MatrixXd& W, double smoothing) : Coupling(W, smoothing, W.cols()) {}
  /// @param population  m in tau: more than the columns of W when these are a sample of so many tasks.
  Coupling(const Eigen::MatrixXd& W, double smoothing, Eigen::Index population);

  [[nodiscard]] double tau() const { return tau_; }
  /// Gradient of tau^2 / 2: tau T^-1 A on the side of W, d x m.
  [[nodiscard]] Eigen::MatrixXd gradient() const;
  /// Second derivative of tau^2 / 2 applied to a direction, d x m (5):  with dA the direction,
  ///   dtau = <T^-1 A, dA>,  T dT + dT T = dA A' + A dA',
  ///   H dA = dtau T^-1 A + tau T^-1 dA - tau T^-1 dT T^-1 A.
  [[nodiscard]] Eigen::MatrixXd hessian_times(const Eigen::MatrixXd& direction) const;

  /// The same with T^-1 A replaced, where it came from differentiating T^-1, by an estimate N of it (spectral norm <=
  /// 1), and symmetrised. It is what Newton's method applied to the pair  l2 tau N = -grad(rest),  T N = A  leaves
  /// after eliminating N (the primal-dual method of Chan, Golub and Mulet 1999 for total variation, here for the trace
  /// norm). Steps with it do not overshoot where a singular value is on its way to zero.
  [[nodiscard]] Eigen::MatrixXd hessian_times(const Eigen::MatrixXd& direction, const Eigen::MatrixXd& dual) const;
  /// The nearest matrix with spectral norm <= 1, d x m.
  [[nodiscard]] Eigen::MatrixXd clip(const Eigen::MatrixXd& N) const;

  [[nodiscard]] const Eigen::MatrixXd& weights() const { return W_; }  ///< W
  /// True when A = W'.
  [[nodiscard]] bool task_side() const { return task_side_; }
  [[nodiscard]] const Eigen::MatrixXd& basis() const { return U_; }               ///< U, min(d, m) square
  [[nodiscard]] const Eigen::VectorXd& singular_values() const { return s_; }     ///< s, descending
  [[nodiscard]] const Eigen::VectorXd& spectrum() const { return t_; }            ///< t = sqrt(s^2 + e^2)
  [[nodiscard]] const Eigen::MatrixXd& inverse_root() const { return inverse_; }  ///< T^-1, min(d, m) square
  /// T, min(d, m) square
  [[nodiscard]] Eigen::MatrixXd root() const { return U_ * t_.asDiagonal() * U_.transpose(); }
  /// Omega = (W'W + e^2 I)^(1/2) / tau.
  [[nodiscard]] Covariance covariance() const;

 private:
  /// S times V on the small side: S V, or V S' on the task side.
  [[nodiscard]] Eigen::MatrixXd on_small_side(const Eigen::MatrixXd& S, const Eigen::MatrixXd& V) const;
  /// U' (V Z') U on the feature side, U' (V' Z) U on the task side.
  [[nodiscard]] Eigen::MatrixXd cross(const Eigen::MatrixXd& V, const Eigen::MatrixXd& Z) const;
  /// S_ab / (t_a + t_b)
  [[nodiscard]] Eigen::MatrixXd over_sums(Eigen::MatrixXd S) const;

  bool task_side_;
  double smoothing_;
  Eigen::MatrixXd U_;
  Eigen::VectorXd s_;
  Eigen::VectorXd t_;
  Eigen::MatrixXd inverse_;  ///< T^-1; its pseudo-inverse for e = 0
  Eigen::MatrixXd W_;
  double tau_;
};

template <class Function>
Eigen::MatrixXd Covariance::apply_on_right(const Eigen::MatrixXd& G, Function f) const {
  // The eigenvalues are `diagonal` off the factor's range and diagonal + |f_k|^2 along its columns f_k.
  const double base = f(diagonal);
  Eigen::VectorXd scale = factor.colwise().squaredNorm().transpose();
  for (double& square : scale) square = square > 0.0 ? (f(diagonal + square) - base) / square : 0.0;
  return base * G + (G * factor) * scale.asDiagonal() * factor.transpose();
}

}  // namespace crosstalk::mtrl
