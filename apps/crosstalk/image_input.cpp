#include "image_input.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include "crosstalk/data/known_sets.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/image/array_set.hpp"
#include "crosstalk/image/garments.hpp"
#include "crosstalk/image/photo_sets.hpp"
#include "crosstalk/image/public_sets.hpp"
#include "crosstalk/image/shapes.hpp"
#include "crosstalk/task_set.hpp"
#include "problem.hpp"

namespace crosstalk::app {

namespace fs = std::filesystem;

namespace {

// Sets that are made when they are read, with a test part of their own.
constexpr const char* kShapes = "shapes-dense";

bool is_made(const std::string& name) {
  const auto& garments = image::garment_sets();
  return name == kShapes || std::find(garments.begin(), garments.end(), name) != garments.end();
}

// Sets of photos, found on the search path of data sets.
struct PhotoSet {
  const char* name;
  const char* folder;
  const char* file;  // that shows it is there
  image::Size size;  // when --size is not given, as in [Yu25] where it has the set
  bool has_test_part;
};
constexpr std::array<PhotoSet, 6> kPhotoSets = {
    {{"cmu-faces", "cmu_faces", "cmu_faces_half.idx3-ubyte.gz", {60, 64}, false},
     {"utkface", "utkface", "utkface_crop_part1.tar", {64, 64}, false},
     {"pets", "oxford_pets_sample", "oxford_pets_sample.tar", {64, 64}, false},
     {"celeba", "celeba", "list_attr_celeba.txt", {70, 70}, true},
     {"chestxray14", "chestxray14", "train_val_list.txt", {128, 128}, true},
     {"nyuv2", "nyuv2", "train/image", {72, 96}, true}}};

const PhotoSet* photo_set(const std::string& name) {
  const auto* const found =
      std::find_if(kPhotoSets.begin(), kPhotoSets.end(), [&](const PhotoSet& set) { return name == set.name; });
  return found != kPhotoSets.end() ? found : nullptr;
}

std::vector<std::string> known_image_sets() {
  std::vector<std::string> names = image::garment_sets();
  names.emplace_back(kShapes);
  for (const PhotoSet& set : kPhotoSets) names.emplace_back(set.name);
  return names;
}

std::optional<image::Size> size_in(const std::string& text) {
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
        "--size: \"{}\" is neither a side nor HEIGHTxWIDTH, such as 64 or 60x64, each from 1 to {}", text, most));
  return image::Size{sides[0], sides[1]};
}

