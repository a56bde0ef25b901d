#include "image_input.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <stdexcept>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include "crosstalk/error.hpp"
#include "problem.hpp"

namespace crosstalk::app {

namespace fs = std::filesystem;

std::optional<image::Size> size_in(const std::string& flag, const std::string& text) {
  if (text.empty()) return std::nullopt;
  constexpr std::size_t most = 8192;
  std::array<std::size_t, 2> sides = {};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, sides[0]);
  bool good = error == std::errc();
  sides[1] = sides[0];
  if (good && stop != end) {
    const auto [last, wrong] = std::from_chars(stop + 1, end, sides[1]);
    good = *stop == 'x' && wrong == std::errc() && last == end;
  }
  if (!good || std::min(sides[0], sides[1]) < 1 || std::max(sides[0], sides[1]) > most)
    throw std::invalid_argument(fmt::format(
        "{}: \"{}\" is neither a side nor HEIGHTxWIDTH, such as 64 or 60x64, each from 1 to {}", flag, text, most));
  return image::Size{sides[0], sides[1]};
}

void add_options(CLI::App& command, ImageOptions& options) {
  command
      .add_option(
          "data,--data", options.data,
          fmt::format("{}, a folder or .tar of PNG, JPEG and WebP files, one such file, or an .npz or idx3-ubyte file",
                      fmt::join(image::known_image_sets(), ", ")))
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeFirst)
      ->group("Data");
  command
      .add_option("--labels", options.labels,
                  "Folder, tar: CSV with a column `file` and one column a task, labels.csv in it when not given; IDX: "
                  "CSV or IDX")
      ->group("Data");
  command
      .add_option("--images", options.images,
                  "How many images: garments and shapes make so many (5000, 2500), utkface, pets, celeba, chestxray14 "
                  "and nyuv2 draw so many (all)")
      ->check(CLI::Range(1, 1'000'000))
      ->group("Data");
  command
      .add_option("--size", options.size,
                  "For studies: bring images to this size, N or HEIGHTxWIDTH; when not given a folder keeps its sizes, "
                  "and it is "
                  "64 for utkface and pets, 70 for celeba, 128 for chestxray14, 72x96 for nyuv2")
      ->group("Data");
  command
      .add_option("--regression", options.regression,
                  "Folder, tar: columns of numbers that are a quantity, not classes, a,b")
      ->group("Data");
  command
      .add_option("--merge-rare", options.merge_rare,
                  "Folder, tar: make one class \"other\" of the classes of a task that fewer images than this have; 0 "
                  "for none")
      ->check(CLI::Range(0, 1'000'000))
      ->group("Data");
  command.add_flag("--skip-bad", options.skip_bad, "Leave out images that do not decode")->group("Data");
}

image::FolderSet open_images(const ImageOptions& options, const CommonOptions& common, image::Part part,
                             const RunControl& control) {
  return image::open_images(options.data,
                            {.labels = options.labels,
                             .images = options.images,
                             .size = size_in("--size", options.size),
                             .skip_bad = options.skip_bad,
                             .working_size = options.working_size,
                             .keep_one_size = options.keep_one_size,
                             .channels = options.channels,
                             .labels_needed = options.labels_needed,
                             .regression = split_list(options.regression),
                             .merge_rare = options.merge_rare,
                             .seed = common.seed,
                             .threads = thread_count(common)},
                            part, control);
}

image::FolderSet open_copy(const fs::path& folder, const CommonOptions& common, const RunControl& control,
                           const std::string& size) {
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored))
    throw DataError(fmt::format("--protected: no folder \"{}\"", folder.string()));
  return image::open_image_files(folder.string(), {.size = size_in("--size", size), .threads = thread_count(common)},
                                 control);
}

}  // namespace crosstalk::app
