#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crosstalk/image/codec.hpp"
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
  /// Without `size`, images that differ in size or channels, or have more than kLargestWorkingSide pixels a side, keep
  /// their own in the files that are published. The set shows them at this size, as `size` would.
  Size working_size = {64, 64};
  bool keep_one_size = true;  ///< images of one size up to kLargestWorkingSide are shown at it, not at the working size
  std::optional<std::size_t> channels = {};  ///< of the images shown, 1 or 3, where they keep their own size
  bool labels_needed = true;                 ///< else a folder without a file of labels is a set without tasks
  std::vector<std::string> regression = {};  ///< columns of numbers that are a regression however few there are
  /// Classes with fewer images are merged into one called "other", with the next rarest until it has as many; 0 or 1:
  /// none are.
  std::size_t merge_rare = 0;
};

/// Pixels a side: larger images, or images of different sizes, are changed at a working size by default.
inline constexpr std::size_t kLargestWorkingSide = 256;

/// The files of a set whose images keep their own size.
class PhotoFiles {
 public:
  virtual ~PhotoFiles() = default;
  /// The image as its file has it, upright, in as many channels as any image of the set has.
  /// @throws DataError as decode_photo does.
  [[nodiscard]] virtual Photo photo(std::size_t index) const = 0;
  /// The map of a dense task at the image's own size, all NaN where the image has none.
  [[nodiscard]] virtual Maps map(std::size_t task, std::size_t index, const Shape& shape) const = 0;
};

struct FolderSet {
  std::unique_ptr<Source> source;
  std::vector<std::string> notes;  ///< what was left out, one sentence each
  const PhotoFiles* photos =
      nullptr;  ///< part of `source`; null where images are brought to a size, cropped, or no files
};

/// A folder of PNG, JPEG and WebP files and a CSV file with a column `file` (below the folder) and one column a task;
/// an empty cell is a missing label. The columns `index` and `sha256`, which `crosstalk protect` writes, are no tasks.
/// A column of words, or of at most 100 different whole numbers, has classes (Binary when they are two), in
/// alphabetical or numerical order; any other column of numbers is a regression.
///
/// A column of names that end in .png or .npy is a dense task, each naming the map of one image, of the image's size:
/// grey PNG files of 8 bits are a Segmentation (the number of a class in each pixel, 255 for none; the names of the
/// classes are these numbers, or the lines of a file classes.txt beside the maps), .npy files of H x W floats a Depth,
/// of H x W x 3 Normals (unit vectors x, y, z; NaN for none).
///
/// Files and folders whose name begins with a dot are passed over, and images that have no row, with a note that counts
/// them.
///
/// Where there is no CSV file but most of the files are named as in UTKFace (age_gender_race_...), the tasks are age in
/// nine bins, race and gender; files whose name lacks a field are left out with a note.
///
/// Every image and map is decoded once here, so that a bad one is found before anything else happens; pixels are not
/// kept.
/// @throws DataError naming the file (and line): a column or row twice, two files whose names differ in case alone, a
///         row without a file, an image or map that does not decode, a task without any label, no image.
FolderSet open_folder(const std::filesystem::path& folder, const FolderOptions& options = {},
                      const RunControl& control = {});

/// The same of the files in a tar archive, which are read where they lie. Names count from the folder that all of them
/// lie in, if there is one. @throws DataError also as TarFile does.
FolderSet open_tar(const std::filesystem::path& path, const FolderOptions& options = {},
                   const RunControl& control = {});

/// One image file, with its row in options.labels, or else in a labels.csv or manifest.csv beside it; without such a
/// file or row it is a set without tasks. @throws DataError as open_folder does
FolderSet open_picture(const std::filesystem::path& path, const FolderOptions& options = {});

}  // namespace crosstalk::image
