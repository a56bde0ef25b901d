#include "crosstalk/image/method.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <Eigen/QR>

#include "crosstalk/error.hpp"
#include "crosstalk/image/autoregressive.hpp"
#include "data/error_of.hpp"
#include "image/small_sets.hpp"

namespace crosstalk::image {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

std::vector<float> change_of(const Method& method, const Batch& batch, std::size_t row) {
  const std::vector<float> all = method.changes(batch, 1);
  const auto begin = all.begin() + static_cast<std::ptrdiff_t>(row * batch.shape.values());
  return {begin, begin + static_cast<std::ptrdiff_t>(batch.shape.values())};
}

std::vector<float> change_of(const Source& set, const MethodOptions& options, std::size_t index) {
  return change_of(*make_method(set, options), set.read(index, 1), 0);
}

// The part of a change in a region of one channel.
std::vector<float> part(const std::vector<float>& change, const Shape& shape, std::size_t channel,
                        const Region& region) {
  std::vector<float> values;
  for (std::size_t y = 0; y < region.height; ++y)
    for (std::size_t x = 0; x < region.width; ++x)
      values.push_back(change[channel * shape.plane() + (region.top + y) * shape.width + region.left + x]);
  return values;
}

const std::vector<MethodName> kAll = {MethodName::Noise, MethodName::Lsp, MethodName::Ar, MethodName::Ops};
const std::vector<MethodName> kClassWise = {MethodName::Lsp, MethodName::Ar, MethodName::Ops};

TEST(Method, NoPublishedPixelMovesByMoreThanEpsilon) {
  for (const Shape shape : {Shape{1, 22, 22}, Shape{3, 40, 37}}) {
    const MemorySet set = random_set(30, shape, {2, 5, 3}, 0, 255);
    const Batch original = set.read(0, 30);
    for (const MethodName name : kAll)
      for (const Composition composition : {Composition::Average, Composition::Patch})
        for (const int epsilon : {1, 8, 255}) {
          const auto method = make_method(set, {name, composition, epsilon, {0, 1, 2}, 5});
          ChangeMeter meter;
          const Batch published = protect(original, *method);
          meter.add(original.pixels, published.pixels);
          EXPECT_LE(meter.largest(), epsilon);
          EXPECT_GE(meter.largest(),
                    composition == Composition::Patch || name == MethodName::Noise ? epsilon * 2 / 3 : 0);
          EXPECT_EQ(published.labels, original.labels);
        }
  }
}

// Truncation would darken every image by half a level.
TEST(Method, ChangesAreRoundedToTheNearestLevelWithinBlackAndWhite) {
  const MemorySet set = random_set(5, {1, 30, 30}, {2}, 0, 255);
  const auto method = make_method(set, {MethodName::Noise, Composition::Patch, 8, {}, 5});
  const Batch original = set.read(0, 5);
  const Batch published = protect(original, *method);
  for (std::size_t row = 0; row < 5; ++row) {
    const auto change = change_of(*method, original, row);
    for (std::size_t p = 0; p < 900; ++p) {
      const float wanted = std::clamp(static_cast<float>(original.image(row)[p]) + change[p], 0.0F, 255.0F);
      EXPECT_LE(std::abs(static_cast<float>(published.image(row)[p]) - wanted), 0.5F);
    }
  }
}

TEST(Method, TheSameSeedGivesTheSameBytesForAnyThreadsAndBatches) {
  const MemorySet set = random_set(40, {1, 16, 16}, {4, 2});
  for (const MethodName name : kAll) {
    const auto method = make_method(set, {name, Composition::Patch, 8, {0, 1}, 5});
    const Batch all = protect(set.read(0, 40), *method, 3);
    const Batch piece = protect(set.read(17, 5), *make_method(set, {name, Composition::Patch, 8, {0, 1}, 5}), 1);
    for (std::size_t row = 0; row < 5; ++row) EXPECT_TRUE(std::ranges::equal(piece.image(row), all.image(17 + row)));
    if (name != MethodName::Ops) {  // which draws nothing
      const Batch other = protect(set.read(0, 40), *make_method(set, {name, Composition::Patch, 8, {0, 1}, 6}));
      EXPECT_NE(other.pixels, all.pixels);
    }
  }
}

TEST(Method, OptionsOutOfRangeAreRefused) {
  const MemorySet set = random_set(4, {1, 8, 8}, {2});
  for (const int epsilon : {0, -3, 256})
    EXPECT_THAT(([&] {
                  (void)make_method(set, {MethodName::Noise, Composition::Patch, epsilon, {}, 1});
                }),
                ThrowsMessage<std::invalid_argument>(HasSubstr("it must be between 1 and 255 levels")));
  EXPECT_THROW((void)make_method(set, {MethodName::Lsp, Composition::Patch, 8, {}, 1}), std::invalid_argument);
  EXPECT_THROW((void)make_method(set, {MethodName::Lsp, Composition::Patch, 8, {1}, 1}), std::invalid_argument);
  EXPECT_THAT([] { (void)method_named("em"); },
              ThrowsMessage<std::invalid_argument>("unknown method \"em\"; there are lsp, ar, ops, noise"));
  EXPECT_THAT([] { (void)composition_named("sum"); },
              ThrowsMessage<std::invalid_argument>("unknown composition \"sum\"; there are average, patch"));
}

TEST(Regions, AreCellsOfTheSmallestGridOfAPowerOfTwo) {
  const auto sides = [](std::size_t tasks) {
    const auto cells = regions(Composition::Patch, {1, 64, 64}, tasks);
    EXPECT_EQ(cells.size(), tasks);
    return cells.front().height;
  };
  EXPECT_EQ(sides(1), 64U);
  EXPECT_EQ(sides(3), 32U);
  EXPECT_EQ(sides(4), 32U);
  EXPECT_EQ(sides(5), 16U);
  EXPECT_EQ(sides(14), 16U);
  EXPECT_EQ(sides(40), 8U);
  // 22 = 8 x 2 and a margin of 3 on every side; cell 9 is the second of the second row.
  EXPECT_EQ(regions(Composition::Patch, {1, 22, 22}, 40)[9], (Region{5, 5, 2, 2}));
  EXPECT_EQ(regions(Composition::Average, {1, 22, 20}, 40)[9], (Region{0, 0, 22, 20}));
  EXPECT_THAT(
      [] {
        (void)regions(Composition::Patch, {1, 7, 22}, 40);
      },
      ThrowsMessage<std::invalid_argument>("40 tasks need a grid of 8 x 8 cells, but images have 22 x 7 pixels"));
}

TEST(Noise, IsUniformAndKnowsNoLabel) {
  const MemorySet set = random_set(40, {1, 50, 50}, {2});
  const auto method = make_method(set, {MethodName::Noise, Composition::Patch, 8, {}, 5});
  std::vector<double> quarters(4);
  for (std::size_t i = 0; i < 40; ++i)
    for (const float level : change_of(*method, set.read(i, 1), 0)) {
      ASSERT_LE(std::abs(level), 8.0F);
      quarters[std::min<std::size_t>(3, static_cast<std::size_t>((level + 8.0F) / 4.0F))] += 1e-5;
    }
  for (const double share : quarters) EXPECT_NEAR(share, 0.25, 0.007);  // 5 standard deviations of 100,000 draws
  Batch batch = set.read(3, 1);
  const auto before = change_of(*method, batch, 0);
  batch.labels(0, 0) = kMissing;
  EXPECT_EQ(change_of(*method, batch, 0), before);
}

TEST(Lsp, EveryClassHasOnePatternOfItsOwnInItsCell) {
  const Shape shape{3, 24, 24};
  const MemorySet set = random_set(60, shape, {10, 4, 2});
  const auto method = make_method(set, {MethodName::Lsp, Composition::Patch, 8, {0, 1, 2}, 5});
  const auto cells = regions(Composition::Patch, shape, 3);
  const Batch batch = set.read(0, 60);
  for (std::size_t k = 0; k < 3; ++k) {
    std::map<double, std::set<std::vector<float>>> patterns;
    std::set<std::vector<float>> all;
    for (std::size_t row = 0; row < 60; ++row) {
      const auto levels = part(change_of(*method, batch, row), shape, 0, cells[k]);
      for (const float level : levels) EXPECT_EQ(std::abs(level), 8.0F);
      for (std::size_t y = 0; y < 12; ++y)  // blocks of 12 / 4 pixels
        for (std::size_t x = 0; x < 12; ++x) EXPECT_EQ(levels[y * 12 + x], levels[(y / 3 * 3) * 12 + x / 3 * 3]);
      patterns[batch.label(row, k)].insert(levels);
      all.insert(levels);
    }
    for (const auto& [label, of_class] : patterns) EXPECT_EQ(of_class.size(), 1U);
    EXPECT_EQ(all.size(), patterns.size());
  }
  for (const float level : part(change_of(*method, batch, 0), shape, 0, {12, 12, 12, 12}))
    EXPECT_EQ(level, 0.0F);  // the spare cell
}

TEST(Lsp, SaysWhenACellHoldsTooFewPatterns) {
  const MemorySet set = random_set(20, {1, 2, 2}, {17});
  EXPECT_THAT(([&] {
                (void)make_method(set, {MethodName::Lsp, Composition::Patch, 8, {0}, 1});
              }),
              ThrowsMessage<std::invalid_argument>(
                  HasSubstr("task \"task0\" has 17 classes, but its 2 x 2 pixels hold 16 patterns")));
  EXPECT_NO_THROW((void)make_method(random_set(20, {1, 2, 2}, {16}), {MethodName::Lsp, Composition::Patch, 8, {0}, 1}));
}

TEST(Average, IsTheMeanOfTheTasksAlone) {
  const MemorySet set = random_set(12, {3, 20, 20}, {3, 2, 4});
  for (const MethodName name : kClassWise)
    for (std::size_t i = 0; i < 12; ++i) {
      const auto together = change_of(set, {name, Composition::Average, 8, {0, 1, 2}, 5}, i);
      std::vector<float> sum(together.size());
      for (std::size_t k = 0; k < 3; ++k) {
        const auto alone = change_of(set, {name, Composition::Average, 8, {k}, 5}, i);
        for (std::size_t p = 0; p < sum.size(); ++p) sum[p] += alone[p];
      }
      for (std::size_t p = 0; p < sum.size(); ++p) EXPECT_NEAR(together[p], sum[p] / 3.0F, 1e-5);  // rounding of floats
    }
}

TEST(Patch, ATaskWithoutItsLabelLeavesItsCellAlone) {
  const Shape shape{1, 16, 16};
  const MemorySet set = random_set(12, shape, {3, 2, 4});
  const auto cells = regions(Composition::Patch, shape, 3);
  for (const MethodName name : kClassWise) {
    const auto method = make_method(set, {name, Composition::Patch, 8, {0, 1, 2}, 5});
    Batch batch = set.read(5, 1);
    const auto whole = change_of(*method, batch, 0);
    batch.labels(0, 1) = kMissing;
    const auto masked = change_of(*method, batch, 0);
    for (std::size_t k = 0; k < 3; ++k) {
      const auto before = part(whole, shape, 0, cells[k]);
      const auto after = part(masked, shape, 0, cells[k]);
      EXPECT_EQ(after, k == 1 ? std::vector<float>(64, 0.0F) : before);
      EXPECT_TRUE(std::any_of(before.begin(), before.end(), [](float level) { return level != 0.0F; }));
    }
  }
}

TEST(Patch, TasksThatAreNotProtectedDoNotMatter) {
  const MemorySet set = random_set(12, {1, 16, 16}, {3, 2, 4});
  for (const MethodName name : kClassWise) {
    const auto method = make_method(set, {name, Composition::Patch, 8, {2}, 5});
    Batch batch = set.read(5, 1);
    const auto before = change_of(*method, batch, 0);
    batch.labels(0, 0) = 2.0;
    batch.labels(0, 1) = kMissing;
    EXPECT_EQ(change_of(*method, batch, 0), before);
  }
}

// Least squares for the coefficients of a process from a field: what a network's first layer could learn.
Eigen::VectorXd fitted_process(const std::vector<float>& field, Eigen::Index side) {
  const auto at = [&](Eigen::Index i, Eigen::Index j) {
    return static_cast<double>(field[static_cast<std::size_t>(i * side + j)]);
  };
  Eigen::MatrixXd neighbours((side - 2) * (side - 2), 8);
  Eigen::VectorXd values(neighbours.rows());
  for (Eigen::Index i = 2, row = 0; i < side; ++i)
    for (Eigen::Index j = 2; j < side; ++j, ++row) {
      for (Eigen::Index n = 0; n < 8; ++n) neighbours(row, n) = at(i - 2 + n / 3, j - 2 + n % 3);
      values(row) = at(i, j);
    }
  return neighbours.colPivHouseholderQr().solve(values);
}

TEST(Ar, ImagesOfAClassShareTheirProcessButNotTheirField) {
  const MemorySet set = random_set(6, {1, 30, 30}, {2});
  const auto method = make_method(set, {MethodName::Ar, Composition::Patch, 8, {0}, 5});
  const Batch batch = set.read(0, 6);
  const auto first = change_of(*method, batch, 0);  // class 0, as images 2 and 4
  const auto same = change_of(*method, batch, 2);
  const auto other = change_of(*method, batch, 1);
  EXPECT_NE(first, same);
  float largest = 0.0F;
  for (const float level : first) largest = std::max(largest, std::abs(level));
  EXPECT_FLOAT_EQ(largest, 8.0F);
  EXPECT_LT((fitted_process(first, 30) - fitted_process(same, 30)).norm(),
            0.05);  // levels are floats: 1e-7 of their size
  EXPECT_GT((fitted_process(first, 30) - fitted_process(other, 30)).norm(), 0.2);
}

TEST(Ops, EveryClassMovesOnePixelTowardsAColourByEpsilon) {
  const Shape shape{3, 9, 9};
  const MemorySet set = random_set(60, shape, {5});
  const auto method = make_method(set, {MethodName::Ops, Composition::Patch, 8, {0}, 5});
  const Batch batch = set.read(0, 60);
  std::map<double, std::set<std::vector<float>>> changes;
  std::set<std::vector<float>> all;
  for (std::size_t row = 0; row < 60; ++row) {
    const auto change = change_of(*method, batch, row);
    EXPECT_EQ(std::count(change.begin(), change.end(), 0.0F), static_cast<long>(shape.values() - 3));
    for (const float level : change)
      EXPECT_TRUE(level == 0.0F || std::abs(level) == 8.0F) << level;  // levels 40..200: no end is near
    changes[batch.label(row, 0)].insert(change);
    all.insert(change);
  }
  for (const auto& [label, of_class] : changes) EXPECT_EQ(of_class.size(), 1U);
  EXPECT_EQ(all.size(), 5U);
}

TEST(Ops, TakesThePixelThatIsEquallyFarFromTheColourInTheWholeClass) {
  MemorySet random = random_set(20, {1, 6, 6}, {2});
  Batch batch = random.read(0, 20);
  for (std::size_t row = 0; row < 20; ++row) {
    batch.image(row)[7] = 180;  // far from black in both classes
    if (row % 2 == 0)
      batch.image(row)[20] = 30;  // class 0: the farthest from white
    else
      batch.image(row)[21] = row % 4 == 1 ? 0 : 60;  // class 1: as far in the mean, but spread
  }
  const MemorySet set(random.tasks(), batch);
  const auto zero = change_of(set, {MethodName::Ops, Composition::Patch, 8, {0}, 5}, 0);
  const auto one = change_of(set, {MethodName::Ops, Composition::Patch, 8, {0}, 5}, 1);
  EXPECT_EQ(zero[20], 8.0F);  // 225 levels to white
  EXPECT_EQ(one[7], -8.0F);   // 180 to black
}

TEST(Ops, ClassesThatLookAlikeTakeDifferentPixels) {
  const MemorySet random = random_set(12, {1, 3, 3}, {6});
  Batch batch = random.read(0, 12);
  std::ranges::fill(batch.pixels, std::uint8_t{100});
  const auto method = make_method(MemorySet(random.tasks(), batch), {MethodName::Ops, Composition::Patch, 8, {0}, 5});
  std::set<std::vector<float>> changes;
  for (std::size_t row = 0; row < 6; ++row) changes.insert(change_of(*method, batch, row));
  EXPECT_EQ(changes.size(), 6U);
}

TEST(Ops, AnUnboundedPixelTakesTheColourItself) {
  const MemorySet set = random_set(10, {3, 5, 5}, {2}, 0, 255);
  const auto method = make_method(set, {MethodName::Ops, Composition::Patch, 255, {0}, 5});
  const Batch batch = set.read(0, 10);
  const Batch published = protect(batch, *method);
  for (std::size_t row = 0; row < 10; ++row)
    for (std::size_t p = 0; p < 75; ++p)
      if (published.image(row)[p] != batch.image(row)[p]) {
        EXPECT_TRUE(published.image(row)[p] == 0 || published.image(row)[p] == 255);
      }
  EXPECT_NE(published.pixels, batch.pixels);
}

TEST(Ops, NeedsTwoImagesOfEveryClass) {
  MemorySet random = random_set(5, {1, 4, 4}, {3});  // labels 0 1 2 0 1: one image of class 2
  EXPECT_EQ(data::error_of("",
                           [&] {
                             (void)make_method(random, {MethodName::Ops, Composition::Patch, 8, {0}, 1});
                           }),
            "class \"2\" of task \"task0\" has one image only; ops compares the images of a class");
  EXPECT_THAT(
      ([&] {
        (void)make_method(random_set(10, {1, 1, 1}, {3}), {MethodName::Ops, Composition::Patch, 8, {0}, 1});
      }),
      ThrowsMessage<std::invalid_argument>(HasSubstr("has 3 classes, but its 1 x 1 pixels hold 2 of 2 colours")));
}

TEST(ChangeMeter, MeasuresTheLargestChangeAndThePsnr) {
  ChangeMeter meter;
  const std::vector<std::uint8_t> a = {0, 10, 255, 7};
  const std::vector<std::uint8_t> b = {9, 10, 250, 7};
  meter.add(a, a);
  EXPECT_EQ(meter.largest(), 0);
  EXPECT_TRUE(std::isinf(meter.psnr()));
  ChangeMeter other;
  other.add(a, b);
  meter.add(other);
  EXPECT_EQ(meter.largest(), 9);
  EXPECT_NEAR(meter.psnr(), 10.0 * std::log10(255.0 * 255.0 / ((81.0 + 25.0) / 8.0)), 1e-12);
  EXPECT_THROW(meter.add(a, std::vector<std::uint8_t>(3)), std::invalid_argument);
}

// 0.299 R + 0.587 G + 0.114 B of a change that is the same in all three is that change.
TEST(Method, LumaNoiseIsTheSameInAllChannels) {
  const Shape shape = {3, 24, 20};
  const MemorySet set = random_set(12, shape, {2, 4}, 0, 255);
  for (const MethodName name : {MethodName::Noise, MethodName::Lsp, MethodName::Ar})
    for (const std::size_t image : {0U, 7U}) {
      const std::vector<float> rgb = change_of(set, {.name = name, .tasks = {0, 1}}, image);
      const std::vector<float> luma = change_of(set, {.name = name, .tasks = {0, 1}, .luma = true}, image);
      const std::size_t plane = shape.plane();
      float largest = 0.0F;
      bool differs = false;
      for (std::size_t i = 0; i < plane; ++i) {
        EXPECT_EQ(luma[i], luma[i + plane]);
        EXPECT_EQ(luma[i], luma[i + 2 * plane]);
        largest = std::max(largest, std::abs(luma[i]));
        differs = differs || rgb[i] != rgb[i + plane];
      }
      EXPECT_TRUE(differs);
      EXPECT_GT(largest, 5.0F);
      EXPECT_LE(largest, 8.0F);
    }
}

}  // namespace
}  // namespace crosstalk::image
