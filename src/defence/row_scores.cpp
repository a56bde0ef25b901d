#include "crosstalk/defence/row_scores.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "crosstalk/quantile.hpp"

namespace crosstalk::defence {

namespace {

double positive(double scale) {
  return scale > 0.0 ? scale : 1.0;
}

}  // namespace

Eigen::VectorXd pooled(const RowScores& scores, const Rows& rows) {
  std::vector<double> values;
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (const Eigen::Index j : rows[i]) values.push_back(scores[i][j]);
  return Eigen::Map<Eigen::VectorXd>(values.data(), static_cast<Eigen::Index>(values.size()));
}

void divide_by_class_median(RowScores& scores, const TaskSet& tasks, const Rows& rows) {
  for (const double sign : {-1.0, 1.0}) {
    Rows of_class(tasks.size());
    for (std::size_t i = 0; i < tasks.size(); ++i)
      for (const Eigen::Index j : rows[i])
        if (tasks[i].labels[j] == sign) of_class[i].push_back(j);
    const Eigen::VectorXd losses = pooled(scores, of_class);
    const double scale = losses.size() > 0 ? positive(median(losses)) : 1.0;
    for (std::size_t i = 0; i < tasks.size(); ++i)
      for (Eigen::Index j = 0; j < scores[i].size(); ++j)
        if (tasks[i].labels[j] == sign) scores[i][j] /= scale;
  }
}

RowScores residual_scores(const TaskSet& tasks, const mtrl::Loss& loss, const Eigen::MatrixXd& W, const Rows& rows) {
  RowScores scores;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const Eigen::VectorXd w = W.col(static_cast<Eigen::Index>(i));
    if (loss.is_classification()) {
      scores.push_back(row_losses(tasks[i], loss, w));
      continue;
    }
    const Eigen::VectorXd sizes = (tasks[i].labels - tasks[i].features * w).cwiseAbs();
    scores.push_back(sizes / positive(rows[i].empty() ? 1.0 : median(sizes(rows[i]))));
  }
  if (loss.is_classification()) divide_by_class_median(scores, tasks, rows);
  return scores;
}

RowScores distance_from_mean(const TaskSet& tasks, bool bias) {
  RowScores scores;
  for (const Task& task : tasks) {
    const auto rows = task.features.leftCols(task.features.cols() - (bias ? 1 : 0));
    const Eigen::RowVectorXd centre = rows.colwise().mean();
    scores.emplace_back((rows.rowwise() - centre).rowwise().norm());
  }
  return scores;
}

bool is_continuous(const Task& task, bool bias) {
  for (Eigen::Index k = 0; k < task.features.cols() - (bias ? 1 : 0); ++k) {
    Eigen::VectorXd values = task.features.col(k);
    std::sort(values.begin(), values.end());
    if (2 * (std::unique(values.begin(), values.end()) - values.begin()) > values.size()) return true;
  }
  return false;
}

namespace {

// Of values in ascending order.
double share_of(double value, const std::vector<double>& values) {
  const auto [first, last] = std::equal_range(values.begin(), values.end(), value);
  return static_cast<double>(last - first) / static_cast<double>(values.size());
}

}  // namespace

RowScores rare_value_fraction(const TaskSet& tasks, bool bias, const Rows& rows) {
  constexpr double kFew = 0.01;
  constexpr double kOfTheTask = 0.5;
  constexpr double kMostRare = 0.25;
  constexpr double kFewestFeatures = 3.0;
  RowScores scores;
  for (const Task& task : tasks) scores.emplace_back(Eigen::VectorXd::Zero(task.rows()));
  double recurring = 0.0;
  for (Eigen::Index k = 0; k < tasks.features() - (bias ? 1 : 0); ++k) {
    std::vector<double> values;
    for (std::size_t i = 0; i < tasks.size(); ++i)
      for (const Eigen::Index j : rows[i]) values.push_back(tasks[i].features(j, k));
    std::sort(values.begin(), values.end());
    RowScores rare;
    double count = 0.0;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      const Task& task = tasks[i];
      const Eigen::VectorXd column = task.features.col(k)(rows[i]);
      std::vector<double> own(column.begin(), column.end());
      std::sort(own.begin(), own.end());
      rare.emplace_back(task.features.col(k).unaryExpr([&](double value) {
        return share_of(value, values) < kFew && (own.empty() || share_of(value, own) < kOfTheTask) ? 1.0 : 0.0;
      }));
      count += rare.back()(rows[i]).sum();
    }
    if (count > kMostRare * static_cast<double>(values.size())) continue;
    recurring += 1.0;
    for (std::size_t i = 0; i < tasks.size(); ++i) scores[i] += rare[i];
  }
  for (Eigen::VectorXd& task : scores) task *= recurring < kFewestFeatures ? 0.0 : 1.0 / recurring;
  return scores;
}

RowScores p_values(const RowScores& scores, const Rows& kept) {
  Eigen::VectorXd values = pooled(scores, kept);
  std::sort(values.begin(), values.end());
  const auto n = static_cast<double>(values.size());
  RowScores p = scores;
  for (Eigen::VectorXd& task : p)
    for (double& value : task) {
      const auto first = std::lower_bound(values.begin(), values.end(), value);
      value = (1.0 + static_cast<double>(values.end() - first)) / (1.0 + n);
    }
  return p;
}

RowScores harmonic_mean_score(const std::vector<RowScores>& statistics, const Rows& kept) {
  RowScores result;
  for (const RowScores& scores : statistics) {
    const RowScores p = p_values(scores, kept);
    for (std::size_t i = 0; i < p.size(); ++i) {
      const Eigen::VectorXd part = p[i].cwiseInverse() / static_cast<double>(statistics.size());
      if (result.size() <= i)
        result.push_back(part);
      else
        result[i] += part;
    }
  }
  return result;
}

Rows keep_below(const Rows& rows, const RowScores& scores, double threshold) {
  Rows result;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::vector<Eigen::Index> order = rows[i];
    std::stable_sort(order.begin(), order.end(),
                     [&](Eigen::Index a, Eigen::Index b) { return scores[i][a] < scores[i][b]; });
    const auto passing =
        std::partition_point(order.begin(), order.end(), [&](Eigen::Index j) { return scores[i][j] <= threshold; });
    const auto half = order.begin() + static_cast<std::ptrdiff_t>(
                                          std::min(order.size(), (static_cast<std::size_t>(scores[i].size()) + 1) / 2));
    order.erase(std::max(passing, half), order.end());
    std::sort(order.begin(), order.end());
    result.push_back(std::move(order));
  }
  return result;
}

Rows trim_fraction(const Rows& rows, const RowScores& scores, double share) {
  return share <= 0.0 ? rows : keep_below(rows, scores, quantile(pooled(scores, rows), 1.0 - share));
}

}  // namespace crosstalk::defence
