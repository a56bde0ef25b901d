#pragma once

#include <memory>

#include "crosstalk/image/image_set.hpp"

namespace crosstalk::image {

/// The pixels of a published copy with the tasks and labels of the set it was made of, which must outlive it. A file of
/// labels does not say which classes there are besides those that occur, nor in what order.
/// @throws DataError when number, size or names of the images differ.
std::unique_ptr<Source> published_copy(std::unique_ptr<Source> published, const Source& original);

}  // namespace crosstalk::image