void refuse(bool given, const char* flag, const std::string& why) {
  if (given) throw std::invalid_argument(fmt::format("{}: {}", flag, why));
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

fs::path locate(const PhotoSet& set) {
  std::vector<std::string> roots;
  for (const fs::path& root : data::default_search_path()) {
    fs::path file = root / set.folder / set.file;
    std::error_code ignored;
    if (fs::exists(file, ignored)) return file;
    roots.push_back(root.string());
  }
  throw DataError(fmt::format("{} is read from {}/{}, which is in none of {}; set CROSSTALK_DATA to the folder above",
                              set.name, set.folder, set.file, fmt::join(roots, ", ")));
}

image::FolderSet open_photos(const PhotoSet& set, const ImageOptions& options, const CommonOptions& common, Part part,
                             const RunControl& control) {
  const std::string_view name = set.name;
  const fs::path file = locate(set);
  if (name == "cmu-faces") {
    refuse(options.images.has_value(), "--images", "cmu-faces is protected whole");
    refuse(!options.size.empty(), "--size", "cmu-faces has 60 x 64 pixels");
    return image::open_cmu_faces(file.parent_path());
  }
  const bool test = part == Part::Test;
  image::PhotoOptions photos;
  photos.size = size_in(options.size).value_or(set.size);
  if (!test) photos.images = options.images;
  photos.seed = common.seed;
  photos.skip_bad = options.skip_bad;
  photos.threads = thread_count(common);
  if (name == "celeba") return image::open_celeba(file.parent_path(), test, photos, control);
  if (name == "chestxray14") return image::open_chestxray14(file.parent_path(), test, photos, control);
  if (name == "nyuv2") return image::open_nyuv2(file.parent_path().parent_path(), test, photos, control);
  return name == "pets" ? image::open_pets(file, photos, control) : image::open_utkface(file, photos, control);
}

// The one file of a folder that protect wrote from an .npz or IDX file; else the name as it stands.
fs::path input_file(const std::string& name) {
  std::error_code ignored;
  if (fs::is_directory(name, ignored) && fs::exists(fs::path(name) / "manifest.csv", ignored))
    for (const char* file : {"images.npz", "images-idx3-ubyte.gz"})
      if (fs::exists(fs::path(name) / file, ignored)) return fs::path(name) / file;
  return name;
}

image::FolderSet open_files(const ImageOptions& options, const CommonOptions& common, const RunControl& control) {
  refuse(options.images.has_value(), "--images", "only for sets with a name; your own images are protected whole");
  const fs::path input = input_file(options.data);
  const std::string name = input.filename().string();
  const bool npz = name.ends_with(".npz");
  const bool idx = name.find("idx3-ubyte") != std::string::npos;
  std::error_code ignored;
  if (!fs::is_directory(input, ignored) && (npz || idx)) {
    refuse(!options.size.empty(), "--size", "an .npz or IDX file is published as it is, with images of its size");
    refuse(npz && !options.labels.empty(), "--labels", "an .npz file has its own labels");
    return npz ? image::open_npz(input) : image::open_idx(input, options.labels);
  }
  const image::FolderOptions reading = {options.labels, options.skip_bad, thread_count(common), size_in(options.size)};
  if (fs::is_directory(input, ignored)) return image::open_folder(input, reading, control);
  if (name.ends_with(".tar")) return image::open_tar(input, reading, control);
  throw DataError(fmt::format("{}: is neither a folder nor a .tar, .npz or idx3-ubyte file of images", input.string()));
}

}  // namespace

void add_options(CLI::App& command, ImageOptions& options) {
  command
      .add_option("data,--data", options.data,
                  fmt::format("{}, a folder or .tar of PNG and JPEG files, or an .npz or idx3-ubyte file",
                              fmt::join(known_image_sets(), ", ")))
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
      .add_option(
          "--size", options.size,
          "Folder, tar, sets of photos: bring images to this size, N or HEIGHTxWIDTH; when not given 64 for utkface "
          "and pets, 70 for celeba, 128 for chestxray14, 72x96 for nyuv2")
      ->group("Data");
  command.add_flag("--skip-bad", options.skip_bad, "Leave out images that do not decode")->group("Data");
}

bool is_known_image_set(const std::string& name) {
  return is_made(name) || photo_set(name) != nullptr;
}

image::FolderSet open_images(const ImageOptions& options, const CommonOptions& common, Part part,
                             const RunControl& control) {
  if (is_known_image_set(options.data))
    refuse(!options.labels.empty(), "--labels", options.data + " has its own labels");
  if (is_made(options.data)) {
    refuse(!options.size.empty(), "--size", options.data + " is made at one size");
    return options.data == kShapes ? open_shapes(options, common, part) : open_garments(options, common, part);
  }
  const PhotoSet* const photos = photo_set(options.data);
  std::error_code ignored;
  if (photos == nullptr && !fs::exists(options.data, ignored)) {
    const std::string near = nearest_name(options.data, known_image_sets());
    throw DataError(fmt::format("no image set, folder or file \"{}\"{}", options.data,
                                near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near)));
  }
  if (part == Part::Test && (photos == nullptr || !photos->has_test_part)) return {};
  return photos != nullptr ? open_photos(*photos, options, common, part, control)
                           : open_files(options, common, control);
}

image::FolderSet open_copy(const fs::path& folder, const CommonOptions& common, const RunControl& control) {
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored))
    throw DataError(fmt::format("--protected: no folder \"{}\"", folder.string()));
  ImageOptions copy;
  copy.data = folder.string();
  return open_files(copy, common, control);
}

}  // namespace crosstalk::app
