#pragma once

#include <cstddef>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/mtrl/solve.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::defence {

/// Positions of rows, a list a task, ascending.
using Rows = std::vector<std::vector<Eigen::Index>>;

Rows all_rows(const TaskSet& tasks);
/// The tasks with these rows alone.
/// @throws std::invalid_argument naming a task of which nothing is left.
TaskSet select(const TaskSet& tasks, const Rows& rows);

/// Rows that are compared with each other: those of a task, or of one class of a task. The rarer class has the larger
/// losses whatever its rows are, so that across classes it would be trimmed away first.
struct Stratum {
  std::size_t task = 0;
  std::vector<Eigen::Index> rows{};  ///< ascending
  std::size_t keep = 0;              ///< how many of them are kept, up to all
};

/// The strata of these rows, everything kept.
std::vector<Stratum> strata_of(const TaskSet& tasks, const Rows& rows, bool by_class);

struct Trimmed {
  mtrl::Fit fit;  ///< of the kept rows
  Rows kept;
  std::vector<double> objectives{};  ///< F over the kept rows after each round's fit; never rises
};

/// Trimmed MTRL: a local minimum, in W and the kept rows, of
///   sum_i 1/h_i sum_{j kept} loss(w_i' x_ij, y_ij) + l1/2 |W|^2 + l2/2 tau(W)^2,     h_i rows of task i are kept,
/// by turns: keep the rows of least loss of each stratum, fit these [TRIM of Jagielski et al. 2018, for m tasks that
/// share Omega]. Neither turn raises the objective, so it ends.
/// @param start  W that the first choice is made by, d x m.
/// @throws std::invalid_argument when nothing of a task is kept.
Trimmed trim(const TaskSet& tasks, const mtrl::Loss& loss, const mtrl::Options& options,
             const std::vector<Stratum>& strata, const Eigen::MatrixXd& start);

/// Loss of every row of a task under its weights.
Eigen::VectorXd row_losses(const Task& task, const mtrl::Loss& loss, const Eigen::VectorXd& w);

}  // namespace crosstalk::defence
