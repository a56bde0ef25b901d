#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "crosstalk/image/codec.hpp"

namespace crosstalk::image {

/// As they lie in the file: not turned yet.
Photo decode_png(std::string_view content, const std::string& name);
Photo decode_jpeg(std::string_view content, const std::string& name);
Photo decode_webp(std::string_view content, const std::string& name);
std::string encode_photo_png(const Picture& picture, const Encoding& encoding, const Metadata& metadata);
std::string encode_photo_jpeg(const Picture& picture, const Encoding& encoding, const Metadata& metadata);
std::string encode_photo_webp(const Picture& picture, const Encoding& encoding, const Metadata& metadata);

/// @throws DataError when there are more than kMostPixels.
void require_readable(std::size_t width, std::size_t height, const std::string& name);

/// H x W x C, as the libraries have it, to C x H x W.
std::vector<std::uint8_t> planes_of(const std::vector<std::uint8_t>& interleaved, const Shape& shape);
/// And back.
std::vector<std::uint8_t> interleaved_of(std::span<const std::uint8_t> planes, const Shape& shape);

/// H x W x (C + 1), the last value of each pixel its alpha, to C x H x W.
/// @throws DataError unless every alpha is 255.
std::vector<std::uint8_t> opaque_planes(const std::vector<std::uint8_t>& interleaved, const Shape& shape,
                                        const std::string& name);

}  // namespace crosstalk::image
