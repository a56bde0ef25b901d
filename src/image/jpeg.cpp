#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <jpeglib.h>

#include "codec.hpp"
#include "crosstalk/error.hpp"

namespace crosstalk::image {

namespace {

// libjpeg reports errors by a handler that must not return: it leaves by longjmp. Each function that calls setjmp holds
// no object with a destructor, and calls libjpeg itself.

constexpr int kExifMarker = JPEG_APP0 + 1;
constexpr int kIccMarker = JPEG_APP0 + 2;
constexpr unsigned kLongestMarker = 0xFFFF;
constexpr std::string_view kExifSignature("Exif\0\0", 6);
constexpr std::string_view kIccSignature("ICC_PROFILE\0", 12);

struct Decoder {
  jpeg_decompress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf place{};
  char message[JMSG_LENGTH_MAX] = {};

  Decoder() = default;
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() { jpeg_destroy_decompress(&jpeg); }
};

void leave(j_common_ptr jpeg) {
  auto& decoder = *static_cast<Decoder*>(jpeg->client_data);
  jpeg->err->format_message(jpeg, decoder.message);
  std::longjmp(decoder.place, 1);
}

// What libjpeg only warns of (data cut short, corrupt entropy codes) gives pixels that are not the picture's.
void leave_at_warning(j_common_ptr jpeg, int level) {
  if (level < 0) leave(jpeg);
}

// A small file can hold thousands of passes over a large image.
void limit_passes(j_common_ptr jpeg) {
  constexpr int most = 500;
  auto& decoder = *static_cast<Decoder*>(jpeg->client_data);
  if (decoder.jpeg.input_scan_number <= most) return;
  std::snprintf(decoder.message, sizeof decoder.message, "it has more than %d passes", most);
  std::longjmp(decoder.place, 1);
}

bool read_header(Decoder& decoder, std::string_view content) {
  if (setjmp(decoder.place) != 0) return false;
  jpeg_create_decompress(&decoder.jpeg);
  decoder.jpeg.client_data = &decoder;
  decoder.jpeg.progress = &decoder.progress;
  decoder.progress.progress_monitor = limit_passes;
  jpeg_mem_src(&decoder.jpeg, reinterpret_cast<const unsigned char*>(content.data()), content.size());
  jpeg_save_markers(&decoder.jpeg, kExifMarker, kLongestMarker);
  jpeg_save_markers(&decoder.jpeg, kIccMarker, kLongestMarker);
  jpeg_read_header(&decoder.jpeg, TRUE);
  return true;
}

bool read_pixels(Decoder& decoder, std::uint8_t* target, std::size_t row_bytes) {
  if (setjmp(decoder.place) != 0) return false;
  jpeg_start_decompress(&decoder.jpeg);
  while (decoder.jpeg.output_scanline < decoder.jpeg.output_height) {
    JSAMPROW row = target + decoder.jpeg.output_scanline * row_bytes;
    jpeg_read_scanlines(&decoder.jpeg, &row, 1);
  }
  jpeg_finish_decompress(&decoder.jpeg);
  return true;
}

std::string_view content_of(const jpeg_marker_struct& marker) {
  return {reinterpret_cast<const char*>(marker.data), marker.data_length};
}

std::string exif_in(const jpeg_decompress_struct& jpeg) {
  for (const jpeg_marker_struct* marker = jpeg.marker_list; marker != nullptr; marker = marker->next)
    if (marker->marker == kExifMarker && content_of(*marker).starts_with(kExifSignature))
      return std::string(content_of(*marker).substr(kExifSignature.size()));
  return "";
}

// A profile comes in up to 255 pieces, each with its number, from 1, and their count. One with a piece missing or twice
// is none.
std::string icc_in(const jpeg_decompress_struct& jpeg) {
  std::map<int, std::string_view> pieces;
  int count = 0;
  for (const jpeg_marker_struct* marker = jpeg.marker_list; marker != nullptr; marker = marker->next) {
    std::string_view content = content_of(*marker);
    if (marker->marker != kIccMarker || !content.starts_with(kIccSignature)) continue;
    content.remove_prefix(kIccSignature.size());
    if (content.size() < 2) return "";
    const int number = static_cast<unsigned char>(content[0]);
    const int of = static_cast<unsigned char>(content[1]);
    if ((count != 0 && of != count) || number < 1 || number > of) return "";
    count = of;
    if (!pieces.emplace(number, content.substr(2)).second) return "";
  }
  if (static_cast<int>(pieces.size()) != count) return "";
  std::string icc;
  for (const auto& [number, piece] : pieces) icc += piece;
  return icc;
}

// What is written before the pixels.
using Markers = std::vector<std::pair<int, std::string>>;

Markers markers_of(const Metadata& metadata) {
  Markers markers;
  const std::size_t most = kLongestMarker - 2;  // its length counts itself
  if (!metadata.exif.empty() && metadata.exif.size() <= most - kExifSignature.size())
    markers.emplace_back(kExifMarker, std::string(kExifSignature) + metadata.exif);
  const std::size_t piece = most - kIccSignature.size() - 2;
  const std::size_t pieces = (metadata.icc.size() + piece - 1) / piece;
  for (std::size_t i = 0; i < pieces && pieces <= 255; ++i)
    markers.emplace_back(kIccMarker, std::string(kIccSignature) + static_cast<char>(i + 1) + static_cast<char>(pieces) +
                                         metadata.icc.substr(i * piece, piece));
  return markers;
}

struct Encoder {
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  std::jmp_buf place{};
  char message[JMSG_LENGTH_MAX] = {};
  unsigned char* bytes = nullptr;
  unsigned long size = 0;

