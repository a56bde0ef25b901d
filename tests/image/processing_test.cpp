#include "crosstalk/image/processing.hpp"

#include <cmath>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "image/jpeg_bytes.hpp"
#include "image/small_sets.hpp"

namespace crosstalk::image {
namespace {

using Kind = Processing::Kind;
using testing::Each;
using testing::ElementsAre;
using testing::ThrowsMessage;

Picture random_picture(const Shape& shape) {
  return {shape, random_set(1, shape, {1}, 0, 255).read(0, 1).pixels};
}

double mean(const std::vector<std::uint8_t>& levels) {
  return std::accumulate(levels.begin(), levels.end(), 0.0) / static_cast<double>(levels.size());
}

// Soft colours that differ by channel, place and direction.
Picture soft_picture(const Shape& shape) {
  Picture picture{shape, {}};
  for (std::size_t c = 0; c < shape.channels; ++c)
    for (std::size_t y = 0; y < shape.height; ++y)
      for (std::size_t x = 0; x < shape.width; ++x)
        picture.pixels.push_back(static_cast<std::uint8_t>(30 + 40 * c + 2 * x + y * (c + 1) / 2));
  return picture;
}

TEST(Processed, ResizeIsTheMeanOfWhatIsLeft) {
  // Half of 2 x 4 is 1 x 2: the means of two squares, and on the way back a line from one to the other.
  const Picture picture{{1, 2, 4}, {0, 40, 100, 100, 0, 40, 200, 200}};
  EXPECT_THAT(processed(picture, {Kind::Resize, 50}).pixels, ElementsAre(20, 53, 118, 150, 20, 53, 118, 150));
  const Picture tiny{{1, 1, 1}, {7}};
  EXPECT_THAT(processed(tiny, {Kind::Resize, 5}).pixels, ElementsAre(7));
}

TEST(Processed, GreyIsTheLumaInEveryChannel) {
  // Red, green, blue, white, and (10, 20, 30): 0.299 10 + 0.587 20 + 0.114 30 = 18.15.
  const Picture picture{{3, 1, 5}, {255, 0, 0, 255, 10, 0, 255, 0, 255, 20, 0, 0, 255, 255, 30}};
  EXPECT_THAT(processed(picture, {Kind::Grey, 0}).pixels,
              ElementsAre(76, 150, 29, 255, 18, 76, 150, 29, 255, 18, 76, 150, 29, 255, 18));
  const Picture grey = random_picture({1, 4, 4});
  EXPECT_EQ(processed(grey, {Kind::Grey, 0}).pixels, grey.pixels);
}

TEST(Processed, BitsAreTheFirstOfEachLevel) {
  const Picture picture{{1, 1, 6}, {0, 63, 64, 127, 130, 255}};
  EXPECT_THAT(processed(picture, {Kind::Bits, 2}).pixels, ElementsAre(0, 0, 64, 64, 128, 192));
  EXPECT_THAT(processed(picture, {Kind::Bits, 1}).pixels, ElementsAre(0, 0, 0, 0, 128, 128));
  EXPECT_THAT(processed(picture, {Kind::Bits, 7}).pixels, ElementsAre(0, 62, 64, 126, 130, 254));
}

TEST(Processed, JpegIsWhatLibjpegMakesOfIt) {
  for (const Shape& shape : {Shape{1, 9, 13}, Shape{3, 17, 10}})
    for (const int quality : {10, 50, 90}) {
      const Picture picture = soft_picture(shape);
      std::vector<unsigned char> interleaved;
      for (std::size_t p = 0; p < shape.plane(); ++p)
        for (std::size_t c = 0; c < shape.channels; ++c) interleaved.push_back(picture.pixels[c * shape.plane() + p]);
      const std::string file =
          jpeg_file(static_cast<unsigned>(shape.width), static_cast<unsigned>(shape.height), interleaved, quality);
      EXPECT_EQ(encode_jpeg(shape, picture.pixels, quality), file);
      EXPECT_EQ(processed(picture, {Kind::Jpeg, static_cast<double>(quality)}).pixels, decode(file, "f").pixels);
    }
}

TEST(Processed, GoodJpegIsNearlyThePictureAndPoorJpegIsNot) {
  for (const Shape& shape : {Shape{1, 32, 32}, Shape{3, 32, 32}}) {
    const auto change = [&](double quality) {
      const Picture picture = soft_picture(shape);
      const Picture after = processed(picture, {Kind::Jpeg, quality});
      double sum = 0.0;
      for (std::size_t i = 0; i < after.pixels.size(); ++i) sum += std::abs(after.pixels[i] - picture.pixels[i]);
      return sum / static_cast<double>(after.pixels.size());
    };
    EXPECT_LT(change(100), 1.0);
    EXPECT_GT(change(5), 2.0);
  }
}

TEST(Processed, BlurKeepsAnEvenImageAndTheMean) {
  const Picture even{{3, 7, 5}, std::vector<std::uint8_t>(105, 77)};
  for (const double deviation : {0.1, 1.0, 20.0})
    EXPECT_THAT(processed(even, {Kind::Blur, deviation}).pixels, Each(77));
  const Picture picture = random_picture({1, 24, 24});
  const Picture blurred = processed(picture, {Kind::Blur, 2.0});
  EXPECT_NE(blurred.pixels, picture.pixels);
  // 576 levels are rounded, each by 0.29 on average over many.
  EXPECT_NEAR(mean(blurred.pixels), mean(picture.pixels), 0.06);
}

TEST(Processed, BlurSpreadsAPointAsAGaussian) {
  Picture picture{{1, 9, 11}, std::vector<std::uint8_t>(99, 0)};
  picture.pixels[4 * 11 + 5] = 255;
  const auto pixels = processed(picture, {Kind::Blur, 1.0}).pixels;
  // Weights exp(-d^2 / 2) / 2.50596 along each side: 0.39905, 0.24204, 0.05401, 0.00443.
  EXPECT_EQ(pixels[4 * 11 + 5], 41);  // 255 0.39905^2
  EXPECT_EQ(pixels[4 * 11 + 6], 25);  // 255 0.39905 0.24204
  EXPECT_EQ(pixels[3 * 11 + 5], 25);
  EXPECT_EQ(pixels[3 * 11 + 4], 15);  // 255 0.24204^2
  EXPECT_EQ(pixels[4 * 11 + 7], 5);   // 255 0.39905 0.05401
  EXPECT_EQ(pixels[4 * 11 + 9], 0);
}

TEST(Processed, AmountsOutOfRangeAreRefused) {
  const Picture picture = random_picture({1, 4, 4});
  const auto refusal = [&](const Processing& processing) {
    try {
      processed(picture, processing);
    } catch (const std::invalid_argument& error) {
      return std::string(error.what());
    }
    return std::string("none");
  };
  EXPECT_EQ(refusal({Kind::Jpeg, 0}), "processed: a JPEG quality is 0; it must be whole, from 1 to 100");
  EXPECT_EQ(refusal({Kind::Bits, 2.5}), "processed: a number of bits is 2.5; it must be whole, from 1 to 7");
  EXPECT_EQ(refusal({Kind::Blur, 21}), "processed: a blur's deviation is 21; it must be from 0.1 to 20");
  EXPECT_THAT(
      [&] {
        processed_images(random_set(1, {1, 4, 4}, {1}), {{Kind::Bits, 8}});
      },
      ThrowsMessage<std::invalid_argument>("processed: a number of bits is 8; it must be whole, from 1 to 7"));
}

TEST(EncodeJpeg, RefusesWhatIsNoPictureAndOtherQualities) {
  const std::vector<std::uint8_t> levels(16, 0);
  EXPECT_THAT(
      [&] {
        encode_jpeg({1, 4, 5}, levels, 50);
      },
      ThrowsMessage<std::invalid_argument>("encode_jpeg: 16 values for an image of 1 x 4 x 5"));
  EXPECT_THAT(
      [&] {
        encode_jpeg({2, 4, 2}, levels, 50);
      },
      ThrowsMessage<std::invalid_argument>("encode_jpeg: 16 values for an image of 2 x 4 x 2"));
  EXPECT_THAT(
      [&] {
        encode_jpeg({1, 4, 4}, levels, 101);
      },
      ThrowsMessage<std::invalid_argument>("encode_jpeg: quality is 101; it must be between 1 and 100"));
}

TEST(ProcessedImages, EachImageIsProcessedInTurnAndKeepsItsLabels) {
  const MemorySet set = random_set(9, {3, 8, 8}, {2, 3}, 0, 255);
  const auto processing = processed_images(set, {{Kind::Jpeg, 30}, {Kind::Grey, 0}});
  EXPECT_EQ(processing->size(), 9U);
  EXPECT_EQ(processing->shape(), set.shape());
  EXPECT_EQ(processing->tasks().size(), 2U);
  EXPECT_EQ(processing->stem(4), set.stem(4));
  EXPECT_EQ(processing->container(), nullptr);
  const Batch part = processing->read(3, 4);
  EXPECT_EQ(part.first, 3U);
  EXPECT_EQ(part.labels, set.read(3, 4).labels);
  for (std::size_t row = 0; row < 4; ++row) {
    const Batch one = set.read(3 + row, 1);
    const Picture wanted = processed(processed({one.shape, one.pixels}, {Kind::Jpeg, 30}), {Kind::Grey, 0});
    EXPECT_THAT(wanted.pixels, testing::ElementsAreArray(part.image(row)));
  }
  EXPECT_NE(part.pixels, processed_images(set, {{Kind::Grey, 0}, {Kind::Jpeg, 30}})->read(3, 4).pixels);
  EXPECT_THROW(static_cast<void>(processing->read(6, 4)), std::invalid_argument);
}

}  // namespace
}  // namespace crosstalk::image
