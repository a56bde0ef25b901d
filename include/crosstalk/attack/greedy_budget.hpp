#pragma once

#include <vector>

#include <Eigen/Core>

#include "crosstalk/attack/feasible_set.hpp"
#include "crosstalk/attack/influence.hpp"
#include "crosstalk/attack/threat.hpp"
#include "crosstalk/attack/utility.hpp"
#include "crosstalk/mtrl/solve.hpp"
#include "crosstalk/run_control.hpp"

namespace crosstalk::attack {

/// What rows cost, and what there is to spend, in one currency.
struct Prices {
  std::vector<double> of_row;  ///< m, each > 0; infinite where rows are not for sale
  double money = 0.0;          ///< > 0
};
/// @throws std::invalid_argument for a price or money outside its range, no task with a price, or too little money for
/// any row.
void require_valid(const Prices& prices, const TaskSet& tasks);

/// Rows bought one lot after the other, each in the task where a unit of money raises U most: the one with the largest
///   (phi(best row) - mean of phi over the task's rows) / ((N_i + 1) price_i),
/// the gain of one more row to first order in its weight (16) (phi: Influence), measured at the learner's answer to the
/// rows bought so far. All rows of a lot are that best row, its label at an end of the range.
class GreedyBudget {
 public:
  /// @param threat  attackers: the tasks that can be bought into, all with a finite price; at most `injected_rows` rows
  /// in each.
  /// @param near    a fit of the clean rows.
  GreedyBudget(const mtrl::EmpiricalRisk& clean, const Utility& utility, const FeasibleSet& feasible,
               const Threat& threat, std::vector<double> price_of_row, const mtrl::Options& learner,
               const mtrl::Fit& near, Rng rng);

  /// Buys as many rows as the amount pays for, at least one, and no more than the limit pays for.
  /// @return false when nothing is left that can be paid and raises U.
  bool buy(double amount, double limit);
  /// Gives back the last lot's rows, one bisection after the other, as long as U stays at or above the wanted value.
  void give_back(double wanted);

  [[nodiscard]] const TaskSet& rows() const { return bought_; }  ///< m tasks
  [[nodiscard]] double price() const { return spent_; }          ///< of all rows
  [[nodiscard]] double price_of_rest() const;                    ///< of all rows that can still be had
  [[nodiscard]] double utility() const { return utility_value_; }

 private:
  struct Offer {
    std::size_t task;
    Eigen::Index room;  // rows that can be had
    Influence::Row row;
    double gain;  // for a unit of money, > 0
  };
  [[nodiscard]] std::vector<Offer> offers(double limit);
  [[nodiscard]] Eigen::Index rows_for(double money, std::size_t task) const;
  void take(const Offer& offer, Eigen::Index rows);
  void answer();

  const mtrl::EmpiricalRisk& clean_;
  const Utility& utility_;
  const FeasibleSet& feasible_;
  const Threat& threat_;
  std::vector<double> prices_;
  const mtrl::Options& learner_;
  Rng rng_;
  std::vector<Interval> ranges_;
  std::vector<Eigen::Index> most_;  // rows that the threat allows each task
  TaskSet bought_;
  mtrl::EmpiricalRisk risk_;
  mtrl::Fit fit_;
  double utility_value_;
  double spent_ = 0.0;
  std::size_t last_task_ = 0;
  Eigen::Index last_rows_ = 0;
};

/// The rows that an attacker buys who has so much money: 16 lots of a sixteenth of it. What is left buys nothing.
TaskSet allocate_budget(GreedyBudget budget, double money, const RunControl& control = {});

/// Buys until U reaches a value, each time for as much as is spent already, then gives back what was too much of the
/// last lot. The price is an upper bound of the cheapest: the lots are chosen greedily. It gives up where at four times
/// the last lot's rate all that is left would not do.
/// @return when it gave up, the budget with the largest utility(), which is below the value.
GreedyBudget cheapest_attack(const GreedyBudget& start, double wanted, const RunControl& control = {});

}  // namespace crosstalk::attack
