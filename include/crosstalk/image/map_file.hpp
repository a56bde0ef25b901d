#pragma once

#include <span>
#include <string>

#include "crosstalk/image/image_set.hpp"

namespace crosstalk::image {

/// The content of a file that holds one image's map, so that a folder with it can be read again: for Segmentation a
/// grey PNG file of class numbers, 255 where a pixel has none; for Depth and Normals an .npy file of floats, H x W or
/// H x W x 3.
/// @param map  of one image, map_channels x H x W.
/// @throws std::invalid_argument when the task is not dense, the sizes disagree, or a class is not 0 to 254.
std::string encode_map(const TaskInfo& task, const Shape& shape, std::span<const float> map);

/// ".png" or ".npy".
const char* map_extension(const TaskInfo& task);

/// A file beside the maps with the names of a Segmentation's classes, one a line.
inline constexpr const char* kClassNames = "classes.txt";

}  // namespace crosstalk::image
