#include "file_set.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/error.hpp"
#include "crosstalk/image/codec.hpp"
#include "crosstalk/image/map_file.hpp"
#include "crosstalk/image/processing.hpp"
#include "crosstalk/parallel.hpp"
#include "dense_map.hpp"

namespace crosstalk::image {

namespace fs = std::filesystem;

namespace {

std::string text_of(const Shape& shape) {
  return fmt::format("{} x {} pixels, {}", shape.width, shape.height, shape.channels == 1 ? "grey" : "RGB");
}

// @throws DataError when it is smaller than that.
Picture centre_of(Picture whole, const FilePlan& plan, const std::string& file) {
  const std::size_t side = plan.centre;
  if (side == 0) return whole;
  const Shape& shape = whole.shape;
  if (std::min(shape.height, shape.width) < side)
    throw DataError(fmt::format("{}: has {} x {} pixels; the middle {} x {} are wanted", plan.store->place(file),
                                shape.width, shape.height, side, side));
  Picture middle{{shape.channels, side, side}, {}};
  middle.pixels.reserve(middle.shape.values());
  for (std::size_t c = 0; c < shape.channels; ++c)
    for (std::size_t y = 0; y < side; ++y) {
      const std::size_t row = (c * shape.height + (shape.height - side) / 2 + y) * shape.width;
      const auto begin = whole.pixels.begin() + static_cast<std::ptrdiff_t>(row + (shape.width - side) / 2);
      middle.pixels.insert(middle.pixels.end(), begin, begin + static_cast<std::ptrdiff_t>(side));
    }
  return middle;
}

Photo photo_of(const FilePlan& plan, const std::string& file) {
  return decode_photo(plan.store->read(file), plan.store->place(file));
}

Picture picture_of(const FilePlan& plan, const std::string& file) {
  return centre_of(photo_of(plan, file).picture, plan, file);
}

// The picture in so many channels: a grey one thrice, or the luma of colours.
Picture in_channels(Picture picture, std::size_t channels) {
  if (picture.shape.channels == channels) return picture;
  if (channels == 3) {
    const std::vector<std::uint8_t> grey = picture.pixels;
    for (int copies = 0; copies < 2; ++copies) picture.pixels.insert(picture.pixels.end(), grey.begin(), grey.end());
  } else {
    picture = processed(std::move(picture), {Processing::Kind::Grey, 0.0});
    picture.pixels.resize(picture.shape.plane());
  }
  picture.shape.channels = channels;
  return picture;
}

// Pictures as the set shows them, in as many channels as their files have; those that are not kept are decoded anew.
using SmallPictures = std::vector<Picture>;

// How the set shows the images of its files.
struct View {
  Shape shape = {};
  bool resize = false;
  std::size_t own_channels = 0;  // of the images as they are published; 0: as they are shown
  SmallPictures kept = {};       // one an image, empty where it is not kept; or none
};

class FileSet : public Source, public PhotoFiles {
 public:
  FileSet(FilePlan plan, View view) : plan_(std::move(plan)), view_(std::move(view)), shape_(view_.shape) {}

  [[nodiscard]] Photo photo(std::size_t index) const override {
    Photo photo = photo_of(plan_, plan_.files[index]);
    photo.picture = in_channels(std::move(photo.picture), view_.own_channels);
    return photo;
  }
  [[nodiscard]] Maps map(std::size_t task, std::size_t index, const Shape& shape) const override {
    Maps values;
    add_map(task, index, {shape.height, shape.width}, false, values);
    return values;
  }

  [[nodiscard]] std::size_t size() const override { return plan_.files.size(); }
  [[nodiscard]] Shape shape() const override { return shape_; }
  [[nodiscard]] const std::vector<TaskInfo>& tasks() const override { return plan_.tasks; }
  [[nodiscard]] std::string stem(std::size_t index) const override {
    return fs::path(plan_.files[index]).replace_extension().generic_string();
  }

  [[nodiscard]] Batch read(std::size_t first, std::size_t count) const override {
    require_range(*this, first, count);
    Batch batch{first,
                shape_,
                {},
                plan_.labels.middleRows(static_cast<Eigen::Index>(first), static_cast<Eigen::Index>(count)),
                {}};
    batch.pixels.reserve(count * shape_.values());
    for (std::size_t i = first; i < first + count; ++i) add_image(i, batch.pixels);
    const bool dense =
        std::any_of(plan_.maps.begin(), plan_.maps.end(), [](const MapFiles& maps) { return !maps.files.empty(); });
    if (dense) batch.maps.resize(plan_.tasks.size());
    for (std::size_t k = 0; k < batch.maps.size(); ++k)
      for (std::size_t i = first; !plan_.maps[k].files.empty() && i < first + count; ++i)
        add_map(k, i, {shape_.height, shape_.width}, view_.resize, batch.maps[k]);
    return batch;
  }

 private:
  [[noreturn]] void fail_changed(const std::string& file) const {
    throw DataError(plan_.store->place(file) + ": has changed while it was in use");
  }

