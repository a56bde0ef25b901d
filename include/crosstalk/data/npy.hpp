#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/task_set.hpp"

namespace crosstalk::data {

/// A NumPy array of at most two dimensions, as doubles.
struct Array {
  Eigen::MatrixXd values;  ///< 1 x 1 for a scalar, n x 1 for a vector, n x m for a matrix
  int dimensions = 2;      ///< 0, 1 or 2: how NumPy sees it
};

/// Parses the content of a .npy file: version 1 to 3, either byte order, C or Fortran order, any real number type or
/// bool.
/// @param name  of the file or array, for messages.
/// @throws DataError for anything else, a size that does not match the header, or an integer that no double holds.
Array parse_npy(std::string_view content, const std::string& name);

/// Reads a .npy file. @throws DataError as parse_npy and read_file do.
Array read_npy(const std::filesystem::path& path);

/// The names of the arrays in a .npz file, in its order. @throws DataError when it is not a zip archive.
std::vector<std::string> npz_names(const std::filesystem::path& path);

/// The named arrays of a .npz file, or all of them when no names are given.
/// @throws DataError when the file is no zip archive, is damaged, or lacks an array; or as parse_npy does.
std::map<std::string, Array> read_npz(const std::filesystem::path& path, const std::vector<std::string>& names = {});

/// Writes the arrays as an uncompressed .npz of 8-byte floats, in the order of their names, through write_file.
/// The same arrays always give the same bytes. @throws std::invalid_argument when there are none.
void write_npz(const std::filesystem::path& path, const std::map<std::string, Array>& arrays);

/// A task set from a .npz file in either of two forms: arrays `X` (n x d), `y` (n) and, for more than one task, `task`
/// (n integers that name each row's task); or a pair `X0`, `y0`, `X1`, `y1`, ... for each task, which are then named 0,
/// 1, ... Other arrays are not looked at.
/// @throws DataError when the file has neither form (it says what it holds), shapes disagree, or a number is not
/// finite.
TaskSet read_npz_tasks(const std::filesystem::path& path);

}  // namespace crosstalk::data
