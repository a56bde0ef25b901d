#include "attack_setup.hpp"

#include <algorithm>
#include <utility>

namespace crosstalk::app {

Sides sides_of(const AttackOptions& options, const TaskSet& tasks) {
  Sides sides{task_list("--targets", options.targets, tasks), task_list("--attackers", options.attackers, tasks)};
  if (!sides.targets.empty() || sides.attackers.empty()) return sides;
  for (std::size_t i = 0; i < tasks.size(); ++i)
    if (std::find(sides.attackers.begin(), sides.attackers.end(), i) == sides.attackers.end()) sides.targets.push_back(i);
  if (sides.targets.empty()) sides.targets = sides.attackers;
  return sides;
}

attack::Threat threat_of(const AttackOptions& options, double budget, const TaskSet& tasks, std::uint64_t seed) {
  auto [targets, attackers] = sides_of(options, tasks);
  if (targets.empty()) targets = attack::random_halves(tasks.size(), seed).first;
  if (attackers.empty()) attackers = targets;
  return {std::move(targets), std::move(attackers), budget, options.radius};
}

attack::FeasibleSet feasible_set(const attack::Threat& threat, const Problem& problem) {
  return {threat.radius, problem.preparation.options().bias};
}

TaskSet first_rows(const AttackOptions& options, const attack::Threat& threat, const Problem& problem, std::uint64_t seed) {
  Rng rng = Rng::stream(seed, "injected rows");
  return attack::random_rows(problem.train, threat, feasible_set(threat, problem), attack::label_rule_named(options.labels), rng);
}

attack::PatomOptions patom_options(const AttackOptions& options) {
  return {options.step, options.iterations, options.batch_share, options.full_batch};
}

attack::ExactOptions exact_options(const AttackOptions& options) {
  attack::ExactOptions exact;
  exact.starts = options.starts;
  exact.iterations = options.exact_steps;
  exact.free_labels = options.labels == to_string(attack::LabelRule::Free);
  return exact;
}

}  // namespace crosstalk::app
