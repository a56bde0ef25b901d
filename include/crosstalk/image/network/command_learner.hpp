#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crosstalk/image/image_set.hpp"
#include "crosstalk/image/network/score.hpp"

namespace crosstalk::image {

/// What a command that learns images is given, and how its answers are read.
///
/// A folder holds the images as 000000.png, 000001.png, ... in the order of the rows. A folder to train on also holds
/// labels.csv: a column `file` and one column a task, with the names of classes or numbers; an empty cell is a missing
/// label. The answers are such a CSV file about the folder to test on, in any order of rows and columns, with an answer
/// in every cell. Dense tasks have no column.

/// The tasks that have one label an image: those that a command learns.
std::vector<std::size_t> tasks_of_images(const std::vector<TaskInfo>& tasks);

/// Hands over the files of a folder, one by one.
/// @param labels  also labels.csv
void write_image_folder(const Source& source, std::span<const std::size_t> rows, bool labels,
                        const std::function<void(const std::string& name, std::string_view content)>& write);

/// Scores the answers about such a folder: accuracy, balanced over the classes that occur, of a task with classes; the
/// mean absolute error of a task with numbers. The baselines are the commonest class of these images, and the mean of
/// the numbers at `trained`. Images without a label do not count.
/// @param answers  content of the CSV file
/// @param trained  rows of `train` that were trained on
/// @return of the tasks of tasks_of_images, in their order
/// @throws DataError in one line: a column or an image that is missing or comes twice, an answer that is no class of
///         the task or no number.
std::vector<TaskScore> scores_of_answers(const std::string& answers, const Source& test,
                                         std::span<const std::size_t> rows, const Source& train,
                                         std::span<const std::size_t> trained);

}  // namespace crosstalk::image
