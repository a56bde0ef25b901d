#include "crosstalk/image/array_set.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "crosstalk/data/csv_scanner.hpp"
#include "crosstalk/data/files.hpp"
#include "crosstalk/data/idx.hpp"
#include "crosstalk/data/npy.hpp"
#include "crosstalk/error.hpp"
#include "label_table.hpp"

namespace crosstalk::image {

namespace fs = std::filesystem;

namespace {

constexpr const char* kImages = "images";
constexpr std::size_t kMostClasses = 65536;

void require_all(std::size_t pixels, std::size_t expected) {
  if (pixels != expected) throw std::invalid_argument(fmt::format("pack: {} pixels for {}", pixels, expected));
}

// Different whole numbers as classes; each label becomes the position of its number.
TaskInfo as_classes(const std::string& name, Eigen::Ref<Eigen::VectorXd> labels, const std::string& place) {
  const std::set<double> numbers(labels.begin(), labels.end());
  if (numbers.size() > kMostClasses)
    throw DataError(
        fmt::format("{}: has {} different numbers; at most {} can be classes", place, numbers.size(), kMostClasses));
  for (const double number : numbers)
    if (std::abs(number) > 0x1p53)
      throw DataError(
          fmt::format("{}: the integer {:.0f} is beyond 2^53, which doubles cannot hold exactly", place, number));
  std::map<double, double> positions;
  TaskInfo task{name, numbers.size() == 2 ? Kind::Binary : Kind::Classes, {}};
  for (const double number : numbers) {
    positions[number] = static_cast<double>(task.classes.size());
    task.classes.push_back(fmt::format("{:.0f}", number));
  }
  for (double& label : labels) label = positions[label];
  return task;
}

// How the array of images is laid out.
struct Layout {
  std::size_t images = 0;
  Shape shape = {};
  bool channels_last = false;
};

Layout layout_of(const data::NdArray& array, const std::string& place) {
  const auto& size = array.shape;
  const auto channels = [&](std::size_t axis) { return size[axis] == 1 || size[axis] == 3; };
  std::optional<Layout> layout;
  if (size.size() == 3) layout = Layout{size[0], {1, size[1], size[2]}, false};
  if (size.size() == 4 && channels(3))
    layout = Layout{size[0], {size[3], size[1], size[2]}, true};
  else if (size.size() == 4 && channels(1))
    layout = Layout{size[0], {size[1], size[2], size[3]}, false};
  if (!layout || array.type != "u1" || array.size() == 0)
    throw DataError(
        fmt::format("{}: is {} of type {}; images are bytes (u1), N x H x W, N x H x W x C or "
                    "N x C x H x W with C 1 or 3",
                    place, fmt::join(size, " x "), array.type));
  return *layout;
}

// From channels last to planes, or back.
std::vector<std::uint8_t> reordered(std::span<const std::uint8_t> bytes, const Layout& layout, bool to_planes) {
  std::vector<std::uint8_t> result(bytes.size());
  const std::size_t channels = layout.shape.channels;
  const std::size_t plane = layout.shape.plane();
  for (std::size_t i = 0; i < layout.images; ++i)
    for (std::size_t p = 0; p < plane; ++p)
      for (std::size_t c = 0; c < channels; ++c) {
        const std::size_t last = (i * plane + p) * channels + c;
        const std::size_t first = (i * channels + c) * plane + p;
        if (to_planes)
          result[first] = bytes[last];
        else
          result[last] = bytes[first];
      }
  return result;
}

std::vector<std::uint8_t> planes_in(const data::NdArray& array, const Layout& layout) {
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(array.bytes.data());
  if (layout.channels_last) return reordered({bytes, array.bytes.size()}, layout, true);
  return {bytes, bytes + array.bytes.size()};
}

class NpzSet : public MemorySet, public Container {
 public:
  NpzSet(std::vector<TaskInfo> tasks, Batch images, Layout layout, std::vector<std::size_t> shape,
         std::map<std::string, data::NdArray> labels)
      : MemorySet(std::move(tasks), std::move(images)),
        layout_(layout),
        shape_(std::move(shape)),
        labels_(std::move(labels)) {}

