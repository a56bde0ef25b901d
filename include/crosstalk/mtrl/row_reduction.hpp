#pragma once

#include <memory>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/mtrl/empirical_risk.hpp"
#include "crosstalk/row_space.hpp"

namespace crosstalk::mtrl {

/// How rows are kept in coordinates of their span: as they are, unless they are many more than their rank.
EmpiricalRisk::Layout layout_in_span(Eigen::Index rows, Eigen::Index rank);

/// A risk in coordinates of the span of its rows (9): with W = Q C, Q d x r orthonormal, every score w_i'x is
/// c_i'(Q'x), and W'W = C'C, so that (2) in C is (2) in W, its gradients have the same norms, and its answer is that of
/// (2).
///
/// The basis of the clean rows is explicit and made once (RowSpace). Injected rows extend it implicitly, at the cost of
/// one product of them with it: with X_p those of them that are independent of the clean ones, Z_p = X_p Q_1,
///   X_p X_p' - Z_p Z_p' = L L',     Q_2' = L^-1 (X_p - Z_p Q_1').
/// What an injected row adds to the span of the others counts from 1e-7 of its norm on: less moves the gradient of (2)
/// by that share of a row's, and the certified gap by its square.
class RowReduction {
 public:
  /// @param rows  m tasks of clean rows.
  RowReduction(const TaskSet& rows, const Loss& loss);
  /// @param clean  a reduction without injected rows.
  /// @param injected  m tasks.
  RowReduction(const RowReduction& clean, const TaskSet& injected);

  /// The risk over Q'x, with the injected rows.
  [[nodiscard]] const EmpiricalRisk& risk() const { return risk_; }
  /// Q C, d x m from r x m.
  [[nodiscard]] Eigen::MatrixXd weights(const Eigen::MatrixXd& C) const;
  /// Q'W, r x m from d x m: also for a W outside the span, whose part in it this is.
  [[nodiscard]] Eigen::MatrixXd coordinates(const Eigen::MatrixXd& W) const;

 private:
  std::shared_ptr<const RowSpace> space_;  // of the clean rows
  EmpiricalRisk risk_;
  Eigen::MatrixXd pivots_;             // X_p, k x d
  Eigen::MatrixXd pivot_coordinates_;  // Z_p, k x r_1
  Eigen::MatrixXd factor_;             // L, k x k
};

}  // namespace crosstalk::mtrl
