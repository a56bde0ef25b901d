#include "crosstalk/attack/threat.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>

#include <fmt/format.h>

#include "crosstalk/split.hpp"

namespace crosstalk::attack {

namespace {

std::vector<std::size_t> sorted(std::vector<std::size_t> tasks) {
  std::sort(tasks.begin(), tasks.end());
  return tasks;
}

void require_valid_set(const std::vector<std::size_t>& set, const TaskSet& tasks, const char* what) {
  if (set.empty()) throw std::invalid_argument(fmt::format("attack: there are no {} tasks", what));
  const auto order = sorted(set);
  if (order.back() >= tasks.size())
    throw std::invalid_argument(
        fmt::format("attack: {} task {} does not exist; there are {} tasks", what, order.back() + 1, tasks.size()));
  const auto twice = std::adjacent_find(order.begin(), order.end());
  if (twice != order.end())
    throw std::invalid_argument(fmt::format("attack: {} task \"{}\" is named twice", what, tasks[*twice].name));
}

Eigen::Index rows_of_attacker(const Threat& threat, const TaskSet& tasks, std::size_t task) {
  if (!threat.rows.empty()) return threat.rows[task];
  return static_cast<Eigen::Index>(std::llround(threat.budget * static_cast<double>(tasks[task].rows())));
}

}  // namespace

Kind kind_of(const Threat& threat) {
  if (threat.fictitious > 0) return Kind::Accounts;
  const auto targets = sorted(threat.targets);
  const auto attackers = sorted(threat.attackers);
  if (targets == attackers) return Kind::Direct;
  std::vector<std::size_t> both;
  std::set_intersection(targets.begin(), targets.end(), attackers.begin(), attackers.end(), std::back_inserter(both));
  return both.empty() ? Kind::Indirect : Kind::Hybrid;
}

std::string_view to_string(Kind kind) {
  return kKinds.name_of(kind);
}

std::vector<bool> members(const std::vector<std::size_t>& set, std::size_t tasks) {
  std::vector<bool> in(tasks, false);
  for (const std::size_t i : set) in[i] = true;
  return in;
}

Eigen::Index injected_rows(const Threat& threat, const TaskSet& tasks, std::size_t task) {
  if (std::find(threat.attackers.begin(), threat.attackers.end(), task) == threat.attackers.end()) return 0;
  return rows_of_attacker(threat, tasks, task);
}

std::vector<Eigen::Index> injected_rows(const Threat& threat, const TaskSet& tasks) {
  std::vector<Eigen::Index> rows(tasks.size(), 0);
  for (const std::size_t i : threat.attackers) rows[i] = rows_of_attacker(threat, tasks, i);
  return rows;
}

bool buys_a_row(const Threat& threat, const TaskSet& tasks) {
  return std::any_of(threat.attackers.begin(), threat.attackers.end(),
                     [&](std::size_t i) { return rows_of_attacker(threat, tasks, i) > 0; });
}

const OptionTable<Threat>& Threat::table() {
  static const auto table =
      OptionTable<Threat>("attack")
          .add(&Threat::targets,
               {.key = "targets",
                .meaning = "Tasks under attack, a,b,c: names, or numbers from 1. Default: all tasks that are not "
                           "attackers; without --attackers, random halves"})
          .add(&Threat::attackers, {.key = "attackers", .meaning = "Tasks the attacker controls, a,b,c"})
          .add(&Threat::budget, {.key = "budget",
                                 .meaning = "Injected rows of an attacking task, as a share of its clean rows",
                                 .range = from_to(0, 100)});
  return table;
}

void require_valid(const Threat& threat, const TaskSet& tasks) {
  require_valid_set(threat.targets, tasks, "target");
  require_valid_set(threat.attackers, tasks, "attacking");
  Threat::table().require_valid(threat);
  if (!threat.rows.empty() && threat.rows.size() != tasks.size())
    throw std::invalid_argument(
        fmt::format("attack: {} numbers of rows for {} tasks", threat.rows.size(), tasks.size()));
  if (threat.budget > 0.0 && !buys_a_row(threat, tasks))
    throw std::invalid_argument(
        fmt::format("attack: a budget of {} of the clean rows buys no row in any attacking task", threat.budget));
}

Halves random_halves(std::size_t tasks, std::uint64_t seed) {
  Rng rng = Rng::stream(seed, "halves");
  const auto order = rng.permutation(tasks);
  const auto middle = order.begin() + static_cast<std::ptrdiff_t>((tasks + 1) / 2);
  return {sorted({order.begin(), middle}), sorted({middle, order.end()})};
}

LabelRule label_rule_named(const std::string& name) {
  return kLabelRules.named(name);
}

std::string_view to_string(LabelRule rule) {
  return kLabelRules.name_of(rule);
}

std::vector<Interval> label_ranges(const TaskSet& clean, const FeasibleSet& feasible) {
  const bool signs = has_sign_labels(clean);
  if (!signs && !feasible.labels.empty()) return feasible.labels;
  std::vector<Interval> ranges;
  Interval all = {std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  for (const Task& task : clean) {
    const Interval own = task.rows() == 0 ? all : Interval{task.labels.minCoeff(), task.labels.maxCoeff()};
    all = {std::min(all.low, own.low), std::max(all.high, own.high)};
    ranges.push_back(signs ? Interval{-1.0, 1.0} : own);
  }
  for (std::size_t i = 0; i < clean.size() && !signs; ++i)
    if (clean[i].rows() == 0) ranges[i] = all;
  return ranges;
}

namespace {

// Rows of these labels that a screen lets pass nowhere in reach become clean rows that pass.
void replace_failing(std::size_t task, const Task& clean, const FeasibleSet& feasible, Task& rows, Rng& rng) {
  if (!feasible.screen) return;
  std::vector<Eigen::Index> passing;
  for (Eigen::Index j = 0; j < clean.rows(); ++j)
    if (feasible.passes(task, clean.features.row(j).transpose(), clean.labels[j])) passing.push_back(j);
  if (passing.empty()) return;
  for (Eigen::Index j = 0; j < rows.rows(); ++j) {
    if (feasible.passes(task, rows.features.row(j).transpose(), rows.labels[j])) continue;
    const Eigen::Index like = passing[rng.below(passing.size())];
    rows.features.row(j) = clean.features.row(like);
    rows.labels[j] = clean.labels[like];
  }
}

}  // namespace

TaskSet random_rows(const TaskSet& clean, const Threat& threat, const FeasibleSet& feasible, LabelRule rule, Rng& rng) {
  const bool signs = has_sign_labels(clean);
  const std::vector<Interval> ranges = label_ranges(clean, feasible);
  const std::vector<Eigen::Index> counts = injected_rows(threat, clean);
  TaskSet injected;
  injected.feature_names = clean.feature_names;
  for (std::size_t i = 0; i < clean.size(); ++i) {
    const Eigen::Index rows = counts[i];
    const Eigen::VectorXd& labels = clean[i].labels;
    const auto [low, high] = ranges[i];
    Task task{clean[i].name, Eigen::MatrixXd(rows, clean.features()), Eigen::VectorXd(rows)};
    for (Eigen::Index j = 0; j < rows; ++j) {
      task.features.row(j) = feasible.random_row(clean[i], rng).transpose();
      if (rule == LabelRule::Clean)
        task.labels[j] = labels[static_cast<Eigen::Index>(rng.below(static_cast<std::size_t>(labels.size())))];
      else if (rule == LabelRule::Ends || signs)
        task.labels[j] = rng.below(2) == 0 ? low : high;
      else
        task.labels[j] = rng.uniform(low, high);
      task.labels[j] = feasible.nearest_label(i, task.features.row(j).transpose(), task.labels[j], ranges[i]);
    }
    feasible.project_feasible(i, task);
    replace_failing(i, clean[i], feasible, task, rng);
    injected.tasks.push_back(std::move(task));
  }
  return injected;
}

void move_towards_clean(TaskSet& rows, const TaskSet& clean, const FeasibleSet& feasible, double share, Rng& rng) {
  const std::vector<Interval> ranges = label_ranges(clean, feasible);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Task& task = rows[i];
    for (Eigen::Index j = 0; j < task.rows(); ++j) {
      const auto other = static_cast<Eigen::Index>(rng.below(static_cast<std::size_t>(clean[i].rows())));
      task.features.row(j) += share * (clean[i].features.row(other) - task.features.row(j));
      task.labels[j] = feasible.nearest_label(i, task.features.row(j).transpose(), task.labels[j], ranges[i]);
    }
  }
}

}  // namespace crosstalk::attack
