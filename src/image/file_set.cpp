#include "file_set.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/error.hpp"
#include "crosstalk/image/codec.hpp"
#include "crosstalk/image/map_file.hpp"
#include "crosstalk/parallel.hpp"
#include "dense_map.hpp"

namespace crosstalk::image {

namespace fs = std::filesystem;

namespace {

std::string text_of(const Shape& shape) {
  return fmt::format("{} x {} pixels, {}", shape.width, shape.height, shape.channels == 1 ? "grey" : "RGB");
}

// @throws DataError when it is smaller than that.
Picture picture_of(const FilePlan& plan, const std::string& file) {
  Picture whole = decode(plan.store->read(file), plan.store->place(file));
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

class FileSet : public Source {
 public:
  FileSet(FilePlan plan, Shape shape, bool resize) : plan_(std::move(plan)), shape_(shape), resize_(resize) {}

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
      for (std::size_t i = first; !plan_.maps[k].files.empty() && i < first + count; ++i) add_map(k, i, batch.maps[k]);
    return batch;
  }

 private:
  [[noreturn]] void fail_changed(const std::string& file) const {
    throw DataError(plan_.store->place(file) + ": has changed while it was in use");
  }

  void add_image(std::size_t i, std::vector<std::uint8_t>& pixels) const {
    const std::string& file = plan_.files[i];
    Picture picture = picture_of(plan_, file);
    if (resize_) picture = resized(picture, {shape_.height, shape_.width});
    const bool one_for_three = resize_ && picture.shape.channels == 1;
    if (!one_for_three && picture.shape != shape_) fail_changed(file);
    for (std::size_t copies = shape_.channels / picture.shape.channels; copies > 0; --copies)
      pixels.insert(pixels.end(), picture.pixels.begin(), picture.pixels.end());
  }

  void add_map(std::size_t k, std::size_t i, Maps& values) const {
    const TaskInfo& task = plan_.tasks[k];
    const MapFiles& maps = plan_.maps[k];
    const std::string& file = maps.files[i];
    if (file.empty()) {
      values.resize(values.size() + map_values(task, shape_), static_cast<float>(kMissing));
      return;
    }
    DenseMap map = decode_map(plan_.store->read(file), plan_.store->place(file));
    if (map.kind != task.kind) fail_changed(file);
    if (resize_)
      map.values = resized_map(map.values, map.size, {shape_.height, shape_.width});
    else if (map.size != Size{shape_.height, shape_.width})
      fail_changed(file);
    if (task.kind == Kind::Segmentation)
      for (float& number : map.values) {
        number -= static_cast<float>(maps.first_class);
        if (number < 0 || number >= static_cast<float>(task.classes.size())) fail_changed(file);
      }
    values.insert(values.end(), map.values.begin(), map.values.end());
  }

  FilePlan plan_;
  Shape shape_;
  bool resize_;
};

// What decoding an image and its maps showed.
struct Checked {
  std::optional<Shape> shape = {};  // none: it does not decode
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

Checked check(const FilePlan& plan, std::size_t i) {
  Checked checked;
  const std::string& file = plan.files[i];
  checked.shape = picture_of(plan, file).shape;
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

FolderSet open_files(FilePlan plan, const FolderOptions& options, const RunControl& control) {
  if (plan.files.empty()) throw DataError(plan.store->name() + ": holds no image");
  std::vector<Checked> checked(plan.files.size());
  constexpr std::size_t piece = 256;
  for (std::size_t first = 0; first < checked.size(); first += piece) {
    parallel_for(std::min(piece, checked.size() - first), options.threads, [&](std::size_t i) {
      try {
        checked[first + i] = check(plan, first + i);
      } catch (const DataError& error) {
        if (!options.skip_bad) throw;
        checked[first + i].error = error.what();
      }
    });
    if (control.progress)
      control.progress(static_cast<double>(first) / static_cast<double>(checked.size()), "checking images");
  }

  std::vector<std::size_t> kept;
  Shape shape;
  for (std::size_t i = 0; i < checked.size(); ++i) {
    if (!checked[i].shape) {
      plan.notes.push_back("left out: " + checked[i].error);
      continue;
    }
    if (kept.empty()) shape = *checked[i].shape;
    if (options.size)
      shape = {std::max(shape.channels, checked[i].shape->channels), options.size->height, options.size->width};
    else if (*checked[i].shape != shape)
      throw DataError(fmt::format("{}: has {}, but {} has {}; images of one set have one size",
                                  plan.store->place(plan.files[i]), text_of(*checked[i].shape),
                                  plan.files[kept.front()], text_of(shape)));
    kept.push_back(i);
  }
  if (kept.empty())
    throw DataError(fmt::format("{}: no image decodes; the first: {}", plan.store->name(), checked.front().error));
  if (kept.size() < checked.size()) {
    keep_only(plan, kept);
    std::erase_if(checked, [](const Checked& one) { return !one.shape; });
  }
  for (std::size_t k = 0; k < plan.maps.size(); ++k)
    if (!plan.maps[k].files.empty()) describe_maps(plan, k, checked);
  FolderSet set{nullptr, plan.notes};
  set.source = std::make_unique<FileSet>(std::move(plan), shape, options.size.has_value());
  return set;
}

}  // namespace crosstalk::image
