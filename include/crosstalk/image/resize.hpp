#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "crosstalk/image/codec.hpp"

namespace crosstalk::image {

struct Size {
  std::size_t height = 0;
  std::size_t width = 0;
  bool operator==(const Size&) const = default;
};

/// The picture at another size. Along a side that shrinks a pixel is the mean over the area that it covers, along one
/// that grows it is interpolated linearly between the two nearest; the sides are stretched independently, nothing is
/// cut off.
/// @throws std::invalid_argument when either size has no pixel.
Picture resized(const Picture& picture, const Size& size);

/// The picture plus a change that was made at another size, C x H x W levels, which is brought to the picture's size as
/// `resized` does it, rounded to the nearest level and kept in 0..255. Weights are shares of one, so no level moves by
/// more than the largest change in the array, rounded. A change of one channel goes to all channels of the picture.
/// @throws std::invalid_argument when the change has neither one channel nor the picture's, or a size has no pixel.
Picture with_change(const Picture& picture, std::span<const float> change, const Shape& shape);

/// A dense label, C x H x W, at another size: each pixel has the label of the one nearest to its centre. Labels are
/// never mixed.
/// @throws std::invalid_argument when either size has no pixel, or the values are not those of `from`.
std::vector<float> resized_map(std::span<const float> map, const Size& from, const Size& size);

}  // namespace crosstalk::image
