#include "canvas.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace crosstalk::image {

Canvas textured(std::size_t side, Rng& rng) {
  constexpr double background = 0.35;
  constexpr double amplitude = 0.03;
  Canvas canvas{side, std::vector<double>(side * side, background)};
  for (int wave = 0; wave < 2; ++wave) {
    const double angle = rng.uniform(0.0, 2.0 * std::numbers::pi);
    const double frequency = 2.0 * std::numbers::pi / rng.uniform(3.0, 10.0);
    const double phase = rng.uniform(0.0, 2.0 * std::numbers::pi);
    for (std::size_t y = 0; y < side; ++y)
      for (std::size_t x = 0; x < side; ++x)
        canvas.grey[y * side + x] +=
            amplitude *
            std::sin(frequency * (std::cos(angle) * static_cast<double>(x) + std::sin(angle) * static_cast<double>(y)) +
                     phase);
  }
  return canvas;
}

void finish(const Canvas& canvas, Rng& rng, std::span<std::uint8_t> pixels) {
  constexpr double noise = 0.02;
  for (std::size_t p = 0; p < pixels.size(); ++p)
    pixels[p] =
        static_cast<std::uint8_t>(std::lround(255.0 * std::clamp(canvas.grey[p] + noise * rng.normal(), 0.0, 1.0)));
}

}  // namespace crosstalk::image
