#include "crosstalk/pivoted_cholesky.hpp"

#include <algorithm>
#include <stdexcept>

#include <lapacke.h>

namespace crosstalk {

PivotedCholesky pivoted_cholesky(Eigen::MatrixXd K, double relative, double absolute) {
  const Eigen::Index n = K.rows();
  PivotedCholesky result;
  if (n == 0) return result;
  const double largest = K.diagonal().maxCoeff();
  const double tolerance = std::max(relative * largest, absolute);
  std::vector<lapack_int> order(static_cast<std::size_t>(n));
  lapack_int rank = 0;
  // A largest entry of 0 or below dpstrf would take for an indefinite matrix, and leave the order unset.
  if (largest > tolerance && LAPACKE_dpstrf(LAPACK_COL_MAJOR, 'L', static_cast<lapack_int>(n), K.data(),
                                            static_cast<lapack_int>(n), order.data(), &rank, tolerance) < 0)
    throw std::runtime_error("pivoted_cholesky: the matrix is not finite");
  for (lapack_int j = 0; j < static_cast<lapack_int>(n); ++j) {
    const Eigen::Index row = largest > tolerance ? order[static_cast<std::size_t>(j)] - 1 : j;
    (j < rank ? result.pivots : result.rest).push_back(row);
  }
  result.L = K.leftCols(rank);
  result.L.topRows(rank).triangularView<Eigen::StrictlyUpper>().setZero();
  return result;
}

GramCoordinates gram_coordinates(const Eigen::MatrixXd& K, const Eigen::VectorXd& squares, double tolerance) {
  const Eigen::VectorXd norms = squares.cwiseMax(0.0).cwiseSqrt();
  const Eigen::VectorXd scale = (norms.array() > 0.0).select(norms.cwiseInverse(), 0.0);
  const PivotedCholesky factor =
      pivoted_cholesky(scale.asDiagonal() * K * scale.asDiagonal(), 0.0, tolerance * tolerance);
  GramCoordinates result{factor.pivots, Eigen::MatrixXd(K.rows(), factor.rank()), {}};
  result.Z(factor.pivots, Eigen::all) = factor.L.topRows(factor.rank());
  result.Z(factor.rest, Eigen::all) = factor.L.bottomRows(K.rows() - factor.rank());
  result.Z = norms.asDiagonal() * result.Z;
  result.L = result.Z(factor.pivots, Eigen::all);
  return result;
}

Eigen::MatrixXd gram(const Eigen::MatrixXd& X) {
  Eigen::MatrixXd K = Eigen::MatrixXd::Zero(X.rows(), X.rows());
  if (X.size() == 0) return K;  // BLAS refuses matrices without rows
  K.selfadjointView<Eigen::Lower>().rankUpdate(X);
  K.triangularView<Eigen::StrictlyUpper>() = K.transpose();
  return K;
}

}  // namespace crosstalk
