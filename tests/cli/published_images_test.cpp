#include "apps/crosstalk/published_images.hpp"

#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>

#include "crosstalk/image/array_set.hpp"
#include "data/error_of.hpp"
#include "data/temporary_folder.hpp"
#include "image/small_sets.hpp"

namespace crosstalk::app {
namespace {

// A set whose one file has its pixels and nothing else, and reads back `off` higher.
class OneFileSet : public image::MemorySet, public image::Container {
 public:
  OneFileSet(image::MemorySet set, int off) : MemorySet(std::move(set)), off_(off) {}
  [[nodiscard]] const image::Container* container() const override { return this; }
  [[nodiscard]] std::string file() const override { return "images.raw"; }
  [[nodiscard]] std::string pack(std::span<const std::uint8_t> pixels) const override {
    return {pixels.begin(), pixels.end()};
  }
  [[nodiscard]] std::vector<std::uint8_t> unpack(std::string content, const std::string&) const override {
    for (char& byte : content) byte = static_cast<char>(byte + off_);
    return {content.begin(), content.end()};
  }

 private:
  int off_;
};

class Published : public testing::Test {
 protected:
  // Publishes the set with every pixel changed by this much; returns the error.
  [[nodiscard]] std::string publish(const image::Source& set, int change, int epsilon) const {
    return data::error_of(folder.path().string(), [&] {
      Session session({"protect", folder.path(), false, true});
      PublishedImages published(session, set, {.epsilon = epsilon});
      const image::Batch original = set.read(0, set.size());
      published.write(original, std::vector<float>(original.pixels.size(), static_cast<float>(change)), 2);
      (void)published.finish();
      EXPECT_EQ(published.change().largest(), std::abs(change));
      EXPECT_GT(published.ssim(), 0.9);
    });
  }
  [[nodiscard]] bool has_manifest() const { return std::filesystem::exists(folder / "images/manifest.csv"); }
  data::TemporaryFolder folder;
};

TEST_F(Published, ALargerChangeThanEpsilonIsAnErrorAndLeavesNoManifest) {
  const auto set = image::random_set(5, {3, 12, 12}, {3});
  EXPECT_EQ(publish(set, -4, 4), "no error");
  EXPECT_TRUE(has_manifest());
  EXPECT_TRUE(publish(set, 5, 4).ends_with(".png: differs from the original by 5 levels; at most 4 are allowed"));
  EXPECT_FALSE(has_manifest());
}

TEST_F(Published, TheSameHoldsForASetOfOneFile) {
  const OneFileSet set(image::random_set(5, {1, 12, 12}, {3}), 0);
  EXPECT_EQ(publish(set, 4, 4), "no error");
  EXPECT_TRUE(has_manifest());
  EXPECT_EQ(publish(set, -5, 4), "images/images.raw: differs from the original by 5 levels; at most 4 are allowed");
  EXPECT_FALSE(has_manifest());
}

TEST_F(Published, WhatIsReadBackMustBeWhatWasWritten) {
  const OneFileSet set(image::random_set(5, {1, 12, 12}, {3}), 1);
  EXPECT_EQ(publish(set, 4, 8), "images/images.raw: holds other pixels than were written");
  EXPECT_FALSE(has_manifest());
}

}  // namespace
}  // namespace crosstalk::app
