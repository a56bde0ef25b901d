#include "codec.hpp"

#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/error.hpp"

namespace crosstalk::image {

namespace {

Photo decode_as_it_lies(std::string_view content, const std::string& name) {
  if (content.empty()) throw DataError(name + ": is empty");
  if (content.starts_with("\x89PNG\r\n\x1a\n")) return decode_png(content, name);
  if (content.starts_with("\xff\xd8\xff")) return decode_jpeg(content, name);
  if (content.starts_with("RIFF") && content.size() >= 12 && content.substr(8, 4) == "WEBP") {
    if (has_webp()) return decode_webp(content, name);
    throw DataError(name + ": is a WebP file, which this build cannot read; build with libwebp");
  }
  throw DataError(name + ": is neither a PNG, a JPEG nor a WebP file");
}

// A profile says in bytes 16 to 19 what it is for. One for colours says nothing of a grey picture, nor the reverse.
bool fits(const std::string& icc, const Shape& shape) {
  constexpr std::size_t header = 128;
  return icc.size() >= header && std::string_view(icc).substr(16, 4) == (shape.channels == 1 ? "GRAY" : "RGB ");
}

}  // namespace

Photo decode_photo(std::string_view content, const std::string& name) {
  Photo photo = decode_as_it_lies(content, name);
  photo.orientation = exif_orientation(photo.metadata.exif);
  photo.picture = upright(std::move(photo.picture), photo.orientation);
  return photo;
}

Picture decode(std::string_view content, const std::string& name) {
  return decode_photo(content, name).picture;
}

Format format_named(std::string_view word) {
  if (word == "png") return Format::Png;
  if (word == "jpeg") return Format::Jpeg;
  if (word != "webp") throw std::invalid_argument(fmt::format("\"{}\" is no format; there are png, jpeg, webp", word));
  if (!has_webp()) throw std::invalid_argument("webp: this build is without libwebp");
  return Format::WebP;
}

const char* extension_of(Format format) {
  return format == Format::Png ? ".png" : format == Format::Jpeg ? ".jpg" : ".webp";
}

std::string encode(const Picture& picture, const Encoding& encoding, const Metadata& metadata) {
  const Shape& shape = picture.shape;
  if ((shape.channels != 1 && shape.channels != 3) || shape.plane() == 0 || picture.pixels.size() != shape.values())
    throw std::invalid_argument(fmt::format("encode: {} x {} x {} values are needed, {} given; 1 or 3 channels",
                                            shape.channels, shape.height, shape.width, picture.pixels.size()));
  if (encoding.quality < 1 || encoding.quality > 100)
    throw std::invalid_argument(fmt::format("encode: quality is {}; it must be between 1 and 100", encoding.quality));
  if (encoding.compression < 0 || encoding.compression > 9)
    throw std::invalid_argument(
        fmt::format("encode: compression is {}; it must be between 0 and 9", encoding.compression));
  const Metadata kept = {fits(metadata.icc, shape) ? metadata.icc : "", metadata.exif};
  switch (encoding.format) {
    case Format::Jpeg: return encode_photo_jpeg(picture, encoding, kept);
    case Format::WebP: return encode_photo_webp(picture, encoding, kept);
    default: return encode_photo_png(picture, encoding, kept);
  }
}

void require_readable(std::size_t width, std::size_t height, const std::string& name) {
  if (width > kMostPixels || height > kMostPixels || width * height > kMostPixels)
    throw DataError(fmt::format("{}: has {} x {} pixels; at most {} can be read", name, width, height, kMostPixels));
}

std::vector<std::uint8_t> planes_of(const std::vector<std::uint8_t>& interleaved, const Shape& shape) {
  if (shape.channels == 1) return interleaved;
  std::vector<std::uint8_t> planes(interleaved.size());
  const std::size_t plane = shape.plane();
  if (shape.channels == 3) {  // spelled out, it takes a third of the time
    for (std::size_t p = 0; p < plane; ++p) {
      planes[p] = interleaved[3 * p];
      planes[plane + p] = interleaved[3 * p + 1];
      planes[2 * plane + p] = interleaved[3 * p + 2];
    }
    return planes;
  }
  for (std::size_t p = 0; p < plane; ++p)
    for (std::size_t c = 0; c < shape.channels; ++c) planes[c * plane + p] = interleaved[p * shape.channels + c];
  return planes;
}

std::vector<std::uint8_t> interleaved_of(std::span<const std::uint8_t> planes, const Shape& shape) {
  std::vector<std::uint8_t> interleaved(planes.size());
  const std::size_t plane = shape.plane();
  if (shape.channels == 3) {
    for (std::size_t p = 0; p < plane; ++p) {
      interleaved[3 * p] = planes[p];
      interleaved[3 * p + 1] = planes[plane + p];
      interleaved[3 * p + 2] = planes[2 * plane + p];
    }
    return interleaved;
  }
  for (std::size_t c = 0; c < shape.channels; ++c)
    for (std::size_t p = 0; p < plane; ++p) interleaved[p * shape.channels + c] = planes[c * plane + p];
  return interleaved;
}

std::vector<std::uint8_t> opaque_planes(const std::vector<std::uint8_t>& interleaved, const Shape& shape,
                                        const std::string& name) {
  const std::size_t wide = shape.channels + 1;
  std::vector<std::uint8_t> planes(shape.values());
  for (std::size_t p = 0; p < shape.plane(); ++p) {
    if (interleaved[p * wide + shape.channels] != 255)
      throw DataError(name + ": has transparent pixels; only opaque images can be read, so lay it on a background");
    for (std::size_t c = 0; c < shape.channels; ++c) planes[c * shape.plane() + p] = interleaved[p * wide + c];
  }
  return planes;
}

}  // namespace crosstalk::image
