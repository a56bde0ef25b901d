#include "crosstalk/attack/utility.hpp"

#include <cmath>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/symmetric_eigen.hpp"

namespace crosstalk::attack {

namespace {

TaskSet select_tasks(const TaskSet& tasks, const std::vector<std::size_t>& chosen) {
  TaskSet result;
  for (const std::size_t i : chosen) result.tasks.push_back(tasks[i]);
  return result;
}

}  // namespace

Eigen::MatrixXd Utility::batch_gradient(const Eigen::MatrixXd& W, std::size_t /*batch*/, Rng& /*rng*/) const {
  return gradient(W);
}

LossUtility::LossUtility(const TaskSet& rows, const mtrl::Loss& loss, std::vector<std::size_t> targets, Sense sense,
                         mtrl::EmpiricalRisk::Layout layout)
    : targets_(std::move(targets)),
      sign_(sense == Sense::Raise ? 1.0 : -1.0),
      risk_(select_tasks(rows, targets_), loss, layout) {}

LossUtility::LossUtility(mtrl::EmpiricalRisk risk, std::vector<std::size_t> targets, double sign)
    : targets_(std::move(targets)), sign_(sign), risk_(std::move(risk)) {}

std::unique_ptr<const Utility> LossUtility::in(const RowSpace& space) const {
  // w'x = c'(Q'x), whether or not x is in the span.
  return std::unique_ptr<const Utility>(new LossUtility(risk_.mapped(space), targets_, sign_));
}

Eigen::MatrixXd LossUtility::target_columns(const Eigen::MatrixXd& W) const {
  Eigen::MatrixXd columns(W.rows(), static_cast<Eigen::Index>(targets_.size()));
  for (std::size_t k = 0; k < targets_.size(); ++k)
    columns.col(static_cast<Eigen::Index>(k)) = W.col(static_cast<Eigen::Index>(targets_[k]));
  return columns;
}

double LossUtility::value(const Eigen::MatrixXd& W) const {
  const auto at = risk_.evaluate(target_columns(W));
  double sum = 0.0;
  for (Eigen::Index k = 0; k < at.values.size(); ++k) sum += at.values[k] * static_cast<double>(risk_.rows(k));
  return sign_ * sum;
}

Eigen::MatrixXd LossUtility::gradient(const Eigen::MatrixXd& W) const {
  const auto at = risk_.evaluate(target_columns(W));
  Eigen::MatrixXd result = Eigen::MatrixXd::Zero(W.rows(), W.cols());
  for (std::size_t k = 0; k < targets_.size(); ++k) {
    const auto column = static_cast<Eigen::Index>(k);
    result.col(static_cast<Eigen::Index>(targets_[k])) =
        at.gradient.col(column) * (sign_ * static_cast<double>(risk_.rows(column)));
  }
  return result;
}

Eigen::MatrixXd LossUtility::batch_gradient(const Eigen::MatrixXd& W, std::size_t batch, Rng& rng) const {
  // How often every target row was drawn, the rows of all targets in one line.
  Eigen::VectorXd times = Eigen::VectorXd::Zero(rows());
  for (std::size_t draw = 0; draw < batch; ++draw)
    times[static_cast<Eigen::Index>(rng.below(static_cast<std::size_t>(rows())))] += 1.0;
  Eigen::MatrixXd result = Eigen::MatrixXd::Zero(W.rows(), W.cols());
  Eigen::Index offset = 0;
  for (std::size_t k = 0; k < targets_.size(); ++k) {
    const Task& task = risk_.clean()[k];
    const auto column = static_cast<Eigen::Index>(targets_[k]);
    Eigen::VectorXd first = task.features * W.col(column);
    for (Eigen::Index j = 0; j < task.rows(); ++j)
      first[j] = sign_ * times[offset + j] * risk_.loss().at(first[j], task.labels[j]).first;
    result.col(column).noalias() = task.features.transpose() * first;
    offset += task.rows();
  }
  return result;
}

namespace {

// S = (W'W + e^2 I)^(1/2) = V diag(t) V'.
struct Root {
  Eigen::MatrixXd V;
  Eigen::VectorXd t;
  [[nodiscard]] Eigen::MatrixXd dense() const { return V * t.asDiagonal() * V.transpose(); }
};

Root root_of(const Eigen::MatrixXd& W, double smoothing) {
  SymmetricEigen moment = symmetric_eigen(W.transpose() * W);
  return {std::move(moment.vectors), (moment.values.array().max(0.0) + smoothing * smoothing).sqrt()};
}

double correlation_in(const Eigen::MatrixXd& S, Eigen::Index i, Eigen::Index j) {
  const double product = S(i, i) * S(j, j);
  return product > 0.0 ? S(i, j) / std::sqrt(product) : 0.0;
}

}  // namespace

RelationUtility::RelationUtility(std::size_t first, std::size_t second, double correlation, std::size_t tasks,
                                 double smoothing)
    : first_(static_cast<Eigen::Index>(first)),
      second_(static_cast<Eigen::Index>(second)),
      correlation_(correlation),
      smoothing_(smoothing) {
  if (first >= tasks || second >= tasks)
    throw std::invalid_argument(
        fmt::format("relation: task {} does not exist; there are {}", std::max(first, second) + 1, tasks));
  if (first == second) throw std::invalid_argument(fmt::format("relation: task {} is named twice", first + 1));
  if (!(std::abs(correlation) <= 1.0))
    throw std::invalid_argument(fmt::format("relation: the correlation is {}; it must be in [-1, 1]", correlation));
  if (tasks > kMostTasks)
    throw std::invalid_argument(fmt::format("relation: {} tasks; there may be at most {}", tasks, kMostTasks));
}

std::unique_ptr<const Utility> RelationUtility::in(const RowSpace& /*space*/) const {
  return std::make_unique<RelationUtility>(*this);  // a function of W'W = C'C
}

double RelationUtility::value(const Eigen::MatrixXd& W) const {
  const double off = correlation_in(root_of(W, smoothing_).dense(), first_, second_) - correlation_;
  return -off * off;
}

Eigen::MatrixXd RelationUtility::gradient(const Eigen::MatrixXd& W) const {
  const Root root = root_of(W, smoothing_);
  const Eigen::MatrixXd S = root.dense();
  const double rho = correlation_in(S, first_, second_);
  const double slope = -2.0 * (rho - correlation_);
  Eigen::MatrixXd G = Eigen::MatrixXd::Zero(S.rows(), S.cols());
  if (!(S(first_, first_) > 0.0 && S(second_, second_) > 0.0)) return Eigen::MatrixXd::Zero(W.rows(), W.cols());
  G(first_, second_) = G(second_, first_) = 0.5 * slope / std::sqrt(S(first_, first_) * S(second_, second_));
  G(first_, first_) = -0.5 * slope * rho / S(first_, first_);
  G(second_, second_) = -0.5 * slope * rho / S(second_, second_);
  Eigen::MatrixXd X = root.V.transpose() * G * root.V;
  for (Eigen::Index b = 0; b < X.cols(); ++b)
    for (Eigen::Index a = 0; a < X.rows(); ++a) {
      const double sum = root.t[a] + root.t[b];
      X(a, b) = sum > 0.0 ? X(a, b) / sum : 0.0;
    }
  return 2.0 * W * (root.V * X * root.V.transpose());
}

}  // namespace crosstalk::attack
