#pragma once

#include <cmath>

#include "tests/image/small_sets.hpp"

namespace crosstalk::image {

/// n images of 12 x 12, dark but for a square whose place is the label: left or right of task "side", and above, in the
/// middle or below of "height".
inline MemorySet separable_set(std::size_t n, std::uint64_t seed = 5) {
  constexpr std::size_t side = 12;
  Rng rng(seed);
  Batch batch{
      0, {1, side, side}, std::vector<std::uint8_t>(n * side * side), Eigen::MatrixXd(static_cast<Eigen::Index>(n), 2)};
  for (auto& pixel : batch.pixels) pixel = static_cast<std::uint8_t>(rng.below(60));
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t column = rng.below(2);
    const std::size_t row = rng.below(3);
    for (std::size_t y = 0; y < 4; ++y)
      for (std::size_t x = 0; x < 6; ++x) batch.image(i)[(4 * row + y) * side + 6 * column + x] += 120;
    batch.labels(static_cast<Eigen::Index>(i), 0) = static_cast<double>(column);
    batch.labels(static_cast<Eigen::Index>(i), 1) = static_cast<double>(row);
  }
  return {{{"side", Kind::Binary, {"left", "right"}}, {"height", Kind::Classes, {"above", "middle", "below"}}},
          std::move(batch)};
}

/// 12 images of 8 x 8 with a task of every kind; the first has no number.
inline MemorySet dense_set() {
  constexpr std::size_t n = 12;
  const Shape shape{1, 8, 8};
  const MemorySet base = random_set(n, shape, {2});
  Batch batch = base.read(0, n);
  Rng rng(3);
  batch.labels = Eigen::MatrixXd::Constant(n, 5, kMissing);
  batch.maps.resize(5);
  for (std::size_t i = 0; i < n; ++i) {
    const auto row = static_cast<Eigen::Index>(i);
    batch.labels(row, 0) = static_cast<double>(i % 2);
    if (i > 0) batch.labels(row, 1) = 100.0 + 10.0 * rng.normal();
    for (std::size_t p = 0; p < shape.plane(); ++p) {
      batch.maps[2].push_back(static_cast<float>(rng.below(3)));
      batch.maps[3].push_back(static_cast<float>(rng.uniform(2.0, 9.0)));
    }
    const double angle = rng.uniform(-1.0, 1.0);
    for (const double part : {std::sin(angle), 0.0, std::cos(angle)})
      batch.maps[4].insert(batch.maps[4].end(), shape.plane(), static_cast<float>(part));
  }
  return {{{"two", Kind::Binary, {"no", "yes"}},
           {"number", Kind::Regression},
           {"areas", Kind::Segmentation, {"a", "b", "c"}},
           {"depth", Kind::Depth},
           {"normals", Kind::Normals}},
          std::move(batch)};
}

}  // namespace crosstalk::image
