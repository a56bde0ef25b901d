#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "crosstalk/task_set.hpp"

namespace crosstalk {

struct Split {
  TaskSet train;
  TaskSet test;  ///< no tasks when nothing was held out
};

/// Every row of every task gets a fold, in each task on its own: fold[task][row] in 0..folds-1.
/// Labels that are all -1 or +1 are stratified: each class is dealt out over the folds in turn, so two folds never
/// differ by more than one row of a class.
std::vector<std::vector<std::size_t>> assign_folds(const TaskSet& tasks, std::size_t folds, std::uint64_t seed);

/// Holds out round(test_fraction * n) rows of every task at random (at least one row stays for training);
/// -1/+1 labels are stratified. Rows keep their order. 0 holds out nothing.
/// @param test_fraction  in [0, 1).
/// @throws std::invalid_argument for a fraction outside the range.
Split split_rows(const TaskSet& tasks, double test_fraction, std::uint64_t seed);

/// True when every label of every task is -1 or +1.
bool has_sign_labels(const TaskSet& tasks);

}  // namespace crosstalk
