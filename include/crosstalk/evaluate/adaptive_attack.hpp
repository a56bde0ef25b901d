#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/attack/feasible_set.hpp"
#include "crosstalk/attack/threat.hpp"
#include "crosstalk/attack/utility.hpp"
#include "crosstalk/defence/certificate.hpp"
#include "crosstalk/defence/defend.hpp"
#include "crosstalk/mtrl/empirical_risk.hpp"
#include "crosstalk/mtrl/solve.hpp"
#include "crosstalk/rng.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::evaluate {

/// A learner that stands behind a defence, and what the attacker wants of it.
struct DefendedProblem {
  const mtrl::EmpiricalRisk& clean;
  const attack::Utility& utility;
  attack::FeasibleSet feasible;  ///< of the injected rows, with a screen if they must pass one
  double quantile = 1.0;         ///< that the screen was made with
  attack::Threat threat;
  attack::LabelRule labels = attack::LabelRule::Free;
  mtrl::Fit fit;  ///< of the clean rows
  defence::Options defence;
};

/// Places rows within limits, from a start, against the learner of these clean rows without a defence.
using RowPlacement =
    std::function<TaskSet(const mtrl::EmpiricalRisk& clean, const attack::FeasibleSet& feasible, TaskSet start)>;

/// Injected rows, and the learner's answer behind its defence.
struct DefendedAttack {
  std::string plan;  ///< how they were placed, in words
  TaskSet injected;
  Eigen::MatrixXd weights;
  double utility = 0.0;
  double injected_left_out = 0.0;  ///< share of them that the defence left out
  double honest_left_out = 0.0;    ///< share of the clean rows
};

/// An attacker who knows the defence and plans against it [as Koh, Steinhardt and Liang 2018 do against sanitisation]:
///   1. the attack as it is;
///   2. the same within ever smaller quantiles of the clean rows' distances and residuals, and on features that are
///      copied from clean rows, or lie a tenth of the way from one to another, as far as these are feasible (not where
///      columns can only jump);
///   3. from the best of these, up to three times: of the injected rows those that the defence leaves out are moved to
///      between two that it keeps, and all are placed again against the learner of the clean rows that it keeps.
/// Of all, the one that leaves the defended learner worst off.
/// @return the attack as it is, then the one of the attacker who knows.
/// @throws as defence::defend, attack::random_rows.
std::pair<DefendedAttack, DefendedAttack> adaptive_attack(const DefendedProblem& problem, const RowPlacement& place,
                                                          Rng rng);

/// Where rows of a feasible set, or those that pass a screen besides, may be: m entries for defence::certify.
std::vector<defence::Admitted> admitted_rows(const TaskSet& clean, const attack::FeasibleSet& feasible);

}  // namespace crosstalk::evaluate
