#include "crosstalk/attack/input_space.hpp"

namespace crosstalk::attack {

TaskSet InputSpace::map_rows(const TaskSet& rows) const {
  TaskSet mapped;
  for (const Task& task : rows)
    mapped.tasks.push_back(
        {task.name, task.rows() > 0 ? map.map(task.features) : Eigen::MatrixXd(0, map.outputs()), task.labels});
  return mapped;
}

void InputSpace::pull_back(const TaskSet& rows, RowDerivatives& derivatives) const {
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (rows[i].rows() > 0) derivatives.features[i] = map.pullback(rows[i].features, derivatives.features[i]);
}

}  // namespace crosstalk::attack
