#include "crosstalk/attack/gradient_check.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/attack/threat.hpp"
#include "crosstalk/rng.hpp"

namespace crosstalk::attack {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Entry {
  std::size_t task;
  Eigen::Index row;
  Eigen::Index column;  // -1 for the label
};

// `count` entries of the injected rows, chosen at random among all features, then as many labels.
std::vector<Entry> choose_entries(const TaskSet& injected, const GradientCheckOptions& options) {
  const Eigen::Index d = injected.features() - (options.bias ? 1 : 0);
  std::vector<Entry> features;
  std::vector<Entry> labels;
  for (std::size_t i = 0; i < injected.size(); ++i)
    for (Eigen::Index j = 0; j < injected[i].rows(); ++j) {
      labels.push_back({i, j, -1});
      for (Eigen::Index k = 0; k < d; ++k) features.push_back({i, j, k});
    }
  Rng rng = Rng::stream(options.seed, "gradient check");
  std::vector<Entry> chosen;
  for (const auto* all : {&features, &labels}) {
    const auto order = rng.permutation(all->size());
    for (std::size_t k = 0; k < std::min(options.entries, order.size()); ++k) chosen.push_back((*all)[order[k]]);
  }
  return chosen;
}

double& entry_of(TaskSet& rows, const Entry& entry) {
  Task& task = rows[entry.task];
  return entry.column < 0 ? task.labels[entry.row] : task.features(entry.row, entry.column);
}

double entry_of(const RowDerivatives& slopes, const Entry& entry) {
  return entry.column < 0 ? slopes.labels[entry.task][entry.row] : slopes.features[entry.task](entry.row, entry.column);
}

double relative_distance(const Eigen::VectorXd& claimed, const Eigen::VectorXd& measured) {
  const double size = measured.norm();
  const double distance = (claimed - measured).norm();
  return size > 0.0 ? distance / size : (distance > 0.0 ? 1.0 : 0.0);
}

}  // namespace

std::vector<NamedGradient> all_row_gradients() {
  return {{"patom", patom_row_gradient},
          {"fixed-covariance", fixed_covariance_row_gradient},
          {"exact", exact_row_gradient}};
}

const OptionTable<GradientCheckOptions>& GradientCheckOptions::table() {
  static const auto table =
      OptionTable<GradientCheckOptions>("gradient check")
          .add(&GradientCheckOptions::entries,
               {.key = "entries", .meaning = "Entries of the injected rows that are compared", .range = at_least(1)})
          .add(&GradientCheckOptions::step, {.key = "spacing",
                                             .meaning = "Spacing of the differences, in the learner's units",
                                             .range = above(0),
                                             .field = "step"});
  return table;
}

GradientCheck check_gradients(const mtrl::EmpiricalRisk& clean, const Utility& utility, const TaskSet& injected,
                              const mtrl::Options& learner, const std::vector<NamedGradient>& gradients,
                              const GradientCheckOptions& options, const RunControl& control,
                              const InputSpace* inputs) {
  if (injected.rows() == 0) throw std::invalid_argument("gradient check: there is no injected row");
  GradientCheckOptions::table().require_valid(options);
  const auto seen = [&](const TaskSet& rows) { return inputs != nullptr ? inputs->map_rows(rows) : rows; };
  const TaskSet injected_seen = seen(injected);
  const mtrl::EmpiricalRisk risk = clean.with_rows(injected_seen);
  const mtrl::Fit fit = mtrl::polish(risk, learner, mtrl::solve(risk, learner).weights);
  const bool move_labels = !clean.loss().is_classification();

  GradientCheck result;
  std::vector<Entry> entries = choose_entries(injected, options);
  if (!move_labels) std::erase_if(entries, [](const Entry& entry) { return entry.column < 0; });
  const auto features =
      std::count_if(entries.begin(), entries.end(), [](const Entry& entry) { return entry.column >= 0; });
  result.entries = static_cast<std::size_t>(features);

  const auto start = Clock::now();
  Eigen::VectorXd differences(static_cast<Eigen::Index>(entries.size()));
  TaskSet moved = injected;
  const std::vector<Interval> ranges = label_ranges(clean.clean());
  for (std::size_t k = 0; k < entries.size(); ++k) {
    if (control.stop.stop_requested()) {
      result.stopped = true;
      return result;
    }
    if (control.progress) control.progress(static_cast<double>(k) / static_cast<double>(entries.size()), "differences");
    double& entry = entry_of(moved, entries[k]);
    const double here = entry;
    const Interval& range = ranges[entries[k].task];
    const double step = options.step * (entries[k].column < 0 ? std::max(0.5 * (range.high - range.low), 1e-6) : 1.0);
    const auto utility_at = [&](double offset) {
      entry = here + offset * step;
      return utility.value(mtrl::polish(clean.with_rows(seen(moved)), learner, fit.weights).weights);
    };
    differences[static_cast<Eigen::Index>(k)] =
        (8.0 * (utility_at(1.0) - utility_at(-1.0)) - (utility_at(2.0) - utility_at(-2.0))) / (12.0 * step);
    entry = here;
  }
  result.differences_seconds = seconds_since(start);

  const Eigen::MatrixXd utility_gradient = utility.gradient(fit.weights);
  const Eigen::VectorXd of_features = differences.head(features);
  const Eigen::VectorXd of_labels = differences.tail(differences.size() - features);
  for (const NamedGradient& named : gradients) {
    const auto begin = Clock::now();
    RowDerivatives slopes = named.gradient({risk, injected_seen, fit, learner, utility_gradient});
    if (inputs != nullptr) inputs->pull_back(injected, slopes);
    GradientComparison comparison;
    comparison.name = named.name;
    comparison.seconds = seconds_since(begin);
    Eigen::VectorXd claimed(differences.size());
    for (std::size_t k = 0; k < entries.size(); ++k)
      claimed[static_cast<Eigen::Index>(k)] = entry_of(slopes, entries[k]);
    const Eigen::VectorXd g = claimed.head(features);
    const double sizes = g.norm() * of_features.norm();
    comparison.relative_error = relative_distance(g, of_features);
    comparison.cosine = sizes > 0.0 ? g.dot(of_features) / sizes : 0.0;
    comparison.length = of_features.norm() > 0.0 ? g.norm() / of_features.norm() : 0.0;
    comparison.label_error = relative_distance(claimed.tail(of_labels.size()), of_labels);
    result.gradients.push_back(std::move(comparison));
  }
  return result;
}

}  // namespace crosstalk::attack
