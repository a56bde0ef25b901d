#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

namespace crosstalk {

/// Finds a minimum of f in [low, high] without derivatives: a step to the lowest point of the parabola through the
/// three best points where that step is sound, a golden section elsewhere [Brent 1973, Algorithms for Minimization
/// without Derivatives, chapter 5]. The minimum is the least one where f falls and then rises, some local one
/// elsewhere. Values may be infinite.
/// @return the best point that f was asked for, within `width` of a minimum.
/// @throws std::invalid_argument unless low <= high and width > 0.
template <class F>
double brent_minimum(const F& f, double low, double high, double width) {
  if (!(low <= high) || !(width > 0.0)) throw std::invalid_argument("brent_minimum: no interval, or no width");
  constexpr double kSmallerSection = 0.3819660112501051;  // (3 - sqrt(5)) / 2
  struct Point {
    double at;
    double value;
  };
  const double shortest_step =
      std::max(width / 2.0, 4.0 * std::numeric_limits<double>::epsilon() * std::max(std::abs(low), std::abs(high)));
  Point best{low + kSmallerSection * (high - low), 0.0};
  best.value = f(best.at);
  Point second = best;
  Point third = best;
  double step = 0.0;
  double step_before_last = 0.0;
  for (;;) {
    const double middle = (low + high) / 2.0;
    if (std::abs(best.at - middle) + (high - low) / 2.0 <= 2.0 * shortest_step) return best.at;
    const double to_end = best.at < middle ? high - best.at : low - best.at;
    // The parabola's lowest point lies at best.at + numerator / denominator.
    const double r = (best.at - second.at) * (best.value - third.value);
    const double q = (best.at - third.at) * (best.value - second.value);
    const double numerator = (best.at - second.at) * r - (best.at - third.at) * q;
    const double parabolic = numerator / (2.0 * (q - r));
    const bool sound = std::abs(parabolic) < std::abs(step_before_last) / 2.0 && best.at + parabolic > low &&
                       best.at + parabolic < high;  // false where it is no number
    step_before_last = sound ? step : to_end;
    step = sound ? parabolic : kSmallerSection * to_end;
    const bool near_end = best.at + step - low < 2.0 * shortest_step || high - best.at - step < 2.0 * shortest_step;
    if (sound && near_end) step = std::copysign(shortest_step, middle - best.at);
    if (std::abs(step) < shortest_step) step = std::copysign(shortest_step, step);
    Point next{best.at + step, 0.0};
    next.value = f(next.at);
    if (next.value <= best.value) {
      (next.at < best.at ? high : low) = best.at;
      third = std::exchange(second, std::exchange(best, next));
    } else {
      (next.at < best.at ? low : high) = next.at;
      if (next.value <= second.value || second.at == best.at) {
        third = std::exchange(second, next);
      } else if (next.value <= third.value || third.at == best.at || third.at == second.at) {
        third = next;
      }
    }
  }
}

}  // namespace crosstalk
