#pragma once

#include <limits>

namespace crosstalk::evaluate {

/// What is not defined, or was not run.
inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

}  // namespace crosstalk::evaluate
