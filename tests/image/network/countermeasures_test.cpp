#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace crosstalk::image
