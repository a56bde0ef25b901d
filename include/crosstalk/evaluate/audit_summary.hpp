#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "crosstalk/attack/threat.hpp"
#include "crosstalk/evaluate/audit.hpp"

namespace crosstalk::evaluate {

/// How far one kind of attack gets with one budget, over the targets of all scenarios of that kind that ran.
struct Exposure {
  attack::Kind kind = attack::Kind::Direct;
  Method method = Method::Random;
  double budget = 0.0;
  double loss_rise = 0.0;  ///< sum of the targets' losses / sum of their clean losses - 1; NaN when that sum is 0
  /// Likewise of a learner that prepares its data anew (Outcome::refit_loss); NaN where that was not measured.
  double refit_rise = std::numeric_limits<double>::quiet_NaN();
  double clean_metric = 0.0;  ///< mean of the primary metric over the targets where it is defined; NaN when nowhere
  double metric = 0.0;        ///< likewise, after the attack
  double utility_rise = 0.0;  ///< mean over the scenarios of the attacker's utility / the clean one - 1
};

/// What happened to one target.
struct TaskExposure {
  struct Under {
    attack::Kind kind = attack::Kind::Direct;
    Method method = Method::Random;
    double loss = 0.0;
    /// (loss - clean loss) / mean clean loss of all targets; NaN when that mean is 0. A task with next to no clean loss
    /// has a small one, and the mean over the targets of an attack's scenarios is the attack's Exposure::loss_rise.
    double added_loss = 0.0;
    double metric = 0.0;
  };
  std::size_t task = 0;
  std::vector<Under> attacks;  ///< kind by kind, random rows first
  std::size_t worst = 0;       ///< position in `attacks` of the planned attack with the largest loss

  /// Null when this kind did not run.
  [[nodiscard]] const Under* find(attack::Kind kind, Method method) const;
};

/// Smallest and largest value over splits of the data. Of five, these enclose the median of all splits with
/// probability 15/16.
struct SplitRange {
  double low = 0.0;
  double high = 0.0;
  std::size_t splits = 1;  ///< the audit's own among them
};

/// How an attack moved the learned correlation of two tasks.
struct CorrelationChange {
  std::size_t scenario = 0;
  std::size_t first = 0;  ///< tasks, first < second
  std::size_t second = 0;
  double clean = 0.0;
  double attacked = 0.0;
};

/// The few numbers that answer the audit's question. All are computed from an AuditResult alone.
struct AuditSummary {
  std::string metric;                   ///< name of the primary metric
  std::vector<attack::Kind> kinds;      ///< that the audit has, in the order of attack::kKinds
  std::vector<Method> methods;          ///< that the audit has, the least planned first
  Method planned = Method::Patom;       ///< the last of them: attacks by it are the planned ones
  std::vector<double> budgets;          ///< ascending, each once
  std::vector<Exposure> exposures;      ///< kind by kind, method by method, budgets ascending; only what ran
  std::optional<double> budget;         ///< largest budget at which a planned attack ran: the numbers below are for it
  std::optional<Exposure> worst;        ///< the planned kind with the largest rise of the loss
  std::optional<SplitRange> loss_rise;  ///< of `worst`, where it was repeated on other splits
  std::optional<SplitRange> attacked_metric;  ///< likewise its metric after the attack
  std::vector<TaskExposure> tasks;            ///< targets, largest added loss of the worst planned attack first
  std::vector<CorrelationChange> correlation_changes;  ///< planned attacks, strongest first, at most ten a scenario
  std::optional<std::size_t> most_harmful;             ///< position in AuditResult::harms of the first one that ran
  std::size_t fictitious = 0;  ///< tasks that the attacker makes up at the largest budget; 0: not tried
  Eigen::Index rows_each = 0;  ///< of each of them
  std::size_t planned_attacks = 0;
  std::size_t finished_attacks = 0;
  std::size_t planned_harms = 0;
  std::size_t finished_harms = 0;
  std::size_t unconverged = 0;  ///< fits of clean rows, attacks and harms that did not converge (an attack counts once)

  /// Random rows are there to hold the planned ones against.
  [[nodiscard]] bool has_baseline() const { return methods.size() > 1 && methods.front() == Method::Random; }
  /// Null when it did not run.
  [[nodiscard]] const Exposure* find(attack::Kind kind, Method method, double at_budget) const;
};

AuditSummary summarise(const AuditResult& result);

}  // namespace crosstalk::evaluate
