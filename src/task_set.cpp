#include "crosstalk/task_set.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include <fmt/format.h>

#include "crosstalk/names.hpp"

namespace crosstalk {

Eigen::Index TaskSet::rows() const {
  return std::accumulate(begin(), end(), Eigen::Index{0},
                         [](Eigen::Index sum, const Task& t) { return sum + t.rows(); });
}

std::vector<std::string> TaskSet::names() const {
  std::vector<std::string> result;
  result.reserve(size());
  for (const Task& task : tasks) result.push_back(task.name);
  return result;
}

void require_valid(const TaskSet& tasks, const std::string& who, bool may_be_empty) {
  if (tasks.size() == 0 || (may_be_empty && tasks.rows() == 0))
    throw std::invalid_argument(who + ": there are no tasks");
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const Task& task = tasks[i];
    const auto reject = [&](const std::string& why) {
      throw std::invalid_argument(fmt::format("{}: task {} (\"{}\") {}", who, i + 1, task.name, why));
    };
    if (task.rows() == 0 && !may_be_empty) reject("has no rows");
    if (task.labels.size() != task.rows())
      reject(fmt::format("has {} labels for {} rows of features", task.labels.size(), task.rows()));
    if (task.features.cols() != tasks.features())
      reject(fmt::format("has {} features where the first task has {}", task.features.cols(), tasks.features()));
    if (!task.features.allFinite()) reject("has a feature that is not a finite number");
    if (!task.labels.allFinite()) reject("has a label that is not a finite number");
  }
}

Task select_rows(const Task& task, const std::vector<Eigen::Index>& rows) {
  Task selected{task.name, task.features(rows, Eigen::all), task.labels(rows)};
  if (!task.origin.empty())
    for (const Eigen::Index row : rows) selected.origin.push_back(task.origin[static_cast<std::size_t>(row)]);
  return selected;
}

TaskSet join_rows(TaskSet tasks, const TaskSet& more) {
  if (tasks.size() != more.size())
    throw std::invalid_argument(fmt::format("join_rows: {} tasks and {}", tasks.size(), more.size()));
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    Task& task = tasks[i];
    const Eigen::Index added = more[i].rows();
    const Eigen::Index all = task.rows() + added;
    task.features.conservativeResize(all, Eigen::NoChange);
    task.features.bottomRows(added) = more[i].features;
    task.labels.conservativeResize(all);
    task.labels.tail(added) = more[i].labels;
    if (added > 0 && more[i].origin.empty()) task.origin.clear();
    if (!task.origin.empty()) task.origin.insert(task.origin.end(), more[i].origin.begin(), more[i].origin.end());
  }
  return tasks;
}

std::size_t task_index(const TaskSet& tasks, const std::string& name) {
  const auto found = std::find_if(tasks.begin(), tasks.end(), [&](const Task& t) { return t.name == name; });
  if (found != tasks.end()) return static_cast<std::size_t>(found - tasks.begin());
  if (const std::string near = did_you_mean(name, tasks.names()); !near.empty())
    throw std::invalid_argument(fmt::format("unknown task \"{}\"{}", name, near));
  constexpr std::size_t shown = 12;
  std::string known;
  for (std::size_t i = 0; i < std::min(shown, tasks.size()); ++i)
    known += fmt::format("{}\"{}\"", i > 0 ? ", " : "", tasks[i].name);
  throw std::invalid_argument(
      fmt::format("unknown task \"{}\"; the tasks are {}{}", name, known, tasks.size() > shown ? ", ..." : ""));
}

}  // namespace crosstalk
