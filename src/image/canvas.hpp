#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "crosstalk/rng.hpp"

namespace crosstalk::image {

/// Grey in [0, 1], side x side.
struct Canvas {
  std::size_t side = 0;
  std::vector<double> grey = {};
};

/// Two waves of random direction, length and phase, of amplitude 0.03 each, over an even 0.35.
Canvas textured(std::size_t side, Rng& rng);

/// The canvas with noise of deviation 0.02 a pixel, as levels.
void finish(const Canvas& canvas, Rng& rng, std::span<std::uint8_t> pixels);

}  // namespace crosstalk::image
