#pragma once

#include <cstddef>

#include <Eigen/Core>

#include "crosstalk/rng.hpp"

namespace crosstalk::image {

/// A process on the plane, (23) of docs/methods/images.md: each value is the sum over its 3 x 3 neighbourhood above and
/// to the left,
///   x(i, j) = sum_{a,b = 0..2} B(a, b) x(i - 2 + a, j - 2 + b),   B(2, 2) = 0,   sum B = 1.
/// Because the coefficients sum to 1, a field stays one of the process when a constant is added to it, or it is scaled.
using Coefficients = Eigen::Matrix3d;

/// Side of the largest field that is made in one piece: processes drift apart or die out over longer ways.
inline constexpr std::size_t kArTile = 32;

/// Of 64 draws the coefficients whose field keeps its strength best from its first to its last rows.
Coefficients draw_coefficients(Rng& rng);

/// A field of the process with random normal starts, mean 0 and largest magnitude 1; at most kArTile a side.
Eigen::MatrixXd autoregressive_field(const Coefficients& coefficients, std::size_t height, std::size_t width, Rng& rng);

}  // namespace crosstalk::image
