#include "crosstalk/image/image_sets.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <stdexcept>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "crosstalk/data/known_sets.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/image/array_set.hpp"
#include "crosstalk/image/garments.hpp"
#include "crosstalk/image/photo_sets.hpp"
#include "crosstalk/image/public_sets.hpp"
#include "crosstalk/image/shapes.hpp"
#include "crosstalk/names.hpp"
#include "crosstalk/task_set.hpp"
#include "file_store.hpp"

namespace crosstalk::image {

namespace fs = std::filesystem;

namespace {

// Sets that are made when they are read, with a test part of their own.
constexpr const char* kShapes = "shapes-dense";

bool is_made(const std::string& name) {
  const auto& garments = garment_sets();
  return name == kShapes || std::find(garments.begin(), garments.end(), name) != garments.end();
}

// Sets of photos, found on the search path of data sets.
struct PhotoSet {
  const char* name;
  const char* folder;
  const char* file;  // that shows it is there
  Size size;         // when no size is given, as in [Yu25] where it has the set
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

void refuse(bool given, const char* option, const std::string& why) {
  if (given) throw std::invalid_argument(fmt::format("{}: {}", option, why));
}

// What says how a table of labels is read.
void refuse_of_folders(const ImageSetOptions& options, const std::string& set) {
  refuse(!options.regression.empty(), "`regression`", set + " says itself what its labels are");
  refuse(options.merge_rare > 1, "`merge_rare`", set + " says itself what its labels are");
}

// The options of a made set's part; --images counts the training part only.
template <typename Options>
Options made_images(const ImageSetOptions& options, Part part, std::size_t test_images) {
  Options made;
  made.seed = options.seed;
  made.test = part == Part::Test;
  if (made.test)
    made.images = test_images;
  else if (options.images)
    made.images = *options.images;
  return made;
}

FolderSet open_made_garments(const std::string& name, const ImageSetOptions& options, Part part) {
  const data::KnownSet& photos = *data::find_known_set("fashion-mnist");
  const auto folder = data::locate(photos, data::default_search_path());
  if (!folder)
    throw DataError(fmt::format("{} is made of {}, which is not on this machine; install {}", name, photos.name,
                                photos.debian_package));
  return {open_garments(name, *folder, made_images<GarmentsOptions>(options, part, 2000)), {}};
}

FolderSet open_made_shapes(const ImageSetOptions& options, Part part) {
  return {open_shapes(made_images<ShapesOptions>(options, part, 500)), {}};
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

FolderSet open_photos(const PhotoSet& set, const ImageSetOptions& options, Part part, const RunControl& control) {
  const std::string_view name = set.name;
  const fs::path file = locate(set);
  if (name == "cmu-faces") {
    refuse(options.images.has_value(), "`images`", "cmu-faces is protected whole");
    refuse(options.size.has_value(), "`size`", "cmu-faces has 60 x 64 pixels");
    return open_cmu_faces(file.parent_path());
  }
  const bool test = part == Part::Test;
  PhotoOptions photos;
  photos.size = options.size.value_or(set.size);
  if (!test) photos.images = options.images;
  photos.seed = options.seed;
  photos.skip_bad = options.skip_bad;
  photos.threads = options.threads;
  if (name == "celeba") return open_celeba(file.parent_path(), test, photos, control);
  if (name == "chestxray14") return open_chestxray14(file.parent_path(), test, photos, control);
  if (name == "nyuv2") return open_nyuv2(file.parent_path().parent_path(), test, photos, control);
  return name == "pets" ? open_pets(file, photos, control) : open_utkface(file, photos, control);
}

// The one file of a folder that protect wrote from an .npz or IDX file; else the name as it stands.
fs::path input_file(const std::string& name) {
  std::error_code ignored;
  if (fs::is_directory(name, ignored) && fs::exists(fs::path(name) / "manifest.csv", ignored))
    for (const char* file : {"images.npz", "images-idx3-ubyte.gz"})
      if (fs::exists(fs::path(name) / file, ignored)) return fs::path(name) / file;
  return name;
}

}  // namespace

std::vector<std::string> known_image_sets() {
  std::vector<std::string> names = garment_sets();
  names.emplace_back(kShapes);
  for (const PhotoSet& set : kPhotoSets) names.emplace_back(set.name);
  return names;
}

bool is_known_image_set(const std::string& name) {
  return is_made(name) || photo_set(name) != nullptr;
}

FolderSet open_image_files(const std::string& path, const ImageSetOptions& options, const RunControl& control) {
  refuse(options.images.has_value(), "`images`", "only for sets with a name; your own images are protected whole");
  const fs::path input = input_file(path);
  const std::string name = input.filename().string();
  const bool npz = name.ends_with(".npz");
  const bool idx = name.find("idx3-ubyte") != std::string::npos;
  std::error_code ignored;
  if (!fs::is_directory(input, ignored) && (npz || idx)) {
    refuse_of_folders(options, "an .npz or IDX file");
    refuse(options.size.has_value(), "`size`", "an .npz or IDX file is published as it is, with images of its size");
    refuse(npz && !options.labels.empty(), "`labels`", "an .npz file has its own labels");
    return npz ? open_npz(input) : open_idx(input, options.labels);
  }
  FolderOptions reading;
  reading.labels = options.labels;
  reading.skip_bad = options.skip_bad;
  reading.threads = options.threads;
  reading.size = options.size;
  if (options.working_size) reading.working_size = *options.working_size;
  reading.keep_one_size = options.keep_one_size;
  reading.channels = options.channels;
  reading.labels_needed = options.labels_needed;
  reading.regression = options.regression;
  reading.merge_rare = options.merge_rare;
  if (fs::is_directory(input, ignored)) return open_folder(input, reading, control);
  if (name.ends_with(".tar")) return open_tar(input, reading, control);
  if (is_image_name(name)) return open_picture(input, reading);
  throw DataError(fmt::format(
      "{}: is neither a folder nor a .tar, .npz or idx3-ubyte file of images, nor one PNG, JPEG or WebP file",
      input.string()));
}

FolderSet open_images(const std::string& name, const ImageSetOptions& options, Part part, const RunControl& control) {
  if (is_known_image_set(name)) {
    refuse(!options.labels.empty(), "`labels`", name + " has its own labels");
    refuse_of_folders(options, name);
  }
  if (is_made(name)) {
    refuse(options.size.has_value(), "`size`", name + " is made at one size");
    return name == kShapes ? open_made_shapes(options, part) : open_made_garments(name, options, part);
  }
  const PhotoSet* const photos = photo_set(name);
  std::error_code ignored;
  if (photos == nullptr && !fs::exists(name, ignored)) {
    throw DataError(fmt::format("no image set, folder or file \"{}\"{}", name, did_you_mean(name, known_image_sets())));
  }
  if (part == Part::Test && (photos == nullptr || !photos->has_test_part)) return {};
  return photos != nullptr ? open_photos(*photos, options, part, control) : open_image_files(name, options, control);
}

}  // namespace crosstalk::image
