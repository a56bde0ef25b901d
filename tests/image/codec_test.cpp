#include "crosstalk/image/codec.hpp"

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <stdexcept>

#include <gtest/gtest.h>
#include <png.h>
#include <zlib.h>

#include "crosstalk/rng.hpp"
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

TEST(Png, TransparentPixelsAreRefusedAndOpaqueOnesAreNot) {
  const std::string rule = "f: has transparent pixels; only opaque images can be read, so lay it on a background";
  EXPECT_EQ(error(png_bytes(1, 1, 8, PNG_COLOR_TYPE_RGB_ALPHA, 0, {1, 2, 3, 254})), rule);
  EXPECT_EQ(error(png_bytes(1, 1, 8, PNG_COLOR_TYPE_PALETTE, 0, {0}, {{9, 8, 7}}, true)), rule);
  const Photo colour = decode_photo(png_bytes(2, 1, 8, PNG_COLOR_TYPE_RGB_ALPHA, 0, {1, 2, 3, 255, 4, 5, 6, 255}), "f");
  EXPECT_TRUE(colour.opaque_alpha);
  EXPECT_EQ(colour.picture.shape, (Shape{3, 1, 2}));
  EXPECT_EQ(colour.picture.pixels, (std::vector<std::uint8_t>{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(decode(png_bytes(2, 1, 8, PNG_COLOR_TYPE_GRAY_ALPHA, 0, {7, 255, 8, 255}), "f").pixels,
            (std::vector<std::uint8_t>{7, 8}));
  // The transparent colour of the palette is not used.
  EXPECT_EQ(decode(png_bytes(1, 1, 8, PNG_COLOR_TYPE_PALETTE, 0, {1}, {{9, 8, 7}, {6, 5, 4}}, true), "f").pixels,
            (std::vector<std::uint8_t>{6, 5, 4}));
}

TEST(Png, SixteenBitsAreRoundedToEight) {
  const Photo photo = decode_photo(png_bytes(3, 1, 16, PNG_COLOR_TYPE_GRAY, 0, {0, 128, 0, 129, 255, 255}), "f");
  EXPECT_TRUE(photo.sixteen_bits);
  EXPECT_EQ(photo.picture.pixels, (std::vector<std::uint8_t>{0, 1, 255}));  // 128 / 257 = 0.498, 129 / 257 = 0.502
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
  EXPECT_EQ(error(jpeg_bytes(4, 4, {1, 2, 3, 4})), "f: has 4 colours (CMYK); only grey and RGB can be read");
}

// A colour profile: its header of 128 bytes, as far as libpng looks at it, and one tag of 300 bytes, since libpng takes
// none that packs to less than some hundred.
std::string profile(const std::string& space) {
  std::string icc(144, '\0');
  const auto put = [&](std::size_t at, const std::string& text) { icc.replace(at, text.size(), text); };
  put(2, "\x01\xbc");  // 444 bytes
  put(128, std::string("\0\0\0\1desc\0\0\0\x90\0\0\1\x2c", 16));
  Rng rng(1);
  for (int i = 0; i < 300; ++i) icc += static_cast<char>(rng.below(256));
  icc[8] = 2;
  put(12, "mntr");
  put(16, space);
  put(20, "XYZ ");
  put(36, "acsp");
  put(68, std::string("\0\0\xf6\xd6\0\1\0\0\0\0\xd3\x2d", 12));  // D50
  return icc;
}

// Orientation in the first directory; a second one with a thumbnail, whose bytes are the text THUMBNAIL.
std::string exif(int orientation) {
  const auto number = [](std::uint32_t value, int bytes) {
    std::string text;
    for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i));
    return text;
  };
  const auto entry = [&](std::uint32_t tag, std::uint32_t kind, std::uint32_t value) {
    return number(tag, 2) + number(kind, 2) + number(1, 4) + number(value, 4);
  };
  return std::string("II\x2a\0", 4) + number(8, 4) + number(1, 2) +
         entry(0x0112, 3, static_cast<std::uint32_t>(orientation)) + number(26, 4) + number(2, 2) +
         entry(0x0201, 4, 56) + entry(0x0202, 4, 9) + number(0, 4) + "THUMBNAIL";
}

std::vector<Format> formats() {
  std::vector<Format> all = {Format::Png, Format::Jpeg};
  if (has_webp()) all.push_back(Format::WebP);
  return all;
}

TEST(Exif, TurnsAPictureAsThePixelsWereStored) {
  const Picture stored{{1, 2, 3}, {1, 2, 3, 4, 5, 6}};
  const std::vector<std::vector<std::uint8_t>> shown = {{1, 2, 3, 4, 5, 6}, {3, 2, 1, 6, 5, 4}, {6, 5, 4, 3, 2, 1},
                                                        {4, 5, 6, 1, 2, 3}, {1, 4, 2, 5, 3, 6}, {4, 1, 5, 2, 6, 3},
                                                        {6, 3, 5, 2, 4, 1}, {3, 6, 2, 5, 1, 4}};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const Picture turned = upright(stored, orientation);
    EXPECT_EQ(turned.pixels, shown[static_cast<std::size_t>(orientation - 1)]) << orientation;
    EXPECT_EQ(turned.shape, (orientation < 5 ? Shape{1, 2, 3} : Shape{1, 3, 2})) << orientation;
    const Photo photo = decode_photo(encode(stored, {}, {"", exif(orientation)}), "f");
    EXPECT_EQ(photo.orientation, orientation);
    EXPECT_EQ(photo.picture.pixels, turned.pixels);
  }
  EXPECT_THROW(upright(stored, 9), std::invalid_argument);
}

