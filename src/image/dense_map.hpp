#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crosstalk/image/image_set.hpp"
#include "crosstalk/image/resize.hpp"

namespace crosstalk::image {

/// The label of one image's pixels, map_channels x H x W; NaN where a pixel has none.
struct DenseMap {
  Kind kind = Kind::Segmentation;
  Size size = {};
  std::vector<float> values = {};
};

/// A grey PNG file of 8 bits holds classes, 255 for none; an .npy file floats: H x W are depths, H x W x 3 normals.
/// @param name  of the file, for messages.
/// @throws DataError when it is anything else.
DenseMap decode_map(std::string_view content, const std::string& name);

}  // namespace crosstalk::image
