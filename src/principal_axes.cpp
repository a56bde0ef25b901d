#include "crosstalk/principal_axes.hpp"

#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/row_space.hpp"
#include "crosstalk/symmetric_eigen.hpp"

namespace crosstalk {

namespace {

// S over the rows given, and its eigenvectors, that of the largest eigenvalue first.
Eigen::MatrixXd descending_axes(const TaskSet& centred, double rows) {
  const Eigen::Index d = centred.features();
  Eigen::MatrixXd scatter = Eigen::MatrixXd::Zero(d, d);
  for (const Task& task : centred) scatter.noalias() += task.features.transpose() * task.features / rows;
  return symmetric_eigen(scatter).vectors.rowwise().reverse();
}

// The axes in the span of the rows, and as many unit vectors made orthogonal as are missing.
Eigen::MatrixXd axes_in_span(const TaskSet& centred, double rows, Eigen::Index components) {
  const RowSpace space(centred);
  Eigen::MatrixXd axes(centred.features(), 0);
  if (space.outputs() > 0) axes = space.weights(descending_axes(space.map(centred), rows));
  if (components <= axes.cols()) return axes.leftCols(components);
  const Eigen::Index rank = space.outputs();
  const RowSpace all = space.extended(Eigen::MatrixXd::Identity(components, centred.features()));
  Eigen::MatrixXd result(centred.features(), components);
  result.leftCols(rank) = axes;
  result.rightCols(components - rank) =
      all.weights(Eigen::MatrixXd::Identity(all.outputs(), components).rightCols(components - rank));
  return result;
}

}  // namespace

PrincipalAxes principal_axes(const TaskSet& tasks, Eigen::Index components) {
  const Eigen::Index d = tasks.features();
  if (components < 0 || components > d)
    throw std::invalid_argument(
        fmt::format("principal axes: {} components; there must be between 0 and the {} features", components, d));
  const auto rows = static_cast<double>(tasks.rows());
  PrincipalAxes result{Eigen::RowVectorXd::Zero(d), {}};
  for (const Task& task : tasks) result.mean += task.features.colwise().sum() / rows;
  TaskSet centred;
  for (const Task& task : tasks)
    centred.tasks.push_back({task.name, task.features.rowwise() - result.mean, task.labels});
  result.axes = d > tasks.rows() ? axes_in_span(centred, rows, components)
                                 : Eigen::MatrixXd(descending_axes(centred, rows).leftCols(components));
  // An axis and its negative are both right; the largest entry is made positive so that one of them is always chosen.
  for (Eigen::Index k = 0; k < components; ++k) {
    Eigen::Index largest = 0;
    result.axes.col(k).cwiseAbs().maxCoeff(&largest);
    if (result.axes(largest, k) < 0.0) result.axes.col(k) *= -1.0;
  }
  return result;
}

}  // namespace crosstalk
