#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/image/image_set.hpp"

namespace crosstalk::image {

/// The finite number that a cell is, if it is one.
std::optional<double> number_in(std::string_view cell);

/// A CSV file of labels as it stands: a row an image, a column a task.
struct LabelTable {
  struct Row {
    std::string file;                ///< below the folder; empty where the table has no column of files
    std::vector<std::string> cells;  ///< of the tasks
  };
  std::string path;
  std::vector<std::string> tasks;
  std::vector<Row> rows;
};

/// Where images have no files of their own, rows follow their order, which a column `index` must agree with, and a
/// column `file` is passed over.
enum class FileColumn { Needed, PassedOver };

/// Columns `index` and `sha256` are no tasks. @throws DataError naming the line
LabelTable read_label_table(const std::string& content, const std::string& path, FileColumn files);

/// What a column of numbers is.
enum class Numbers { AsTheyLook, Regression };

/// The task of a column, and its labels.
/// @param labels  their column k is filled.
/// @throws DataError when it has no label, too many different words, or a word where it is to be a regression.
TaskInfo read_column(const LabelTable& table, std::size_t k, Eigen::MatrixXd& labels,
                     Numbers numbers = Numbers::AsTheyLook);

/// Merges the classes of a task that fewer than `least` images have, as FolderOptions::merge_rare says.
/// @param labels  of its images.
/// @return  how many classes were merged. @throws DataError when all of them would be.
std::size_t merge_rare_classes(TaskInfo& task, Eigen::Ref<Eigen::VectorXd> labels, std::size_t least);

/// Do all cells of the column that are not empty name a file that ends in .png or .npy?
bool names_maps(const LabelTable& table, std::size_t k);

/// A file's name without its extension.
std::string stem_of(const std::string& file);

}  // namespace crosstalk::image
