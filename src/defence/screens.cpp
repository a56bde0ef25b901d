#include "crosstalk/defence/screens.hpp"

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

Eigen::VectorXd pooled(const Look& look, const Rows& rows) {
  std::vector<double> values;
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (const Eigen::Index j : rows[i]) values.push_back(look[i][j]);
  return Eigen::Map<Eigen::VectorXd>(values.data(), static_cast<Eigen::Index>(values.size()));
}

Look residual_look(const TaskSet& tasks, const mtrl::Loss& loss, const Eigen::MatrixXd& W, const Rows& rows) {
  Look look;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const Eigen::VectorXd w = W.col(static_cast<Eigen::Index>(i));
    if (loss.is_classification()) {
      look.push_back(row_losses(tasks[i], loss, w));
      continue;
    }
    const Eigen::VectorXd sizes = (tasks[i].labels - tasks[i].features * w).cwiseAbs();
    look.push_back(sizes / positive(rows[i].empty() ? 1.0 : median(sizes(rows[i]))));
  }
  if (!loss.is_classification()) return look;
  for (const double sign : {-1.0, 1.0}) {
    Rows of_class(tasks.size());
    for (std::size_t i = 0; i < tasks.size(); ++i)
      for (const Eigen::Index j : rows[i])
        if (tasks[i].labels[j] == sign) of_class[i].push_back(j);
    const Eigen::VectorXd losses = pooled(look, of_class);
    const double scale = losses.size() > 0 ? positive(median(losses)) : 1.0;
    for (std::size_t i = 0; i < tasks.size(); ++i)
      for (Eigen::Index j = 0; j < look[i].size(); ++j)
        if (tasks[i].labels[j] == sign) look[i][j] /= scale;
  }
  return look;
}

Look distance_from_mean(const TaskSet& tasks, bool bias) {
  Look look;
  for (const Task& task : tasks) {
    const auto rows = task.features.leftCols(task.features.cols() - (bias ? 1 : 0));
    const Eigen::RowVectorXd centre = rows.colwise().mean();
    look.emplace_back((rows.rowwise() - centre).rowwise().norm());
  }
  return look;
}

bool has_own_values(const Task& task, bool bias) {
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

Look unshared_values(const TaskSet& tasks, bool bias) {
  constexpr double kFew = 0.01;
  constexpr double kOfTheTask = 0.5;
  constexpr double kMostUnshared = 0.25;
  constexpr double kFewestFeatures = 3.0;
  const auto n = static_cast<double>(tasks.rows());
  Look look;
  for (const Task& task : tasks) look.emplace_back(Eigen::VectorXd::Zero(task.rows()));
  double recurring = 0.0;
  for (Eigen::Index k = 0; k < tasks.features() - (bias ? 1 : 0); ++k) {
    std::vector<double> values;
    for (const Task& task : tasks)
      values.insert(values.end(), task.features.col(k).begin(), task.features.col(k).end());
    std::sort(values.begin(), values.end());
    Look unshared;
    double count = 0.0;
    for (const Task& task : tasks) {
      std::vector<double> own(task.features.col(k).begin(), task.features.col(k).end());
      std::sort(own.begin(), own.end());
      unshared.emplace_back(task.features.col(k).unaryExpr([&](double value) {
        return share_of(value, values) < kFew && share_of(value, own) < kOfTheTask ? 1.0 : 0.0;
      }));
      count += unshared.back().sum();
    }
    if (count > kMostUnshared * n) continue;
    recurring += 1.0;
    for (std::size_t i = 0; i < tasks.size(); ++i) look[i] += unshared[i];
  }
  for (Eigen::VectorXd& task : look) task *= recurring < kFewestFeatures ? 0.0 : 1.0 / recurring;
  return look;
}

Look p_values(const Look& look, const Rows& kept) {
  Eigen::VectorXd values = pooled(look, kept);
  std::sort(values.begin(), values.end());
  const auto n = static_cast<double>(values.size());
  Look p = look;
  for (Eigen::VectorXd& task : p)
    for (double& value : task) {
      const auto first = std::lower_bound(values.begin(), values.end(), value);
      value = (1.0 + static_cast<double>(values.end() - first)) / (1.0 + n);
    }
  return p;
}

Rows up_to(const Rows& rows, const Look& look, double threshold) {
  Rows result;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::vector<Eigen::Index> order = rows[i];
    std::stable_sort(order.begin(), order.end(),
                     [&](Eigen::Index a, Eigen::Index b) { return look[i][a] < look[i][b]; });
    const auto passing =
        std::partition_point(order.begin(), order.end(), [&](Eigen::Index j) { return look[i][j] <= threshold; });
    const auto half = order.begin() + static_cast<std::ptrdiff_t>(
                                          std::min(order.size(), (static_cast<std::size_t>(look[i].size()) + 1) / 2));
    order.erase(std::max(passing, half), order.end());
    std::sort(order.begin(), order.end());
    result.push_back(std::move(order));
  }
  return result;
}

