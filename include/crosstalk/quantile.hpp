#pragma once

#include <Eigen/Core>

namespace crosstalk {

/// The smallest value that at least this share of the values does not exceed.
/// @param values  at least one.  @param share  in (0, 1].
double quantile(Eigen::VectorXd values, double share);

/// quantile(values, 0.5)
double median(const Eigen::VectorXd& values);

}  // namespace crosstalk
