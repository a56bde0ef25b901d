#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/data/dataset.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk {

/// Rows of some tasks, in the order of the tasks and features of a model or a data set. A task without rows is empty.
/// @param owner     whose order that is, for messages.
/// @param features  empty when they have no names: then the order stays.
/// @throws DataError for a task that is not among these, a missing feature, another number of features.
TaskSet rows_in_order(TaskSet rows, const std::string& owner, const std::vector<std::string>& tasks,
                      const std::vector<std::string>& features, Eigen::Index feature_count);

/// Rows with labels of another file, read as the data set's own file is, in the units of the file.
/// @param like        whose tasks and features they have, in this order.
/// @param skip_lines  before its header.
/// @param notes       takes what was done to the file.
/// @throws DataError naming the file and what does not fit.
TaskSet read_more_rows(const std::filesystem::path& path, const data::Dataset& dataset, const TaskSet& like,
                       std::size_t skip_lines, std::vector<std::string>& notes);

}  // namespace crosstalk
