#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crosstalk/attack/feasible_set.hpp"
#include "crosstalk/names.hpp"
#include "crosstalk/preparation.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::attack {

/// What values a column of the data can take.
enum class ColumnKind {
  Continuous,
  Integer,  ///< whole numbers
  Binary,   ///< 0 or 1
  OneHot,   ///< 0 or 1, and one of its group is 1; none may be where the data have such a row
  Fixed,    ///< what a clean row of the task has there: the attacker cannot choose it
  Label,    ///< the label, and the range of it that free labels have
};
inline constexpr auto kColumnKinds = name_table<ColumnKind>("kind of column", {{ColumnKind::Continuous, "continuous"},
                                                                               {ColumnKind::Integer, "integer"},
                                                                               {ColumnKind::Binary, "binary"},
                                                                               {ColumnKind::OneHot, "one-hot"},
                                                                               {ColumnKind::Fixed, "fixed"},
                                                                               {ColumnKind::Label, "label"}});
std::string_view to_string(ColumnKind kind);
/// @throws std::invalid_argument for a name that no kind has.
ColumnKind column_kind_named(const std::string& name);

struct ColumnRule {
  std::string column;
  ColumnKind kind = ColumnKind::Continuous;
  std::optional<double> low = {};   ///< in the units of the data; none: the smallest value in the data
  std::optional<double> high = {};  ///< likewise the largest
  std::string group = {};           ///< of a one-hot column
};

/// Rules for the columns of injected rows, in the units of the data. Columns without a rule are continuous in the range
/// of the data.
class Schema {
 public:
  /// @param raw    the clean training rows as read.
  /// @param label  the name of the label's column, for a rule about it.
  /// @throws std::invalid_argument for a column that the data lacks or that has two rules, an empty interval, an
  ///   integer column without a whole number in its interval, a one-hot column without a group, or alone in it.
  Schema(const TaskSet& raw, const std::string& label, const std::vector<ColumnRule>& rules);

  /// The set in the learner's units. @throws std::invalid_argument for a preparation with PCA, which mixes the columns,
  /// or a radius that does not go with the rules (FeasibleSet::require_valid).
  [[nodiscard]] FeasibleSet in_learner_units(const Preparation& preparation, double radius) const;
  /// Removes from rows in the units of the data what rounding put on the way there and back.
  /// @param hosts  for tasks behind those of the data: the task whose clean rows its fixed columns are from.
  /// @throws std::logic_error naming the column of a row that was not feasible.
  void settle(TaskSet& rows, const std::vector<std::size_t>& hosts = {}) const;

 private:
  const TaskSet& raw_;
  std::vector<ColumnKind> kinds_;  // a feature
  std::vector<Interval> box_;
  std::vector<OneHot> groups_;
  std::optional<ColumnRule> label_;
};

/// The rules that the data suggest: binary where all values are 0 or 1, one-hot for columns `name=value` that a reader
/// of words made, integer where all are whole, else continuous; all in the range of the data.
std::vector<ColumnRule> suggested_rules(const TaskSet& raw);

/// A name for every feature: its own, or x1, x2, ...
std::vector<std::string> feature_names(const TaskSet& tasks);

}  // namespace crosstalk::attack
