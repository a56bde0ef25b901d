#pragma once

#include <cstddef>
#include <vector>

#include "crosstalk/attack/threat.hpp"
#include "crosstalk/evaluate/audit.hpp"

namespace crosstalk::evaluate {

/// What an audit will try, which follows from the training rows and the options before anything is learned.
struct AuditPlan {
  std::vector<Scenario> scenarios;
  std::vector<Method> methods;  ///< the least planned first
  std::vector<double> budgets;  ///< ascending
  std::vector<double> dropped_budgets;
  std::vector<Outcome> outcomes;  ///< scenario by scenario, method by method, budgets ascending; nothing run yet
  std::vector<Harm> harms;        ///< likewise
  bool harm_is_partial = false;
  std::vector<CheapestAttack> cheapest_attacks;  ///< likewise

  [[nodiscard]] Method strongest() const { return methods.back(); }
  [[nodiscard]] double largest_budget() const { return budgets.back(); }
  /// More than random rows is tried. These alone are to take a fraction of the time.
  [[nodiscard]] bool is_planned() const { return strongest() != Method::Random; }
};

/// @throws std::invalid_argument as audit() does.
AuditPlan plan_audit(const TaskSet& train, const AuditOptions& options);

/// All tasks but some.
std::vector<std::size_t> all_but(std::size_t tasks, const std::vector<std::size_t>& without);

/// The tasks in which rows can be bought against a target: the attackers, or all.
std::vector<std::size_t> tasks_to_buy_in(const TaskSet& train, const AuditOptions& options, std::size_t target,
                                         bool by_others);
/// Of a row in that task; infinite where none is for sale.
double price_of(const AuditOptions& options, std::size_t task);

/// Fictitious tasks of a scenario at a budget: in proportion to the largest one, at least 1 where there is any.
std::size_t accounts_at(const Scenario& scenario, double budget, double largest);

/// Of a scenario without fictitious tasks.
attack::Threat threat_of(const Scenario& scenario, double budget);

}  // namespace crosstalk::evaluate
