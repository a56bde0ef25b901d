#pragma once

#include <memory>
#include <string>
#include <vector>

#include "crosstalk/image/folder_set.hpp"
#include "file_store.hpp"

namespace crosstalk::image {

/// The maps of a dense task.
struct MapFiles {
  std::vector<std::string> files = {};  ///< one an image, empty where it has none; no files: the task is not dense
  int first_class = 0;                  ///< the number that stands for class 0
};

/// Which files make a set, before any of them was opened.
struct FilePlan {
  std::unique_ptr<FileStore> store;
  std::vector<std::string> files = {};
  std::vector<TaskInfo> tasks =
      {};  ///< those with maps get their kind, and classes unless they have some, from the maps
  Eigen::MatrixXd labels = {};
  std::vector<MapFiles> maps = {};  ///< one a task
  std::size_t centre = 0;           ///< side of the square in the middle of each image that counts; 0: the whole image
  std::vector<std::string> notes = {};
};

/// The plan with these images only, in this order.
void keep_only(FilePlan& plan, const std::vector<std::size_t>& images);

/// Decodes every file once and makes the set. @throws DataError as open_folder does.
FolderSet open_files(FilePlan plan, const FolderOptions& options, const RunControl& control);

/// The plan of a store's files whose names are those of UTKFace; others are left out with a note.
FilePlan utkface_plan(std::unique_ptr<FileStore> store);

/// Are more than half of the images named as in UTKFace?
bool has_utkface_names(const FileStore& store);

}  // namespace crosstalk::image
