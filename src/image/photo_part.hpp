#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "crosstalk/image/photo_sets.hpp"
#include "file_set.hpp"

namespace crosstalk::image {

/// The images of a set that the options ask for, in the set's order.
/// @throws DataError naming the set when it has not so many.
std::vector<std::size_t> drawn_part(std::size_t images, const PhotoOptions& options, const std::string& name);

/// The part of the plan that the options ask for, opened. @throws DataError as open_files does.
FolderSet open_part(FilePlan plan, const PhotoOptions& options, const RunControl& control);

}  // namespace crosstalk::image
