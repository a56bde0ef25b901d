#include "dense_map.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "crosstalk/data/npy.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/image/codec.hpp"
#include "crosstalk/image/map_file.hpp"

namespace crosstalk::image {

namespace {

constexpr std::uint8_t kNoClass = 255;

DenseMap decode_classes(std::string_view content, const std::string& name) {
  // Signature, then the first chunk: length, "IHDR", width, height, bits, colour type.
  constexpr std::size_t bits_at = 24;
  if (content.size() > bits_at + 1 && (content[bits_at] != 8 || content[bits_at + 1] != 0))
    throw DataError(name + ": a map of classes is a grey PNG file of 8 bits, the number of a class in each pixel");
  const Picture picture = decode(content, name);
  DenseMap map{Kind::Segmentation, {picture.shape.height, picture.shape.width}, {}};
  map.values.reserve(picture.pixels.size());
  for (const std::uint8_t number : picture.pixels)
    map.values.push_back(number == kNoClass ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(number));
  return map;
}

DenseMap decode_floats(std::string_view content, const std::string& name) {
  const data::NdArray array = data::parse_npy_array(content, name);
  const auto& shape = array.shape;
  const bool normals = shape.size() == 3 && shape[2] == 3;
  if (array.is_integer() || (shape.size() != 2 && !normals) || array.size() == 0)
    throw DataError(fmt::format("{}: is {} of type {}; a map is H x W floats (depth) or H x W x 3 (normals)", name,
                                fmt::join(shape, " x "), array.type));
  if (shape[0] > kMostPixels / shape[1])
    throw DataError(
        fmt::format("{}: has {} x {} pixels; at most {} can be read", name, shape[1], shape[0], kMostPixels));
  DenseMap map{normals ? Kind::Normals : Kind::Depth, {shape[0], shape[1]}, std::vector<float>(array.size())};
  const std::size_t plane = shape[0] * shape[1];
  const std::size_t channels = normals ? 3 : 1;
  for (std::size_t p = 0; p < plane; ++p) {
    double length = 0.0;
    for (std::size_t c = 0; c < channels; ++c) {
      const double value = array.value(p * channels + c);
      if (std::isinf(value))
        throw DataError(fmt::format("{}: holds {} at row {}, column {}; NaN stands for a missing label", name, value,
                                    p / shape[1], p % shape[1]));
      map.values[c * plane + p] = static_cast<float>(value);
      length += value * value;
    }
    if (normals && std::abs(length - 1.0) > 0.01)
      throw DataError(fmt::format("{}: the normal at row {}, column {} has the length {:.3g}; it must be 1", name,
                                  p / shape[1], p % shape[1], std::sqrt(length)));
  }
  return map;
}

}  // namespace

DenseMap decode_map(std::string_view content, const std::string& name) {
  if (content.starts_with("\x93NUMPY")) return decode_floats(content, name);
  if (content.starts_with("\x89PNG")) return decode_classes(content, name);
  throw DataError(name + ": is neither a PNG nor an .npy file");
}

std::string encode_map(const TaskInfo& task, const Shape& shape, std::span<const float> map) {
  if (!task.is_dense() || map.size() != map_values(task, shape))
    throw std::invalid_argument(fmt::format("encode_map: {} values for task \"{}\"", map.size(), task.name));
  if (task.kind == Kind::Depth) return data::format_npy(data::array_of(map, {shape.height, shape.width}));
  if (task.kind == Kind::Normals) {
    std::vector<float> interleaved(map.size());
    for (std::size_t p = 0; p < shape.plane(); ++p)
      for (std::size_t c = 0; c < 3; ++c) interleaved[p * 3 + c] = map[c * shape.plane() + p];
    return data::format_npy(data::array_of(interleaved, {shape.height, shape.width, 3}));
  }
  std::vector<std::uint8_t> numbers;
  for (const float label : map) {
    if (!std::isnan(label) && (label < 0 || label >= kNoClass || label != std::floor(label)))
      throw std::invalid_argument(
          fmt::format("encode_map: {} in task \"{}\"; classes from 0 to 254 can be written", label, task.name));
    numbers.push_back(std::isnan(label) ? kNoClass : static_cast<std::uint8_t>(label));
  }
  return encode_png({1, shape.height, shape.width}, numbers);
}

const char* map_extension(const TaskInfo& task) {
  return task.kind == Kind::Segmentation ? ".png" : ".npy";
}

}  // namespace crosstalk::image
