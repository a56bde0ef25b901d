#pragma once

#include <filesystem>
#include <stdexcept>

#include "crosstalk/error.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::data {

/// The tasks of a file, when they are fit for use. @throws DataError `file: task 3 ("3") has no rows` and the like.
inline TaskSet checked_tasks(TaskSet tasks, const std::filesystem::path& path) {
  try {
    require_valid(tasks, path.string());
  } catch (const std::invalid_argument& error) {
    throw DataError(error.what());
  }
  return tasks;
}

}  // namespace crosstalk::data
