#include "crosstalk/image/similarity.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <vector>

#include <fmt/format.h>

namespace crosstalk::image {

namespace {

constexpr std::size_t kMoments = 5;  // x, y, x^2, y^2, x y
using Moments = std::array<double, kMoments>;

std::vector<double> gaussian(std::size_t side) {
  constexpr double deviation = 1.5;
  std::vector<double> weights(side);
  double sum = 0.0;
  for (std::size_t i = 0; i < side; ++i) {
    const double distance = static_cast<double>(i) - static_cast<double>(side / 2);
    sum += weights[i] = std::exp(-distance * distance / (2.0 * deviation * deviation));
  }
  for (double& weight : weights) weight /= sum;
  return weights;
}

double similarity(const Moments& mean) {
  constexpr double c1 = 0.01 * 255 * 0.01 * 255;
  constexpr double c2 = 0.03 * 255 * 0.03 * 255;
  const auto [x, y, xx, yy, xy] = mean;
  return (2.0 * x * y + c1) * (2.0 * (xy - x * y) + c2) / ((x * x + y * y + c1) * (xx - x * x + yy - y * y + c2));
}

double plane_ssim(const std::uint8_t* first, const std::uint8_t* second, const Shape& shape) {
  constexpr std::size_t largest = 11;
  const std::size_t fits = std::min({shape.height, shape.width, largest});
  const std::vector<double> weights = gaussian(fits - (fits % 2 == 0 ? 1 : 0));
  const std::size_t rows = shape.height - weights.size() + 1;
  const std::size_t columns = shape.width - weights.size() + 1;
  // The weights are a product of those of rows and columns: first along each row, then down the columns.
  std::vector<Moments> along(shape.height * columns, Moments{});
  for (std::size_t y = 0; y < shape.height; ++y)
    for (std::size_t x = 0; x < columns; ++x)
      for (std::size_t k = 0; k < weights.size(); ++k) {
        const double a = first[y * shape.width + x + k];
        const double b = second[y * shape.width + x + k];
        const Moments products = {a, b, a * a, b * b, a * b};
        for (std::size_t m = 0; m < kMoments; ++m) along[y * columns + x][m] += weights[k] * products[m];
      }
  double sum = 0.0;
  for (std::size_t y = 0; y < rows; ++y)
    for (std::size_t x = 0; x < columns; ++x) {
      Moments mean = {};
      for (std::size_t k = 0; k < weights.size(); ++k)
        for (std::size_t m = 0; m < kMoments; ++m) mean[m] += weights[k] * along[(y + k) * columns + x][m];
      sum += similarity(mean);
    }
  return sum / static_cast<double>(rows * columns);
}

}  // namespace

double ssim(const Shape& shape, std::span<const std::uint8_t> first, std::span<const std::uint8_t> second) {
  if (shape.values() == 0 || first.size() != shape.values() || second.size() != shape.values())
    throw std::invalid_argument(
        fmt::format("ssim: {} and {} values for images of {}", first.size(), second.size(), shape.values()));
  double sum = 0.0;
  for (std::size_t c = 0; c < shape.channels; ++c)
    sum += plane_ssim(first.data() + c * shape.plane(), second.data() + c * shape.plane(), shape);
  return sum / static_cast<double>(shape.channels);
}

}  // namespace crosstalk::image
