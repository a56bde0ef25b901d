#include <algorithm>
#include <cstdlib>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crosstalk/image/network/restoration.hpp"
#include "crosstalk/image/network/tasks.hpp"
#include "crosstalk/image/network/verification.hpp"
#include "tests/image/network/network_sets.hpp"

namespace crosstalk::image {
namespace {

using testing::ThrowsMessage;

struct Sets {
  MemorySet clean = separable_set(80);
  MemorySet published = random_set(80, {1, 12, 12}, {2}, 0, 255);
  MemorySet test = separable_set(60, 6);

  Sets() {
    published = MemorySet(clean.tasks(), {0, clean.shape(), published.read(0, 80).pixels, clean.read(0, 80).labels});
  }
  [[nodiscard]] VerificationData data() const { return {clean, &published, all_rows(80), test, all_rows(60)}; }
};

VerificationOptions quick(const std::string& words = "none") {
  VerificationOptions options;
  options.epochs = 2;
  options.batch = 16;
  options.stl = false;
  options.countermeasure = countermeasure_named(words);
  return options;
}

std::vector<double> values(const Victim& victim) {
  std::vector<double> result;
  for (const TaskScore& score : victim.scores) {
    result.push_back(score.value);
    result.push_back(score.balanced);
  }
  return result;
}

// The rows that were read from a set.
class Watched : public MemorySet {
 public:
  using MemorySet::MemorySet;
  [[nodiscard]] Batch read(std::size_t first, std::size_t count) const override {
    for (std::size_t i = 0; i < count; ++i) rows.insert(first + i);
    return MemorySet::read(first, count);
  }
  mutable std::set<std::size_t> rows;
};

TEST(Countermeasures, WhoHasAllOriginalsLearnsWhatTheyShow) {
  const Sets sets;
  VerificationOptions options = quick();
  options.epochs = 8;
  options.leak = 100;
  const auto victims = verify(sets.data(), options);
  ASSERT_EQ(victims.size(), 2U);
  EXPECT_EQ(values(victims[0]), values(victims[1]));
  options.leak = 0;
  EXPECT_NE(values(victims[0]), values(verify(sets.data(), options)[1]));
  options.leak = 101;
  EXPECT_THAT([&] { verify(sets.data(), options); },
              ThrowsMessage<std::invalid_argument>("leak is 101; it must be between 0 and 100 percent"));
}

// Victims of processed images are those of a set whose training and test images were processed before.
TEST(Countermeasures, ProcessingIsOfTheImagesToTrainAndToTestOn) {
  const Sets sets;
  const auto whole = [](const Source& source, const std::vector<Processing>& steps) {
    return MemorySet(source.tasks(), processed_images(source, steps)->read(0, source.size()));
  };
  VerificationOptions plain = quick();
  plain.epochs = 8;
  VerificationOptions options = quick("bits1+blur");
  options.epochs = 8;
  const auto& steps = options.countermeasure.processing;
  const MemorySet clean = whole(sets.clean, steps);
  const MemorySet published = whole(sets.published, steps);
  const MemorySet test = whole(sets.test, steps);
  const auto before = verify({clean, &published, all_rows(80), test, all_rows(60)}, plain);
  const auto after = verify(sets.data(), options);
  const auto unprocessed_test = verify({clean, &published, all_rows(80), sets.test, all_rows(60)}, plain);
  for (std::size_t v = 0; v < 2; ++v) EXPECT_EQ(values(after[v]), values(before[v]));
  EXPECT_NE(values(after[0]), values(unprocessed_test[0]));
}

TEST(Countermeasures, LongerIsFourTimesTheEpochsAndASmallRateLearnsNothing) {
  const Sets sets;
  VerificationOptions options = quick();
  options.epochs = 16;
  const VerificationData data{sets.clean, nullptr, all_rows(80), sets.test, all_rows(60)};
  const auto sixteen = verify(data, options);
  VerificationOptions four_times = quick("long");
  four_times.epochs = 4;
  EXPECT_EQ(values(verify(data, four_times)[0]), values(sixteen[0]));
  EXPECT_GT(sixteen[0].scores[0].value, 0.8);
  VerificationOptions slow = quick("rate0.001");
  slow.epochs = 16;
  EXPECT_LT(verify(data, slow)[0].scores[0].value, 0.75);
}

TEST(Countermeasures, StoppingEarlyHoldsATenthOfTheImagesOutOfTraining) {
  const Sets sets;
  Watched published(sets.clean.tasks(), sets.published.read(0, 80));
  const VerificationOptions options = quick("early-stop");
  const auto victims = verify({sets.clean, &published, all_rows(80), sets.test, all_rows(60)}, options);
  ASSERT_EQ(victims.size(), 2U);
  EXPECT_EQ(published.rows.size(), 72U);
  EXPECT_THAT(
      [&] {
        verify({sets.clean, nullptr, all_rows(9), sets.test, all_rows(60)}, options);
      },
      ThrowsMessage<std::invalid_argument>("verify: 9 images are too few to hold out a tenth"));
}

// Changes of a class each, which the class means over all pairs say exactly.
struct ClasswiseCopy {
  MemorySet clean = separable_set(80);
  MemorySet published = copy();
  MemorySet test = separable_set(60, 6);

