#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/task_set.hpp"

namespace crosstalk::data {

/// A variable of a MATLAB file, or an entry of a cell array.
struct MatVariable {
  std::string name;                ///< empty inside a cell array
  std::string kind;                ///< "matrix", "cell array", or what else it is: "struct", "text", ...
  Eigen::MatrixXd matrix;          ///< of a matrix: real numbers of any class, logical, or sparse (filled with zeros)
  std::vector<MatVariable> cells;  ///< of a cell array, column by column
};

/// All variables of a MATLAB 5 file (`save -v6` or `-v7`: plain or compressed, either byte order).
/// What is neither numbers nor cells is listed by name and kind only.
/// @throws DataError when the file is of another version, cut short or damaged, or when its sparse matrices would fill
///         more than 1 GiB.
std::vector<MatVariable> read_mat(const std::filesystem::path& path);

/// The matrix of this name among the variables of a file.
/// @throws DataError naming what the file holds instead.
const Eigen::MatrixXd& mat_matrix(const std::vector<MatVariable>& variables, std::string_view name,
                                  const std::filesystem::path& path);

/// A task set from a pair of cell arrays of the same length, one cell a task: `feature` (n x d) and `label` (n), or `X`
/// and `Y`. Tasks are named 1, 2, ...
/// @throws DataError as read_mat does, when there is no such pair, shapes disagree, or a number is not finite.
TaskSet read_mat_tasks(const std::filesystem::path& path);

}  // namespace crosstalk::data
