#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
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

/// A NumPy array of any number of dimensions, as its numbers in C order, little end first.
struct NdArray {
  std::string type;  ///< NumPy's letter and the bytes of a number: "f4", "u1", "i8", "b1", ...
  std::vector<std::size_t> shape;
  std::string bytes;

  [[nodiscard]] std::size_t size() const;  ///< how many numbers
  /// Whole numbers, or true and false.
  [[nodiscard]] bool is_integer() const { return type[0] != 'f'; }
  [[nodiscard]] double value(std::size_t index) const;
};

/// Parses the content of a .npy file as parse_npy does, with any number of dimensions.
NdArray parse_npy_array(std::string_view content, const std::string& name);

/// The content of a .npy file with this array. @throws std::invalid_argument when the shape has not as many bytes.
std::string format_npy(const NdArray& array);

/// Single-precision numbers as an array. @throws std::invalid_argument when the shape has not as many.
NdArray array_of(std::span<const float> values, std::vector<std::size_t> shape);

/// All arrays of a .npz file, of any number of dimensions. @throws DataError as read_npz does.
std::map<std::string, NdArray> read_npz_arrays(const std::filesystem::path& path);
std::map<std::string, NdArray> parse_npz_arrays(std::string content, const std::string& name);

/// The content of an uncompressed .npz file with these arrays, in the order of their names. The same arrays always give
/// the same bytes. @throws std::invalid_argument when there are none.
std::string format_npz(const std::map<std::string, NdArray>& arrays);

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
