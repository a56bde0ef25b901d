#include "audit_plan.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include <fmt/format.h>

#include "crosstalk/attack/exact_attack.hpp"
#include "crosstalk/attack/patom.hpp"

namespace crosstalk::evaluate {

namespace {

// The later half of the targets and the earlier half of the other tasks: as many attacking tasks as in a direct attack,
// about half of them inside the target set.
std::vector<std::size_t> hybrid_attackers(const std::vector<std::size_t>& targets,
                                          const std::vector<std::size_t>& others) {
  std::vector<std::size_t> both(targets.begin() + static_cast<std::ptrdiff_t>(targets.size() / 2), targets.end());
  both.insert(both.end(), others.begin(), others.begin() + static_cast<std::ptrdiff_t>((others.size() + 1) / 2));
  std::sort(both.begin(), both.end());
  return both;
}

// Behind the scenarios those through fictitious tasks, so that the others keep their numbers.
std::vector<Scenario> with_accounts(std::vector<Scenario> scenarios,
                                    const std::vector<std::vector<std::size_t>>& target_sets,
                                    const AuditOptions& options) {
  if (options.fictitious == 0) return scenarios;
  for (const auto& targets : target_sets)
    scenarios.push_back({targets, {}, attack::Kind::Accounts, options.fictitious, options.rows_each});
  return scenarios;
}

std::vector<Scenario> make_scenarios(const TaskSet& train, const AuditOptions& options) {
  const std::size_t tasks = train.size();
  if (!options.targets.empty()) attack::require_valid({options.targets, options.targets, 0.0}, train);
  if (!options.attackers.empty()) {
    if (options.targets.empty()) throw std::invalid_argument("audit: attackers are named but no targets");
    return with_accounts({{options.targets, options.attackers, attack::kind_of({options.targets, options.attackers})}},
                         {options.targets}, options);
  }
  std::vector<std::vector<std::size_t>> target_sets = {options.targets};
  if (options.targets.empty()) {
    const auto halves = attack::random_halves(tasks, options.seed);
    target_sets = {halves.first, halves.second};
    if (halves.second.empty()) target_sets.pop_back();  // a single task
  }
  std::vector<Scenario> scenarios;
  for (const auto& targets : target_sets) {
    const auto others = all_but(tasks, targets);
    scenarios.push_back({targets, targets, attack::Kind::Direct});
    if (others.empty()) continue;
    scenarios.push_back({targets, others, attack::Kind::Indirect});
    const auto hybrid = hybrid_attackers(targets, others);
    if (attack::kind_of({targets, hybrid}) == attack::Kind::Hybrid)
      scenarios.push_back({targets, hybrid, attack::Kind::Hybrid});
  }
  return with_accounts(std::move(scenarios), target_sets, options);
}

void require_valid(const TaskSet& train, const AuditOptions& options) {
  attack::require_valid(options.patom);
  attack::require_valid(options.exact);
  AuditOptions::table().require_valid(options);
  if (options.fictitious > 0 && options.rows_each < 2)
    throw std::invalid_argument(
        fmt::format("audit: rows each is {}; a fictitious task must have at least 2", options.rows_each));
  if (options.fictitious > 0 && options.stealth)
    throw std::invalid_argument("audit: fictitious tasks have no clean rows that a screen could be made from");
  if (!options.prices.empty() && options.prices.size() != train.size())
    throw std::invalid_argument(fmt::format("audit: {} prices for {} tasks", options.prices.size(), train.size()));
  options.feasible.require_valid(train.features() - (options.feasible.bias ? 1 : 0));
  if (options.defence)
    for (const Task& task : train)
      if (task.rows() < 2)
        throw std::invalid_argument(
            fmt::format("audit: task \"{}\" has {} training row; a defence needs at least 2 in every task", task.name,
                        task.rows()));
}

std::vector<Method> methods_of(const AuditOptions& options) {
  if (options.methods.empty()) throw std::invalid_argument("audit: there is no method");
  std::vector<Method> methods = options.methods;
  std::sort(methods.begin(), methods.end());
  const auto twice = std::adjacent_find(methods.begin(), methods.end());
  if (twice != methods.end())
    throw std::invalid_argument(fmt::format("audit: the method \"{}\" is named twice", to_string(*twice)));
  return methods;
}

bool buys_rows(const TaskSet& train, const Scenario& scenario, double budget) {
  return attack::buys_a_row(threat_of(scenario, budget), train);
}

void choose_budgets(AuditPlan& plan, const TaskSet& train, const AuditOptions& options) {
  if (options.budgets.empty()) throw std::invalid_argument("audit: there is no budget");
  const double largest = *std::max_element(options.budgets.begin(), options.budgets.end());
  for (const double budget : options.budgets) {
    bool is_small = false;
    for (const Scenario& scenario : plan.scenarios) {
      if (scenario.kind == attack::Kind::Accounts) continue;
      if (options.drop_small_budgets && budget > 0.0 && budget < largest && !buys_rows(train, scenario, budget))
        is_small = true;
      else
        attack::require_valid(threat_of(scenario, budget), train);
    }
    (is_small ? plan.dropped_budgets : plan.budgets).push_back(budget);
  }
  std::sort(plan.budgets.begin(), plan.budgets.end());
  std::sort(plan.dropped_budgets.begin(), plan.dropped_budgets.end());
}

void plan_outcomes(AuditPlan& plan) {
  for (std::size_t s = 0; s < plan.scenarios.size(); ++s)
    for (const Method method : plan.methods)
      for (const double budget : plan.budgets) {
        Outcome& outcome = plan.outcomes.emplace_back();
        outcome.scenario = s;
        outcome.method = method;
        outcome.budget = budget;
      }
}

std::vector<std::size_t> most_rows_first(const TaskSet& train, std::vector<std::size_t> tasks) {
  std::stable_sort(tasks.begin(), tasks.end(),
                   [&](std::size_t a, std::size_t b) { return train[a].rows() > train[b].rows(); });
  return tasks;
}

void plan_harms(AuditPlan& plan, const TaskSet& train, const AuditOptions& options) {
  std::vector<std::size_t> order =
      most_rows_first(train, options.attackers.empty() ? all_but(train.size(), {}) : options.attackers);
  plan.harm_is_partial = order.size() > options.harm_tasks;
  if (plan.harm_is_partial) order.resize(std::min(options.harm_sample, order.size()));
  for (const std::size_t attacker : order) {
    const Scenario alone{all_but(train.size(), {attacker}), {attacker}, attack::Kind::Indirect};
    if (alone.targets.empty() || !buys_rows(train, alone, plan.largest_budget())) continue;
    plan.harms.emplace_back().attacker = attacker;
  }
}

void plan_cheapest_attacks(AuditPlan& plan, const TaskSet& train, const AuditOptions& options) {
  if (options.labels != attack::LabelRule::Free || !plan.is_planned()) return;
  std::vector<std::size_t> targets =
      most_rows_first(train, options.targets.empty() ? all_but(train.size(), {}) : options.targets);
  if (targets.size() > options.harm_tasks) targets.resize(std::min(options.harm_sample, targets.size()));
  for (const std::size_t target : targets)
    for (const bool by_others : {false, true}) {
      const auto through = tasks_to_buy_in(train, options, target, by_others);
      const bool is_target_among = std::find(through.begin(), through.end(), target) != through.end();
      if (through.empty() || is_target_among == by_others) continue;
      plan.cheapest_attacks.push_back({target, by_others});
    }
}

}  // namespace

AuditPlan plan_audit(const TaskSet& train, const AuditOptions& options) {
  AuditPlan plan;
  plan.scenarios = make_scenarios(train, options);
  require_valid(train, options);
  plan.methods = methods_of(options);
  choose_budgets(plan, train, options);
  plan_outcomes(plan);
  plan_harms(plan, train, options);
  plan_cheapest_attacks(plan, train, options);
  return plan;
}

std::vector<std::size_t> all_but(std::size_t tasks, const std::vector<std::size_t>& without) {
  const std::vector<bool> is_out = attack::members(without, tasks);
  std::vector<std::size_t> rest;
  for (std::size_t i = 0; i < tasks; ++i)
    if (!is_out[i]) rest.push_back(i);
  return rest;
}

std::vector<std::size_t> tasks_to_buy_in(const TaskSet& train, const AuditOptions& options, std::size_t target,
                                         bool by_others) {
  std::vector<std::size_t> through;
  for (const std::size_t i : options.attackers.empty() ? all_but(train.size(), {}) : options.attackers)
    if (std::isfinite(price_of(options, i)) && !(by_others && i == target)) through.push_back(i);
  return through;
}

double price_of(const AuditOptions& options, std::size_t task) {
  return options.prices.empty() ? 1.0 : options.prices[task];
}

std::size_t accounts_at(const Scenario& scenario, double budget, double largest) {
  if (scenario.fictitious == 0 || !(budget > 0.0)) return 0;
  const double count = static_cast<double>(scenario.fictitious) * budget / largest;
  return std::max<std::size_t>(1, static_cast<std::size_t>(std::llround(count)));
}

attack::Threat threat_of(const Scenario& scenario, double budget) {
  return {scenario.targets, scenario.attackers, budget};
}

const OptionTable<AuditOptions>& AuditOptions::table() {
  static const auto table =
      OptionTable<AuditOptions>("audit")
          .add(&AuditOptions::methods,
               {.key = "method",
                .meaning = "Attack methods, a,b: random; patom (starts from the random rows); exact (starts from "
                           "PATOM's)"})
          .add(&AuditOptions::budgets,
               {.key = "budgets", .meaning = "Injected rows as shares of an attacking task's clean rows, a,b,c"})
          .add(&AuditOptions::labels,
               {.key = "labels",
                .meaning = "Labels of injected rows: clean (drawn from the task's), uniform or ends (of their range), "
                           "free: chosen by `exact`",
                .words = attack::kLabelRules.names()})
          .add(&AuditOptions::reach,
               {.key = "reach",
                .meaning = "Factor by which the cheapest attack must raise a task's training loss",
                .range = above(1)})
          .add(&AuditOptions::defence,
               {.key = "defence",
                .meaning = "Also put a defence before the learner, trim, huber or screen, and let the attacker plan "
                           "against it"})
          .add(&AuditOptions::repeats,
               {.key = "repeats",
                .meaning = "Splits of the data, or draws of the set, over which the main result is given as a range",
                .range = at_least(1)});
  return table;
}

}  // namespace crosstalk::evaluate
