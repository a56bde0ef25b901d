#pragma once

#include <Eigen/Core>

namespace crosstalk {

/// A map phi from rows of d numbers to rows of r numbers. A learner that is linear in phi(x) works in R^r; an attacker
/// moves x, whose derivative is pulled back through the Jacobian J(x) of phi, r x d.
class FeatureMap {
 public:
  virtual ~FeatureMap() = default;
  [[nodiscard]] virtual Eigen::Index inputs() const = 0;   ///< d
  [[nodiscard]] virtual Eigen::Index outputs() const = 0;  ///< r
  /// @param X  n x d.  @return phi of every row, n x r.
  [[nodiscard]] virtual Eigen::MatrixXd map(const Eigen::MatrixXd& X) const = 0;
  /// @param X  n x d.  @param G  n x r.  @return J(x_j)' g_j in row j, n x d.
  [[nodiscard]] virtual Eigen::MatrixXd pullback(const Eigen::MatrixXd& X, const Eigen::MatrixXd& G) const = 0;
};

}  // namespace crosstalk
