#pragma once

#include <optional>
#include <vector>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include "crosstalk/mtrl/conjugate_gradients.hpp"
#include "crosstalk/mtrl/coupling.hpp"
#include "crosstalk/mtrl/empirical_risk.hpp"
#include "crosstalk/mtrl/row_preconditioner.hpp"

namespace crosstalk::mtrl {

/// lambda1 > 0 and lambda2 >= 0 of (1).
struct Penalty {
  double lambda1 = 0.1;  ///< pull of all weights towards zero
  double lambda2 = 0.1;  ///< pull of related tasks towards each other; 0 for none
};

/// (l1 I + l2 tau T^-1)^-1 on the smaller side of W, without an inverse of T: the limit where T is singular.
Eigen::MatrixXd inverse_penalties(const Coupling& coupling, const Penalty& penalty);

/// The Hessian H of (2) at one W, and the solution of H X = B by preconditioned conjugate gradients.
///
///   H V = [risk Hessian_i v_i]_i + l1 V + l2 (second derivative of tau^2/2) V
///
/// The preconditioner is H with T (Coupling) held fixed, which on the feature side (d <= m) decouples into one d x d
/// Cholesky factor a task. On the task side (d > m), where T is a multiple of Omega, it is a Sylvester operator once
/// the tasks' risk Hessians are replaced by multiples of their mean second moment: exact when the tasks share their
/// rows. On that side and by rows (EmpiricalRisk::Layout) H with T held fixed is inverted exactly (RowPreconditioner),
/// and conjugate gradients make no other product with the rows.
/// The objects it is made from must outlive it.
class NewtonSystem {
 public:
  NewtonSystem(const EmpiricalRisk& risk, const EmpiricalRisk::Evaluation& at, const Coupling& coupling,
               const Penalty& penalty);
  /// With the coupling's second derivative at a dual estimate N, d x m (Coupling::hessian_times with two arguments).
  NewtonSystem(const EmpiricalRisk& risk, const EmpiricalRisk::Evaluation& at, const Coupling& coupling,
               const Penalty& penalty, Eigen::MatrixXd dual);

  [[nodiscard]] Eigen::MatrixXd times(const Eigen::MatrixXd& V) const;
  [[nodiscard]] Eigen::MatrixXd precondition(const Eigen::MatrixXd& R) const;

  /// Stops at a relative residual <= tolerance or after max_products.
  [[nodiscard]] LinearSolution solve(const Eigen::MatrixXd& B, double tolerance, int max_products) const;

 private:
  /// l1 I + l2 tau T^-1 on the smaller side of W: the penalty's second derivative with T held fixed.
  [[nodiscard]] Eigen::MatrixXd penalties() const;
  /// l2 (second derivative of tau^2/2) V.
  [[nodiscard]] Eigen::MatrixXd coupling_times(const Eigen::MatrixXd& V) const;
  void prepare_feature_side();
  /// Risk Hessians as matrices, which pay when many products follow: d^2 a product in place of 2 n d.
  void form_blocks() const;
  /// An inverse costs d solves with the factor and is quicker to apply: it pays once d products have been needed.
  void form_inverses() const;
  static constexpr int kProductsByRows = 6;
  void prepare_task_side();

  const EmpiricalRisk& risk_;
  const EmpiricalRisk::Evaluation& at_;
  const Coupling& coupling_;
  Penalty penalty_;
  Eigen::MatrixXd dual_;  // empty for the exact Hessian

  mutable std::vector<Eigen::MatrixXd> blocks_;       // risk Hessians of non-quadratic losses, or none (yet)
  std::vector<Eigen::LLT<Eigen::MatrixXd>> factors_;  // feature side: of H_i + M
  mutable std::vector<Eigen::MatrixXd> inverses_;     // of the same, or none (yet)
  std::optional<RowPreconditioner> by_rows_;          // task side, by rows
  Eigen::MatrixXd task_basis_;                        // task side: K^-1/2 P, m x m
  Eigen::MatrixXd inverse_;                           // task side: 1 / (g_a + b_b), d x m
};

}  // namespace crosstalk::mtrl
