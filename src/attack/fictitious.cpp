#include "crosstalk/attack/fictitious.hpp"

#include <numeric>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

namespace crosstalk::attack {

namespace {

// The end of the range that is farther from a label; at the middle the higher one.
double against(double label, const Interval& range) {
  return label - range.low > range.high - label ? range.low : range.high;
}

// Copies of the host's rows in a random order, over and over.
Task rows_against(const Task& host, const Interval& range, Eigen::Index rows, bool two_labels, Rng& rng) {
  Task task{"", Eigen::MatrixXd(rows, host.features.cols()), Eigen::VectorXd(rows)};
  const std::vector<std::size_t> order = rng.permutation(static_cast<std::size_t>(host.rows()));
  for (Eigen::Index j = 0; j < rows; ++j) {
    const auto like = static_cast<Eigen::Index>(order[static_cast<std::size_t>(j) % order.size()]);
    task.features.row(j) = host.features.row(like);
    task.labels[j] = against(host.labels[like], range);
  }
  if (!two_labels) return task;
  // Rows whose labels are the ends already come first; where one is lacking, a row of the other end gets it.
  const auto bring = [&](Eigen::Index to, double label) {
    for (Eigen::Index j = to; j < rows; ++j)
      if (task.labels[j] == label) {
        task.features.row(to).swap(task.features.row(j));
        std::swap(task.labels[to], task.labels[j]);
        return;
      }
    task.labels[to] = label;
  };
  bring(0, range.low);
  bring(1, range.high);
  return task;
}

}  // namespace

std::vector<std::size_t> fictitious_hosts(const std::vector<std::size_t>& targets, std::size_t count) {
  std::vector<std::size_t> hosts;
  for (std::size_t k = 0; k < count; ++k) hosts.push_back(targets[k % targets.size()]);
  return hosts;
}

FictitiousAttack fictitious_attack(const TaskSet& clean, const std::vector<std::size_t>& targets, std::size_t count,
                                   Eigen::Index rows_each, FeasibleSet feasible, const mtrl::Loss& loss, Rng& rng) {
  require_valid({targets, targets, 0.0}, clean);
  if (count < 1) throw std::invalid_argument("fictitious tasks: there are 0; there must be at least 1");
  if (rows_each < 2)
    throw std::invalid_argument(
        fmt::format("fictitious tasks: {} rows each; a learner needs at least 2 in a task", rows_each));
  if (feasible.screen)
    throw std::invalid_argument("fictitious tasks: they have no clean rows that a screen could be made from");
  const std::size_t m = clean.size();
  FictitiousAttack attack;
  attack.hosts = fictitious_hosts(targets, count);
  attack.threat.targets = targets;
  attack.threat.attackers.resize(count);
  std::iota(attack.threat.attackers.begin(), attack.threat.attackers.end(), m);
  attack.threat.rows.assign(m, 0);
  attack.threat.rows.resize(m + count, rows_each);
  attack.threat.fictitious = count;

  std::vector<Interval> ranges = label_ranges(clean, feasible);
  for (const std::size_t host : attack.hosts) ranges.push_back(ranges[host]);
  feasible.labels = ranges;
  feasible.keep_two_labels = feasible.keep_two_labels || loss.is_classification();

  attack.start.feature_names = clean.feature_names;
  for (std::size_t i = 0; i < m; ++i)
    attack.start.tasks.push_back({clean[i].name, Eigen::MatrixXd(0, clean.features()), Eigen::VectorXd(0)});
  for (std::size_t k = 0; k < count; ++k) {
    Task task = rows_against(clean[attack.hosts[k]], ranges[m + k], rows_each, feasible.keep_two_labels, rng);
    feasible.project_feasible(m + k, task);
    attack.start.tasks.push_back(std::move(task));
  }
  attack.feasible = std::move(feasible);
  return attack;
}

mtrl::Fit with_zero_columns(mtrl::Fit fit, std::size_t count) {
  const Eigen::Index m = fit.weights.cols();
  fit.weights.conservativeResize(Eigen::NoChange, m + static_cast<Eigen::Index>(count));
  fit.weights.rightCols(static_cast<Eigen::Index>(count)).setZero();
  return fit;
}

}  // namespace crosstalk::attack
