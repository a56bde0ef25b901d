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

/// The image in the content of a PNG or JPEG file, told apart by their first bytes: grey or RGB, 8 bits a channel.
/// Palettes and fewer bits are expanded; colour profiles and gamma are not applied.
/// @param name  of the file, for messages.
/// @throws DataError when it is neither, is damaged or cut short, has transparency, 16 bits, four colours (CMYK) or
///         more than kMostPixels, or promises more pixels than its bytes can hold.
Picture decode(std::string_view content, const std::string& name);

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
