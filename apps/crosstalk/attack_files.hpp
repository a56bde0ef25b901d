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

}  // namespace crosstalk::app
