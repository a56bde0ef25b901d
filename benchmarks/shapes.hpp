#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/data/known_sets.hpp"
#include "crosstalk/mtrl/solve.hpp"
#include "crosstalk/problem/problem.hpp"
#include "crosstalk/rng.hpp"
#include "crosstalk/task_set.hpp"

/// What the benchmarks run on.
namespace crosstalk::bench {

inline constexpr mtrl::Options kLearner = {.lambda1 = 0.1, .lambda2 = 0.1, .smoothing = 0.1};

/// Tasks with one common direction and a part of their own, rows in the unit ball with a bias as last feature.
inline TaskSet synthetic(Eigen::Index tasks, Eigen::Index rows, Eigen::Index features, bool signs = false) {
  Rng rng(1);
  const Eigen::VectorXd common = rng.in_ball(features, 1.0) * 5.0;
  TaskSet result;
  result.tasks.reserve(static_cast<std::size_t>(tasks));
  for (Eigen::Index i = 0; i < tasks; ++i) {
    const Eigen::VectorXd w = (i % 2 == 0 ? 1.0 : -1.0) * common + rng.in_ball(features, 1.0);
    Task task{"task " + std::to_string(i), Eigen::MatrixXd::Ones(rows, features), Eigen::VectorXd(rows)};
    for (Eigen::Index j = 0; j < rows; ++j) {
      task.features.row(j).head(features - 1) = rng.in_ball(features - 1, 1.0).transpose();
      const double z = task.features.row(j).dot(w) + 0.1 * rng.normal();
      task.labels[j] = signs ? (z < 0.0 ? -1.0 : 1.0) : z;
    }
    result.tasks.push_back(std::move(task));
  }
  return result;
}

/// A known set by its recipe, prepared; no tasks when it is not on this machine.
struct Real {
  TaskSet train;
  std::string loss;
};
inline Real real(const std::string& name) {
  const data::KnownSet* set = data::find_known_set(name);
  if (set == nullptr || !data::locate(*set, data::default_search_path())) return {};
  Problem problem = load_problem(name);
  return {std::move(problem.train), problem.loss->name()};
}

}  // namespace crosstalk::bench
