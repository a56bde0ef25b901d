#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "crosstalk/image/image_set.hpp"

namespace crosstalk::image {

/// The pixels of a published copy with the tasks and labels of the set it was made of, which must outlive it. A file of
/// labels does not say which classes there are besides those that occur, nor in what order.
/// @throws DataError when number, size or names of the images differ.
std::unique_ptr<Source> published_copy(std::unique_ptr<Source> published, const Source& original);

/// The published images, with the clean originals in place of those in `rows`; both must outlive it.
/// @throws std::invalid_argument when number or size of the images differ, or there is no such row.
std::unique_ptr<Source> partly_clean(const Source& published, const Source& clean,
                                     const std::vector<std::size_t>& rows);

/// Those of the rows whose clean originals leak: `percent` of them, rounded, drawn with the seed. A smaller share is
/// part of a larger one.
/// @throws std::invalid_argument unless percent is in 0..100.
std::vector<std::size_t> leaked_rows(const std::vector<std::size_t>& rows, double percent, std::uint64_t seed);

}  // namespace crosstalk::image