TEST(Exif, IsUprightAndWithoutItsThumbnail) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    EXPECT_EQ(exif_orientation(exif(orientation)), orientation);
    const std::string after = upright_exif(exif(orientation));
    EXPECT_EQ(exif_orientation(after), 1);
    EXPECT_EQ(after.size(), exif(orientation).size());
    EXPECT_EQ(after.find("THUMB"), std::string::npos);
    EXPECT_EQ(upright_exif(after), after);
  }
}

TEST(Exif, DamageIsNoOrientationAndNothingIsKept) {
  const std::string whole = exif(6);
  for (std::size_t length = 0; length < 26; ++length) {
    EXPECT_EQ(exif_orientation(std::string_view(whole).substr(0, length)), 1) << length;
    EXPECT_EQ(upright_exif(whole.substr(0, length)), "") << length;
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {  // no byte leads out of it
    std::string damaged = whole;
    damaged[at] = static_cast<char>(0xff);
    const int orientation = exif_orientation(damaged);
    EXPECT_TRUE(orientation >= 1 && orientation <= 8);
    EXPECT_LE(upright_exif(damaged).size(), whole.size());
  }
  EXPECT_EQ(exif_orientation(exif(9)), 1);
}

TEST(Encode, ProfilesAndExifAreReadBackAsTheyWere) {
  for (const Format format : formats())
    for (const bool colour : {false, true}) {
      if (format == Format::WebP && !colour) continue;  // it has no grey
      const Shape shape{colour ? std::size_t{3} : std::size_t{1}, 5, 7};
      const Metadata metadata = {profile(colour ? "RGB " : "GRAY"), exif(1)};
      const Picture picture{shape, std::vector<std::uint8_t>(shape.values(), 90)};
      const Photo photo = decode_photo(encode(picture, {.format = format}, metadata), "f");
      EXPECT_EQ(photo.picture.shape, shape);
      EXPECT_EQ(photo.metadata.icc, metadata.icc) << extension_of(format);
      EXPECT_EQ(photo.metadata.exif, metadata.exif) << extension_of(format);
      for (const int level : photo.picture.pixels) EXPECT_NEAR(level, 90, format == Format::Png ? 0 : 2);
      const Metadata other = {profile(colour ? "GRAY" : "RGB "), ""};
      EXPECT_EQ(decode_photo(encode(picture, {.format = format}, other), "f").metadata.icc, "");
    }
}

TEST(Encode, AProfileLongerThanAMarkerComesInPieces) {
  std::string icc = profile("RGB ");
  icc.resize(150'000, 'x');
  const Picture picture{{3, 2, 2}, std::vector<std::uint8_t>(12, 90)};
  EXPECT_TRUE(decode_photo(encode(picture, {.format = Format::Jpeg}, {icc, ""}), "f").metadata.icc == icc);
}

TEST(Encode, EveryLevelOfCompressionKeepsThePixels) {
  const Batch batch = random_set(1, {3, 30, 20}, {1}, 0, 255).read(0, 1);
  for (int level = 0; level <= 9; ++level)
    EXPECT_EQ(decode(encode({batch.shape, batch.pixels}, {.compression = level}), "f").pixels, batch.pixels);
}

TEST(Encode, NamesAnOptionOutOfRange) {
  const Picture picture{{1, 1, 1}, {7}};
  EXPECT_THROW(encode(picture, {.quality = 0}), std::invalid_argument);
  EXPECT_THROW(encode(picture, {.compression = 10}), std::invalid_argument);
  EXPECT_THROW(encode({{1, 1, 70'000}, std::vector<std::uint8_t>(70'000)}, {.format = Format::Jpeg}),
               std::invalid_argument);
  EXPECT_THROW(format_named("gif"), std::invalid_argument);
}

TEST(WebP, DamageAnywhereIsAnErrorOrAPicture) {
  if (!has_webp()) GTEST_SKIP() << "built without libwebp";
  const Picture picture{{3, 9, 11}, std::vector<std::uint8_t>(297, 90)};
  const std::string content = encode(picture, {.format = Format::WebP}, {profile("RGB "), exif(6)});
  EXPECT_EQ(decode_photo(content, "f").picture.shape, (Shape{3, 11, 9}));
  // Only what stands behind the pixels may be missing.
  for (std::size_t length = 0; length < content.size() / 2; ++length)
    EXPECT_NE(error(content.substr(0, length)), "no error") << length;
  for (std::size_t at = 0; at < content.size(); ++at) {
    std::string damaged = content;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x15);
    EXPECT_EQ(error(damaged).find('\n'), std::string::npos);
  }
  std::string animated = content;
  animated[20] = static_cast<char>(animated[20] | 2);  // a flag of the extended header
  EXPECT_EQ(error(animated), "f: is an animation; a file must hold one picture");
}

TEST(Decode, SaysThatAFileIsNoPicture) {
  EXPECT_EQ(error(""), "f: is empty");
  EXPECT_EQ(error("GIF89a"), "f: is neither a PNG, a JPEG nor a WebP file");
}

}  // namespace
}  // namespace crosstalk::image
