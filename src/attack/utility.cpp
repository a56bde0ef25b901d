#include "crosstalk/attack/utility.hpp"

#include <utility>

namespace crosstalk::attack {

namespace {

TaskSet select_tasks(const TaskSet& tasks, const std::vector<std::size_t>& chosen) {
  TaskSet result;
  for (const std::size_t i : chosen) result.tasks.push_back(tasks[i]);
  return result;
}

}  // namespace

Utility::Utility(const TaskSet& clean, const mtrl::Loss& loss, std::vector<std::size_t> targets)
    : targets_(std::move(targets)), risk_(select_tasks(clean, targets_), loss) {}

Eigen::MatrixXd Utility::target_columns(const Eigen::MatrixXd& W) const {
  Eigen::MatrixXd columns(W.rows(), static_cast<Eigen::Index>(targets_.size()));
  for (std::size_t k = 0; k < targets_.size(); ++k)
    columns.col(static_cast<Eigen::Index>(k)) = W.col(static_cast<Eigen::Index>(targets_[k]));
  return columns;
}

double Utility::value(const Eigen::MatrixXd& W) const {
  const auto at = risk_.evaluate(target_columns(W));
  double sum = 0.0;
  for (Eigen::Index k = 0; k < at.values.size(); ++k) sum += at.values[k] * static_cast<double>(risk_.rows(k));
  return sum;
}

Eigen::MatrixXd Utility::gradient(const Eigen::MatrixXd& W) const {
  const auto at = risk_.evaluate(target_columns(W));
  Eigen::MatrixXd result = Eigen::MatrixXd::Zero(W.rows(), W.cols());
  for (std::size_t k = 0; k < targets_.size(); ++k) {
    const auto column = static_cast<Eigen::Index>(k);
    result.col(static_cast<Eigen::Index>(targets_[k])) =
        at.gradient.col(column) * static_cast<double>(risk_.rows(column));
  }
  return result;
}

Eigen::MatrixXd Utility::batch_gradient(const Eigen::MatrixXd& W, std::size_t batch, Rng& rng) const {
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
      first[j] = times[offset + j] * risk_.loss().at(first[j], task.labels[j]).first;
    result.col(column).noalias() = task.features.transpose() * first;
    offset += task.rows();
  }
  return result;
}

}  // namespace crosstalk::attack
