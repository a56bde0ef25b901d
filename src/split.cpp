#include "crosstalk/split.hpp"

#include <cmath>
#include <stdexcept>

#include <fmt/format.h>

#include "crosstalk/rng.hpp"

namespace crosstalk {

namespace {

bool has_sign_labels(const Task& task) {
  return (task.labels.array().abs() == 1.0).all();
}

// The rows of a task in random order, one class after the other when the labels are signs. Whatever deals this
// list out evenly is stratified.
std::vector<Eigen::Index> shuffled_by_class(const Task& task, Rng& rng) {
  const bool signs = has_sign_labels(task);
  std::vector<Eigen::Index> positive;
  std::vector<Eigen::Index> rest;
  for (const std::size_t row : rng.permutation(static_cast<std::size_t>(task.rows()))) {
    const auto r = static_cast<Eigen::Index>(row);
    (signs && task.labels[r] > 0 ? positive : rest).push_back(r);
  }
  positive.insert(positive.end(), rest.begin(), rest.end());
  return positive;
}

}  // namespace

bool has_sign_labels(const TaskSet& tasks) {
  for (const Task& task : tasks)
    if (!has_sign_labels(task)) return false;
  return true;
}

std::vector<std::vector<std::size_t>> assign_folds(const TaskSet& tasks, std::size_t folds, std::uint64_t seed) {
  if (folds < 2) throw std::invalid_argument(fmt::format("assign_folds: folds is {}; it must be at least 2", folds));
  std::vector<std::vector<std::size_t>> result(tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    Rng rng = Rng::stream(seed, "folds", i);
    const auto order = shuffled_by_class(tasks[i], rng);
    result[i].resize(order.size());
    for (std::size_t k = 0; k < order.size(); ++k) result[i][static_cast<std::size_t>(order[k])] = k % folds;
  }
  return result;
}

Split split_rows(const TaskSet& tasks, double test_fraction, std::uint64_t seed) {
  if (!(test_fraction >= 0.0 && test_fraction < 1.0))
    throw std::invalid_argument(fmt::format("split_rows: test_fraction is {}; it must be in [0, 1)", test_fraction));
  if (test_fraction == 0.0) return {tasks, {}};
  Split split;
  split.train.feature_names = split.test.feature_names = tasks.feature_names;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const Task& task = tasks[i];
    Rng rng = Rng::stream(seed, "split", i);
    const auto order = shuffled_by_class(task, rng);
    const auto n = static_cast<double>(order.size());
    const double held_out = std::min(std::round(test_fraction * n), n - 1.0);
    // Row k of the list is held out when the running total round((k+1) share) steps up: an even deal along the list.
    std::vector<bool> in_test(order.size(), false);
    const double share = held_out / n;
    for (std::size_t k = 0; k < order.size(); ++k) {
      const auto position = static_cast<double>(k);
      in_test[static_cast<std::size_t>(order[k])] =
          std::floor((position + 1.0) * share + 0.5) > std::floor(position * share + 0.5);
    }
    std::vector<Eigen::Index> train;
    std::vector<Eigen::Index> test;
    for (std::size_t r = 0; r < in_test.size(); ++r)
      (in_test[r] ? test : train).push_back(static_cast<Eigen::Index>(r));
    split.train.tasks.push_back(select_rows(task, train));
    split.test.tasks.push_back(select_rows(task, test));
  }
  return split;
}

}  // namespace crosstalk
