#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

#include "crosstalk/image/image_sets.hpp"
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

/// image::open_images as the flags say.
image::FolderSet open_images(const ImageOptions& options, const CommonOptions& common, image::Part part,
                             const RunControl& control);

/// A folder of published images, with whatever is beside them.
/// @throws DataError as image::open_folder does.
image::FolderSet open_copy(const std::filesystem::path& folder, const CommonOptions& common, const RunControl& control);

}  // namespace crosstalk::app
