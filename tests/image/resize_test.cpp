#include "crosstalk/image/resize.hpp"

#include <cmath>
#include <stdexcept>

#include <gtest/gtest.h>

#include "crosstalk/rng.hpp"

namespace crosstalk::image {
namespace {

Picture picture(const Shape& shape, std::vector<std::uint8_t> pixels) {
  return {shape, std::move(pixels)};
}

TEST(Resize, ShrinkingTakesTheMeanOverTheArea) {
  EXPECT_EQ(resized(picture({1, 2, 4}, {0, 10, 20, 30, 40, 50, 60, 70}), {1, 2}).pixels,
            (std::vector<std::uint8_t>{25, 45}));
  // 3 to 2: each new pixel covers one and a half old ones.
  EXPECT_EQ(resized(picture({1, 1, 3}, {0, 30, 90}), {1, 2}).pixels, (std::vector<std::uint8_t>{10, 70}));
}

TEST(Resize, GrowingInterpolatesBetweenTheCentresOfPixels) {
  EXPECT_EQ(resized(picture({1, 1, 2}, {0, 100}), {1, 4}).pixels, (std::vector<std::uint8_t>{0, 25, 75, 100}));
  EXPECT_EQ(resized(picture({1, 1, 1}, {7}), {2, 3}).pixels, std::vector<std::uint8_t>(6, 7));
}

TEST(Resize, SidesAreIndependentAndChannelsStayApart) {
  const Picture result = resized(picture({3, 2, 2}, {0, 0, 100, 100, 1, 1, 1, 1, 0, 100, 0, 100}), {1, 4});
  EXPECT_EQ(result.shape, (Shape{3, 1, 4}));
  EXPECT_EQ(result.pixels, (std::vector<std::uint8_t>{50, 50, 50, 50, 1, 1, 1, 1, 0, 25, 75, 100}));
}

TEST(Resize, TheSameSizeChangesNothingAndTheMeanStays) {
  Rng rng(4);
  Picture noise = picture({1, 35, 50}, std::vector<std::uint8_t>(35 * 50));
  for (auto& pixel : noise.pixels) pixel = static_cast<std::uint8_t>(rng.below(256));
  EXPECT_EQ(resized(noise, {35, 50}).pixels, noise.pixels);
  const auto mean = [](const Picture& of) {
    double sum = 0.0;
    for (const auto pixel : of.pixels) sum += pixel;
    return sum / static_cast<double>(of.pixels.size());
  };
  // Every old pixel has one weight in sum; rounding moves the mean of 13 x 7 pixels by 0.03 (standard deviation).
  EXPECT_NEAR(mean(resized(noise, {13, 7})), mean(noise), 0.2);
}

TEST(Resize, MapsTakeTheNearestLabelAndNeverMixThem) {
  const std::vector<float> map = {0, 1, 2, 3, NAN, 5};  // 2 x 3
  EXPECT_EQ(resized_map(std::span(map).first(3), {1, 3}, {1, 6}), (std::vector<float>{0, 0, 1, 1, 2, 2}));
  EXPECT_EQ(resized_map(std::span(map).first(3), {1, 3}, {1, 1}), (std::vector<float>{1}));
  const auto small = resized_map(map, {2, 3}, {1, 2});
  EXPECT_EQ(small[0], 3.0F);
  EXPECT_EQ(small[1], 5.0F);
  const std::vector<float> normals = {1, 2, 3};
  EXPECT_EQ(resized_map(normals, {1, 1}, {1, 2}), (std::vector<float>{1, 1, 2, 2, 3, 3}));
}

TEST(Resize, RefusesSizesWithoutPixels) {
  EXPECT_THROW((void)resized(picture({1, 1, 1}, {1}), {0, 4}), std::invalid_argument);
  EXPECT_THROW((void)resized(picture({1, 0, 1}, {}), {4, 4}), std::invalid_argument);
  const std::vector<float> map = {1, 2, 3};
  EXPECT_THROW((void)resized_map(map, {1, 2}, {1, 1}), std::invalid_argument);
  EXPECT_THROW((void)resized_map(map, {1, 3}, {1, 0}), std::invalid_argument);
}

TEST(WithChange, NoLevelMovesByMoreThanTheLargestChange) {
  Rng rng(3);
  const Shape small{3, 8, 6};
  std::vector<float> change(small.values());
  for (float& level : change) level = rng.below(2) == 1 ? 8.0F : -8.0F;
  for (const Shape shape : {Shape{3, 37, 53}, Shape{3, 8, 6}, Shape{3, 5, 50}, Shape{3, 3, 2}}) {
    Picture picture{shape, std::vector<std::uint8_t>(shape.values())};
    for (auto& pixel : picture.pixels) pixel = static_cast<std::uint8_t>(rng.below(256));
    const Picture after = with_change(picture, change, small);
    int largest = 0;
    for (std::size_t p = 0; p < picture.pixels.size(); ++p)
      largest = std::max(largest, std::abs(int{after.pixels[p]} - int{picture.pixels[p]}));
    EXPECT_LE(largest, 8);
    EXPECT_GT(largest, 1);
  }
}

TEST(WithChange, AtItsOwnSizeItIsTheChangeAndALearnerThatShrinksTheImageSeesIt) {
  const Shape small{1, 2, 2};
  const std::vector<float> change = {8, -8, -8, 8};
  const Picture four{small, {100, 100, 100, 100}};
  EXPECT_EQ(with_change(four, change, small).pixels, (std::vector<std::uint8_t>{108, 92, 92, 108}));
  const Picture large{{1, 64, 64}, std::vector<std::uint8_t>(4096, 100)};
  const Picture seen = resized(with_change(large, change, small), {2, 2});
  EXPECT_GE(seen.pixels[0], 104);  // interpolation takes the edges off
  EXPECT_LE(seen.pixels[1], 96);
}

TEST(WithChange, OneChannelGoesToAllAndOtherNumbersAreRefused) {
  const Picture picture{{3, 1, 1}, {10, 20, 30}};
  EXPECT_EQ(with_change(picture, std::vector<float>{5}, {1, 1, 1}).pixels, (std::vector<std::uint8_t>{15, 25, 35}));
  EXPECT_THROW(with_change(picture, std::vector<float>{5, 5}, {2, 1, 1}), std::invalid_argument);
  EXPECT_THROW(with_change(picture, std::vector<float>{5, 5}, {1, 1, 1}), std::invalid_argument);
}

}  // namespace
}  // namespace crosstalk::image
