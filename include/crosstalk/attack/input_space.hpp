#pragma once

#include <functional>

#include "crosstalk/attack/row_gradient.hpp"
#include "crosstalk/feature_map.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::attack {

/// Where the learner is linear in phi(x) and not in x: the rows of an attack, its feasible set and its steps are in
/// input space, where x is; the risk, the fits and the adjoints see phi(x).
struct InputSpace {
  const FeatureMap& map;  ///< phi
  const TaskSet& clean;   ///< the clean rows x
  /// U of a learner who chooses phi anew, from the clean rows and these. May be empty.
  std::function<double(const TaskSet& rows)> refitted = {};

  /// phi of the rows of every task.
  [[nodiscard]] TaskSet map_rows(const TaskSet& rows) const;
  /// From derivatives with respect to phi(x) those with respect to x.
  void pull_back(const TaskSet& rows, RowDerivatives& derivatives) const;
};

}  // namespace crosstalk::attack
