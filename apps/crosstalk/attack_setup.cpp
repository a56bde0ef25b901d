#include "attack_setup.hpp"

#include "problem.hpp"

namespace crosstalk::app {

attack::Threat threat_of(const AttackOptions& options, double budget, const TaskSet& tasks, std::uint64_t seed) {
  attack::Threat threat;
  threat.targets = task_list("--targets", options.targets, tasks);
  if (threat.targets.empty()) threat.targets = attack::random_halves(tasks.size(), seed).first;
  threat.attackers = task_list("--attackers", options.attackers, tasks);
  if (threat.attackers.empty()) threat.attackers = threat.targets;
  threat.budget = budget;
  threat.radius = options.radius;
  return threat;
}

attack::PatomOptions patom_options(const AttackOptions& options) {
  return {options.step, options.iterations, options.batch_share, options.full_batch};
}

}  // namespace crosstalk::app
