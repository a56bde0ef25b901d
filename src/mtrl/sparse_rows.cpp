#include "crosstalk/mtrl/sparse_rows.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/mtrl/row_reduction.hpp"
#include "crosstalk/pivoted_cholesky.hpp"

namespace crosstalk::mtrl {

namespace {

constexpr double kDependent = 1e-7;  // of a row's norm

// The rows of all tasks, one below the other, every entry times the scale of its column.
SparseRows scaled_rows(const SparseTaskSet& tasks, const Eigen::VectorXd& scale) {
  std::vector<Eigen::Triplet<double>> entries;
  Eigen::Index top = 0;
  for (const SparseTask& task : tasks.tasks) {
    for (Eigen::Index j = 0; j < task.features.rows(); ++j)
      for (SparseRows::InnerIterator entry(task.features, j); entry; ++entry)
        if (scale[entry.col()] != 0.0)
          entries.emplace_back(static_cast<int>(top + j), static_cast<int>(entry.col()),
                               entry.value() * scale[entry.col()]);
    top += task.features.rows();
  }
  SparseRows result(top, tasks.features());
  result.setFromTriplets(entries.begin(), entries.end());
  return result;
}

// X X', a few columns at a time.
Eigen::MatrixXd gram_of(const SparseRows& X) {
  constexpr Eigen::Index kColumns = 16;
  Eigen::MatrixXd K(X.rows(), X.rows());
  Eigen::MatrixXd some(X.cols(), kColumns);
  for (Eigen::Index first = 0; first < X.rows(); first += kColumns) {
    const Eigen::Index count = std::min(kColumns, X.rows() - first);
    some.leftCols(count) = Eigen::MatrixXd(X.middleRows(first, count)).transpose();
    K.middleCols(first, count) = X * some.leftCols(count);
  }
  return K;
}

void require_valid(const SparseTaskSet& tasks, const ColumnScale& columns) {
  const auto fail = [](const std::string& what) { throw std::invalid_argument("sparse rows: " + what); };
  if (tasks.rows() == 0) fail("there are none");
  if (tasks.rows() > SparseRowSpace::kMostRows)
    fail(fmt::format("{} rows; their inner products are stored for at most {}", tasks.rows(),
                     SparseRowSpace::kMostRows));
  for (const SparseTask& task : tasks.tasks) {
    if (task.features.cols() != tasks.features())
      fail(fmt::format("task \"{}\" has {} features, the first has {}", task.name, task.features.cols(),
                       tasks.features()));
    if (task.labels.size() != task.features.rows())
      fail(fmt::format("task \"{}\" has {} labels for {} rows", task.name, task.labels.size(), task.features.rows()));
  }
  if (columns.shift.size() != tasks.features() || columns.scale.size() != tasks.features())
    fail(fmt::format("scales of {} columns for {} features", columns.scale.size(), tasks.features()));
}

}  // namespace

ColumnScale ColumnScale::none(Eigen::Index features, bool bias) {
  return {Eigen::VectorXd::Zero(features), Eigen::VectorXd::Ones(features), bias};
}

ColumnScale ColumnScale::standard(const SparseTaskSet& tasks, bool bias) {
  const Eigen::Index d = tasks.features();
  const auto n = static_cast<double>(tasks.rows());
  Eigen::VectorXd mean = Eigen::VectorXd::Zero(d);
  for (const SparseTask& task : tasks.tasks)
    mean += task.features.transpose() * Eigen::VectorXd::Constant(task.features.rows(), 1.0 / n);
  // sum (x - mean)^2 over the entries that are there; the others add mean^2 each.
  Eigen::VectorXd square = Eigen::VectorXd::Zero(d);
  Eigen::VectorXd absent = Eigen::VectorXd::Constant(d, n);
  for (const SparseTask& task : tasks.tasks)
    for (Eigen::Index j = 0; j < task.features.rows(); ++j)
      for (SparseRows::InnerIterator entry(task.features, j); entry; ++entry) {
        const double off = entry.value() - mean[entry.col()];
        square[entry.col()] += off * off;
        absent[entry.col()] -= 1.0;
      }
  square.array() += absent.array() * mean.array().square();
  const Eigen::VectorXd deviation = (square / n).cwiseSqrt();
  // What rounding leaves of a constant column is no deviation.
  Eigen::VectorXd scale(d);
  for (Eigen::Index k = 0; k < d; ++k) scale[k] = deviation[k] > 1e-12 * std::abs(mean[k]) ? 1.0 / deviation[k] : 0.0;
  return {std::move(mean), std::move(scale), bias};
}

SparseRowSpace::SparseRowSpace(const SparseTaskSet& tasks, ColumnScale columns) : columns_(std::move(columns)) {
  require_valid(tasks, columns_);
  const SparseRows X = scaled_rows(tasks, columns_.scale);
  // (x_a - c)'(x_b - c) = x_a'x_b - x_a'c - x_b'c + c'c, and 1 for the bias.
  const Eigen::VectorXd c = columns_.shift.cwiseProduct(columns_.scale);
  const Eigen::VectorXd Xc = X * c;
  Eigen::MatrixXd K = gram_of(X);
  K.colwise() -= Xc;
  K.rowwise() -= Xc.transpose();
  K.array() += c.squaredNorm() + (columns_.bias ? 1.0 : 0.0);
  GramCoordinates found = gram_coordinates(K, K.diagonal(), kDependent);
  if (found.pivots.empty()) throw std::invalid_argument("sparse rows: all of them are 0");
  L_ = std::move(found.L);

  std::vector<Eigen::Triplet<double>> entries;
  for (std::size_t p = 0; p < found.pivots.size(); ++p)
    for (SparseRows::InnerIterator entry(X, found.pivots[p]); entry; ++entry)
      entries.emplace_back(static_cast<int>(p), static_cast<int>(entry.col()), entry.value());
  pivots_ = SparseRows(L_.rows(), X.cols());
  pivots_.setFromTriplets(entries.begin(), entries.end());

  Eigen::Index top = 0;
  for (const SparseTask& task : tasks.tasks) {
    coordinates_.tasks.push_back({task.name, found.Z.middleRows(top, task.features.rows()), task.labels});
    top += task.features.rows();
  }
}

Eigen::MatrixXd SparseRowSpace::weights(const Eigen::MatrixXd& C) const {
  // Q C = (X_p - 1 c', 1)' A,  A = L^-T C.
  const Eigen::MatrixXd A = L_.triangularView<Eigen::Lower>().transpose().solve(C);
  const Eigen::Index d = columns_.shift.size();
  Eigen::MatrixXd W(columns_.outputs(), C.cols());
  W.topRows(d) = pivots_.transpose() * A;
  W.topRows(d) -= columns_.shift.cwiseProduct(columns_.scale) * A.colwise().sum();
  if (columns_.bias) W.row(d) = A.colwise().sum();
  return W;
}

Fit solve(const SparseTaskSet& tasks, const Loss& loss, const Options& options, const ColumnScale& columns) {
  const SparseRowSpace space(tasks, columns);
  const TaskSet& coordinates = space.coordinates();
  Fit fit = solve(EmpiricalRisk(coordinates, loss, layout_in_span(tasks.rows(), coordinates.features())), options);
  fit.weights = space.weights(fit.weights);
  return fit;
}

Eigen::VectorXd scores(const SparseRows& X, const ColumnScale& columns, const Eigen::VectorXd& w) {
  const Eigen::Index d = columns.shift.size();
  if (X.cols() != d || w.size() != columns.outputs())
    throw std::invalid_argument(
        fmt::format("sparse rows: {} features and {} weights for {} columns", X.cols(), w.size(), d));
  const Eigen::VectorXd v = w.head(d).cwiseProduct(columns.scale);
  Eigen::VectorXd z = X * v;
  z.array() += (columns.bias ? w[d] : 0.0) - v.dot(columns.shift);
  return z;
}

}  // namespace crosstalk::mtrl