  void add_image(std::size_t i, std::vector<std::uint8_t>& pixels) const {
    const std::string& file = plan_.files[i];
    const bool kept = i < view_.kept.size() && !view_.kept[i].pixels.empty();
    Picture picture = kept ? view_.kept[i] : picture_of(plan_, file);
    if (view_.resize) {
      if (!kept) picture = resized(picture, {shape_.height, shape_.width});
      picture = in_channels(std::move(picture), shape_.channels);
    }
    if (picture.shape != shape_) fail_changed(file);
    pixels.insert(pixels.end(), picture.pixels.begin(), picture.pixels.end());
  }

  void add_map(std::size_t k, std::size_t i, const Size& size, bool resize, Maps& values) const {
    const TaskInfo& task = plan_.tasks[k];
    const MapFiles& maps = plan_.maps[k];
    const std::string& file = maps.files[i];
    if (file.empty()) {
      values.resize(values.size() + task.map_channels() * size.height * size.width, static_cast<float>(kMissing));
      return;
    }
    DenseMap map = decode_map(plan_.store->read(file), plan_.store->place(file));
    if (map.kind != task.kind) fail_changed(file);
    if (resize)
      map.values = resized_map(map.values, map.size, size);
    else if (map.size != size)
      fail_changed(file);
    if (task.kind == Kind::Segmentation)
      for (float& number : map.values) {
        number -= static_cast<float>(maps.first_class);
        if (number < 0 || number >= static_cast<float>(task.classes.size())) fail_changed(file);
      }
    values.insert(values.end(), map.values.begin(), map.values.end());
  }

  FilePlan plan_;
  View view_;
  Shape shape_;
};

// What decoding an image and its maps showed.
struct Checked {
  std::optional<Shape> shape = {};  // none: it does not decode
  Picture small = {};               // as the set may show it; not where there is no room left for it
  bool sixteen_bits = false;
  std::string error = {};
  std::vector<Kind> kinds = {};   // of its maps, one a task
  std::vector<int> classes = {};  // the largest number in each map
};

void check_map(const FilePlan& plan, std::size_t i, std::size_t k, Checked& checked) {
  const std::string& file = plan.maps[k].files[i];
  const std::string place = plan.store->place(file);
  const DenseMap map = decode_map(plan.store->read(file), place);
  if (map.size != Size{checked.shape->height, checked.shape->width})
    throw DataError(fmt::format("{}: has {} x {} pixels, but its image {} has {} x {}", place, map.size.width,
                                map.size.height, plan.files[i], checked.shape->width, checked.shape->height));
  checked.kinds[k] = map.kind;
  if (map.kind != Kind::Segmentation) return;
  const auto& names = plan.tasks[k].classes;
  const int first = plan.maps[k].first_class;
  const int end = first + static_cast<int>(names.size());
  for (const float number : map.values) {
    if (std::isnan(number)) continue;
    const int whole = static_cast<int>(number);
    if (!names.empty() && (whole < first || whole >= end))
      throw DataError(fmt::format("{}: holds the class {}; {} to {} have names", place, whole, first, end - 1));
    checked.classes[k] = std::max(checked.classes[k], whole);
  }
}

// The room that is left for small pictures, in bytes.
class Room {
 public:
  bool take(std::size_t bytes) { return left_.fetch_sub(static_cast<std::int64_t>(bytes)) >= 0; }

 private:
  std::atomic<std::int64_t> left_ = std::int64_t{1} << 28;
};

Checked check(const FilePlan& plan, const FolderOptions& options, std::size_t i, Room& room) {
  Checked checked;
  const std::string& file = plan.files[i];
  Photo photo = photo_of(plan, file);
  const Picture picture = centre_of(std::move(photo.picture), plan, file);
  checked.sixteen_bits = photo.sixteen_bits;
  checked.shape = picture.shape;
  const Size size = options.size.value_or(options.working_size);
  if (room.take(picture.shape.channels * size.height * size.width)) checked.small = resized(picture, size);
  checked.kinds.assign(plan.tasks.size(), Kind::Segmentation);
  checked.classes.assign(plan.tasks.size(), -1);
  for (std::size_t k = 0; k < plan.maps.size(); ++k)
    if (!plan.maps[k].files.empty() && !plan.maps[k].files[i].empty()) check_map(plan, i, k, checked);
  return checked;
}

// Kind and classes of a dense task, from its maps.
void describe_maps(FilePlan& plan, std::size_t k, const std::vector<Checked>& checked) {
  const auto& files = plan.maps[k].files;
  TaskInfo& task = plan.tasks[k];
  std::optional<std::size_t> first;
  int classes = 0;
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (files[i].empty()) continue;
    if (!first) first = i;
    if (checked[i].kinds[k] != checked[*first].kinds[k])
      throw DataError(fmt::format("{}: is a map of another kind than {}; those of task \"{}\" must be of one",
                                  plan.store->place(files[i]), files[*first], task.name));
    classes = std::max(classes, checked[i].classes[k] + 1);
  }
  if (!first)
    throw DataError(fmt::format("{}: no image has a map of task \"{}\" that decodes", plan.store->name(), task.name));
  task.kind = checked[*first].kinds[k];
  if (task.kind == Kind::Segmentation && task.classes.empty())
    for (int c = 0; c < std::max(classes, 1); ++c) task.classes.push_back(fmt::format("{}", c));
}

}  // namespace

