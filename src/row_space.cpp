#include "crosstalk/row_space.hpp"

#include <cmath>
#include <stdexcept>
#include <utility>

#include <Eigen/Cholesky>

#include <fmt/format.h>

#include "crosstalk/pivoted_cholesky.hpp"

namespace crosstalk {

namespace {

constexpr double kDependent = 1e-13;  // of the norm of a row
// Pivots of the Gram matrix below this share of the largest wait for the next round: Cholesky leaves the basis
// orthogonal to eps / kPivots, and the second pass to eps.
constexpr double kPivots = 1e-10;

using Parts = std::vector<std::shared_ptr<const Eigen::MatrixXd>>;

// Twice, since the first leaves what rounding makes of the part that is taken away.
void remove_span(const Parts& parts, Eigen::MatrixXd& X) {
  for (int pass = 0; pass < 2; ++pass)
    for (const auto& Q : parts) {
      const Eigen::MatrixXd Z = X * Q->transpose();
      X.noalias() -= Z * *Q;
    }
}

// L^-1 B for B B' = L L': orthonormal rows from independent ones.
void orthonormalise(Eigen::MatrixXd& B) {
  const Eigen::LLT<Eigen::MatrixXd> factor(gram(B));
  factor.matrixL().solveInPlace(B);
}

// X without the rows that are all but zero, the others of norm 1.
Eigen::MatrixXd unit_rows(Eigen::MatrixXd X) {
  std::vector<Eigen::Index> used;
  Eigen::VectorXd norms(X.rows());
  for (Eigen::Index j = 0; j < X.rows(); ++j) {
    norms[j] = X.row(j).stableNorm();
    if (norms[j] > 0.0) used.push_back(j);
  }
  if (static_cast<Eigen::Index>(used.size()) < X.rows()) {
    X = X(used, Eigen::all).eval();
    norms = norms(used).eval();
  }
  X.array().colwise() /= norms.array();
  return X;
}

}  // namespace

RowSpace::RowSpace(const TaskSet& tasks, LastFeature last)
    : RowSpace(RowSpace(tasks.features(), last).extended(tasks)) {}

RowSpace RowSpace::extended(const TaskSet& tasks) const {
  return extended(stacked_rows(tasks, features_));
}

RowSpace RowSpace::extended(Eigen::MatrixXd X) const {
  if (X.cols() != features_)
    throw std::invalid_argument(fmt::format("row space: {} features for one of {}", X.cols(), features_));
  RowSpace result = *this;
  X.conservativeResize(Eigen::NoChange, mapped_features());
  Eigen::MatrixXd rest = unit_rows(std::move(X));
  remove_span(parts_, rest);
  while (rest.rows() > 0) {
    const PivotedCholesky factor = pivoted_cholesky(gram(rest), kPivots, kDependent * kDependent);
    if (factor.rank() == 0) break;
    auto basis = std::make_shared<Eigen::MatrixXd>(rest(factor.pivots, Eigen::all));
    factor.L.topRows(factor.rank()).triangularView<Eigen::Lower>().solveInPlace(*basis);
    remove_span(result.parts_, *basis);
    orthonormalise(*basis);
    result.rank_ += basis->rows();
    result.parts_.push_back(basis);
    if (factor.rank() == rest.rows()) break;
    rest = Eigen::MatrixXd(rest(factor.rest, Eigen::all));
    remove_span({basis}, rest);
  }
  return result;
}

Eigen::MatrixXd RowSpace::map(const Eigen::MatrixXd& X) const {
  Eigen::MatrixXd Z(X.rows(), outputs());
  Eigen::Index left = 0;
  for (const auto& Q : parts_) {
    Z.middleCols(left, Q->rows()).noalias() = X.leftCols(mapped_features()) * Q->transpose();
    left += Q->rows();
  }
  if (apart() > 0) Z.col(left) = X.col(features_ - 1);
  return Z;
}

Eigen::MatrixXd RowSpace::rows_of(const Eigen::MatrixXd& coordinates) const {
  Eigen::MatrixXd X = Eigen::MatrixXd::Zero(coordinates.rows(), features_);
  Eigen::Index left = 0;
  for (const auto& Q : parts_) {
    X.leftCols(mapped_features()).noalias() += coordinates.middleCols(left, Q->rows()) * *Q;
    left += Q->rows();
  }
  if (apart() > 0) X.col(features_ - 1) = coordinates.col(left);
  return X;
}

Eigen::MatrixXd RowSpace::pullback(const Eigen::MatrixXd& /*X*/, const Eigen::MatrixXd& G) const {
  return rows_of(G);
}

TaskSet RowSpace::map(const TaskSet& tasks) const {
  TaskSet result;
  for (const Task& task : tasks) result.tasks.push_back({task.name, map(task.features), task.labels});
  return result;
}

TaskSet RowSpace::rows_at(const TaskSet& coordinates) const {
  TaskSet result;
  for (const Task& task : coordinates) result.tasks.push_back({task.name, rows_of(task.features), task.labels});
  return result;
}

Eigen::MatrixXd RowSpace::weights(const Eigen::MatrixXd& C) const {
  return rows_of(C.transpose()).transpose();
}

Eigen::MatrixXd RowSpace::coordinates(const Eigen::MatrixXd& W) const {
  return map(Eigen::MatrixXd(W.transpose())).transpose();
}

Eigen::MatrixXd stacked_rows(const TaskSet& tasks, Eigen::Index features) {
  Eigen::MatrixXd X(tasks.rows(), features);
  Eigen::Index top = 0;
  for (const Task& task : tasks) {
    if (task.rows() > 0) X.middleRows(top, task.rows()) = task.features;
    top += task.rows();
  }
  return X;
}

}  // namespace crosstalk
