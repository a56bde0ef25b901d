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
  std::string regression;      ///< columns, a,b
  std::size_t merge_rare = 0;  ///< images
  // Not flags of every command.
  std::optional<image::Size> working_size;
  bool keep_one_size = true;
  std::optional<std::size_t> channels;
  bool labels_needed = true;
};

void add_options(CLI::App& command, ImageOptions& options);

/// image::open_images as the flags say.
image::FolderSet open_images(const ImageOptions& options, const CommonOptions& common, image::Part part,
                             const RunControl& control);

/// A folder of published images, with whatever is beside them.
/// @throws DataError as image::open_folder does.
/// @param size  to bring them to, as ImageOptions::size; empty: as they are
image::FolderSet open_copy(const std::filesystem::path& folder, const CommonOptions& common, const RunControl& control,
                           const std::string& size = "");

/// The size that a flag says: N or HEIGHTxWIDTH; none for an empty text. @throws std::invalid_argument
std::optional<image::Size> size_in(const std::string& flag, const std::string& text);

}  // namespace crosstalk::app
