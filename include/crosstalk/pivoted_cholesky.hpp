#pragma once

#include <functional>
#include <vector>

#include <Eigen/Core>

namespace crosstalk {

/// K = L L' for a positive semidefinite K of any rank, up to the pivots left out: with the rows of K in the order
/// pivots, rest.
struct PivotedCholesky {
  std::vector<Eigen::Index> pivots;  ///< r independent rows, that of the largest remaining diagonal entry first
  std::vector<Eigen::Index> rest;    ///< n - r others
  Eigen::MatrixXd L;                 ///< n x r, lower trapezoidal

  [[nodiscard]] Eigen::Index rank() const { return static_cast<Eigen::Index>(pivots.size()); }
};

/// Pivoted Cholesky decomposition (LAPACK's dpstrf; Higham 1990): it ends where the largest remaining diagonal entry is
/// at most the relative tolerance times the largest of K, or at most the absolute one.
/// @param K  n x n, symmetric; the lower triangle is read.
PivotedCholesky pivoted_cholesky(Eigen::MatrixXd K, double relative, double absolute = 0.0);

/// K ~ L L' from some of the columns of K.
struct PartialCholesky {
  std::vector<Eigen::Index> pivots;  ///< r, in the order in which they were taken
  Eigen::MatrixXd L;                 ///< n x r, rows in the order of K
  Eigen::VectorXd rest;              ///< diagonal of K - L L', n, >= 0
};

/// Pivoted Cholesky decomposition of a K that is too large to be formed: in memory n r and time n r^2. Columns are
/// taken many at a time, so that the cost is that of products of matrices; every pivot has more than half of the
/// largest remaining diagonal entry at the time its columns are asked for.
/// @param diagonal  of K, n.
/// @param columns  K(:, pivots), n x k.
/// @param most  the rank to end at.
/// @param relative  it ends where the largest remaining diagonal entry is at most this share of the largest of K.
PartialCholesky partial_cholesky(const Eigen::VectorXd& diagonal,
                                 const std::function<Eigen::MatrixXd(const std::vector<Eigen::Index>& pivots)>& columns,
                                 Eigen::Index most, double relative);

/// Coordinates of rows of which only inner products are known: Z Z' = K.
struct GramCoordinates {
  std::vector<Eigen::Index> pivots;  ///< r rows that span all
  Eigen::MatrixXd Z;                 ///< n x r
  Eigen::MatrixXd L;                 ///< the rows of Z at the pivots, r x r lower triangular: Z = K_(all, pivots) L^-T
};

/// By pivoted Cholesky in units of the rows' norms, so that a long row does not hide what is independent in another.
/// @param K  n x n, symmetric positive semidefinite up to rounding of the squares.
/// @param squares  of the norms that K came from, n: those of its diagonal, or larger where a part was taken off.
/// @param tolerance  what a row has outside the span of the pivots is dropped below this share of its norm; no less
///   than 1e-8, the root of rounding.
GramCoordinates gram_coordinates(const Eigen::MatrixXd& K, const Eigen::VectorXd& squares, double tolerance);

/// X X', n x n: half the cost of the product.
Eigen::MatrixXd gram(const Eigen::MatrixXd& X);

}  // namespace crosstalk
