#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "crosstalk/attack/exact_attack.hpp"
#include "crosstalk/attack/patom.hpp"
#include "crosstalk/attack/threat.hpp"
#include "crosstalk/task_set.hpp"
#include "options.hpp"
#include "problem.hpp"

namespace crosstalk::app {

/// The targets and attackers that the flags name, either may be empty. With attackers alone, all other tasks are the
/// targets; all tasks where there is no other.
struct Sides {
  std::vector<std::size_t> targets;
  std::vector<std::size_t> attackers;
};
Sides sides_of(const AttackOptions& options, const TaskSet& tasks);

/// The threat that the flags name. With neither side: a random half of the tasks; with targets alone: a direct attack.
attack::Threat threat_of(const AttackOptions& options, double budget, const TaskSet& tasks, std::uint64_t seed);

/// Where injected rows may be.
attack::FeasibleSet feasible_set(const attack::Threat& threat, const Problem& problem);
/// The random rows that an attack begins with.
TaskSet first_rows(const AttackOptions& options, const attack::Threat& threat, const Problem& problem, std::uint64_t seed);

attack::PatomOptions patom_options(const AttackOptions& options);
attack::ExactOptions exact_options(const AttackOptions& options);

}  // namespace crosstalk::app
