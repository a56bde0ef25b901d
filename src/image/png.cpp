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
  png_set_scale_16(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  return true;
}

// EXIF may stand behind the pixels.
bool read_pixels(png_structp png, png_infop info, png_bytepp rows) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_read_image(png, rows);
  png_read_end(png, info);
  return true;
}

// The profile and the EXIF structure; nothing where there is none.
bool read_metadata(png_structp png, png_infop info, png_bytep& icc, png_uint_32& icc_bytes, png_bytep& exif,
                   png_uint_32& exif_bytes) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_charp name = nullptr;
  int packing = 0;
  if (png_get_iCCP(png, info, &name, &packing, &icc, &icc_bytes) == 0) icc_bytes = 0;
  if (png_get_eXIf_1(png, info, &exif_bytes, &exif) == 0) exif_bytes = 0;
  return true;
}

// A profile that libpng does not take is left out with a warning.
bool write_pixels(png_structp png, png_infop info, const Shape& shape, png_bytepp rows, const Encoding& encoding,
                  const Metadata& metadata) {
  constexpr int fast = 2;
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_IHDR(png, info, static_cast<png_uint_32>(shape.width), static_cast<png_uint_32>(shape.height), 8,
               shape.channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_set_compression_level(png, encoding.compression);
  if (encoding.compression <= fast) png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_SUB | PNG_FILTER_UP);
  png_set_benign_errors(png, 1);
  if (!metadata.icc.empty())
    png_set_iCCP(png, info, "icc", PNG_COMPRESSION_TYPE_BASE, reinterpret_cast<png_const_bytep>(metadata.icc.data()),
                 static_cast<png_uint_32>(metadata.icc.size()));
  if (!metadata.exif.empty())
    png_set_eXIf_1(png, info, static_cast<png_uint_32>(metadata.exif.size()),
                   reinterpret_cast<png_bytep>(const_cast<char*>(metadata.exif.data())));
  png_write_info(png, info);
  png_write_image(png, rows);
  png_write_end(png, nullptr);
  return true;
}

std::vector<png_bytep> rows_of(std::vector<std::uint8_t>& pixels, std::size_t row_bytes) {
  std::vector<png_bytep> rows(pixels.size() / row_bytes);
  for (std::size_t y = 0; y < rows.size(); ++y) rows[y] = pixels.data() + y * row_bytes;
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

Photo decode_png(std::string_view content, const std::string& name) {
  Input input{content};
  const Reading reading(input);
  const auto require = [&](bool done) {
    if (!done) throw DataError(fmt::format("{}: does not decode: {}", name, input.message));
  };
  require(read_header(reading.png, reading.info));
  Photo photo;
  Shape& shape = photo.picture.shape;
  shape.width = png_get_image_width(reading.png, reading.info);
  shape.height = png_get_image_height(reading.png, reading.info);
  const int colour = png_get_color_type(reading.png, reading.info);
  const std::size_t bits = png_get_bit_depth(reading.png, reading.info);
  shape.channels = (colour & PNG_COLOR_MASK_COLOR) != 0 ? 3 : 1;
  require_readable(shape.width, shape.height, name);
  photo.sixteen_bits = bits == 16;
  photo.opaque_alpha =
      (colour & PNG_COLOR_MASK_ALPHA) != 0 || png_get_valid(reading.png, reading.info, PNG_INFO_tRNS) != 0;
  // Deflate packs 1032 bytes at most into one.
  if (shape.plane() * bits / 8 > content.size() * 1032)
    throw DataError(
        fmt::format("{}: promises {} x {} pixels, but has {} bytes", name, shape.width, shape.height, content.size()));
  require(expand(reading.png, reading.info));
  const std::size_t row_bytes = png_get_rowbytes(reading.png, reading.info);
  const std::size_t values = shape.channels + (photo.opaque_alpha ? 1 : 0);
  if (row_bytes != shape.width * values) throw DataError(name + ": does not decode: its rows are of another length");
  std::vector<std::uint8_t> pixels(row_bytes * shape.height);
  auto rows = rows_of(pixels, row_bytes);
  require(read_pixels(reading.png, reading.info, rows.data()));
  photo.picture.pixels = photo.opaque_alpha ? opaque_planes(pixels, shape, name) : planes_of(pixels, shape);
  png_bytep icc = nullptr;
  png_bytep exif = nullptr;
  png_uint_32 icc_bytes = 0;
  png_uint_32 exif_bytes = 0;
  require(read_metadata(reading.png, reading.info, icc, icc_bytes, exif, exif_bytes));
  if (icc_bytes > 0) photo.metadata.icc.assign(reinterpret_cast<const char*>(icc), icc_bytes);
  if (exif_bytes > 0) photo.metadata.exif.assign(reinterpret_cast<const char*>(exif), exif_bytes);
  return photo;
}

std::string encode_photo_png(const Picture& picture, const Encoding& encoding, const Metadata& metadata) {
  const Shape& shape = picture.shape;
  std::vector<std::uint8_t> interleaved = interleaved_of(picture.pixels, shape);
  auto rows = rows_of(interleaved, shape.width * shape.channels);
  Output output;
  const Writing writing(output);
  if (!write_pixels(writing.png, writing.info, shape, rows.data(), encoding, metadata)) {
    if (output.out_of_memory) throw std::bad_alloc();
    throw std::invalid_argument(
        fmt::format("encode_png: libpng does not write {} x {} pixels", shape.width, shape.height));
  }
  return std::move(output.content);
}

std::string encode_png(const Shape& shape, std::span<const std::uint8_t> pixels) {
  if ((shape.channels != 1 && shape.channels != 3) || shape.plane() == 0 || pixels.size() != shape.values())
    throw std::invalid_argument(fmt::format("encode_png: {} x {} x {} values are needed, {} given; 1 or 3 channels",
                                            shape.channels, shape.height, shape.width, pixels.size()));
  return encode_photo_png({shape, {pixels.begin(), pixels.end()}}, {}, {});
}

}  // namespace crosstalk::image
