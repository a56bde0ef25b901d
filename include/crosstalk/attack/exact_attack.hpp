#pragma once

#include <vector>

#include "crosstalk/attack/patom.hpp"
#include "crosstalk/attack/threat.hpp"
#include "crosstalk/run_control.hpp"

namespace crosstalk::attack {

/// Which kinds of steps a round has; one kind alone is for measuring what each is worth.
enum class Moves { Both, Gradient, Replacement };

struct ExactOptions {
  /// >= 1. The first is PATOM's end from the given rows, or these if they are better; the others are random.
  int starts = 8;
  int iterations = 100;     ///< >= 0. Accepted steps from every start.
  double tolerance = 1e-4;  ///< > 0. A start ends when a round of steps raises U - U_clean by less than this share.
  /// labels are the attacker's, too: anywhere in the range of the task's labels, or {-1, +1}
  bool free_labels = false;
  Moves moves = Moves::Both;
  PatomOptions patom = {};  ///< of the first start
  int threads = 1;          ///< over the starts; the result does not depend on it

  /// Keys, ranges and meanings.
  static const OptionTable<ExactOptions>& table();
};
void require_valid(const ExactOptions& options);

/// The strongest attack found from several starts, by monotone ascent on the exact utility: it ends nowhere below its
/// starts, which include PATOM's end from the same rows (docs/methods/attacks.md).
///
/// A round has two kinds of steps. First spectral projected gradient (Birgin, Martinez and Raydan 2000) on rows and
/// free labels, with a monotone line search: at most ten steps, and half of all that may be taken. Then, when
/// labels are free or columns can only jump, a replacement: the adjoint tells for every attacking task the feasible row
/// of greatest influence (Influence::best_row); the rows that gain most by becoming it do, as many as raise U (all,
/// half, a quarter,
/// ...): conditional gradient (Frank and Wolfe 1956) in the space of the rows' distribution.
/// Labels of the rows stay unless they are free. Where the learner sees phi(x) (AttackProblem::inputs), steps are taken
/// with phi held, and InputSpace::refitted, where there is one, ranks the ends of all starts and that of PATOM.
/// @return iterates: the given rows, then the way from the best start; optima: U reached
/// from every start, as it is ranked.
AttackResult exact_attack(const AttackProblem& problem, const ExactOptions& options = {},
                          const RunControl& control = {});

}  // namespace crosstalk::attack
