#include "crosstalk/image/similarity.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

#include "crosstalk/rng.hpp"

namespace crosstalk::image {
namespace {

std::vector<std::uint8_t> random_pixels(std::size_t count, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<std::uint8_t> pixels(count);
  for (auto& pixel : pixels) pixel = static_cast<std::uint8_t>(rng.below(256));
  return pixels;
}

// The definition word by word: one window after the other, weights of both directions at once, moments around the mean.
double by_definition(const Shape& shape, const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b,
                     std::size_t side) {
  const double c1 = std::pow(0.01 * 255, 2);
  const double c2 = std::pow(0.03 * 255, 2);
  std::vector<double> weights;
  double total = 0.0;
  for (std::size_t v = 0; v < side; ++v)
    for (std::size_t u = 0; u < side; ++u) {
      const double dy = static_cast<double>(v) - static_cast<double>(side / 2);
      const double dx = static_cast<double>(u) - static_cast<double>(side / 2);
      weights.push_back(std::exp(-(dx * dx + dy * dy) / (2 * 1.5 * 1.5)));
      total += weights.back();
    }
  double sum = 0.0;
  double windows = 0.0;
  for (std::size_t c = 0; c < shape.channels; ++c)
    for (std::size_t top = 0; top + side <= shape.height; ++top)
      for (std::size_t left = 0; left + side <= shape.width; ++left) {
        const auto mean_of = [&](auto&& value) {
          double mean = 0.0;
          for (std::size_t k = 0; k < side * side; ++k) {
            const std::size_t p = c * shape.plane() + (top + k / side) * shape.width + left + k % side;
            mean += weights[k] / total * value(double{1.0} * a[p], double{1.0} * b[p]);
          }
          return mean;
        };
        const double ma = mean_of([](double x, double) { return x; });
        const double mb = mean_of([](double, double y) { return y; });
        const double saa = mean_of([&](double x, double) { return (x - ma) * (x - ma); });
        const double sbb = mean_of([&](double, double y) { return (y - mb) * (y - mb); });
        const double sab = mean_of([&](double x, double y) { return (x - ma) * (y - mb); });
        sum += (2 * ma * mb + c1) * (2 * sab + c2) / ((ma * ma + mb * mb + c1) * (saa + sbb + c2));
        windows += 1.0;
      }
  return sum / windows;
}

TEST(Ssim, IsTheDefinition) {
  const Shape large{3, 17, 14};
  const auto a = random_pixels(large.values(), 1);
  auto b = a;
  for (std::size_t i = 0; i < b.size(); i += 2) b[i] = static_cast<std::uint8_t>(b[i] / 2);
  EXPECT_NEAR(ssim(large, a, b), by_definition(large, a, b, 11), 1e-9);  // squares of 255 lose 5 of 16 digits
  const Shape small{1, 8, 30};
  const auto c = random_pixels(small.values(), 2);
  const auto d = random_pixels(small.values(), 3);
  EXPECT_NEAR(ssim(small, c, d), by_definition(small, c, d, 7), 1e-9);
}

TEST(Ssim, EqualImagesHaveOneAndOthersLess) {
  const Shape shape{1, 16, 16};
  const auto a = random_pixels(shape.values(), 1);
  EXPECT_DOUBLE_EQ(ssim(shape, a, a), 1.0);
  double last = 1.0;
  for (const int step : {2, 8, 32}) {
    auto b = a;
    for (std::size_t i = 0; i < b.size(); ++i)
      b[i] = static_cast<std::uint8_t>(std::clamp(b[i] + (i % 2 == 0 ? step : -step), 0, 255));
    EXPECT_LT(ssim(shape, a, b), last);
    EXPECT_NEAR(ssim(shape, a, b), ssim(shape, b, a), 1e-12);
    last = ssim(shape, a, b);
  }
}

// Even images: the second factor is 1, and the first (2 x y + C1) / (x^2 + y^2 + C1).
TEST(Ssim, EvenImagesDifferByTheirMeansAlone) {
  const std::vector<std::uint8_t> black(1, 0);
  const std::vector<std::uint8_t> white(1, 255);
  EXPECT_NEAR(ssim({1, 1, 1}, black, white), 0.0001 / 1.0001, 1e-12);
  EXPECT_NEAR(ssim({1, 12, 12}, std::vector<std::uint8_t>(144, 100), std::vector<std::uint8_t>(144, 110)),
              (2 * 100 * 110 + 6.5025) / (100 * 100 + 110 * 110 + 6.5025), 1e-9);
}

TEST(Ssim, RefusesOtherSizes) {
  const std::vector<std::uint8_t> pixels(6);
  EXPECT_THROW((void)ssim({1, 2, 3}, pixels, std::span(pixels).first(5)), std::invalid_argument);
  EXPECT_THROW((void)ssim({1, 2, 2}, pixels, pixels), std::invalid_argument);
  EXPECT_THROW((void)ssim({1, 0, 0}, {}, {}), std::invalid_argument);
}

}  // namespace
}  // namespace crosstalk::image
