#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>

#include <fmt/format.h>
#include <png.h>

#include "codec.hpp"
#include "crosstalk/error.hpp"

namespace crosstalk::image {

namespace {

// libpng reports errors by longjmp. Each function that calls setjmp holds no object with a destructor, and calls libpng
// itself.

struct Input {
  std::string_view rest;
  char message[128] = {};
};

struct Output {
  std::string content;
  bool out_of_memory = false;
};

void keep_message(png_structp png, png_const_charp message) {
  if (auto* const input = static_cast<Input*>(png_get_error_ptr(png)))
    std::snprintf(input->message, sizeof input->message, "%s", message);
  png_longjmp(png, 1);
}

void pass_over(png_structp, png_const_charp) {}

void take(png_structp png, png_bytep target, std::size_t count) {
  auto& input = *static_cast<Input*>(png_get_io_ptr(png));
  if (count > input.rest.size()) png_error(png, "the file is cut short");
  std::memcpy(target, input.rest.data(), count);
  input.rest.remove_prefix(count);
}

void append(png_structp png, png_bytep data, std::size_t count) {
  auto& output = *static_cast<Output*>(png_get_io_ptr(png));
  try {
    output.content.append(reinterpret_cast<const char*>(data), count);
  } catch (const std::bad_alloc&) {
    output.out_of_memory = true;
  }
  if (output.out_of_memory) png_error(png, "out of memory");
}

void flush(png_structp) {}

// Texts and the like, which say nothing of the pixels: libpng would unpack each and keep it, in quadratic time.
constexpr png_byte kPassedOver[] = "tEXt\0zTXt\0iTXt\0sPLT\0hIST\0tIME\0pCAL\0sCAL\0oFFs";
constexpr int kPassedOverCount = static_cast<int>(sizeof kPassedOver / 5);
constexpr png_alloc_size_t kMostChunkBytes = 8U << 20U;  // in memory, of any other chunk but pixels
constexpr png_uint_32 kMostChunks = 1000;

bool read_header(png_structp png, png_infop info) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, kPassedOver, kPassedOverCount);
  png_set_chunk_malloc_max(png, kMostChunkBytes);
  png_set_chunk_cache_max(png, kMostChunks);
  png_read_info(png, info);
  return true;
}

bool expand(png_structp png, png_infop info) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_expand(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  return true;
}

bool read_pixels(png_structp png, png_bytepp rows) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_read_image(png, rows);
  png_read_end(png, nullptr);
  return true;
}

bool write_pixels(png_structp png, png_infop info, const Shape& shape, png_bytepp rows) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_IHDR(png, info, static_cast<png_uint_32>(shape.width), static_cast<png_uint_32>(shape.height), 8,
               shape.channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  png_write_image(png, rows);
  png_write_end(png, nullptr);
  return true;
}

std::vector<png_bytep> rows_of(std::vector<std::uint8_t>& pixels, const Shape& shape) {
  std::vector<png_bytep> rows(shape.height);
  for (std::size_t y = 0; y < shape.height; ++y) rows[y] = pixels.data() + y * shape.width * shape.channels;
  return rows;
}

struct Reading {
  explicit Reading(Input& input) : png(png_create_read_struct(PNG_LIBPNG_VER_STRING, &input, keep_message, pass_over)) {
    if (png == nullptr) throw std::bad_alloc();
    info = png_create_info_struct(png);
    if (info == nullptr) {
      png_destroy_read_struct(&png, nullptr, nullptr);
      throw std::bad_alloc();
    }
    png_set_read_fn(png, &input, take);
  }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;
  ~Reading() { png_destroy_read_struct(&png, &info, nullptr); }

  png_structp png = nullptr;
  png_infop info = nullptr;
};

struct Writing {
  explicit Writing(Output& output)
      : png(png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, keep_message, pass_over)) {
    if (png == nullptr) throw std::bad_alloc();
    info = png_create_info_struct(png);
    if (info == nullptr) {
      png_destroy_write_struct(&png, nullptr);
      throw std::bad_alloc();
    }
    png_set_write_fn(png, &output, append, flush);
  }
  Writing(const Writing&) = delete;
  Writing& operator=(const Writing&) = delete;
  ~Writing() { png_destroy_write_struct(&png, &info); }

  png_structp png = nullptr;
  png_infop info = nullptr;
};

}  // namespace

Picture decode_png(std::string_view content, const std::string& name) {
  Input input{content};
  const Reading reading(input);
  const auto require = [&](bool done) {
    if (!done) throw DataError(fmt::format("{}: does not decode: {}", name, input.message));
  };
  require(read_header(reading.png, reading.info));
  Picture picture;
  picture.shape.width = png_get_image_width(reading.png, reading.info);
  picture.shape.height = png_get_image_height(reading.png, reading.info);
  const int colour = png_get_color_type(reading.png, reading.info);
  const std::size_t bits = png_get_bit_depth(reading.png, reading.info);
  picture.shape.channels = (colour & PNG_COLOR_MASK_COLOR) != 0 ? 3 : 1;
  require_readable(picture.shape.width, picture.shape.height, name);
  if ((colour & PNG_COLOR_MASK_ALPHA) != 0 || png_get_valid(reading.png, reading.info, PNG_INFO_tRNS) != 0)
    throw DataError(name + ": has transparency; only grey and RGB can be read");
  if (bits == 16) throw DataError(name + ": has 16 bits a channel; at most 8 can be read");
  // Deflate packs 1032 bytes at most into one.
  if (picture.shape.plane() * bits / 8 > content.size() * 1032)
    throw DataError(fmt::format("{}: promises {} x {} pixels, but has {} bytes", name, picture.shape.width,
                                picture.shape.height, content.size()));
  require(expand(reading.png, reading.info));
  picture.pixels.resize(picture.shape.values());
  auto rows = rows_of(picture.pixels, picture.shape);
  require(read_pixels(reading.png, rows.data()));
  picture.pixels = planes_of(picture.pixels, picture.shape);
  return picture;
}

std::string encode_png(const Shape& shape, std::span<const std::uint8_t> pixels) {
  if ((shape.channels != 1 && shape.channels != 3) || shape.plane() == 0 || pixels.size() != shape.values())
    throw std::invalid_argument(fmt::format("encode_png: {} x {} x {} values are needed, {} given; 1 or 3 channels",
                                            shape.channels, shape.height, shape.width, pixels.size()));
  std::vector<std::uint8_t> interleaved(pixels.size());
  for (std::size_t c = 0; c < shape.channels; ++c)
    for (std::size_t p = 0; p < shape.plane(); ++p) interleaved[p * shape.channels + c] = pixels[c * shape.plane() + p];
  auto rows = rows_of(interleaved, shape);
  Output output;
  const Writing writing(output);
  if (!write_pixels(writing.png, writing.info, shape, rows.data())) {
    if (output.out_of_memory) throw std::bad_alloc();
    throw std::invalid_argument(
        fmt::format("encode_png: libpng does not write {} x {} pixels", shape.width, shape.height));
  }
  return std::move(output.content);
}

}  // namespace crosstalk::image