Rows without_worst(const Rows& rows, const Look& look, double share) {
  return share <= 0.0 ? rows : up_to(rows, look, quantile(pooled(look, rows), 1.0 - share));
}

namespace {

// From the 60 % quantile of honest numbers on the share above t is taken to be  0.4 exp((high - unit(t)) / decay).
constexpr double kLow = 0.3;
constexpr double kHigh = 0.6;

double unit(double t, Tail tail) {
  return tail == Tail::Power ? std::log(std::max(t, 1e-300)) : t;
}

struct Thinning {
  double high;
  double decay;
};

// Of numbers in ascending order.
Thinning thinning_of(const Eigen::VectorXd& values, Tail tail) {
  if (values.size() == 0) return {0.0, 0.0};
  const double slower = tail == Tail::Power ? 1.5 : 1.0;
  const double high = unit(quantile(values, kHigh), tail);
  return {high, slower * (high - unit(quantile(values, kLow), tail)) / std::log((1.0 - kLow) / (1.0 - kHigh))};
}

}  // namespace

double excess_threshold(Eigen::VectorXd values, Tail tail) {
  double threshold = std::numeric_limits<double>::infinity();
  std::sort(values.begin(), values.end());
  const auto [high, decay] = thinning_of(values, tail);
  if (!(decay > 0.0)) return threshold;
  const auto n = static_cast<double>(values.size());
  double most = 0.0;
  for (Eigen::Index k = static_cast<Eigen::Index>(kHigh * n); k + 1 < values.size(); ++k) {
    if (values[k + 1] <= values[k]) continue;
    const auto above = static_cast<double>(values.size() - 1 - k);
    // At the next value: the rows above t are there or beyond.
    const double expected = n * (1.0 - kHigh) * std::exp((high - unit(values[k + 1], tail)) / decay);
    const double gain = above - 2.0 * expected;
    if (gain <= most || above - expected < 4.0 * std::sqrt(expected + 1.0)) continue;
    most = gain;
    threshold = values[k];
  }
  return threshold;
}

std::vector<Eigen::Index> below_chance(const std::vector<Eigen::Index>& rows, const Eigen::VectorXd& p) {
  std::vector<Eigen::Index> order = rows;
  std::stable_sort(order.begin(), order.end(), [&](Eigen::Index a, Eigen::Index b) { return p[a] < p[b]; });
  const auto n = static_cast<double>(order.size());
  std::size_t suspects = 0;
  double most = 0.0;
  for (std::size_t k = 0; k < order.size(); ++k) {
    if (k + 1 < order.size() && p[order[k + 1]] == p[order[k]]) continue;
    const auto below = static_cast<double>(k + 1);
    const double expected = n * p[order[k]];
    if (below - 2.0 * expected <= most || below - expected < 2.0 * std::sqrt(expected + 1.0)) continue;
    most = below - 2.0 * expected;
    suspects = k + 1;
  }
  const std::size_t half = (static_cast<std::size_t>(p.size()) + 1) / 2;
  suspects = std::min(suspects, order.size() - std::min(order.size(), half));
  order.erase(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(suspects));
  std::sort(order.begin(), order.end());
  return order;
}

Rows without_excess(const Rows& rows, const Look& look, Tail tail) {
  constexpr int kMostRounds = 10;
  Rows kept = rows;
  for (int round = 0; round < kMostRounds; ++round) {
    Rows next = up_to(kept, look, excess_threshold(pooled(look, kept), tail));
    if (next == kept) break;
    kept = std::move(next);
  }
  return kept;
}

Rows without_islands(const Rows& rows, const Look& look, Tail tail) {
  constexpr double kChance = 1e-3;
  Eigen::VectorXd all = pooled(look, rows);
  std::sort(all.begin(), all.end());
  const double decay = thinning_of(all, tail).decay;
  const double widest = decay * std::log(static_cast<double>(all.size()) / kChance);
  Rows result;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Eigen::VectorXd values = look[i](rows[i]);
    std::sort(values.begin(), values.end());
    double threshold = std::numeric_limits<double>::infinity();
    for (Eigen::Index k = values.size() / 2; decay > 0.0 && k + 1 < values.size(); ++k) {
      const auto beyond = static_cast<double>(values.size() - 1 - k);
      if (beyond * (unit(values[k + 1], tail) - unit(values[k], tail)) > widest) {
        threshold = values[k];
        break;
      }
    }
    result.push_back(up_to({rows[i]}, {look[i]}, threshold)[0]);
  }
  return result;
}

}  // namespace crosstalk::defence
