#pragma once

#include <cstdint>

#include "crosstalk/attack/patom.hpp"
#include "crosstalk/attack/threat.hpp"
#include "crosstalk/task_set.hpp"
#include "options.hpp"

namespace crosstalk::app {

/// The threat that the flags name. Without targets: a random half of the tasks; without attackers: a direct attack.
attack::Threat threat_of(const AttackOptions& options, double budget, const TaskSet& tasks, std::uint64_t seed);

attack::PatomOptions patom_options(const AttackOptions& options);

}  // namespace crosstalk::app
