#include "crosstalk/image/published_copy.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "image/small_sets.hpp"

namespace crosstalk::image {
namespace {

using testing::ElementsAre;
using testing::ThrowsMessage;

std::vector<std::size_t> every_second(std::size_t count) {
  std::vector<std::size_t> rows(count);
  for (std::size_t i = 0; i < count; ++i) rows[i] = 2 * i;
  return rows;
}

TEST(PartlyClean, HasTheCleanImagesInTheseRowsAndNoOthers) {
  const MemorySet clean = random_set(10, {1, 3, 3}, {2}, 0, 99);
  const MemorySet published = random_set(10, {1, 3, 3}, {2}, 100, 255);
  const auto mixed = partly_clean(published, clean, {2, 5, 9});
  EXPECT_EQ(mixed->size(), 10U);
  EXPECT_EQ(mixed->stem(3), published.stem(3));
  for (const auto& [first, count] : {std::pair<std::size_t, std::size_t>{0, 10}, {1, 3}, {3, 2}, {5, 5}, {9, 1}}) {
    const Batch batch = mixed->read(first, count);
    ASSERT_EQ(batch.size(), count);
    for (std::size_t row = 0; row < count; ++row) {
      const std::size_t index = first + row;
      const Source& from = index == 2 || index == 5 || index == 9 ? clean : published;
      EXPECT_THAT(from.read(index, 1).pixels, testing::ElementsAreArray(batch.image(row))) << index;
    }
  }
  EXPECT_THROW(static_cast<void>(mixed->read(8, 3)), std::invalid_argument);
}

TEST(PartlyClean, RefusesImagesThatAreNoCopyAndRowsThatAreNotThere) {
  const MemorySet set = random_set(10, {1, 3, 3}, {2});
  const char* const other = "partly_clean: the published images are not as many, or not as large, as the clean";
  EXPECT_THAT(
      [&] {
        partly_clean(set, random_set(9, {1, 3, 3}, {2}), {});
      },
      ThrowsMessage<std::invalid_argument>(other));
  EXPECT_THAT(
      [&] {
        partly_clean(set, random_set(10, {1, 3, 4}, {2}), {});
      },
      ThrowsMessage<std::invalid_argument>(other));
  EXPECT_THROW(partly_clean(set, set, {10}), std::invalid_argument);
}

TEST(LeakedRows, AreTheShareAskedForOfTheRows) {
  const auto rows = every_second(40);
  EXPECT_TRUE(leaked_rows(rows, 0, 1).empty());
  EXPECT_EQ(leaked_rows(rows, 100, 1), rows);
  EXPECT_EQ(leaked_rows(rows, 1.25, 1).size(), 1U);  // 0.5 of an image
  const auto fifth = leaked_rows(rows, 20, 1);
  const auto half = leaked_rows(rows, 50, 1);
  EXPECT_EQ(fifth.size(), 8U);
  EXPECT_EQ(half.size(), 20U);
  EXPECT_TRUE(std::ranges::includes(rows, half));
  EXPECT_TRUE(std::ranges::includes(half, fifth));
  EXPECT_EQ(fifth, leaked_rows(rows, 20, 1));
  EXPECT_NE(fifth, leaked_rows(rows, 20, 2));
}

TEST(LeakedRows, RefusesMoreThanAllAndLessThanNothing) {
  EXPECT_THAT(
      [] {
        leaked_rows({1, 2}, 100.5, 1);
      },
      ThrowsMessage<std::invalid_argument>("leak is 100.5; it must be between 0 and 100 percent"));
  EXPECT_THROW(leaked_rows({1, 2}, -1, 1), std::invalid_argument);
  EXPECT_THROW(leaked_rows({1, 2}, std::nan(""), 1), std::invalid_argument);
}

}  // namespace
}  // namespace crosstalk::image
