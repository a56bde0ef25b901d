#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "crosstalk/attack/schema.hpp"
#include "crosstalk/data/dataset.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::app {

/// A schema as CSV with the columns column, kind and, where there is something to say, low, high, group.
/// @throws DataError naming file, line, value and rule.
std::vector<attack::ColumnRule> read_schema(const std::filesystem::path& path);
std::string format_schema(const std::vector<attack::ColumnRule>& rules);

/// Prices of a row as CSV with the columns task and price: m numbers, infinite for tasks that are not named.
/// @throws DataError naming file, line, value and rule.
std::vector<double> read_prices(const std::filesystem::path& path, const TaskSet& tasks);

/// Rows of some tasks, brought into the order of the tasks and features that somebody else has; a task that has none is
/// empty.
/// @param owner  who that is, for messages.  @param features  empty when they have no names: then the order stays.
/// @throws DataError for a task that is not among these, a feature that is missing, another number of features.
TaskSet rows_in_order(TaskSet rows, const std::string& owner, const std::vector<std::string>& tasks,
                      const std::vector<std::string>& features, Eigen::Index feature_count);

/// Rows with labels of another file, as the data set's own file is read, in the units of the file.
/// @param skip_lines  before its header.
/// @param like   whose tasks and features they have, in this order.
/// @param notes  takes what was done to the file.
/// @throws DataError naming the file and what does not fit.
TaskSet read_more_rows(const std::string& path, const data::Dataset& dataset, const TaskSet& like,
                       std::size_t skip_lines, std::vector<std::string>& notes);

}  // namespace crosstalk::app
