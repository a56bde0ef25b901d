#pragma once

namespace crosstalk::defence {

/// The median of the magnitude of a standard normal number: a median deviation over it estimates the deviation.
inline constexpr double kNormalMedian = 0.6745;

}  // namespace crosstalk::defence