  [[nodiscard]] const Container* container() const override { return this; }
  [[nodiscard]] std::string file() const override { return "images.npz"; }
  [[nodiscard]] std::string pack(std::span<const std::uint8_t> pixels) const override {
    require_all(pixels.size(), layout_.images * layout_.shape.values());
    const std::vector<std::uint8_t> bytes =
        layout_.channels_last ? reordered(pixels, layout_, false) : std::vector(pixels.begin(), pixels.end());
    auto arrays = labels_;
    arrays[kImages] = {"u1", shape_, {bytes.begin(), bytes.end()}};
    return data::format_npz(arrays);
  }
  [[nodiscard]] std::vector<std::uint8_t> unpack(std::string content, const std::string& name) const override {
    const auto arrays = data::parse_npz_arrays(std::move(content), name);
    const auto found = arrays.find(kImages);
    if (found == arrays.end() || found->second.shape != shape_ || found->second.type != "u1")
      throw DataError(name + ": does not hold the images that it should");
    return planes_in(found->second, layout_);
  }

 private:
  Layout layout_;
  std::vector<std::size_t> shape_;  // of the array of images
  std::map<std::string, data::NdArray> labels_;
};

// The maps of an array N x H x W or N x H x W x 3.
TaskInfo dense_task(const std::string& name, const data::NdArray& array, const std::string& place, Maps& maps) {
  TaskInfo task{name, array.is_integer() ? Kind::Segmentation : Kind::Depth, {}};
  if (array.shape.size() == 4) task.kind = Kind::Normals;
  constexpr double most = 254;
  double largest = -1.0;
  const std::size_t channels = task.map_channels();
  const std::size_t plane = array.shape[1] * array.shape[2];
  maps.resize(array.size());
  for (std::size_t k = 0; k < array.size(); ++k) {
    double value = array.value(k);
    if (task.kind == Kind::Segmentation && (value < 0 || value > most)) value = kMissing;
    if (std::isinf(value)) throw DataError(fmt::format("{}: holds {}; NaN stands for a missing label", place, value));
    if (!std::isnan(value)) largest = std::max(largest, value);
    const std::size_t image = k / (plane * channels);
    maps[(image * channels + k % channels) * plane + k / channels % plane] = static_cast<float>(value);
  }
  if (task.kind == Kind::Segmentation && largest < 0) throw DataError(place + ": has no class from 0 to 254");
  for (int c = 0; task.kind == Kind::Segmentation && c <= static_cast<int>(largest); ++c)
    task.classes.push_back(fmt::format("{}", c));
  return task;
}

class IdxSet : public MemorySet, public Container {
 public:
  using MemorySet::MemorySet;
  [[nodiscard]] const Container* container() const override { return this; }
  [[nodiscard]] std::string file() const override { return "images-idx3-ubyte.gz"; }
  [[nodiscard]] std::string pack(std::span<const std::uint8_t> pixels) const override {
    require_all(pixels.size(), size() * shape().values());
    std::string content("\0\0\x08\x03", 4);
    for (const std::size_t side : {size(), shape().height, shape().width})
      for (const unsigned shift : {24U, 16U, 8U, 0U}) content += static_cast<char>(side >> shift & 0xffU);
    content.append(pixels.begin(), pixels.end());
    return data::gzip_packed(content);
  }
  [[nodiscard]] std::vector<std::uint8_t> unpack(std::string content, const std::string& name) const override {
    const data::IdxArray array = data::parse_idx(std::move(content), name);
    if (array.shape != std::vector<std::size_t>{size(), shape().height, shape().width})
      throw DataError(name + ": does not hold the images that it should");
    return {array.item(0), array.item(0) + size() * shape().values()};
  }
};

fs::path labels_beside(const fs::path& images) {
  std::string name = images.filename().string();
  if (const std::size_t at = name.find("images-idx3"); at != std::string::npos) name.replace(at, 11, "labels-idx1");
  for (const std::string& candidate : {name, std::string("labels.csv"), std::string("manifest.csv")}) {
    const fs::path path = images.parent_path() / candidate;
    std::error_code ignored;
    if (path != images && fs::exists(path, ignored)) return path;
  }
  throw DataError(fmt::format("{}: has no labels beside it; name the CSV or IDX file of labels", images.string()));
}

}  // namespace

FolderSet open_npz(const fs::path& path) {
  auto arrays = data::read_npz_arrays(path);
  const auto place = [&](const std::string& name) {
    return fmt::format("{}: array {}", path.string(), data::in_quotes(name));
  };
  const auto found = arrays.find(kImages);
  if (found == arrays.end()) {
    std::vector<std::string> names;
    for (const auto& [name, array] : arrays) names.push_back(name);
    throw DataError(fmt::format("{}: no array \"images\"; it holds {}", path.string(), data::listed(names)));
  }
  const Layout layout = layout_of(found->second, place(kImages));
  const std::vector<std::size_t> shape = found->second.shape;
  Batch images{0, layout.shape, planes_in(found->second, layout), {}, {}};
  arrays.erase(found);
  if (arrays.empty()) throw DataError(fmt::format("{}: holds no array of labels beside the images", path.string()));

  const auto n = static_cast<Eigen::Index>(layout.images);
  images.labels.setConstant(n, static_cast<Eigen::Index>(arrays.size()), kMissing);
  std::vector<TaskInfo> tasks;
  std::vector<Maps> maps(arrays.size());
  bool dense = false;
  const std::vector<std::size_t> plane = {layout.images, layout.shape.height, layout.shape.width};
  for (const auto& [name, array] : arrays) {
    const std::size_t k = tasks.size();
    auto labels = images.labels.col(static_cast<Eigen::Index>(k));
    if (array.shape == std::vector{layout.images}) {
      for (Eigen::Index i = 0; i < n; ++i) labels(i) = array.value(static_cast<std::size_t>(i));
      if (labels.array().isInf().any())
        throw DataError(fmt::format("{}: holds an infinite number; NaN stands for a missing label", place(name)));
      if (labels.array().isNaN().all()) throw DataError(place(name) + ": has no label");
      tasks.push_back(array.is_integer() ? as_classes(name, labels, place(name))
                                         : TaskInfo{name, Kind::Regression, {}});
      continue;
    }
    auto normals = plane;
    normals.push_back(3);
    if (array.shape != plane && (array.is_integer() || array.shape != normals))
      throw DataError(fmt::format("{}: is {} of type {}; {} images of {} x {} have {} labels, or one a pixel",
                                  place(name), fmt::join(array.shape, " x "), array.type, layout.images,
                                  layout.shape.height, layout.shape.width, layout.images));
    tasks.push_back(dense_task(name, array, place(name), maps[k]));
    dense = true;
  }
  if (dense) images.maps = std::move(maps);
  return {std::make_unique<NpzSet>(std::move(tasks), std::move(images), layout, shape, std::move(arrays)), {}};
}

FolderSet open_idx(const fs::path& path, const fs::path& labels) {
  const data::IdxArray photos = data::read_idx(path);
  if (photos.shape.size() != 3 || photos.item_bytes() == 0 || photos.size() == 0)
    throw DataError(fmt::format("{}: is {}; images are N x H x W", path.string(), fmt::join(photos.shape, " x ")));
  const std::size_t n = photos.size();
  Batch images{
      0, {1, photos.shape[1], photos.shape[2]}, {photos.item(0), photos.item(0) + n * photos.item_bytes()}, {}, {}};

  const fs::path labels_file = labels.empty() ? labels_beside(path) : labels;
  const std::string content = data::read_file(labels_file);
  const auto require_rows = [&](std::size_t rows) {
    if (rows != n)
      throw DataError(
          fmt::format("{}: has labels of {} images; {} has {}", labels_file.string(), rows, path.string(), n));
  };
  std::vector<TaskInfo> tasks;
  if (content.starts_with(std::string_view("\0\0", 2))) {
    const data::IdxArray numbers = data::parse_idx(content, labels_file.string());
    if (numbers.shape.size() != 1)
      throw DataError(fmt::format("{}: is {}; labels are one number an image", labels_file.string(),
                                  fmt::join(numbers.shape, " x ")));
    require_rows(numbers.size());
    images.labels.resize(static_cast<Eigen::Index>(n), 1);
    for (std::size_t i = 0; i < n; ++i) images.labels(static_cast<Eigen::Index>(i), 0) = *numbers.item(i);
    tasks.push_back(as_classes("label", images.labels.col(0), labels_file.string()));
  } else {
    const LabelTable table = read_label_table(content, labels_file.string(), FileColumn::PassedOver);
    require_rows(table.rows.size());
    images.labels.resize(static_cast<Eigen::Index>(n), static_cast<Eigen::Index>(table.tasks.size()));
    for (std::size_t k = 0; k < table.tasks.size(); ++k) tasks.push_back(read_column(table, k, images.labels));
  }
  return {std::make_unique<IdxSet>(std::move(tasks), std::move(images)), {}};
}

}  // namespace crosstalk::image
