#include "crosstalk/image/resize.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include <fmt/format.h>

namespace crosstalk::image {

namespace {

// A pixel of the new side: a weighted sum of consecutive pixels of the old one.
struct Mix {
  std::size_t first = 0;
  std::vector<double> weights;  // sum 1
};

std::vector<Mix> mixes(std::size_t from, std::size_t to) {
  std::vector<Mix> result(to);
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  for (std::size_t i = 0; i < to; ++i) {
    Mix& mix = result[i];
    if (to < from) {
      // Pixel i covers [i from, (i + 1) from) in units of 1 / to, pixel j of the old side [j to, (j + 1) to).
      mix.first = i * from / to;
      for (std::size_t j = mix.first; j * to < (i + 1) * from; ++j) {
        const std::size_t overlap = std::min((i + 1) * from, (j + 1) * to) - std::max(i * from, j * to);
        mix.weights.push_back(static_cast<double>(overlap) / static_cast<double>(from));
      }
    } else {
      const double centre =
          std::clamp((static_cast<double>(i) + 0.5) * scale - 0.5, 0.0, static_cast<double>(from - 1));
      mix.first = static_cast<std::size_t>(centre);
      const double second = centre - std::floor(centre);
      mix.weights = {1.0 - second};
      if (second > 0.0) mix.weights.push_back(second);
    }
  }
  return result;
}

void require_pixels(const char* where, std::size_t pixels) {
  if (pixels == 0) throw std::invalid_argument(fmt::format("{}: a size without pixels", where));
}

}  // namespace

Picture resized(const Picture& picture, const Size& size) {
  const Shape& old = picture.shape;
  require_pixels("resized", old.values());
  require_pixels("resized", size.height * size.width);
  Picture result{{old.channels, size.height, size.width}, {}};
  result.pixels.reserve(result.shape.values());
  const auto rows = mixes(old.height, size.height);
  const auto columns = mixes(old.width, size.width);
  std::vector<double> wide(old.width);  // one row of the new picture, at the old width
  for (std::size_t c = 0; c < old.channels; ++c)
    for (const Mix& row : rows) {
      std::fill(wide.begin(), wide.end(), 0.0);
      for (std::size_t k = 0; k < row.weights.size(); ++k)
        for (std::size_t x = 0; x < old.width; ++x)
          wide[x] += row.weights[k] * picture.pixels[c * old.plane() + (row.first + k) * old.width + x];
      for (const Mix& column : columns) {
        double level = 0.0;
        for (std::size_t k = 0; k < column.weights.size(); ++k) level += column.weights[k] * wide[column.first + k];
        result.pixels.push_back(static_cast<std::uint8_t>(std::lround(std::clamp(level, 0.0, 255.0))));
      }
    }
  return result;
}

Picture with_change(const Picture& picture, std::span<const float> change, const Shape& shape) {
  const Shape& own = picture.shape;
  require_pixels("with_change", own.values());
  require_pixels("with_change", shape.values());
  if (change.size() != shape.values() || (shape.channels != 1 && shape.channels != own.channels))
    throw std::invalid_argument(fmt::format("with_change: {} values of {} channels for a picture of {}", change.size(),
                                            shape.channels, own.channels));
  const auto rows = mixes(shape.height, own.height);
  const auto columns = mixes(shape.width, own.width);
  // Where the change is enlarged, as it is for photos, a column is a mix of two.
  const bool two = own.width >= shape.width;
  std::vector<std::size_t> first;
  std::vector<float> share;  // of the second
  for (const Mix& column : columns) {
    first.push_back(column.first);
    share.push_back(column.weights.size() < 2 ? 0.0F : static_cast<float>(column.weights[1]));
  }
  Picture result = picture;
  std::vector<float> tall(shape.width +
                          1);  // one row of the change, at its own width, and one more that counts nothing
  std::vector<float> levels(own.width);
  for (std::size_t c = 0; c < own.channels; ++c) {
    const float* const plane = change.data() + (shape.channels == 1 ? 0 : c * shape.plane());
    for (std::size_t y = 0; y < own.height; ++y) {
      const Mix& row = rows[y];
      std::fill(tall.begin(), tall.end(), 0.0F);
      for (std::size_t k = 0; k < row.weights.size(); ++k) {
        const auto weight = static_cast<float>(row.weights[k]);
        const float* const from = plane + (row.first + k) * shape.width;
        for (std::size_t x = 0; x < shape.width; ++x) tall[x] += weight * from[x];
      }
      if (two)
        for (std::size_t x = 0; x < own.width; ++x)
          levels[x] = (1.0F - share[x]) * tall[first[x]] + share[x] * tall[first[x] + 1];
      else
        for (std::size_t x = 0; x < own.width; ++x) {
          levels[x] = 0.0F;
          for (std::size_t k = 0; k < columns[x].weights.size(); ++k)
            levels[x] += static_cast<float>(columns[x].weights[k]) * tall[first[x] + k];
        }
      std::uint8_t* const pixel = result.pixels.data() + (c * own.height + y) * own.width;
      for (std::size_t x = 0; x < own.width; ++x) {
        const float level = std::clamp(static_cast<float>(pixel[x]) + levels[x], 0.0F, 255.0F);
        pixel[x] = static_cast<std::uint8_t>(static_cast<int>(level + 0.5F));
      }
    }
  }
  return result;
}

std::vector<float> resized_map(std::span<const float> map, const Size& from, const Size& size) {
  require_pixels("resized_map", from.height * from.width);
  require_pixels("resized_map", size.height * size.width);
  const std::size_t plane = from.height * from.width;
  if (map.size() % plane != 0)
    throw std::invalid_argument(fmt::format("resized_map: {} values for planes of {}", map.size(), plane));
  std::vector<float> result;
  result.reserve(map.size() / plane * size.height * size.width);
  for (std::size_t c = 0; c < map.size() / plane; ++c)
    for (std::size_t y = 0; y < size.height; ++y)
      for (std::size_t x = 0; x < size.width; ++x)
        result.push_back(map[c * plane + (2 * y + 1) * from.height / (2 * size.height) * from.width +
                             (2 * x + 1) * from.width / (2 * size.width)]);
  return result;
}

}  // namespace crosstalk::image
