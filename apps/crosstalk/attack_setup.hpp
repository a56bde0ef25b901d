#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crosstalk/attack/exact_attack.hpp"
#include "crosstalk/attack/greedy_budget.hpp"
#include "crosstalk/attack/limits.hpp"
#include "crosstalk/attack/patom.hpp"
#include "crosstalk/attack/schema.hpp"
#include "crosstalk/attack/threat.hpp"
#include "crosstalk/attack/utility.hpp"
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

/// What the attacker maximises, as the flags say it.
struct Objective {
  struct Relation {
    std::size_t first = 0;
    std::size_t second = 0;
    double correlation = 0.0;
  };
  std::string name;
  TaskSet wanted = {};  ///< objective prediction: rows in the learner's units with the labels that are wanted
  std::optional<Relation> relation = {};
  std::vector<std::size_t> targets = {};  ///< when the flags name none; empty: whatever is attacked by default
};
/// @throws std::invalid_argument for flags that do not go together; DataError for a wanted file that does not fit the
/// data.
Objective objective_of(const AttackOptions& options, const Problem& problem);
/// @throws std::invalid_argument for a target without the rows that the objective needs.
std::unique_ptr<attack::Utility> utility_of(const Objective& objective, const Problem& problem,
                                            const attack::Threat& threat);

/// Who attacks whom, with what, and within which limits.
struct Attacker {
  attack::Threat threat;
  attack::FeasibleSet feasible;  ///< without the screen, which needs the learned model
  std::optional<attack::Schema> schema = {};
  std::optional<attack::Prices> prices = {};
  std::vector<std::size_t> hosts = {};  ///< of fictitious tasks; empty where there are none
};
/// Where injected rows may be, by --radius and --schema.
attack::Limits limits_of(const AttackOptions& options, const Problem& problem);
/// The attacker that the flags name. With neither side: a random half of the tasks; with targets alone: a direct
/// attack, or through all tasks that have a price.
/// @param default_targets  when the flags name none.
Attacker attacker_of(const AttackOptions& options, double budget, const Problem& problem, std::uint64_t seed,
                     const std::vector<std::size_t>& default_targets = {});
/// How many tasks --fictitious asks for, and their rows.
struct Fictitious {
  std::size_t count = 0;  ///< 0: none
  Eigen::Index rows_each = 0;
};
/// @throws std::invalid_argument for a number that is none, other flags that do not go with it, more rows than
///   --max-memory allows; DataError for data whose tasks are the label columns of a table.
Fictitious fictitious_of(const AttackOptions& options, const Problem& problem);
/// Makes the tasks up: puts them behind those of the problem, and their rows and hosts into the attacker.
/// @return the rows that the attack begins with, of all tasks.
TaskSet make_up_tasks(const Fictitious& fictitious, Problem& problem, Attacker& attacker, std::uint64_t seed);

/// Where a kernel's learner sees mapped rows: the map and the clean rows, which are the problem's own. None without
/// one.
std::optional<attack::InputSpace> inputs_of(const Problem& problem);
/// @throws std::invalid_argument for a flag that is made for the linear learner, where there is a kernel.
void require_goes_with_kernel(const AttackOptions& options, const Problem& problem);

/// The screen of --stealth; none without it.
/// @throws std::invalid_argument where it does not go with the columns.
std::optional<attack::ScreenOptions> stealth_of(const AttackOptions& options, const attack::FeasibleSet& feasible);

/// The random rows that an attack begins with.
TaskSet first_rows(const AttackOptions& options, const Attacker& attacker, const Problem& problem, std::uint64_t seed);

attack::ExactOptions exact_options(const AttackOptions& options);

}  // namespace crosstalk::app
