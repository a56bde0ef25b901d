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

PartialCholesky partial_cholesky(const Eigen::VectorXd& diagonal,
                                 const std::function<Eigen::MatrixXd(const std::vector<Eigen::Index>& pivots)>& columns,
                                 Eigen::Index most, double relative) {
  constexpr std::size_t kBlock = 64;
  constexpr double kShare = 0.5;  // of the largest remaining entry
  const Eigen::Index n = diagonal.size();
  PartialCholesky result{{}, Eigen::MatrixXd(n, std::min(n, most)), diagonal};
  const double tolerance = n > 0 ? relative * diagonal.maxCoeff() : 0.0;
  for (Eigen::Index r = 0; r < result.L.cols();) {
    const double least = std::max(tolerance, kShare * result.rest.maxCoeff());
    std::vector<Eigen::Index> block;
    for (Eigen::Index j = 0; j < n; ++j)
      if (result.rest[j] > least) block.push_back(j);
    if (block.empty()) break;
    const std::size_t count = std::min(block.size(), kBlock);
    std::partial_sort(block.begin(), block.begin() + static_cast<std::ptrdiff_t>(count), block.end(),
                      [&](Eigen::Index a, Eigen::Index b) {
                        return result.rest[a] != result.rest[b] ? result.rest[a] > result.rest[b] : a < b;
                      });
    block.resize(count);
    const auto known = result.L.leftCols(r);
    Eigen::MatrixXd B = columns(block);
    if (r > 0) B.noalias() -= known * known(block, Eigen::all).transpose();
    const PivotedCholesky inside = pivoted_cholesky(B(block, Eigen::all), 0.0, least);
    const Eigen::Index taken = std::min(inside.rank(), result.L.cols() - r);
    if (taken == 0) {  // by rounding alone, which then says what is left of them
      for (const Eigen::Index j : block) result.rest[j] = std::min(result.rest[j], least);
      continue;
    }
    const std::vector<Eigen::Index> chosen(inside.pivots.begin(), inside.pivots.begin() + taken);
    auto added = result.L.middleCols(r, taken);
    added = B(Eigen::all, chosen);
    inside.L.topLeftCorner(taken, taken)
        .triangularView<Eigen::Lower>()
        .transpose()
        .solveInPlace<Eigen::OnTheRight>(added);
    result.rest = (result.rest - added.rowwise().squaredNorm()).cwiseMax(0.0);
    for (const Eigen::Index k : chosen) {
      result.pivots.push_back(block[static_cast<std::size_t>(k)]);
      result.rest[result.pivots.back()] = 0.0;
    }
    r += taken;
  }
  result.L.conservativeResize(Eigen::NoChange, static_cast<Eigen::Index>(result.pivots.size()));
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
