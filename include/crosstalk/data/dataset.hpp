#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/data/csv.hpp"
#include "crosstalk/data/known_sets.hpp"
#include "crosstalk/option_table.hpp"
#include "crosstalk/preparation.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::data {

/// How a data set is meant to be used: what a command takes when the user says nothing.
struct Recipe {
  std::string loss = "squared";          ///< "squared", "squared-hinge" or "logistic"
  double test_fraction = 0.3;            ///< of each task's rows; not used when the set has a test part
  Eigen::Index pca = 0;                  ///< principal components to keep; 0 for all features as they are
  Scale scale = Scale::UnitBall;         ///< Standard for files
  LabelScale labels = LabelScale::None;  ///< Pooled for files with number labels
  std::size_t folds = 3;                 ///< of the cross-validation of lambdas; 5 for files
};

struct Dataset {
  std::string name;  ///< as the user wrote it
  TaskSet train;     ///< in the units of the file, without a bias column; all rows when there is no test part
  std::optional<TaskSet> test;       ///< of a set whose recipe fixes one, the same tasks in the same order
  std::string task_column = "task";  ///< for writing rows back as CSV; empty: the source has no such column
  std::string label_column = "label";
  Recipe recipe;
  bool is_file = false;               ///< of the user's, and no known set
  std::vector<std::string> notes;     ///< what was done on loading, one sentence each
  std::vector<std::string> sources;   ///< the files that were read
  std::optional<ClassNames> classes;  ///< of a file with two classes
  std::optional<CsvData> csv;         ///< what a CSV file is besides its tasks (and its notes), which are above
};

struct LoadOptions {
  std::uint64_t seed = 1;     ///< of the rows that a recipe draws
  std::string loss = {};      ///< as the user asked; "squared" leaves the labels of a file as they are
  std::string positive = {};  ///< which of a file's two labels is the positive class; empty: class_names decides
  /// A known set's files must have the size and SHA-256 that known_sets.hpp states.
  bool check_known_files = true;
  CsvOptions csv = {};  ///< for CSV files that are not a known set
  std::vector<std::filesystem::path> search_path = default_search_path();

  /// Keys, ranges and meanings.
  static const OptionTable<LoadOptions>& table();
};

/// The label that the learner takes for one of a file that is read by the coding: -1 or +1 for classes, NaN for NaN.
/// @param name  the file's, for messages.
/// @throws DataError for a label that is neither class.
double learner_label(const CsvCoding& coding, const std::optional<ClassNames>& classes, double label,
                     const std::string& name);

/// Loads a known set by its name, or else a file by its extension, .gz or not: .npz, .mat, `*-images-idx3-ubyte` with
/// its labels beside it; svmlight, by .svm, .svmlight, .libsvm or its first row; anything else is read as CSV. Two
/// values of a file's label are two classes and become -1 and +1, unless the loss asked for is "squared"; such a file
/// has the squared hinge loss as its recipe, any other the squared loss.
/// @throws DataError when there is no such set or file (naming the nearest), when a known set is not on this machine
///         (saying where it was looked for and how to get it) or a file of it is another, and as the readers do; for
///         labels of one word, or 3 to 10 whole numbers without a loss. More words than two stay positions in a list.
Dataset load(const std::string& name_or_path, const LoadOptions& options);

}  // namespace crosstalk::data
