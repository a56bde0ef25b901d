#pragma once

#include <vector>

#include "crosstalk/defence/screens.hpp"
#include "crosstalk/defence/trim.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::defence {

/// Rows of a task that stand in one place: a row and its copies, moved a little or not at all, or injected rows too few
/// to be crowded.
struct Twins {
  std::vector<Eigen::Index> rows;  ///< in ascending order, two or more
  double closeness =
      1.0;  ///< how much closer the nearest row stands than the k-th does (reach), of the closest of them
};

/// The rows whose nearest row is closer than honest rows come (excess_threshold of the closeness: of honest rows in d
/// dimensions the share beyond t falls as t^-d), each in a group with it. None in a task whose reach is empty.
/// @param bias  the last feature is the constant 1 and is left out.
/// @param rows  those that are looked at.
/// @return the groups of every task.
std::vector<std::vector<Twins>> twins(const TaskSet& tasks, bool bias, const Rows& rows);

/// How much farther it is from a row to three quarters of the other tasks, to the nearest row of each, than to a tenth
/// of them: large where rows of a few tasks stand in one place, as those do that were injected to pull the same
/// targets. 1 in a task none of whose features has a value of its own in most rows. Of many tasks each is compared with
/// 30, of many rows with 6,000.
/// @param bias  the last feature is the constant 1 and is left out.
Look shared_places(const TaskSet& tasks, bool bias);

/// The number above which rows of attacked tasks are too many. Infinite without any, the smaller of two otherwise.
/// Where #{kept above t} - 2 n S(t) is largest, S <= 2 % the share of the others, if there are three standard
/// deviations more than n S(t). Beyond the tail: excess_threshold (Tail::Power) of all rows, again and again until
/// there is none, if the attacked tasks have more than twice the share of rows there that the others have, by four
/// standard deviations, and what is kept of them still has more than twice the share of the others without the quarter
/// of these that has the largest shares, which may be attacked, too.
/// @param attacked  all rows of the attacked tasks, none of the others.
/// @param kept      those that are kept.
/// @param others    rows of the other tasks.
double excess_over(const Look& look, const Rows& attacked, const Rows& kept, const Rows& others);

}  // namespace crosstalk::defence
