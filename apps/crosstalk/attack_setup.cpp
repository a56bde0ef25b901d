#include "attack_setup.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "attack_files.hpp"
#include "crosstalk/attack/fictitious.hpp"
#include "crosstalk/data/csv.hpp"
#include "crosstalk/data/unpacking.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/problem/fictitious_tasks.hpp"
#include "crosstalk/problem/more_rows.hpp"
#include "crosstalk/quantile.hpp"

namespace crosstalk::app {

namespace {

Objective::Relation relation_of(const std::string& text, const TaskSet& tasks) {
  const std::vector<std::string> words = split_list(text);
  if (words.size() != 3)
    throw std::invalid_argument(fmt::format("--relation: \"{}\" is not TASK,TASK,CORRELATION", text));
  const auto pair = task_list("--relation", words[0] + "," + words[1], tasks);
  return {pair.at(0), pair.at(1), number_list("--relation", words[2])[0]};
}

TaskSet wanted_rows(const std::string& path, const Problem& problem) {
  std::vector<std::string> notes;
  const TaskSet rows = read_more_rows(path, problem.dataset, problem.raw_train, 0, notes);
  for (const Task& task : rows)
    for (const double label : task.labels)
      if (problem.loss->is_classification() && std::abs(label) != 1.0)
        throw DataError(fmt::format("{}: task \"{}\" has the label {}; the {} loss needs -1 or +1", path, task.name,
                                    label, problem.loss->name()));
  return problem.preparation.apply(rows);
}

std::optional<attack::Prices> prices_of(const AttackOptions& options, const TaskSet& tasks,
                                        const std::vector<std::size_t>& attackers) {
  if (!options.money && options.prices.empty()) return std::nullopt;
  if (!options.money) throw std::invalid_argument("--prices: --money must say how much there is to spend");
  attack::Prices prices = {std::vector<double>(tasks.size(), 1.0), *options.money};
  if (!options.prices.empty()) prices.of_row = read_prices(options.prices, tasks);
  for (const std::size_t i : attackers)
    if (!std::isfinite(prices.of_row[i]))
      throw std::invalid_argument(fmt::format("--attackers: \"{}\" has no price in {}", tasks[i].name, options.prices));
  return prices;
}

}  // namespace

Sides sides_of(const AttackOptions& options, const TaskSet& tasks) {
  Sides sides{task_list("--targets", options.targets, tasks), task_list("--attackers", options.attackers, tasks)};
  if (!sides.targets.empty() || sides.attackers.empty()) return sides;
  for (std::size_t i = 0; i < tasks.size(); ++i)
    if (std::find(sides.attackers.begin(), sides.attackers.end(), i) == sides.attackers.end())
      sides.targets.push_back(i);
  if (sides.targets.empty()) sides.targets = sides.attackers;
  return sides;
}

Objective objective_of(const AttackOptions& options, const Problem& problem) {
  Objective objective{options.objective};
  const auto belongs = [&](const std::string& flag, const std::string& value, const char* name) {
    if (value.empty() == (objective.name == name))
      throw std::invalid_argument(fmt::format("{}: it goes with --objective {}, and the other way round", flag, name));
    return !value.empty();
  };
  if (belongs("--relation", options.relation, "relation")) {
    objective.relation = relation_of(options.relation, problem.train);
    objective.targets = {objective.relation->first, objective.relation->second};
  }
  if (belongs("--wanted", options.wanted, "prediction")) {
    objective.wanted = wanted_rows(options.wanted, problem);
    for (std::size_t i = 0; i < objective.wanted.size(); ++i)
      if (objective.wanted[i].rows() > 0) objective.targets.push_back(i);
  }
  return objective;
}

std::unique_ptr<attack::Utility> utility_of(const Objective& objective, const Problem& problem,
                                            const attack::Threat& threat) {
  if (objective.relation) {
    const auto& [first, second, correlation] = *objective.relation;
    return for_flag("--relation", [&, i = first, j = second, rho = correlation] {
      return std::make_unique<attack::RelationUtility>(i, j, rho, problem.train.size(), problem.learner.smoothing);
    });
  }
  const auto summed_loss = [&](const TaskSet& rows, const char* which, attack::LossUtility::Sense sense) {
    for (const std::size_t target : threat.targets)
      if (rows.size() == 0 || rows[target].rows() == 0)
        throw std::invalid_argument(fmt::format("--objective: {} needs a {} row of every target; \"{}\" has none",
                                                objective.name, which, problem.train[target].name));
    using Layout = mtrl::EmpiricalRisk::Layout;
    return std::make_unique<attack::LossUtility>(problem.learner_rows(rows), *problem.loss, threat.targets, sense,
                                                 problem.map ? Layout::Rows : Layout::Automatic);
  };
  if (objective.name == "prediction") return summed_loss(objective.wanted, "wanted", attack::LossUtility::Sense::Lower);
  if (objective.name == "held-out") return summed_loss(problem.test, "held-out", attack::LossUtility::Sense::Raise);
  return summed_loss(problem.train, "training", attack::LossUtility::Sense::Raise);
}

attack::Limits limits_of(const AttackOptions& options, const Problem& problem) {
  // Rows of a file must be such as can be written in it; a screen, PCA and columns of few values do not go together.
  const bool by_default = options.schema.empty() && problem.dataset.csv && options.stealth.empty() &&
                          problem.preparation.options().pca == 0;
  using Ball = attack::LimitOptions::Ball;
  attack::LimitOptions limits = {.radius = options.radius.value_or(1.0),
                                 .ball = options.radius ? Ball::Always
                                         : by_default   ? Ball::WithoutJumps
                                                        : Ball::Never};
  if (options.schema == "none" || (options.schema.empty() && !by_default)) return attack::limits_of(problem, limits);
  const bool suggested = by_default || options.schema == "auto";
  limits.rules = suggested ? attack::suggested_rules(problem.raw_train) : read_schema(options.schema);
  const std::string flag = by_default ? "--radius: a ball needs --schema none here" : "--schema " + options.schema;
  return for_flag(by_default && !options.radius ? "--schema auto" : flag,
                  [&] { return attack::limits_of(problem, limits); });
}

Attacker attacker_of(const AttackOptions& options, double budget, const Problem& problem, std::uint64_t seed,
                     const std::vector<std::size_t>& default_targets) {
  const TaskSet& tasks = problem.train;
  attack::Limits limits = limits_of(options, problem);
  Attacker attacker{{}, std::move(limits.feasible), std::move(limits.schema), {}};
  auto [targets, attackers] = sides_of(options, tasks);
  if (options.targets.empty() && !default_targets.empty()) targets = default_targets;
  if (targets.empty()) targets = attack::random_halves(tasks.size(), seed).first;
  attacker.prices = prices_of(options, tasks, attackers);
  if (attackers.empty() && !options.prices.empty()) {
    for (std::size_t i = 0; i < tasks.size(); ++i)
      if (std::isfinite(attacker.prices->of_row[i])) attackers.push_back(i);
    if (attackers.empty()) throw std::invalid_argument(fmt::format("--prices: {} names no task", options.prices));
  }
  if (attackers.empty()) attackers = targets;
  attacker.threat = {std::move(targets), std::move(attackers), budget};
  attack::require_valid(attacker.threat, tasks);
  if (attacker.prices) for_flag("--money", [&] { attack::require_valid(*attacker.prices, tasks); });
  return attacker;
}

Fictitious fictitious_of(const AttackOptions& options, const Problem& problem) {
  if (options.fictitious.empty()) {
    if (options.rows_each)
      throw std::invalid_argument(fmt::format("--rows-each: {} needs --fictitious", *options.rows_each));
    return {};
  }
  const auto refuse = [](const char* flag, bool is_given, const char* why) {
    if (is_given) throw std::invalid_argument(fmt::format("{}: it does not go with --fictitious: {}", flag, why));
  };
  refuse("--stealth", !options.stealth.empty(), "a screen is made from clean rows of the task");
  if (problem.dataset.csv && problem.dataset.csv->coding.task_column.empty())
    throw DataError(fmt::format("{}: --fictitious needs a column of tasks (--task); here the tasks are {}",
                                problem.dataset.name,
                                problem.dataset.csv->coding.label_columns.size() > 1 ? "the label columns" : "one"));
  const double m = static_cast<double>(problem.train.size());
  Fictitious fictitious;
  std::string text = options.fictitious;
  const bool is_percent = text.ends_with('%');
  if (is_percent) text.pop_back();
  const bool is_count = !is_percent && text.find_first_of(".eE") == std::string::npos;
  const auto bad = [&] {
    throw std::invalid_argument(
        fmt::format("--fictitious: \"{}\" is neither a number of tasks >= 1 nor a share of the data's tasks, such as "
                    "0.05 or 5%, in (0, 100]",
                    options.fictitious));
  };
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) bad();
  const double share = is_count ? value / m : is_percent ? 0.01 * value : value;
  if (!(value > 0.0) || (!is_count && !(share <= 100.0))) bad();

