#pragma once

#include <vector>

#include <Eigen/Core>

#include "crosstalk/mtrl/solve.hpp"
#include "crosstalk/sparse_task_set.hpp"

namespace crosstalk::mtrl {

/// What is done to the columns of sparse rows before learning, x -> ((x - shift) scale, 1) entry by entry, without
/// making them dense.
struct ColumnScale {
  Eigen::VectorXd shift;  ///< d
  Eigen::VectorXd scale;  ///< d, 0 for a column to leave out
  bool bias = true;       ///< append a constant feature 1 as the last column

  /// x -> (x, 1)
  static ColumnScale none(Eigen::Index features, bool bias = true);
  /// Every column to mean 0 and deviation 1 over all rows; a constant column to 0.
  static ColumnScale standard(const SparseTaskSet& tasks, bool bias = true);

  [[nodiscard]] Eigen::Index outputs() const { return shift.size() + (bias ? 1 : 0); }
};

/// Sparse rows in coordinates of their span, from their Gram matrix: with K = Z Z' (gram_coordinates), L the rows of Z
/// at the pivots X_p, the basis is Q' = L^-1 X_p. N^2 numbers are stored for N rows, and d x m for weights; nothing of
/// size N x d or d x d.
///
/// Coordinates are accurate to 1e-8 of a row's norm, the root of rounding. Where columns are shifted by far more than
/// their deviation, the inner products lose the square of that ratio.
class SparseRowSpace {
 public:
  /// @throws std::invalid_argument for no rows, tasks of different width, a scale of another width, or more than
  ///   kMostRows rows.
  SparseRowSpace(const SparseTaskSet& tasks, ColumnScale columns);

  /// The tasks over r coordinates, to learn from.
  [[nodiscard]] const TaskSet& coordinates() const { return coordinates_; }
  /// Q C, (d + bias) x m from r x m: weights of the scaled columns.
  [[nodiscard]] Eigen::MatrixXd weights(const Eigen::MatrixXd& C) const;
  [[nodiscard]] const ColumnScale& columns() const { return columns_; }

  static constexpr Eigen::Index kMostRows = 20000;  // whose Gram matrix takes 3.2 GB

 private:
  ColumnScale columns_;
  SparseRows pivots_;  // X_p scaled, not shifted, r x d
  Eigen::MatrixXd L_;
  TaskSet coordinates_;
};

/// `solve` for sparse rows: the unique minimiser of (2) over ((x - shift) scale, 1).
/// @return the fit, with weights of the scaled columns, (d + bias) x m.
Fit solve(const SparseTaskSet& tasks, const Loss& loss, const Options& options, const ColumnScale& columns);

/// w'((x - shift) scale, 1) for every row.
/// @param w  d + bias.
Eigen::VectorXd scores(const SparseRows& X, const ColumnScale& columns, const Eigen::VectorXd& w);

}  // namespace crosstalk::mtrl
