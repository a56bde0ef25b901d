#pragma once

#include <optional>
#include <string>
#include <vector>

#include "crosstalk/data/dataset.hpp"
#include "crosstalk/problem/problem.hpp"
#include "crosstalk/split.hpp"

namespace crosstalk {

/// Which rows are learned from and which are measured on, and what decided.
struct DataSplit {
  Split rows;
  std::string by;                       ///< as Problem::split_by
  std::optional<double> test_fraction;  ///< of a split by fraction
};

/// Splits the rows of a data set, which are taken from it: by a test file, by the split column, by the set's own test
/// part, by the column `part` that crosstalk wrote, or else by a fraction of each task's rows.
/// @throws std::invalid_argument for options that do not go together, DataError for a split that leaves nothing.
DataSplit split_data(data::Dataset& dataset, const ProblemOptions& options);

/// Leaves out tasks of fewer rows than options.min_rows and, of classes, those that have only one in training, and
/// notes them. Nothing without min_rows.
void leave_out_small_tasks(Split& rows, const ProblemOptions& options, bool is_classification,
                           std::vector<std::string>& notes);

/// @throws DataError for a label other than -1 and +1 where the loss is of classes; `data` is the data set's name.
void require_class_labels(const TaskSet& tasks, const mtrl::Loss& loss, const std::string& data);

/// @throws std::invalid_argument unless 0 <= fraction < 1.
void require_test_fraction(double fraction);

}  // namespace crosstalk
