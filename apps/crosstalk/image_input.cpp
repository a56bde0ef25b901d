#include "image_input.hpp"

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "crosstalk/data/known_sets.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/image/garments.hpp"
#include "crosstalk/image/shapes.hpp"
#include "crosstalk/task_set.hpp"
#include "problem.hpp"

namespace crosstalk::app {

namespace fs = std::filesystem;

namespace {

constexpr const char* kShapes = "shapes-dense";

const std::vector<std::string>& known_image_sets() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all = image::garment_sets();
    all.emplace_back(kShapes);
    return all;
  }();
  return names;
}

image::FolderSet open_garments(const ImageOptions& options, const CommonOptions& common, Part part) {
  const data::KnownSet& photos = *data::find_known_set("fashion-mnist");
  const auto folder = data::locate(photos, data::default_search_path());
  if (!folder)
    throw DataError(fmt::format("{} is made of {}, which is not on this machine; install {}", options.data, photos.name,
                                photos.debian_package));
  image::GarmentsOptions garments;
  garments.seed = common.seed;
  garments.test = part == Part::Test;
  if (garments.test)
    garments.images = 2000;
  else if (options.images)
    garments.images = *options.images;
  return {image::open_garments(options.data, *folder, garments), {}};
}

image::FolderSet open_shapes(const ImageOptions& options, const CommonOptions& common, Part part) {
  image::ShapesOptions shapes;
  shapes.seed = common.seed;
  shapes.test = part == Part::Test;
  if (shapes.test)
    shapes.images = 500;
  else if (options.images)
    shapes.images = *options.images;
  return {image::open_shapes(shapes), {}};
}

image::FolderSet open_known_set(const ImageOptions& options, const CommonOptions& common, Part part) {
  if (!options.labels.empty())
    throw std::invalid_argument(fmt::format("--labels: {} has its own labels", options.data));
  if (options.data == kShapes) return open_shapes(options, common, part);
  return open_garments(options, common, part);
}

}  // namespace

void add_options(CLI::App& command, ImageOptions& options) {
  command
      .add_option("data,--data", options.data,
                  "garments-3, garments-40, shapes-dense, or a folder of PNG and JPEG files")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeFirst)
      ->group("Data");
  command
      .add_option("--labels", options.labels,
                  "Folder: CSV with a column `file` and one column a task; labels.csv in it when not given")
      ->group("Data");
  command
      .add_option("--images", options.images, "garments, shapes: how many images to make; 5000 and 2500 when not given")
      ->check(CLI::Range(1, 1'000'000))
      ->group("Data");
  command.add_flag("--skip-bad", options.skip_bad, "Leave out images that do not decode")->group("Data");
}

bool is_known_image_set(const std::string& name) {
  const auto& names = known_image_sets();
  return std::find(names.begin(), names.end(), name) != names.end();
}

image::FolderSet open_images(const ImageOptions& options, const CommonOptions& common, Part part, const Watch& watch) {
  if (is_known_image_set(options.data)) return open_known_set(options, common, part);
  std::error_code ignored;
  if (!fs::is_directory(options.data, ignored)) {
    const std::string near = nearest_name(options.data, known_image_sets());
    throw DataError(fmt::format("no image set or folder \"{}\"{}", options.data,
                                near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near)));
  }
  if (part == Part::Test) return {};
  if (options.images)
    throw std::invalid_argument(
        "--images: only for garments-3, garments-40 and shapes-dense; a folder is protected whole");
  return image::open_folder(options.data, {options.labels, options.skip_bad, thread_count(common)}, watch);
}

}  // namespace crosstalk::app
