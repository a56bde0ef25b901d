#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

#include "crosstalk/image/folder_set.hpp"
#include "crosstalk/run_control.hpp"
#include "options.hpp"

namespace crosstalk::app {

/// Which images, and their labels.
struct ImageOptions {
  std::string data;
  std::string labels;
  std::optional<std::size_t> images;
  std::string size;
  bool skip_bad = false;
};

void add_options(CLI::App& command, ImageOptions& options);

/// Is it a set that crosstalk knows by name, in place of files of the user's?
bool is_known_image_set(const std::string& name);

/// The part of a set that is published, or another that was never published, to test on.
enum class Part { Training, Test };

/// Opens a known set, a folder or a file. There is no source where the set has no test part of its own.
/// @throws DataError naming what is not there; std::invalid_argument for a flag that does not fit the set.
image::FolderSet open_images(const ImageOptions& options, const CommonOptions& common, Part part,
                             const RunControl& control);

/// A folder of published images, with whatever is beside them.
/// @throws DataError as image::open_folder does.
image::FolderSet open_copy(const std::filesystem::path& folder, const CommonOptions& common, const RunControl& control);

}  // namespace crosstalk::app
