#pragma once

#include <Eigen/Core>

namespace crosstalk {

/// A = Q diag(values) Q', values ascending.
struct SymmetricEigen {
  Eigen::VectorXd values;   ///< n
  Eigen::MatrixXd vectors;  ///< n x n, orthonormal columns
};

/// Eigendecomposition of a symmetric matrix (its lower triangle is read): Eigen's solver for small n, LAPACK's
/// divide and conquer (dsyevd) from n = 128, where it is up to five times faster.
/// @throws std::runtime_error when the iteration does not converge, as it cannot for finite input.
SymmetricEigen symmetric_eigen(const Eigen::MatrixXd& matrix);

}  // namespace crosstalk