  [[nodiscard]] MemorySet copy() const {
    Batch batch = clean.read(0, 80);
    for (std::size_t row = 0; row < 80; ++row)
      for (std::size_t p = 0; p < batch.shape.values(); ++p)
        batch.image(row)[p] = static_cast<std::uint8_t>(batch.image(row)[p] + 20 + (p % 2 == 0) * 12 -
                                                        (batch.label(row, 0) == (p % 3 == 0 ? 1 : 0)) * 8);
    return {clean.tasks(), std::move(batch)};
  }
  [[nodiscard]] Restoration all_pairs() const { return {.pairs = 0, .class_mean_pairs = 80}; }
};

// The mean over all levels of how far two sets are apart.
double distance(const Source& a, const Source& b) {
  const Batch left = a.read(0, a.size());
  const Batch right = b.read(0, b.size());
  double sum = 0;
  for (std::size_t p = 0; p < left.pixels.size(); ++p) sum += std::abs(left.pixels[p] - right.pixels[p]);
  return sum / static_cast<double>(left.pixels.size());
}

TEST(RestoredImages, TheMeanChangeOfAClassIsTakenOff) {
  const ClasswiseCopy sets;
  EXPECT_GT(distance(sets.published, sets.clean), 10.0);
  // Task "height" is nearly independent of "side", so its means are near 0, and rounding does the rest.
  EXPECT_LT(distance(*restored_images(sets.published, sets.clean, all_rows(80), sets.all_pairs(), 1), sets.clean), 1.0);
  // Without pairs the classes of a task end with one mean, whatever the images show.
  const auto levelled = restored_images(sets.published, sets.clean, all_rows(80), {0, 0}, 1)->read(0, 80);
  double means[2] = {0, 0};
  double images[2] = {0, 0};
  for (std::size_t row = 0; row < 80; ++row) {
    const auto side = static_cast<std::size_t>(levelled.label(row, 0));
    for (const std::uint8_t level : levelled.image(row)) means[side] += level;
    images[side] += static_cast<double>(levelled.shape.values());
  }
  EXPECT_NEAR(means[0] / images[0], means[1] / images[1], 1.0);
}

TEST(RestoredImages, ADenoiserLearnsTheChangeFromPairs) {
  const ClasswiseCopy sets;
  const auto restored = restored_images(sets.published, sets.clean, all_rows(80), {.pairs = 40}, 1);
  EXPECT_LT(distance(*restored, sets.clean), 0.4 * distance(sets.published, sets.clean));
  const Batch part = restored->read(10, 3);
  const Batch whole = restored->read(0, 80);
  for (std::size_t row = 0; row < 3; ++row)
    EXPECT_TRUE(std::ranges::equal(part.image(row), whole.image(10 + row))) << row;
  EXPECT_EQ(whole.labels, sets.published.read(0, 80).labels);
  EXPECT_THAT([&] { restored_images(sets.published, sets.clean, all_rows(8), {.pairs = 9}, 1); },
              ThrowsMessage<std::invalid_argument>(
                  "the number of pairs is 9; it must be at most the number of images to train on, 8"));
}

TEST(Countermeasures, RestorationIsOfThePublishedImagesToTrainOnAlone) {
  const ClasswiseCopy sets;
  const VerificationData data{sets.clean, &sets.published, all_rows(80), sets.test, all_rows(60)};
  const auto restored = restored_images(sets.published, sets.clean, all_rows(80), sets.all_pairs(), 1);
  const MemorySet whole(sets.clean.tasks(), restored->read(0, 80));
  VerificationOptions plain = quick();
  plain.epochs = 8;
  VerificationOptions options = quick("class-means80");
  options.epochs = 8;
  const auto before = verify({sets.clean, &whole, all_rows(80), sets.test, all_rows(60)}, plain);
  const auto after = verify(data, options);
  for (std::size_t v = 0; v < 2; ++v) EXPECT_EQ(values(after[v]), values(before[v]));
}

}  // namespace
}  // namespace crosstalk::image
