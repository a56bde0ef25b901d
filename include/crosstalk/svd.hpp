#pragma once

#include <Eigen/Core>

namespace crosstalk {

/// A = U diag(values) V' with k = min(rows, columns) singular values, descending.
struct Svd {
  Eigen::MatrixXd U;       ///< rows x k
  Eigen::VectorXd values;  ///< k
  Eigen::MatrixXd V;       ///< columns x k; empty from left_svd
};

/// Singular values are accurate to eps times the largest, also the small ones.
/// @throws std::runtime_error when the iteration does not converge, as it cannot for finite input.
Svd thin_svd(const Eigen::MatrixXd& A);

/// The same without V: for a matrix that is much wider than high the cost is that of a QR decomposition.
Svd left_svd(const Eigen::MatrixXd& A);

}  // namespace crosstalk
