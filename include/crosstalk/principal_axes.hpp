#pragma once

#include <Eigen/Core>

#include "crosstalk/task_set.hpp"

namespace crosstalk {

struct PrincipalAxes {
  Eigen::RowVectorXd mean;  ///< of all rows, d
  Eigen::MatrixXd axes;     ///< d x k, orthonormal, that of the largest variance first
};

/// The mean and the leading principal axes of all rows of all tasks: eigenvectors of the scatter
/// S = 1/n sum (x - mean)(x - mean)'. The largest entry of every axis is positive. With more features than rows they
/// are sought in the span of the centred rows, at a cost linear in d; axes beyond the rank have no variance and are any
/// orthonormal ones.
/// @param components  k, between 0 and d.
PrincipalAxes principal_axes(const TaskSet& tasks, Eigen::Index components);

}  // namespace crosstalk
