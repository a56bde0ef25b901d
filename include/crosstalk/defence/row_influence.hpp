#pragma once

#include <cstddef>

#include "crosstalk/defence/row_scores.hpp"
#include "crosstalk/defence/trim.hpp"
#include "crosstalk/mtrl/solve.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::defence {

/// What a row of task k does to the other tasks, to first order in its weight: the derivative of
///   U_k = sum over i != k of the mean loss of task i on held-out rows
/// in the weight v (1 for every row) of the row's term v loss(w_k'x, y) / N_k of the objective. With H L = dU_k/dW,
///   dU_k/dv = -loss'(w_k'x, y) l_k'x / N_k          [Cook and Weisberg 1980; Koh and Liang 2017],
/// averaged over the folds (three, inside each task) in which the row is learned from. > 0 where the row harms the
/// others. One adjoint solve for a fold and a task: with its own loss in U, which a row moves most, one for a fold
/// would do.
/// @param judged  the rows that losses are measured on.
RowScores influence_on_others(const TaskSet& tasks, const mtrl::Loss& loss, const mtrl::Options& learner,
                              const Rows& judged);

struct RoniOptions {
  mtrl::Options learner = {};
  std::size_t blocks = 10;  ///< >= 1. That the rows of a task are tried in.
};

/// Reject on negative impact [Nelson et al. 2008; Barreno et al. 2010]: by how many standard errors the loss of half of
/// the trusted rows rises when a block of rows is added to a fit of the other half. The loss is the sum over the tasks
/// of the mean loss; the standard error is that of the differences row by row. Blocks hold rows of one task with losses
/// alike under the fit without them, so that injected rows come together. Each costs a fit from a warm start.
/// @param trusted  at least one row of each task.
/// @return the same number for the rows of a block; 0 for trusted rows, which are not tried.
/// @throws std::invalid_argument for no blocks, or a task without trusted rows.
RowScores roni(const TaskSet& tasks, const mtrl::Loss& loss, const Rows& trusted, const RoniOptions& options);

}  // namespace crosstalk::defence
