#pragma once

#include <cstddef>
#include <vector>

#include "crosstalk/attack/feasible_set.hpp"
#include "crosstalk/attack/threat.hpp"
#include "crosstalk/mtrl/loss.hpp"
#include "crosstalk/mtrl/solve.hpp"
#include "crosstalk/rng.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::attack {

/// An attack through P tasks that the attacker makes up: "attackers can launch indirect attacks by faking some
/// malicious user accounts, which will be treated as attacking tasks" [Zhao18, Sec. 1]. They have no clean row, n_i =
/// 0, so that their term of (2) is the mean over their injected rows alone, and Omega has a row for each.
/// Each has a host, the targets in turn: a task that it looks like, and from whose clean rows and labels its own begin.
struct FictitiousAttack {
  Threat threat;                   ///< attackers: the P last of m + P tasks
  std::vector<std::size_t> hosts;  ///< of the P tasks
  FeasibleSet feasible;            ///< with a range of labels for each of the m + P tasks
  TaskSet start;                   ///< m + P tasks; the first m have no rows
};

/// The hosts of P fictitious tasks: the targets in turn.
std::vector<std::size_t> fictitious_hosts(const std::vector<std::size_t>& targets, std::size_t count);

/// The attack with the rows that it begins with: copies of rows of the host with labels against it, the other class, or
/// the end of the host's range that is farther from the row's own label.
/// With a loss for classes, or FeasibleSet::keep_two_labels, the first two rows of each task have the lowest and the
/// highest label and keep them.
/// @param clean      m tasks, each with rows.
/// @param count      P >= 1.
/// @param rows_each  >= 2.
/// @param feasible   without a screen, which needs clean rows of the task.
/// @throws std::invalid_argument for targets as require_valid(Threat) does, a screen, or numbers outside their ranges.
FictitiousAttack fictitious_attack(const TaskSet& clean, const std::vector<std::size_t>& targets, std::size_t count,
                                   Eigen::Index rows_each, FeasibleSet feasible, const mtrl::Loss& loss, Rng& rng);

/// A fit of the clean rows with columns 0 for so many tasks behind: where the first fit of such an attack begins.
mtrl::Fit with_zero_columns(mtrl::Fit fit, std::size_t count);

}  // namespace crosstalk::attack
