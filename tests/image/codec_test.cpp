#include "crosstalk/image/codec.hpp"

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <stdexcept>

#include <gtest/gtest.h>
#include <png.h>
#include <zlib.h>

#include "data/error_of.hpp"
#include "image/jpeg_bytes.hpp"
#include "image/small_sets.hpp"

namespace crosstalk::image {
namespace {

std::string error(const std::string& content) {
  return data::error_of("", [&] { decode(content, "f"); });
}

// A PNG with any header, written by libpng without the library; rows is what png_write_image takes.
std::string png_bytes(int width, int height, int bits, int colour, int interlace, std::vector<std::uint8_t> rows,
                      const std::vector<png_color>& palette = {}, bool transparent = false) {
  std::string content;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(
      png, &content,
      [](png_structp p, png_bytep data, std::size_t n) {
        static_cast<std::string*>(png_get_io_ptr(p))->append(reinterpret_cast<char*>(data), n);
      },
      [](png_structp) {});
  png_set_IHDR(png, info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height), bits, colour, interlace, 0,
               0);
  if (!palette.empty()) png_set_PLTE(png, info, palette.data(), static_cast<int>(palette.size()));
  const png_byte alpha = 0;
  if (transparent) png_set_tRNS(png, info, &alpha, 1, nullptr);
  png_write_info(png, info);
  std::vector<png_bytep> pointers;
  for (int y = 0; y < height; ++y)
    pointers.push_back(rows.data() + static_cast<std::size_t>(y) * rows.size() / static_cast<std::size_t>(height));
  png_write_image(png, pointers.data());
  png_write_end(png, nullptr);
  png_destroy_write_struct(&png, &info);
  return content;
}

TEST(Png, WhatIsWrittenIsReadBackExactly) {
  for (const Shape shape : {Shape{1, 1, 1}, Shape{1, 5, 9}, Shape{3, 7, 4}}) {
    const Batch batch = random_set(1, shape, {1}, 0, 255).read(0, 1);
    const std::string content = encode_png(shape, batch.pixels);
    const Picture picture = decode(content, "f");
    EXPECT_EQ(picture.shape, shape);
    EXPECT_EQ(picture.pixels, batch.pixels);
    EXPECT_EQ(encode_png(shape, batch.pixels), content);
  }
}

TEST(Png, PixelsStandInRowsAndChannelsInPlanes) {
  const Picture picture = decode(png_bytes(2, 1, 8, PNG_COLOR_TYPE_RGB, 0, {1, 2, 3, 4, 5, 6}), "f");
  EXPECT_EQ(picture.shape, (Shape{3, 1, 2}));
  EXPECT_EQ(picture.pixels, (std::vector<std::uint8_t>{1, 4, 2, 5, 3, 6}));
}

TEST(Png, PalettesFewBitsAndInterlacedFilesAreExpanded) {
  const Picture palette = decode(png_bytes(2, 1, 8, PNG_COLOR_TYPE_PALETTE, 0, {1, 0}, {{9, 8, 7}, {6, 5, 4}}), "f");
  EXPECT_EQ(palette.pixels, (std::vector<std::uint8_t>{6, 9, 5, 8, 4, 7}));
  const Picture bits = decode(png_bytes(8, 1, 1, PNG_COLOR_TYPE_GRAY, 0, {0xA0}), "f");
  EXPECT_EQ(bits.pixels, (std::vector<std::uint8_t>{255, 0, 255, 0, 0, 0, 0, 0}));
  const std::vector<std::uint8_t> square = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  EXPECT_EQ(decode(png_bytes(3, 3, 8, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_ADAM7, square), "f").pixels, square);
}

TEST(Png, WhatWouldLosePartOfThePictureIsRefused) {
  EXPECT_EQ(error(png_bytes(1, 1, 8, PNG_COLOR_TYPE_RGB_ALPHA, 0, {1, 2, 3, 4})),
            "f: has transparency; only grey and RGB can be read");
  EXPECT_EQ(error(png_bytes(1, 1, 8, PNG_COLOR_TYPE_PALETTE, 0, {0}, {{9, 8, 7}}, true)),
            "f: has transparency; only grey and RGB can be read");
  EXPECT_EQ(error(png_bytes(1, 1, 16, PNG_COLOR_TYPE_GRAY, 0, {1, 2})),
            "f: has 16 bits a channel; at most 8 can be read");
}

TEST(Png, DamageAnywhereIsAnErrorOrLeavesThePixels) {
  const Batch batch = random_set(1, {3, 6, 6}, {1}, 0, 255).read(0, 1);
  const std::string content = encode_png(batch.shape, batch.pixels);
  for (std::size_t length = 0; length < content.size(); ++length)
    EXPECT_NE(error(content.substr(0, length)), "no error") << length;
  EXPECT_EQ(error(content.substr(0, 100)), "f: does not decode: the file is cut short");
  for (std::size_t at = 0; at < content.size(); ++at) {
    std::string damaged = content;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x15);
    const std::string message = data::error_of("", [&] { EXPECT_EQ(decode(damaged, "f").pixels, batch.pixels) << at; });
    EXPECT_EQ(message.find('\n'), std::string::npos);
  }
}

