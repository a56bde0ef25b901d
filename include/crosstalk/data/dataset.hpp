#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/data/csv.hpp"
#include "crosstalk/data/known_sets.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::data {

/// How a data set is meant to be used: what a command takes when the user says nothing.
struct Recipe {
  std::string loss = "squared";  ///< "squared", "squared-hinge" or "logistic"
  double test_fraction = 0.3;    ///< of each task's rows; not used when the set has a test part
  Eigen::Index pca = 0;          ///< principal components to keep; 0 for all features as they are
  bool standardise_labels = false;
};

struct Dataset {
  std::string name;  ///< as the user wrote it
  TaskSet train;     ///< in the units of the file, without a bias column; all rows when there is no test part
  std::optional<TaskSet> test;       ///< of a set whose recipe fixes one, the same tasks in the same order
  std::string task_column = "task";  ///< for writing rows back as CSV; empty: the source has no such column
  std::string label_column = "label";
  Recipe recipe;
  std::vector<std::string> notes;    ///< what was done on loading, one sentence each
  std::vector<std::string> sources;  ///< the files that were read
};

struct LoadOptions {
  std::uint64_t seed = 1;  ///< of the rows that a recipe draws
  std::string loss = {};   ///< as the user asked; "squared" leaves labels 0/1 of a file as they are
  /// A known set's files must have the size and SHA-256 that known_sets.hpp states.
  bool check_known_files = true;
  CsvOptions csv = {};  ///< for CSV files that are not a known set
  std::vector<std::filesystem::path> search_path = default_search_path();
};

/// Loads a known set by its name, or else a file by its extension, .gz or not: .npz, .mat, `*-images-idx3-ubyte` with
/// its labels beside it; anything else is read as CSV. Labels 0/1 of a file become -1/+1 unless the loss asked for is
/// "squared"; a file with labels -1/+1 has the squared hinge loss as its recipe, any other the squared loss.
/// @throws DataError when there is no such set or file (naming the nearest), when a known set is not on this machine
///         (saying where it was looked for and how to get it) or a file of it is another, and as the readers do.
Dataset load(const std::string& name_or_path, const LoadOptions& options);

}  // namespace crosstalk::data