  const long rows = options.rows_each.value_or(0);
  if (options.rows_each && rows < 2)
    throw std::invalid_argument(fmt::format("--rows-each: {} is not >= 2, as a learner needs in a task", rows));
  fictitious.rows_each = rows;
  if (!options.rows_each) {
    Eigen::VectorXd sizes(static_cast<Eigen::Index>(problem.train.size()));
    for (std::size_t i = 0; i < problem.train.size(); ++i)
      sizes[static_cast<Eigen::Index>(i)] = static_cast<double>(problem.train[i].rows());
    fictitious.rows_each = std::max<Eigen::Index>(2, std::llround(median(sizes)));
  }
  const double count = is_count ? value : std::max(1.0, std::round(share * m));
  const double bytes = count * static_cast<double>(fictitious.rows_each) *
                       static_cast<double>(problem.train.features() + 1) * sizeof(double);
  if (const auto most = static_cast<double>(data::most_unpacked_bytes()); bytes > most)
    throw std::invalid_argument(fmt::format(
        "--fictitious: {} tasks of {} rows would take {:.0f} MB, more than the {:.0f} MB that --max-memory allows",
        count, fictitious.rows_each, bytes / 1e6, most / 1e6));
  fictitious.count = static_cast<std::size_t>(count);
  return fictitious;
}

