#include "crosstalk/task_set.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include <fmt/format.h>

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

void require_valid(const TaskSet& tasks, const std::string& who) {
  if (tasks.size() == 0) throw std::invalid_argument(who + ": there are no tasks");
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const Task& task = tasks[i];
    const auto reject = [&](const std::string& why) {
      throw std::invalid_argument(fmt::format("{}: task {} (\"{}\") {}", who, i + 1, task.name, why));
    };
    if (task.rows() == 0) reject("has no rows");
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
  const std::string near = nearest_name(name, tasks.names());
  if (!near.empty()) throw std::invalid_argument(fmt::format("unknown task \"{}\"; did you mean \"{}\"?", name, near));
  constexpr std::size_t shown = 12;
  std::string known;
  for (std::size_t i = 0; i < std::min(shown, tasks.size()); ++i)
    known += fmt::format("{}\"{}\"", i > 0 ? ", " : "", tasks[i].name);
  throw std::invalid_argument(
      fmt::format("unknown task \"{}\"; the tasks are {}{}", name, known, tasks.size() > shown ? ", ..." : ""));
}

std::string nearest_name(const std::string& word, const std::vector<std::string>& candidates) {
  // Levenshtein distance, one row at a time.
  const auto distance = [&](const std::string& other) {
    std::vector<std::size_t> row(other.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= word.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i;
      for (std::size_t j = 1; j <= other.size(); ++j) {
        const std::size_t substitute = diagonal + (word[i - 1] == other[j - 1] ? 0 : 1);
        diagonal = row[j];
        row[j] = std::min({substitute, row[j] + 1, row[j - 1] + 1});
      }
    }
    return row.back();
  };
  std::string best;
  std::size_t best_distance = (word.size() + 1) / 2;  // with half of it wrong it is another word
  for (const std::string& candidate : candidates) {
    if (const std::size_t d = distance(candidate); d < best_distance) {
      best_distance = d;
      best = candidate;
    }
  }
  return best;
}

}  // namespace crosstalk
