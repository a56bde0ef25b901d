#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "crosstalk/image/folder_set.hpp"

namespace crosstalk::image {

/// The one file of a set whose images are not files of their own.
class Container {
 public:
  virtual ~Container() = default;
  /// Its name when it is published.
  [[nodiscard]] virtual std::string file() const = 0;
  /// The content of the file with these images in place of the set's, and everything else as it was.
  /// @param pixels  of all images, N x C x H x W. @throws std::invalid_argument when they are not so many.
  [[nodiscard]] virtual std::string pack(std::span<const std::uint8_t> pixels) const = 0;
  /// The images of such a file, N x C x H x W. @throws DataError when it is none
  /// @param name  of the file, for messages.
  [[nodiscard]] virtual std::vector<std::uint8_t> unpack(std::string content, const std::string& name) const = 0;
};

/// An .npz file: an array `images` of bytes, N x H x W, N x H x W x C or N x C x H x W with C 1 or 3 (channels last
/// where both fit), and an array for each task, which gives it its name. N whole numbers are classes, called by these
/// numbers; N floats a regression, NaN for a missing label. N x H x W whole numbers from 0 to 254 are a Segmentation
/// (any other number: no label), N x H x W floats a Depth, N x H x W x 3 floats Normals. The set is in memory.
/// @throws DataError as read_npz_arrays does, or for other arrays.
FolderSet open_npz(const std::filesystem::path& path);

/// An IDX file of grey images (images-idx3-ubyte, gzipped or not). The set is in memory.
/// @param labels  a CSV file with a row an image, in their order, and a column a task (as open_folder; a column `file`
///                is passed over, a column `index` counts the rows from 0), or an IDX file of labels, which has one
///                task, `label`. Empty: the file with labels-idx1 in place of images-idx3, labels.csv or manifest.csv
///                beside the images.
/// @throws DataError as read_idx does, or when images and labels do not go together.
FolderSet open_idx(const std::filesystem::path& path, const std::filesystem::path& labels = {});

}  // namespace crosstalk::image
