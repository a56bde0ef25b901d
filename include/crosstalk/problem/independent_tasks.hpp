#pragma once

#include <optional>
#include <string>

#include "crosstalk/data/dataset.hpp"
#include "crosstalk/mtrl/loss.hpp"
#include "crosstalk/problem/problem.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk {

/// A data set none of whose tasks has a say in how the rows of another are read, split or left out.
struct IndependentTasks {
  data::Dataset dataset;                ///< without its rows, which are in the members below
  TaskSet train;                        ///< in the units of the file
  TaskSet test;                         ///< no tasks when nothing is held out
  std::optional<double> test_fraction;  ///< held out of each task; none where something else decides
  std::string split_by;                 ///< as Problem::split_by
  const mtrl::Loss* loss = nullptr;

  /// The rows to measure on: the test rows, or the training rows when there are none.
  [[nodiscard]] const TaskSet& evaluation() const { return test.size() > 0 ? test : train; }
};

/// Loads and splits as load_problem does, and prepares nothing. Which rows of a task are held out follows from its
/// name, its rows and the seed; tasks of one row or one class are left out.
/// A file is refused where reading it decided something that the rows of one task could change for the others, so that
/// of two files that differ in some tasks either both give the other tasks the same rows or one is refused
/// (docs/certificates.md). Words that only some tasks have are features that are 0 in all others.
/// @throws DataError as data::load does, for such a file, and for fewer than 2 tasks; std::invalid_argument for options
///   that decide by the rows of all tasks: a split column, filled-in missing values.
IndependentTasks load_independent_tasks(const std::string& name_or_path, const ProblemOptions& options);

}  // namespace crosstalk
