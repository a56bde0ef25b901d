#pragma once

#include <vector>

#include <Eigen/Core>

#include "crosstalk/attack/input_space.hpp"
#include "crosstalk/attack/row_gradient.hpp"
#include "crosstalk/attack/threat.hpp"

namespace crosstalk::attack {

/// What one row does to the utility to first order in its weight, from the adjoint L (15): with z = w_i'x,
///   phi_i(x, y) = -loss'(z, y) l_i'x,     U(with a row replaced) - U ~ (phi(new) - phi(old)) / N_i
/// [the influence function of Cook and Weisberg 1980; Koh and Liang 2017, for the learner (2)]. The same for every row
/// of the task, so it says which rows do the harm and where a row would do the most.
class Influence {
 public:
  /// @param adjoint  L, d x m.
  Influence(const AttackState& state, const Eigen::MatrixXd& adjoint);

  /// phi of the rows of a task, k.
  [[nodiscard]] Eigen::VectorXd of_rows(const TaskSet& rows, std::size_t task) const;

  /// Mean of phi over all rows of a task, clean and injected: what a row's phi is held against, since the rows of a
  /// task share its weight.
  [[nodiscard]] double mean(std::size_t task) const;

  struct Row {
    Eigen::VectorXd features;  ///< d
    double label = 0.0;
    double influence = 0.0;  ///< phi
  };
  /// The feasible row with the greatest influence, its label at either end of the range. phi sees x through w_i'x and
  /// l_i'x only, so the row is sought on the rim of the feasible set's shadow in that plane: the furthest points in 96
  /// directions, the best two neighbours refined to 1e-6; on balls smaller circles, too.
  /// @param like  where the fixed columns are taken from, d.
  [[nodiscard]] Row best_row(const FeasibleSet& feasible, std::size_t task, Interval labels,
                             const Eigen::VectorXd& like) const;

  /// The same where the learner sees phi(x), in which phi_i is curved: projected ascent from some rows x of the task
  /// and a few random ones, by steps along the gradient and to the feasible point that is furthest in its direction.
  /// The best row found, which need not be the best there is.
  /// @param own  rows x to start from besides clean ones, k x d.
  [[nodiscard]] Row best_row(const InputSpace& inputs, const FeasibleSet& feasible, std::size_t task, Interval labels,
                             const Eigen::VectorXd& like, const Eigen::MatrixXd& own) const;

 private:
  AttackState state_;
  const Eigen::MatrixXd& adjoint_;
};

}  // namespace crosstalk::attack
