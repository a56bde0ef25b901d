#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crosstalk/attack/feasible_set.hpp"
#include "crosstalk/names.hpp"
#include "crosstalk/option_table.hpp"
#include "crosstalk/rng.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::attack {

/// Who attacks whom, and with how much: the sets T_tar and T_att of [Zhao18, Sec. 3] and the feasible set of injected
/// rows.
struct Threat {
  std::vector<std::size_t> targets;     ///< tasks whose loss the attacker raises; positions in the task set
  std::vector<std::size_t> attackers;   ///< tasks to which the attacker can add rows
  double budget = 0.3;                  ///< 0 to 100. Task i gets round(budget * n_i) rows, a share of its clean rows.
  std::vector<Eigen::Index> rows = {};  ///< instead of the budget: the number for each of the m tasks
  std::size_t fictitious = 0;           ///< the last so many tasks have no clean row: the attacker made them up

  /// Keys, ranges and meanings.
  static const OptionTable<Threat>& table();
};

enum class Kind {
  Direct,    ///< attackers = targets
  Indirect,  ///< no task is both
  Hybrid,    ///< anything else
  Accounts,  ///< through fictitious tasks: "faking some malicious user accounts" [Zhao18, Sec. 1]
};
inline constexpr auto kKinds = name_table<Kind>(
    "kind of attack",
    {{Kind::Direct, "direct"}, {Kind::Indirect, "indirect"}, {Kind::Hybrid, "hybrid"}, {Kind::Accounts, "accounts"}});
Kind kind_of(const Threat& threat);
std::string_view to_string(Kind kind);

/// Which of m tasks a set of positions names.
std::vector<bool> members(const std::vector<std::size_t>& set, std::size_t tasks);

/// Number of rows that task i gets.
Eigen::Index injected_rows(const Threat& threat, const TaskSet& tasks, std::size_t task);
/// The same for all m tasks, in time that grows with m alone.
std::vector<Eigen::Index> injected_rows(const Threat& threat, const TaskSet& tasks);
/// Whether any task gets one.
bool buys_a_row(const Threat& threat, const TaskSet& tasks);

/// @throws std::invalid_argument for an empty or unknown set, a task named twice, a budget outside its range, or
///   a budget too small to buy a single row.
void require_valid(const Threat& threat, const TaskSet& tasks);

/// A random half of m tasks (rounded up) as the first set, the rest as the second, both in ascending order.
struct Halves {
  std::vector<std::size_t> first;
  std::vector<std::size_t> second;
};
Halves random_halves(std::size_t tasks, std::uint64_t seed);

/// The range of every task's labels, where free labels may be and what Uniform and Ends draw from: that of the feasible
/// set, or the observed one; {-1, +1} for sign labels.
std::vector<Interval> label_ranges(const TaskSet& clean, const FeasibleSet& feasible = {});

/// How the labels of injected rows are drawn. For classification the observed range is {-1, +1}, and Uniform and Ends
/// are the same.
enum class LabelRule {
  Clean,    ///< from the task's own labels, with replacement
  Uniform,  ///< uniform in the range of the task's labels
  Ends,     ///< the smallest or the largest of the task's labels, each with probability 1/2
  Free,     ///< the attacker's to choose in the observed range; drawn as Uniform where a method keeps them
};
inline constexpr auto kLabelRules = name_table<LabelRule>("rule for labels", {{LabelRule::Clean, "clean"},
                                                                              {LabelRule::Uniform, "uniform"},
                                                                              {LabelRule::Ends, "ends"},
                                                                              {LabelRule::Free, "free"}});
/// @throws std::invalid_argument for a name that no rule has.
LabelRule label_rule_named(const std::string& name);
std::string_view to_string(LabelRule rule);

/// The rows an attack starts from: features random in the feasible set, labels by the rule. m tasks; those that are not
/// attacked have no rows. Rows and labels pass the screen.
TaskSet random_rows(const TaskSet& clean, const Threat& threat, const FeasibleSet& feasible, LabelRule rule, Rng& rng);

/// Moves the features of every row a share of the way to those of a random clean row of its task, each with the label
/// that passes there, nearest to its own. From copies of clean rows, rows that lie among these and in the place of
/// none.
/// @param share  in [0, 1]
void move_towards_clean(TaskSet& rows, const TaskSet& clean, const FeasibleSet& feasible, double share, Rng& rng);

}  // namespace crosstalk::attack
