#pragma once

#include <string_view>

#include <Eigen/Core>

#include "crosstalk/mtrl/coupling.hpp"
#include "crosstalk/mtrl/empirical_risk.hpp"
#include "crosstalk/mtrl/newton_system.hpp"
#include "crosstalk/option_table.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::mtrl {

struct Options {
  double lambda1 = 0.1;  ///< l1 > 0. Pull of all weights towards zero.
  double lambda2 = 0.1;  ///< l2 >= 0. Pull of related tasks towards each other; 0 for none.
  /// e >= 0, in units of W. Weights far below e no longer count as a relation; 0 as in the paper.
  double smoothing = 1e-3;
  double tolerance = 1e-10;  ///< > 0. Converged when the certified gap is at most this share of the objective.
  int max_steps = 500;       ///< >= 1. Newton steps.

  [[nodiscard]] Penalty penalty() const { return {lambda1, lambda2}; }
  /// Keys, ranges and meanings.
  static const OptionTable<Options>& table();
};

enum class Status {
  Converged,       ///< the certificate holds
  OutOfSteps,      ///< max_steps were taken
  OutOfPrecision,  ///< no step lowers the objective any more, and the certificate is still above the tolerance
};
std::string_view to_string(Status status);

struct Fit {
  Eigen::MatrixXd weights;     ///< W, d x m
  Covariance covariance;       ///< Omega
  double objective = 0.0;      ///< F(W) of (2)
  double gradient_norm = 0.0;  ///< Frobenius norm of grad F; for e = 0 of its smallest subgradient
  /// F(W) - min F <= gap, proven by strong convexity (3): gap = |grad F|^2 / (2 l1).
  double gap = 0.0;
  Status status = Status::OutOfSteps;
  int steps = 0;     ///< Newton steps, on all tasks or on a sample of them
  int products = 0;  ///< Hessian products inside them
};

/// MTRL: the unique minimiser of
///   F(W) = sum_i 1/N_i sum_j loss(w_i' x_ij, y_ij) + l1/2 |W|^2 + l2/2 tau(W)^2              (2)
/// [Zhao18, Eq. 1; Zhang and Yeung 2010, with Omega minimised out; docs/methods/learner.md], by Newton's method with
/// preconditioned conjugate gradients after a continuation in the smoothing; for hundreds of tasks with the squared
/// loss, few features and e > 0 by RootIteration from samples of the tasks, at a cost linear in their number. The
/// answer does not depend on the start.
/// @throws std::invalid_argument for options outside their range.
Fit solve(const EmpiricalRisk& risk, const Options& options);
Fit solve(const TaskSet& tasks, const Loss& loss, const Options& options);

/// The same from a start near the solution, such as the last fit of an attack. Falls back on `solve` when the start
/// turns out to be far.
/// @param start  d x m.
Fit solve_from(const EmpiricalRisk& risk, const Options& options, const Eigen::MatrixXd& start);

/// At most so many Newton steps from a start, however far they lead: for what holds at any W, such as a bound.
/// @param steps  >= 0.
Fit improve(const EmpiricalRisk& risk, const Options& options, const Eigen::MatrixXd& start, int steps);

/// Newton steps from a start near the solution until rounding ends them, whatever the tolerance: all the digits there
/// are, for derivatives by differences.
Fit polish(const EmpiricalRisk& risk, const Options& options, const Eigen::MatrixXd& start);

/// F(W) of (2).
double objective(const EmpiricalRisk& risk, const Options& options, const Eigen::MatrixXd& W);
/// Gradient of (2), d x m. For e = 0 and W without full rank: the smallest subgradient.
Eigen::MatrixXd gradient(const EmpiricalRisk& risk, const Options& options, const Eigen::MatrixXd& W);

/// The adjoint of a fit: L with H L = G, H the Hessian of (2) at the solution W. With G = dU/dW it carries every
/// derivative of U(W(data)): dU/dp = -<L, d(grad F)/dp> for any parameter p of F. For e = 0 and W without full rank it
/// is the limit e -> 0, which leaves the rank of W as it is.
/// @param W  the fit's weights.  @param G  d x m.
/// @param tolerance  relative residual; it enters the derivatives in the first order.
Eigen::MatrixXd adjoint(const EmpiricalRisk& risk, const Options& options, const Eigen::MatrixXd& W,
                        const Eigen::MatrixXd& G, double tolerance = 1e-11);

/// The same with Omega held fixed:  [H_i l_i] + l1 L + l2 L Omega^-1 = G.
Eigen::MatrixXd fixed_covariance_adjoint(const EmpiricalRisk& risk, const Options& options, const Fit& fit,
                                         const Eigen::MatrixXd& G);

}  // namespace crosstalk::mtrl
