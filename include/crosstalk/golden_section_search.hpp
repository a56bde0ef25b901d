#pragma once

#include <stdexcept>

namespace crosstalk {

/// Narrows [low, high] around a minimum of f by golden sections, one value of f each, until it is at most `width` wide.
/// The minimum is the least one where f falls and then rises, some local one elsewhere.
/// @return the middle of what is left.
/// @throws std::invalid_argument unless low <= high and width > 0.
template <class F>
double golden_section_search(const F& f, double low, double high, double width) {
  if (!(low <= high) || !(width > 0.0)) throw std::invalid_argument("golden_section: no interval, or no width");
  constexpr double kRatio = 0.6180339887498949;  // (sqrt(5) - 1) / 2
  double left = high - kRatio * (high - low);
  double right = low + kRatio * (high - low);
  double at_left = f(left);
  double at_right = f(right);
  while (high - low > width) {
    if (at_left <= at_right) {
      high = right;
      right = left;
      at_right = at_left;
      left = high - kRatio * (high - low);
      at_left = f(left);
    } else {
      low = left;
      left = right;
      at_left = at_right;
      right = low + kRatio * (high - low);
      at_right = f(right);
    }
  }
  return (low + high) / 2.0;
}

}  // namespace crosstalk
