#pragma once

#include <cstdint>
#include <span>

#include "crosstalk/image/image_set.hpp"

namespace crosstalk::image {

/// Structural similarity of two images, at most 1, which equal images have: the mean over all positions of a window and
/// over the channels of
///   (2 m_x m_y + C1) (2 s_xy + C2) / ((m_x^2 + m_y^2 + C1) (s_x^2 + s_y^2 + C2)),   C1 = (.01 255)^2, C2 = (.03
///   255)^2,
/// with means m and (co)variances s under Gaussian weights of deviation 1.5 on 11 x 11 pixels, or on the largest square
/// of an odd side that fits                                        [Wang, Bovik, Sheikh, Simoncelli 2004]
/// @throws std::invalid_argument when the images have no pixel, or not both the values that the shape says.
double ssim(const Shape& shape, std::span<const std::uint8_t> first, std::span<const std::uint8_t> second);

}  // namespace crosstalk::image
