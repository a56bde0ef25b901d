#pragma once

#include <cstdint>

#include <Eigen/QR>

#include "crosstalk/rng.hpp"
#include "crosstalk/task_set.hpp"
#include "support/problems.hpp"

namespace crosstalk::problems {

/// The tasks with `count` rows behind those of one task, all at the same far place with the same far label: what an
/// attacker does who wants to turn the task's weights.
inline TaskSet with_cluster(TaskSet tasks, std::size_t task, Eigen::Index count, double label) {
  Task& t = tasks[task];
  const Eigen::Index n = t.rows();
  t.features.conservativeResize(n + count, Eigen::NoChange);
  t.features.bottomRows(count).setConstant(1.5);
  t.features.col(t.features.cols() - 1).tail(count).setOnes();
  t.labels.conservativeResize(n + count);
  t.labels.tail(count).setConstant(label);
  return tasks;
}

/// Tasks of 200 rows and more with two features, even in a square, and labels that a line explains but for a wave: what
/// it leaves changes little from one row to the next.
inline TaskSet wavy(Eigen::Index tasks) {
  TaskSet result = related_regression({.tasks = tasks, .rows = 200, .features = 3, .noise = 0.05, .seed = 4});
  std::uint64_t seed = 1;
  for (Task& task : result) {
    Rng rng(seed++);
    const Eigen::VectorXd w = task.features.householderQr().solve(task.labels);
    const Eigen::VectorXd noise = task.labels - task.features * w;
    for (Eigen::Index j = 0; j < task.rows(); ++j)
      for (const Eigen::Index k : {0, 1}) task.features(j, k) = rng.uniform(-1.0, 1.0);
    task.labels = task.features * w + noise + (2.0 * task.features.col(0).array()).cos().matrix();
  }
  return result;
}

/// The rows of a task with `count` more behind them, a tenth of the way from the first ones to those after, their
/// labels off by this much.
inline void add_moved_copies(Task& task, Eigen::Index count, double off) {
  const Eigen::Index n = task.rows();
  task.features.conservativeResize(n + count, Eigen::NoChange);
  task.labels.conservativeResize(n + count);
  task.features.bottomRows(count) = 0.9 * task.features.topRows(count) + 0.1 * task.features.middleRows(count, count);
  task.labels.tail(count) = 0.9 * task.labels.head(count) + 0.1 * task.labels.segment(count, count);
  task.labels.tail(count).array() += off;
}

}  // namespace crosstalk::problems
