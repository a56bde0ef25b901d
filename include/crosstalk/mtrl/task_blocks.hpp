#pragma once

#include <Eigen/Core>
#include <Eigen/LU>

#include "crosstalk/mtrl/empirical_risk.hpp"

namespace crosstalk::mtrl {

/// Where the lower triangle of a symmetric d x d matrix stands in a row of d (d + 1) / 2 numbers, column by column.
struct Packing {
  Eigen::Index d;

  [[nodiscard]] Eigen::Index size() const { return d * (d + 1) / 2; }
  /// @param a, b  row and column in either order.
  [[nodiscard]] Eigen::Index position(Eigen::Index a, Eigen::Index b) const {
    const Eigen::Index column = a < b ? a : b;
    const Eigen::Index row = a < b ? b : a;
    return column * (2 * d - column + 1) / 2 + (row - column);
  }
};

/// The blocks B_i = H_i + M of the Hessian with Omega held fixed, inverted for a few tasks at a time: entry (a, b) of
/// the tasks of a group lies together in memory, so that one instruction works on several tasks.
class TaskBlocks {
 public:
  static constexpr Eigen::Index kGroup = 8;
  /// Column k: entry k (Packing) of the kGroup matrices.
  using Group = Eigen::Array<double, kGroup, Eigen::Dynamic>;

  /// @param M  d x d. The objects given must outlive this one.
  TaskBlocks(const EmpiricalRisk& risk, const EmpiricalRisk::Evaluation& at, const Eigen::MatrixXd& M)
      : risk_(risk), at_(at), M_(M), packing_{risk.features()} {}

  /// The inverses of the blocks of tasks first, first + 1, ...; the identity beyond the last task.
  void inverses(Eigen::Index first, Group& result) const;
  [[nodiscard]] const Packing& packing() const { return packing_; }
  [[nodiscard]] Eigen::Index tasks() const { return risk_.tasks(); }

 private:
  const EmpiricalRisk& risk_;
  const EmpiricalRisk::Evaluation& at_;
  const Eigen::MatrixXd& M_;
  Packing packing_;
};

/// Column i = B_i^-1 r_i for the tasks first, first + 1, ... of a group.
void multiply(const TaskBlocks::Group& inverses, const Packing& packing, const Eigen::MatrixXd& R, Eigen::Index first,
              Eigen::MatrixXd& result);

/// sum_i (B_i^-1)_ac w_b w_d, all that the coupling of the tasks needs of them: a p x p matrix, p = d (d + 1) / 2, row
/// (a, c), column (b, d). A part of the tasks tells enough of it: with C_i the inverses and C their mean over that
/// part,
///   sum_i C_i w_i w_i' = C (x) W W' + sum_i (C_i - C) w_i w_i',
/// where only the last term, small and without a cancellation that matters, is extrapolated.
class CurvatureSum {
 public:
  explicit CurvatureSum(Packing packing);
  /// @param W  the weights of all tasks (in any basis), d x m.
  void add(const TaskBlocks::Group& inverses, const Eigen::MatrixXd& W, Eigen::Index first);
  /// The sum over all tasks.
  /// @param moment  W W' over all tasks, d x d.
  [[nodiscard]] Eigen::MatrixXd total(const Eigen::MatrixXd& moment, Eigen::Index tasks);

 private:
  static constexpr Eigen::Index kGathered = 256;  // tasks, for products of large matrices
  void flush();

  Packing packing_;
  Eigen::MatrixXd inverses_;  // kGathered x p
  Eigen::MatrixXd products_;  // kGathered x p, entries of w_i w_i'
  Eigen::Index gathered_ = 0;
  Eigen::Index tasks_ = 0;
  Eigen::MatrixXd sum_;
  Eigen::VectorXd inverse_sum_;
  Eigen::VectorXd product_sum_;
};

/// What is left of the Newton system of (2) once the tasks are eliminated.
///
/// With B = blockdiag(B_i), S(V) = V W' + W V' and T = U diag(t) U' the Hessian is H V = B V + Q(S V) W, where Q maps a
/// symmetric Z, in the basis U, to
///   Q(Z)_ab = l2 ( [a = b] tr(T^-1 Z) / (2 t_a) - tau Z_ab / ((t_a + t_b) t_a t_b) ).
/// So Z = S V = S H^-1 G satisfies (8): (I + A Q) Z = S B^-1 G with A(Y) = S B^-1 (Y W), and V = B^-1 (G - Q(Z) W).
class CoupledSystem {
 public:
  /// @param sum  CurvatureSum over U'W.  @param basis  U, d x d.  @param t  > 0.
  CoupledSystem(const Eigen::MatrixXd& sum, const Eigen::MatrixXd& basis, const Eigen::VectorXd& t, double tau,
                double lambda2);

  /// (I + A Q)^-1 A(Y), symmetric d x d, in the basis U: S V for the V with H V = Y W.
  [[nodiscard]] Eigen::MatrixXd respond(const Eigen::MatrixXd& Y) const;

 private:
  Packing packing_;
  Eigen::VectorXd scale_;  // sqrt(l2 tau / ((t_a + t_b) t_a t_b)), times sqrt 2 off the diagonal
  Eigen::MatrixXd scaled_A_;
  Eigen::PartialPivLU<Eigen::MatrixXd> factors_;
};

}  // namespace crosstalk::mtrl