void keep_only(FilePlan& plan, const std::vector<std::size_t>& images) {
  const auto of = [&](const std::vector<std::string>& all) {
    std::vector<std::string> kept;
    for (const std::size_t i : images) kept.push_back(all[i]);
    return kept;
  };
  const std::vector<Eigen::Index> rows(images.begin(), images.end());
  plan.files = of(plan.files);
  plan.labels = Eigen::MatrixXd(plan.labels(rows, Eigen::indexing::all));
  for (MapFiles& maps : plan.maps)
    if (!maps.files.empty()) maps.files = of(maps.files);
}

namespace {

// Whether the files keep the sizes that they have, and the set shows them at another.
bool keeps_sizes(const FilePlan& plan, const FolderOptions& options, const std::vector<Checked>& checked) {
  if (options.size || plan.centre != 0) return false;
  const Shape& first = *checked.front().shape;
  if (!options.keep_one_size) {
    const Shape shown = {options.channels.value_or(first.channels), options.working_size.height,
                         options.working_size.width};
    return std::any_of(checked.begin(), checked.end(), [&](const Checked& one) { return *one.shape != shown; });
  }
  return std::max(first.height, first.width) > kLargestWorkingSide ||
         options.channels.value_or(first.channels) != first.channels ||
         std::any_of(checked.begin(), checked.end(), [&](const Checked& one) { return *one.shape != first; });
}

}  // namespace

FolderSet open_files(FilePlan plan, const FolderOptions& options, const RunControl& control) {
  if (plan.files.empty()) throw DataError(plan.store->name() + ": holds no image");
  std::vector<Checked> checked(plan.files.size());
  Room room;
  constexpr std::size_t piece = 256;
  for (std::size_t first = 0; first < checked.size(); first += piece) {
    parallel_for(std::min(piece, checked.size() - first), options.threads, [&](std::size_t i) {
      try {
        checked[first + i] = check(plan, options, first + i, room);
      } catch (const DataError& error) {
        if (!options.skip_bad) throw;
        checked[first + i].error = error.what();
      }
    });
    if (control.progress)
      control.progress(static_cast<double>(first) / static_cast<double>(checked.size()), "checking images");
  }

  std::vector<std::size_t> kept;
  std::size_t sixteen_bits = 0;
  std::size_t channels = 1;
  for (std::size_t i = 0; i < checked.size(); ++i) {
    if (!checked[i].shape) {
      plan.notes.push_back("left out: " + checked[i].error);
      continue;
    }
    channels = std::max(channels, checked[i].shape->channels);
    if (checked[i].sixteen_bits) ++sixteen_bits;
    kept.push_back(i);
  }
  if (kept.empty())
    throw DataError(fmt::format("{}: no image decodes; the first: {}", plan.store->name(), checked.front().error));
  if (kept.size() < checked.size()) {
    keep_only(plan, kept);
    std::erase_if(checked, [](const Checked& one) { return !one.shape; });
  }
  if (sixteen_bits > 0)
    plan.notes.push_back(
        fmt::format("{} image{} 16 bits a channel, rounded to 8", sixteen_bits, sixteen_bits == 1 ? " has" : "s have"));
  const bool own_sizes = keeps_sizes(plan, options, checked);
  View view;
  view.resize = own_sizes || options.size;
  if (view.resize) {
    const Size size = options.size.value_or(options.working_size);
    view.shape = {own_sizes ? options.channels.value_or(channels) : channels, size.height, size.width};
    for (Checked& one : checked) view.kept.push_back(std::move(one.small));
  } else {
    view.shape = *checked.front().shape;
    for (std::size_t i = 0; i < checked.size(); ++i)
      if (*checked[i].shape != view.shape)
        throw DataError(fmt::format("{}: has {}, but {} has {}; images of one set have one size",
                                    plan.store->place(plan.files[i]), text_of(*checked[i].shape), plan.files.front(),
                                    text_of(view.shape)));
  }
  view.own_channels = std::max(channels, view.shape.channels);
  for (std::size_t k = 0; k < plan.maps.size(); ++k)
    if (!plan.maps[k].files.empty()) describe_maps(plan, k, checked);
  const bool as_files = !options.size && plan.centre == 0;
  FolderSet set{nullptr, plan.notes, nullptr};
  auto source = std::make_unique<FileSet>(std::move(plan), std::move(view));
  if (as_files) set.photos = source.get();
  set.source = std::move(source);
  return set;
}

}  // namespace crosstalk::image
