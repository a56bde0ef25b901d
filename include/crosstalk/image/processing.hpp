#pragma once

#include <memory>
#include <vector>

#include "crosstalk/image/codec.hpp"
#include "crosstalk/image/image_set.hpp"

namespace crosstalk::image {

/// Something that an unauthorised learner does to all images before a model sees them. It keeps their size and number
/// of channels.
///   Jpeg  compressed with quality `amount`, 1 to 100, and read again
///   Grey  every channel is the luma, (19595 R + 38470 G + 7471 B + 32768) / 65536; void on a grey image
///   Bits  the first `amount` bits of a level, 1 to 7; the others are 0
///   Blur  Gaussian of deviation `amount` pixels, up to 20; mirrored at the edges, so that the mean stays
///   Resize  to `amount` percent of each side, 5 to 99, at least one pixel, and back (resize.hpp)
struct Processing {
  enum class Kind { Jpeg, Grey, Bits, Blur, Resize };
  Kind kind = Kind::Grey;
  double amount = 0.0;
  bool operator==(const Processing&) const = default;
};

/// @throws std::invalid_argument for an amount out of range.
Picture processed(Picture picture, const Processing& processing);

/// The images after all of these, one after the other, with the labels of `source`, which must outlive it.
/// @throws std::invalid_argument for an amount out of range.
std::unique_ptr<Source> processed_images(const Source& source, std::vector<Processing> steps);

}  // namespace crosstalk::image
