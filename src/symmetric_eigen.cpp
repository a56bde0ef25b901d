#include "crosstalk/symmetric_eigen.hpp"

#include <lapacke.h>
#include <Eigen/Eigenvalues>

#include "crosstalk/error.hpp"

namespace crosstalk {

namespace {
constexpr Eigen::Index kLapackFrom = 128;  // measured: below, the call costs more than the algorithm saves

// The algorithms converge on every matrix of numbers that can be squared.
[[noreturn]] void fail() {
  throw DataError("a matrix has no eigenvalues that can be computed: numbers of the data are too large or too small");
}
}  // namespace

SymmetricEigen symmetric_eigen(const Eigen::MatrixXd& matrix) {
  const Eigen::Index n = matrix.rows();
  if (n < kLapackFrom) {
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(matrix);
    if (solver.info() != Eigen::Success) fail();
    return {solver.eigenvalues(), solver.eigenvectors()};
  }
  SymmetricEigen result{Eigen::VectorXd(n), matrix};
  const auto order = static_cast<lapack_int>(n);
  if (LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'V', 'L', order, result.vectors.data(), order, result.values.data()) != 0)
    fail();
  return result;
}

}  // namespace crosstalk
