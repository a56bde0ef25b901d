#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "crosstalk/image/folder_set.hpp"
#include "crosstalk/image/resize.hpp"
#include "crosstalk/run_control.hpp"

namespace crosstalk::image {

struct ImageSetOptions {
  std::filesystem::path labels = {};  ///< of a folder, tar or IDX file; empty: beside the images
  std::optional<std::size_t> images =
      {};                         ///< of a set with a name: how many are drawn or made; none: as its recipe says
  std::optional<Size> size = {};  ///< of a folder, tar or set of photos: all at this size
  bool skip_bad = false;          ///< leave out images that do not decode
  std::optional<Size> working_size = {};  ///< of a folder, tar or picture, as the next: FolderOptions::working_size
  bool keep_one_size = true;
  std::optional<std::size_t> channels = {};
  bool labels_needed = true;
  std::vector<std::string> regression = {};
  std::size_t merge_rare = 0;
  std::uint64_t seed = 1;
  int threads = 1;
};

/// The part of a set that is published, or another that was never published, to test on.
enum class Part { Training, Test };

/// Names of the sets that are made when they are read, or found on the search path of data sets (data::known_sets).
std::vector<std::string> known_image_sets();
bool is_known_image_set(const std::string& name);

/// Opens a known set by its name, or else a folder, a .tar, an .npz or an idx3-ubyte file, or one picture. There is no
/// source where the set has no test part of its own.
/// @throws DataError when there is no such set or file (naming the nearest), or a set is not on this machine;
///   std::invalid_argument for an option that does not fit the set.
FolderSet open_images(const std::string& name_or_path, const ImageSetOptions& options = {}, Part part = Part::Training,
                      const RunControl& control = {});

/// The same of a folder or file, whatever its name is.
FolderSet open_image_files(const std::string& path, const ImageSetOptions& options = {},
                           const RunControl& control = {});

}  // namespace crosstalk::image
