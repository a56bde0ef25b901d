#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <vector>

#include <Eigen/Core>

namespace crosstalk {

/// One learning task: n rows of d features and their n labels.
struct Task {
  std::string name;
  Eigen::MatrixXd features;  ///< n x d
  Eigen::VectorXd labels;    ///< n; -1 and +1 for classification
  /// n: which row of its file each row is, 0 for the first; empty where no file says so.
  std::vector<std::size_t> origin = {};

  [[nodiscard]] Eigen::Index rows() const { return features.rows(); }
};

/// m tasks over the same d features. The number of rows may differ from task to task.
struct TaskSet {
  std::vector<Task> tasks;
  std::vector<std::string> feature_names;  ///< d names, or empty when the features have none

  TaskSet() = default;
  TaskSet(std::initializer_list<Task> list) : tasks(list) {}

  [[nodiscard]] std::size_t size() const { return tasks.size(); }
  [[nodiscard]] Eigen::Index features() const { return tasks.empty() ? 0 : tasks.front().features.cols(); }
  [[nodiscard]] Eigen::Index rows() const;
  [[nodiscard]] std::vector<std::string> names() const;

  const Task& operator[](std::size_t i) const { return tasks[i]; }
  Task& operator[](std::size_t i) { return tasks[i]; }
  [[nodiscard]] auto begin() const { return tasks.begin(); }
  [[nodiscard]] auto end() const { return tasks.end(); }
  [[nodiscard]] auto begin() { return tasks.begin(); }
  [[nodiscard]] auto end() { return tasks.end(); }
};

/// Checks that every task has rows, as many labels as rows, the same features as the others, and finite numbers.
/// @param who  the caller's name, the first word of the message.
/// @param may_be_empty  tasks may have no rows, but not all of them.
/// @throws std::invalid_argument naming the first task that breaks a rule.
void require_valid(const TaskSet& tasks, const std::string& who, bool may_be_empty = false);

/// The given rows of a task, in the given order.
Task select_rows(const Task& task, const std::vector<Eigen::Index>& rows);

/// Every task with the rows of the other set's task behind its own; names are those of the first. Origins are lost
/// where the added rows have none.
/// @throws std::invalid_argument when the sets have not as many tasks.
TaskSet join_rows(TaskSet tasks, const TaskSet& more);

/// Position of the task with this name.
/// @throws std::invalid_argument `unknown task "x"; did you mean "y"?`
std::size_t task_index(const TaskSet& tasks, const std::string& name);

}  // namespace crosstalk
