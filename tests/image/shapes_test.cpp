#include "crosstalk/image/shapes.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

#include <gtest/gtest.h>

namespace crosstalk::image {
namespace {

constexpr std::size_t kPlane = 32 * 32;

TEST(Shapes, AnImageDependsOnTheSeedItsPartAndItsIndexAlone) {
  const Batch all = open_shapes({.images = 50})->read(0, 50);
  const Batch piece = open_shapes({.images = 60})->read(20, 3);
  for (std::size_t row = 0; row < 3; ++row) EXPECT_TRUE(std::ranges::equal(piece.image(row), all.image(20 + row)));
  for (std::size_t k = 0; k < 3; ++k) {
    const std::size_t values = all.maps[k].size() / 50;
    EXPECT_TRUE(std::ranges::equal(piece.maps[k], std::span(all.maps[k]).subspan(20 * values, 3 * values)));
  }
  EXPECT_NE(open_shapes({.images = 50, .seed = 2})->read(0, 50).pixels, all.pixels);
  EXPECT_NE(open_shapes({.test = true, .images = 50})->read(0, 50).pixels, all.pixels);
}

TEST(Shapes, EveryPixelHasALabelOfThreeTasks) {
  const auto set = open_shapes({.images = 200});
  EXPECT_EQ(set->shape(), (Shape{1, 32, 32}));
  EXPECT_EQ(set->size(), 200U);
  ASSERT_EQ(set->tasks().size(), 3U);
  EXPECT_EQ(set->tasks()[0].kind, Kind::Segmentation);
  EXPECT_EQ(set->tasks()[0].classes.size(), 5U);
  EXPECT_EQ(set->tasks()[1].kind, Kind::Depth);
  EXPECT_EQ(set->tasks()[2].kind, Kind::Normals);
  const Batch batch = set->read(0, 200);
  EXPECT_TRUE(batch.labels.array().isNaN().all());
  std::array<std::size_t, 5> pixels = {};
  for (std::size_t i = 0; i < 200; ++i)
    for (std::size_t p = 0; p < kPlane; ++p) {
      const float figure = batch.maps[0][i * kPlane + p];
      const float depth = batch.maps[1][i * kPlane + p];
      double length = 0.0;
      for (std::size_t c = 0; c < 3; ++c) length += std::pow(batch.maps[2][(i * 3 + c) * kPlane + p], 2);
      ASSERT_TRUE(figure == 0 || figure == 1 || figure == 2 || figure == 3 || figure == 4);
      ASSERT_GE(depth, 0.0F);
      ASSERT_LE(depth, 1.0F);
      ASSERT_EQ(figure == 0, depth == 1.0F);
      ASSERT_NEAR(length, 1.0, 1e-6);  // three floats
      ++pixels[static_cast<std::size_t>(figure)];
    }
  for (std::size_t figure = 1; figure < 5; ++figure) EXPECT_GT(pixels[figure], 200 * kPlane / 25) << figure;
  EXPECT_GT(pixels[0], 200 * kPlane / 4);
}

TEST(Shapes, NeitherEndOfTheRangeIsNear) {
  const Batch batch = open_shapes({.images = 500})->read(0, 500);
  EXPECT_GE(*std::ranges::min_element(batch.pixels), 16);
  EXPECT_LE(*std::ranges::max_element(batch.pixels), 239);
}

// Of one image, the pixels of one figure.
struct Seen {
  double pixels = 0.0;
  double grey = 0.0;
  double depth = 0.0;
};

TEST(Shapes, NearShapesAreLargeBrightAndInFront) {
  const std::size_t images = 300;
  const Batch batch = open_shapes({.images = images})->read(0, images);
  Eigen::Vector2d pixels(0, 0);  // of near and far discs
  Eigen::Vector2d grey(0, 0);
  Eigen::Vector2d discs(0, 0);
  for (std::size_t i = 0; i < images; ++i) {
    Seen seen;
    for (std::size_t p = 0; p < kPlane; ++p) {
      if (batch.maps[0][i * kPlane + p] != 1.0F) continue;
      seen.pixels += 1.0;
      seen.grey += batch.image(i)[p];
      seen.depth = batch.maps[1][i * kPlane + p];
    }
    if (seen.pixels == 0.0) continue;  // covered by others
    const Eigen::Index near = seen.depth < 0.5 ? 0 : 1;
    pixels(near) += seen.pixels;
    grey(near) += seen.grey;
    discs(near) += 1.0;
  }
  EXPECT_GT(pixels(0) / discs(0), 2.0 * pixels(1) / discs(1));
  EXPECT_GT(grey(0) / pixels(0), grey(1) / pixels(1) + 20.0);
  EXPECT_GT(discs(0), discs(1));  // a far one may be hidden
}

TEST(Shapes, TheGreyOfAShapeRisesAlongItsTilt) {
  const std::size_t images = 100;
  const Batch batch = open_shapes({.images = images})->read(0, images);
  double up = 0.0;
  double all = 0.0;
  for (std::size_t i = 0; i < images; ++i)
    for (std::size_t p = 0; p + 1 < kPlane; ++p) {
      const auto same = [&](std::size_t q) {
        return q % 32 != 0 && batch.maps[1][i * kPlane + p] == batch.maps[1][i * kPlane + q];
      };
      const double x = batch.maps[2][i * 3 * kPlane + p];
      if (!same(p + 1) || std::abs(x) < 0.5) continue;
      up += (batch.image(i)[p + 1] - batch.image(i)[p]) * (x > 0 ? 1.0 : -1.0);
      all += 1.0;
    }
  ASSERT_GT(all, 1000.0);
  EXPECT_GT(up / all, 1.0);  // 0.5 * 0.12 * 255 levels over at most 9 pixels: 1.7 or more
}

TEST(Shapes, RefusesNoImages) {
  EXPECT_THROW((void)open_shapes({.images = 0}), std::invalid_argument);
  EXPECT_THROW((void)open_shapes({.images = 2})->read(1, 2), std::invalid_argument);
}

}  // namespace
}  // namespace crosstalk::image
