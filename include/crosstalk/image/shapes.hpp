#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "crosstalk/image/image_set.hpp"

namespace crosstalk::image {

struct ShapesOptions {
  bool test = false;          ///< images that the training part does not have
  std::size_t images = 2500;  ///< >= 1
  std::uint64_t seed = 1;
};

/// `shapes-dense`: drawn grey scenes of 32 x 32 pixels with a label for every pixel, each made when it is read, from
/// the seed and its index alone. A scene has a disc, a square, a triangle and a cross at random places and depths in
/// front of a textured background; neither black nor white is near, so that noise is not clipped. The tasks:
///   segmentation  background, disc, square, triangle, cross
///   depth         0 near to 1 far, the background 1; a near shape is larger and brighter, and covers those behind it
///   normals       of a flat shape, tilted up to 45 degrees; its grey rises along the tilt. The background: (0, 0, 1)
/// @throws std::invalid_argument for no images.
std::unique_ptr<Source> open_shapes(const ShapesOptions& options);

}  // namespace crosstalk::image
