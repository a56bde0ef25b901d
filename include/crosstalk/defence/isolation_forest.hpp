#pragma once

#include "crosstalk/defence/row_scores.hpp"
#include "crosstalk/defence/trim.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::defence {

/// Isolation forest [Liu, Ting and Zhou 2008] over the features of the given rows of all tasks: 100 trees, each grown
/// on 256 rows by splits at random features and values. The score of a row is minus the mean depth at which it is
/// alone, a leaf of n rows counting as c(n) = 2 (ln(n - 1) + 0.5772) - 2 (n - 1) / n levels more.
/// @param bias  the last feature is the constant 1 and is left out.
/// @param rows  those that the trees are grown on; at least one in all.
/// @return a score for every row of every task. Neither the order of the rows nor that of the tasks plays a part.
RowScores isolation_scores(const TaskSet& tasks, bool bias, const Rows& rows);

}  // namespace crosstalk::defence