TaskSet make_up_tasks(const Fictitious& fictitious, Problem& problem, Attacker& attacker, std::uint64_t seed) {
  Rng rng = Rng::stream(seed, "fictitious tasks");
  attack::FictitiousAttack made =
      attack::fictitious_attack(problem.train, attacker.threat.targets, fictitious.count, fictitious.rows_each,
                                std::move(attacker.feasible), *problem.loss, rng);
  const std::vector<std::string> names = fictitious_names(problem.train.names(), fictitious.count);
  problem = with_fictitious_tasks(std::move(problem), names, made.hosts);
  for (std::size_t i = 0; i < made.start.size(); ++i) made.start[i].name = problem.train[i].name;
  attacker.threat = std::move(made.threat);
  attacker.feasible = std::move(made.feasible);
  attacker.hosts = std::move(made.hosts);
  return std::move(made.start);
}

std::optional<attack::InputSpace> inputs_of(const Problem& problem) {
  if (!problem.map) return std::nullopt;
  return attack::InputSpace{*problem.map, problem.train};
}

void require_goes_with_kernel(const AttackOptions& options, const Problem& problem) {
  if (!problem.map) return;
  const auto refuse = [&](const char* flag, bool is_given, const char* why) {
    if (is_given)
      throw std::invalid_argument(
          fmt::format("{}: it does not go with --kernel {}: {}", flag, to_string(problem.kernel.kernel), why));
  };
  refuse("--stealth", !options.stealth.empty(), "its screens are those of the linear learner");
  refuse("--money", options.money.has_value(), "rows are bought by what they do to the linear learner");
}

std::optional<attack::ScreenOptions> stealth_of(const AttackOptions& options, const attack::FeasibleSet& feasible) {
  if (options.stealth.empty()) return std::nullopt;
  return for_flag("--stealth", [&] {
    attack::ScreenOptions screen = attack::screen_named(options.stealth);
    screen.quantile = options.screen.quantile;
    attack::require_valid(screen);
    if (feasible.has_jumps())
      throw std::invalid_argument("a screen cannot be combined with one-hot, binary or integer columns");
    return screen;
  });
}

TaskSet first_rows(const AttackOptions& options, const Attacker& attacker, const Problem& problem, std::uint64_t seed) {
  Rng rng = Rng::stream(seed, "injected rows");
  return attack::random_rows(problem.train, attacker.threat, attacker.feasible,
                             attack::label_rule_named(options.labels), rng);
}

attack::ExactOptions exact_options(const AttackOptions& options) {
  attack::ExactOptions exact;
  exact.starts = options.exact.starts;
  exact.iterations = options.exact.iterations;
  exact.free_labels = options.labels == to_string(attack::LabelRule::Free);
  return exact;
}

}  // namespace crosstalk::app
