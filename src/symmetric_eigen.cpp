#include "crosstalk/symmetric_eigen.hpp"

#include <stdexcept>

#include <lapacke.h>
#include <Eigen/Eigenvalues>

namespace crosstalk {

namespace {
constexpr Eigen::Index kLapackFrom = 128;  // measured: below, the call costs more than the algorithm saves
}

SymmetricEigen symmetric_eigen(const Eigen::MatrixXd& matrix) {
  const Eigen::Index n = matrix.rows();
  if (n < kLapackFrom) {
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(matrix);
    if (solver.info() != Eigen::Success) throw std::runtime_error("symmetric_eigen: no convergence");
    return {solver.eigenvalues(), solver.eigenvectors()};
  }
  SymmetricEigen result{Eigen::VectorXd(n), matrix};
  const auto order = static_cast<lapack_int>(n);
  if (LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'V', 'L', order, result.vectors.data(), order, result.values.data()) != 0)
    throw std::runtime_error("symmetric_eigen: no convergence");
  return result;
}

}  // namespace crosstalk
