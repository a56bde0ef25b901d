#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crosstalk/image/image_set.hpp"

namespace crosstalk::image {

/// One image, C x H x W.
struct Picture {
  Shape shape = {};
  std::vector<std::uint8_t> pixels = {};
};

/// Largest image that is read, in pixels.
inline constexpr std::size_t kMostPixels = std::size_t{1} << 26;

/// What a photo's file holds beside its pixels, byte for byte; empty where it has none.
struct Metadata {
  std::string icc = {};   ///< colour profile
  std::string exif = {};  ///< a TIFF structure, without what stands before it in the file
};

/// A picture as it is to be seen, and what was done for that.
struct Photo {
  Picture picture = {};
  Metadata metadata = {};
  int orientation = 1;        ///< EXIF's 1 to 8, which was applied
  bool sixteen_bits = false;  ///< the file has 16 bits a channel; rounded to 8
  bool opaque_alpha = false;  ///< the file has an alpha channel that is 255 everywhere; left out
};

/// The photo in the content of a PNG, JPEG or (where the library was built with libwebp) WebP file, told apart by their
/// first bytes: grey or RGB, 8 bits a channel, turned as EXIF says. Palettes and fewer bits are expanded; colour
/// profiles and gamma are not applied.
/// @param name  of the file, for messages.
/// @throws DataError when it is none of these, is damaged or cut short, has transparent pixels, four colours (CMYK),
///         several pictures (an animation) or more than kMostPixels, or promises more pixels than its bytes can hold.
Photo decode_photo(std::string_view content, const std::string& name);
/// Its picture alone.
Picture decode(std::string_view content, const std::string& name);

/// Kinds of files that can be written.
///   Png   exactly the pixels
///   Jpeg  about the pixels; colours at full size
///   WebP  about the pixels; colours at half the size
enum class Format { Png, Jpeg, WebP };
/// By its word, png, jpeg or webp.
/// @throws std::invalid_argument naming the word, or when the library was built without libwebp.
Format format_named(std::string_view word);
/// .png, .jpg or .webp
const char* extension_of(Format format);
/// Whether this library reads and writes WebP files.
bool has_webp();

struct Encoding {
  Format format = Format::Png;
  int quality = 95;  ///< of Jpeg and WebP, 1 to 100
  /// Png: zlib's level, 0 to 9. Levels 1 and 2 also try two filters a row in place of five; they take a third of the
  /// time of the others.
  int compression = 6;
};

/// The content of a file with this picture and metadata. A profile that does not fit the channels is left out.
/// @throws std::invalid_argument for an option out of range, or a size that the format cannot hold.
std::string encode(const Picture& picture, const Encoding& encoding, const Metadata& metadata = {});

/// The orientation in an EXIF structure; 1 where it has none or is damaged.
int exif_orientation(std::string_view exif);
/// The structure for a picture that stands upright and was changed: orientation 1, and without the thumbnail, which
/// shows the original. Empty where it is damaged.
std::string upright_exif(std::string exif);
/// The picture turned as an EXIF orientation says. @throws std::invalid_argument unless it is 1 to 8.
Picture upright(Picture picture, int orientation);

/// The content of a PNG file with exactly these pixels; the same pixels always give the same bytes.
/// @throws std::invalid_argument unless it has 1 or 3 channels, at least one pixel, and a value for each.
std::string encode_png(const Shape& shape, std::span<const std::uint8_t> pixels);

/// The content of a JPEG file with about these pixels: the usual tables, colours at half the size.
/// @param quality  1 to 100.
/// @throws std::invalid_argument unless it has 1 or 3 channels, at least one pixel and at most 65500 a side, and a
/// value
///         for each, or for another quality.
std::string encode_jpeg(const Shape& shape, std::span<const std::uint8_t> pixels, int quality);

}  // namespace crosstalk::image
