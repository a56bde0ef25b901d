#pragma once

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

}  // namespace crosstalk::problems