// A chunk as it stands in the file.
std::string chunk(const std::string& type, const std::string& content) {
  const std::string body = type + content;
  std::string bytes;
  const auto put = [&](std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
  };
  put(static_cast<std::uint32_t>(content.size()));
  bytes += body;
  put(static_cast<std::uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()))));
  return bytes;
}

// 20,000 texts take libpng seconds when it keeps them; a compressed one may unpack to a thousand times its size.
TEST(Png, TextsArePassedOver) {
  std::string content = encode_png({1, 1, 1}, std::vector<std::uint8_t>{7});
  std::string texts;
  for (int i = 0; i < 20'000; ++i) texts += chunk("tEXt", std::string("k\0t", 3));
  std::string packed(compressBound(3'000'000), '\0');
  uLongf size = packed.size();
  const std::string zeros(3'000'000, '\0');
  ASSERT_EQ(compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(zeros.data()),
                     zeros.size()),
            Z_OK);
  for (const char* type : {"zTXt", "iTXt"}) texts += chunk(type, std::string("k\0\0", 3) + packed.substr(0, size));
  content.insert(33, texts);  // behind the header
  const std::clock_t start = std::clock();
  EXPECT_EQ(decode(content, "f").pixels, std::vector<std::uint8_t>{7});
  EXPECT_LT(std::clock() - start, CLOCKS_PER_SEC);
}

// Only the sizes in the header are changed, and its checksum with them.
std::string with_sizes(std::string content, std::uint32_t width, std::uint32_t height) {
  const auto put = [&](std::size_t at, std::uint32_t value) {
    for (std::size_t i = 0; i < 4; ++i) content[at + i] = static_cast<char>(value >> (24 - 8 * i));
  };
  put(16, width);
  put(20, height);
  put(29, static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(content.data()) + 12, 17)));
  return content;
}

TEST(Png, AHeaderThatLiesAboutSizesTakesNoMemory) {
  const std::string content = encode_png({1, 1, 1}, std::vector<std::uint8_t>{7});
  EXPECT_EQ(error(with_sizes(content, 8000, 8000)), "f: promises 8000 x 8000 pixels, but has 67 bytes");
  EXPECT_EQ(error(with_sizes(content, 70000, 1000)), "f: has 70000 x 1000 pixels; at most 67108864 can be read");
  EXPECT_NE(error(with_sizes(content, 0, 5)), "no error");
  EXPECT_NE(error(with_sizes(content, 2, 1)), "no error");
}

TEST(Png, OnlyGreyAndRgbCanBeWritten) {
  const std::vector<std::uint8_t> four(4);
  EXPECT_THROW(encode_png({2, 1, 2}, four), std::invalid_argument);
  EXPECT_THROW(encode_png({1, 0, 4}, {}), std::invalid_argument);
  EXPECT_THROW(encode_png({1, 1, 3}, four), std::invalid_argument);
}

TEST(Jpeg, AnEvenPictureKeepsItsColour) {
  const Picture colour = decode(jpeg_bytes(17, 9, {200, 100, 50}), "f");
  EXPECT_EQ(colour.shape, (Shape{3, 9, 17}));
  for (std::size_t p = 0; p < colour.shape.plane(); ++p) {  // 3: what quality 90 and the change to YCbCr may cost
    EXPECT_NEAR(colour.pixels[p], 200, 3);
    EXPECT_NEAR(colour.pixels[colour.shape.plane() + p], 100, 3);
    EXPECT_NEAR(colour.pixels[2 * colour.shape.plane() + p], 50, 3);
  }
  const Picture grey = decode(jpeg_bytes(5, 6, {77}), "f");
  EXPECT_EQ(grey.shape, (Shape{1, 6, 5}));
  for (const int level : grey.pixels) EXPECT_NEAR(level, 77, 1);
}

TEST(Jpeg, DataThatAreCutShortAreNoPicture) {
  const std::string content = jpeg_bytes(64, 64, {200, 100, 50});
  for (std::size_t length = 3; length < content.size() - 2; ++length)
    EXPECT_NE(error(content.substr(0, length)), "no error") << length;
  EXPECT_TRUE(error(content.substr(0, content.size() / 2)).starts_with("f: does not decode: "));
}

TEST(Jpeg, FourColoursAreRefused) {
  EXPECT_EQ(error(jpeg_bytes(4, 4, {1, 2, 3, 4})), "f: has 4 colours; only grey and RGB can be read");
}

TEST(Decode, SaysThatAFileIsNoPicture) {
  EXPECT_EQ(error(""), "f: is neither a PNG nor a JPEG file");
  EXPECT_EQ(error("GIF89a"), "f: is neither a PNG nor a JPEG file");
}

}  // namespace
}  // namespace crosstalk::image
