#include "crosstalk/mtrl/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace crosstalk::mtrl {

namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

double variance(const Eigen::VectorXd& values) {
  return (values.array() - values.mean()).square().mean();
}

// The variance of n normal labels is chi-square with n - 1 degrees of freedom, and what is divided by it has a variance
// only from n = 6 on: the mean over tasks of fewer rows says nothing.
bool has_spread(const Eigen::VectorXd& labels) {
  return labels.size() >= kRowsForSpread;
}

}  // namespace

double nmse(const Eigen::VectorXd& predicted, const Eigen::VectorXd& labels) {
  const double spread = variance(labels);
  return spread > 0.0 ? (predicted - labels).squaredNorm() / static_cast<double>(labels.size()) / spread : kUndefined;
}

double rmse(const Eigen::VectorXd& predicted, const Eigen::VectorXd& labels) {
  return std::sqrt((predicted - labels).squaredNorm() / static_cast<double>(labels.size()));
}

double explained_variance(const Eigen::VectorXd& predicted, const Eigen::VectorXd& labels) {
  const double spread = variance(labels);
  return spread > 0.0 ? 1.0 - variance(labels - predicted) / spread : kUndefined;
}

double auc(const Eigen::VectorXd& scores, const Eigen::VectorXd& labels) {
  if (scores.hasNaN()) return kUndefined;  // NaN has no rank, and no order that a sort could rely on
  // Mann-Whitney: the positives' ranks, averaged over ties, count the pairs in the right order.
  std::vector<Eigen::Index> order(static_cast<std::size_t>(scores.size()));
  std::iota(order.begin(), order.end(), Eigen::Index{0});
  std::sort(order.begin(), order.end(), [&](Eigen::Index a, Eigen::Index b) { return scores[a] < scores[b]; });
  double rank_sum = 0.0;
  double positives = 0.0;
  for (std::size_t first = 0; first < order.size();) {
    std::size_t last = first;
    double tied_positives = 0.0;
    for (; last < order.size() && scores[order[last]] == scores[order[first]]; ++last)
      if (labels[order[last]] > 0) tied_positives += 1.0;
    rank_sum += tied_positives * 0.5 * static_cast<double>(first + 1 + last);
    positives += tied_positives;
    first = last;
  }
  const double negatives = static_cast<double>(scores.size()) - positives;
  if (positives == 0.0 || negatives == 0.0) return kUndefined;
  return (rank_sum - 0.5 * positives * (positives + 1.0)) / (positives * negatives);
}

double accuracy(const Eigen::VectorXd& scores, const Eigen::VectorXd& labels) {
  if (scores.hasNaN()) return kUndefined;
  return ((scores.array() >= 0.0) == (labels.array() > 0.0)).cast<double>().mean();
}

double Metrics::mean(std::size_t metric, const std::vector<std::size_t>& tasks) const {
  double sum = 0.0;
  double count = 0.0;
  const auto add = [&](Eigen::Index task) {
    const double value = values(task, static_cast<Eigen::Index>(metric));
    if (std::isnan(value)) return;
    sum += value;
    count += 1.0;
  };
  if (tasks.empty())
    for (Eigen::Index i = 0; i < values.rows(); ++i) add(i);
  for (const std::size_t i : tasks) add(static_cast<Eigen::Index>(i));
  return count > 0.0 ? sum / count : kUndefined;
}

Eigen::VectorXd mean_losses(const TaskSet& tasks, const Loss& loss, const Eigen::MatrixXd& W) {
  Eigen::VectorXd means(static_cast<Eigen::Index>(tasks.size()));
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const auto task = static_cast<Eigen::Index>(i);
    means[task] = kUndefined;
    if (tasks[i].rows() == 0) continue;  // BLAS complains of a product over nothing
    const Eigen::VectorXd z = tasks[i].features * W.col(task);
    double sum = 0.0;
    for (Eigen::Index j = 0; j < z.size(); ++j) sum += loss.at(z[j], tasks[i].labels[j]).value;
    means[task] = sum / static_cast<double>(z.size());
  }
  return means;
}

Metrics evaluate(const TaskSet& tasks, const Loss& loss, const Eigen::MatrixXd& W, const Eigen::VectorXd& label_units) {
  Metrics result;
  result.names = loss.is_classification() ? std::vector<std::string>{"auc", "accuracy"}
                                          : std::vector<std::string>{"nmse", "rmse", "explained_variance"};
  result.values.resize(static_cast<Eigen::Index>(tasks.size()), static_cast<Eigen::Index>(result.names.size()));
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const auto row = static_cast<Eigen::Index>(i);
    result.values.row(row).setConstant(kUndefined);
    if (tasks[i].rows() == 0) continue;
    const Eigen::VectorXd z = tasks[i].features * W.col(row);
    const Eigen::VectorXd& y = tasks[i].labels;
    // One by one: where a number throws, Eigen's << ends a build with assertions.
    auto values = result.values.row(row);
    if (loss.is_classification()) {
      values(0) = auc(z, y);
      values(1) = accuracy(z, y);
    } else {
      values(0) = has_spread(y) ? nmse(z, y) : kUndefined;
      values(1) = rmse(z, y) * (label_units.size() > 0 ? label_units[row] : 1.0);
      values(2) = has_spread(y) ? explained_variance(z, y) : kUndefined;
    }
  }
  return result;
}

bool larger_is_better(std::string_view metric) {
  return metric != "nmse" && metric != "rmse";
}

}  // namespace crosstalk::mtrl
