#pragma once

#include <vector>

#include "crosstalk/attack/attack_problem.hpp"
#include "crosstalk/attack/row_gradient.hpp"
#include "crosstalk/attack/threat.hpp"
#include "crosstalk/option_table.hpp"
#include "crosstalk/run_control.hpp"

namespace crosstalk::attack {

struct PatomOptions {
  double step = 100.0;  ///< > 0. Step size of the projected ascent, the same in every iteration.
  int iterations = 10;  ///< >= 0
  /// > 0, at most 1000. Rows in a batch, as a multiple of the target tasks' clean rows, drawn with replacement.
  double batch_share = 3.0;
  bool full_batch = false;                    ///< the exact sum over the target rows instead of a batch
  RowGradient gradient = patom_row_gradient;  ///< dU/dx; Eqs. 15 and 16 by default

  /// Keys, ranges and meanings.
  static const OptionTable<PatomOptions>& table();
};

/// @throws std::invalid_argument naming the option that is outside its range.
void require_valid(const PatomOptions& options);

/// The learner's answer to one set of injected rows.
struct Iterate {
  double utility;  ///< U
  mtrl::Fit fit;
};

struct AttackResult {
  TaskSet injected;               ///< m tasks in the learner's units; those not attacked have no rows
  std::vector<Iterate> iterates;  ///< the start, then one an iteration
  std::vector<double> optima{};   ///< U reached from every start, when there are several
  bool stopped = false;           ///< ended early because the caller asked for it
};

/// PATOM: projected stochastic gradient ascent on the injected rows' features; their labels stay. [Zhao18, Algorithm 1]
AttackResult patom(const AttackProblem& problem, const PatomOptions& options = {}, const RunControl& control = {});

}  // namespace crosstalk::attack
