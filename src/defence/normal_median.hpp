#pragma once

#include <cmath>

#include <Eigen/Core>

#include "crosstalk/quantile.hpp"

namespace crosstalk::defence {

/// The median of the magnitude of a standard normal number: a median deviation over it estimates the deviation.
inline constexpr double kNormalMedian = 0.6745;

/// The standard deviation of normal numbers around 0, by the median of their magnitudes.
inline double normal_scale(const Eigen::VectorXd& values) {
  return median(values.cwiseAbs()) / kNormalMedian;
}

/// What the largest of so many standard normal numbers is above in 1 of 20 cases: the quantile of 0.05 / count by the
/// tail's own bound, exact to 2 % where it matters.
inline double largest_by_chance(std::size_t count) {
  return std::sqrt(2.0 * std::log(20.0 * static_cast<double>(count)));
}

}  // namespace crosstalk::defence