  Encoder() = default;
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;
  ~Encoder() {
    jpeg_destroy_compress(&jpeg);
    std::free(bytes);
  }
};

void leave_encoder(j_common_ptr jpeg) {
  auto& encoder = *static_cast<Encoder*>(jpeg->client_data);
  jpeg->err->format_message(jpeg, encoder.message);
  std::longjmp(encoder.place, 1);
}

bool write_pixels(Encoder& encoder, const Shape& shape, std::uint8_t* interleaved, int quality, bool full_colour,
                  const std::pair<int, std::string>* markers, std::size_t marker_count) {
  if (setjmp(encoder.place) != 0) return false;
  jpeg_create_compress(&encoder.jpeg);
  encoder.jpeg.client_data = &encoder;
  jpeg_mem_dest(&encoder.jpeg, &encoder.bytes, &encoder.size);
  encoder.jpeg.image_width = static_cast<JDIMENSION>(shape.width);
  encoder.jpeg.image_height = static_cast<JDIMENSION>(shape.height);
  encoder.jpeg.input_components = static_cast<int>(shape.channels);
  encoder.jpeg.in_color_space = shape.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&encoder.jpeg);
  jpeg_set_quality(&encoder.jpeg, quality, TRUE);
  for (int c = 0; full_colour && c < encoder.jpeg.num_components; ++c)
    encoder.jpeg.comp_info[c].h_samp_factor = encoder.jpeg.comp_info[c].v_samp_factor = 1;
  jpeg_start_compress(&encoder.jpeg, TRUE);
  for (std::size_t i = 0; i < marker_count; ++i)
    jpeg_write_marker(&encoder.jpeg, markers[i].first, reinterpret_cast<const JOCTET*>(markers[i].second.data()),
                      static_cast<unsigned>(markers[i].second.size()));
  while (encoder.jpeg.next_scanline < encoder.jpeg.image_height) {
    JSAMPROW row = interleaved + encoder.jpeg.next_scanline * shape.width * shape.channels;
    jpeg_write_scanlines(&encoder.jpeg, &row, 1);
  }
  jpeg_finish_compress(&encoder.jpeg);
  return true;
}

std::string encoded(const Picture& picture, int quality, bool full_colour, const Metadata& metadata) {
  const Shape& shape = picture.shape;
  constexpr std::size_t longest = 65500;  // libjpeg's limit
  if (std::max(shape.height, shape.width) > longest)
    throw std::invalid_argument(
        fmt::format("a JPEG file holds {} pixels a side at most, not {} x {}", longest, shape.width, shape.height));
  std::vector<std::uint8_t> interleaved = interleaved_of(picture.pixels, shape);
  const Markers markers = markers_of(metadata);
  Encoder encoder;
  encoder.jpeg.err = jpeg_std_error(&encoder.errors);
  encoder.jpeg.client_data = &encoder;
  encoder.errors.error_exit = leave_encoder;
  if (!write_pixels(encoder, shape, interleaved.data(), quality, full_colour, markers.data(), markers.size()))
    throw std::runtime_error(fmt::format("encode_jpeg: {}", encoder.message));
  return {reinterpret_cast<const char*>(encoder.bytes), encoder.size};
}

}  // namespace

std::string encode_jpeg(const Shape& shape, std::span<const std::uint8_t> pixels, int quality) {
  if ((shape.channels != 1 && shape.channels != 3) || pixels.empty() || pixels.size() != shape.values())
    throw std::invalid_argument(fmt::format("encode_jpeg: {} values for an image of {} x {} x {}", pixels.size(),
                                            shape.channels, shape.height, shape.width));
  if (quality < 1 || quality > 100)
    throw std::invalid_argument(fmt::format("encode_jpeg: quality is {}; it must be between 1 and 100", quality));
  return encoded({shape, {pixels.begin(), pixels.end()}}, quality, false, {});
}

std::string encode_photo_jpeg(const Picture& picture, const Encoding& encoding, const Metadata& metadata) {
  return encoded(picture, encoding.quality, true, metadata);
}

Photo decode_jpeg(std::string_view content, const std::string& name) {
  Decoder decoder;
  decoder.jpeg.err = jpeg_std_error(&decoder.errors);
  decoder.jpeg.client_data = &decoder;
  decoder.errors.error_exit = leave;
  decoder.errors.emit_message = leave_at_warning;
  const auto require = [&](bool done) {
    if (!done) throw DataError(fmt::format("{}: does not decode: {}", name, decoder.message));
  };
  require(read_header(decoder, content));
  if (decoder.jpeg.num_components != 1 && decoder.jpeg.num_components != 3)
    throw DataError(
        fmt::format("{}: has {} colours (CMYK); only grey and RGB can be read", name, decoder.jpeg.num_components));
  Photo photo;
  Picture& picture = photo.picture;
  picture.shape = {static_cast<std::size_t>(decoder.jpeg.num_components), decoder.jpeg.image_height,
                   decoder.jpeg.image_width};
  require_readable(picture.shape.width, picture.shape.height, name);
  decoder.jpeg.out_color_space = picture.shape.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  picture.pixels.resize(picture.shape.values());
  photo.metadata = {icc_in(decoder.jpeg), exif_in(decoder.jpeg)};  // which go with the last row
  require(read_pixels(decoder, picture.pixels.data(), picture.shape.width * picture.shape.channels));
  picture.pixels = planes_of(picture.pixels, picture.shape);
  return photo;
}

}  // namespace crosstalk::image
