#pragma once

#include "crosstalk/attack/feasible_set.hpp"
#include "crosstalk/attack/input_space.hpp"
#include "crosstalk/attack/utility.hpp"
#include "crosstalk/mtrl/solve.hpp"
#include "crosstalk/rng.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::attack {

/// What is attacked, what the attacker wants, and where the injected rows begin. It refers to what the caller keeps.
struct AttackProblem {
  const mtrl::EmpiricalRisk& clean;  ///< risk over the clean rows
  const Utility& utility;
  const FeasibleSet& feasible;
  const TaskSet& start;  ///< injected rows to begin with (random_rows), m tasks
  const mtrl::Options& learner;
  const mtrl::Fit& near;  ///< a fit of the clean rows, to start the first fit from
  Rng rng = Rng(1);       ///< of batches and further starts
  /// Where the learner sees phi(x): then start and result are rows x, and clean is over phi(x). None: phi(x) = x.
  const InputSpace* inputs = nullptr;
};

}  // namespace crosstalk::attack
