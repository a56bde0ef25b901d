#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crosstalk/image/image_set.hpp"
#include "crosstalk/image/resize.hpp"
#include "crosstalk/run_control.hpp"

namespace crosstalk::image {

struct FolderOptions {
  std::filesystem::path labels = {};  ///< CSV file; empty: labels.csv or manifest.csv beside the images
  bool skip_bad = false;              ///< leave out images that do not decode, with a note, in place of an error
  int threads = 1;
  /// Every image at this size, as `resized` does it, maps as `resized_map`; the set is RGB if any image is, grey ones
  /// then have three equal channels. None: as they are, all of one size.
  std::optional<Size> size = {};
};

struct FolderSet {
  std::unique_ptr<Source> source;
  std::vector<std::string> notes;  ///< what was left out, one sentence each
};

/// A folder of PNG and JPEG files and a CSV file with a column `file` (below the folder) and one column a task; an
/// empty cell is a missing label. The columns `index` and `sha256`, which `crosstalk protect` writes, are no tasks. A
/// column of words, or of at most 100 different whole numbers, has classes (Binary when they are two), in alphabetical
/// or numerical order; any other column of numbers is a regression.
///
/// A column of names that end in .png or .npy is a dense task, each naming the map of one image, of the image's size:
/// grey PNG files of 8 bits are a Segmentation (the number of a class in each pixel, 255 for none; the names of the
/// classes are these numbers, or the lines of a file classes.txt beside the maps), .npy files of H x W floats a Depth,
/// of H x W x 3 Normals (unit vectors x, y, z; NaN for none).
///
/// Where there is no CSV file but most of the files are named as in UTKFace (age_gender_race_...), the tasks are age in
/// nine bins, race and gender; files whose name lacks a field are left out with a note.
///
/// Every image and map is decoded once here, so that a bad one is found before anything else happens; pixels are not
/// kept.
/// @throws DataError naming the file (and line): a column or row twice, a file without a row, a row without a file, an
///         image or map that does not decode or is of the wrong size, a task without any label, no image.
FolderSet open_folder(const std::filesystem::path& folder, const FolderOptions& options = {},
                      const RunControl& control = {});

/// The same of the files in a tar archive, which are read where they lie. Names count from the folder that all of them
/// lie in, if there is one. @throws DataError also as TarFile does.
FolderSet open_tar(const std::filesystem::path& path, const FolderOptions& options = {},
                   const RunControl& control = {});

}  // namespace crosstalk::image
