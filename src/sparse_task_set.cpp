#include "crosstalk/sparse_task_set.hpp"

namespace crosstalk {

Eigen::Index SparseTaskSet::rows() const {
  Eigen::Index sum = 0;
  for (const SparseTask& task : tasks) sum += task.features.rows();
  return sum;
}

TaskSet SparseTaskSet::dense() const {
  TaskSet result;
  for (const SparseTask& task : tasks) result.tasks.push_back({task.name, Eigen::MatrixXd(task.features), task.labels});
  return result;
}

}  // namespace crosstalk
