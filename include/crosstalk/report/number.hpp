#pragma once

#include <string>

namespace crosstalk::report {

/// How a number is shown to a reader. The exact number always goes beside it.
struct NumberFormat {
  enum class Kind {
    Significant,  ///< `digits` significant digits: 0.0123, 12.3, 12345, 1.23e-7
    Decimals,     ///< `digits` digits after the point
    Percent       ///< a share, 0.051 shown as 5.1 %, with `digits` digits after the point
  };
  Kind kind = Kind::Significant;
  int digits = 3;          ///< 0 to 17; at least 1 for Significant
  bool with_sign = false;  ///< + in front of positive numbers, for changes
};

/// The number as a reader sees it: a true minus sign, an en dash for NaN (not measured), the infinity sign.
/// @throws std::invalid_argument for digits outside their range.
std::string shown(double value, const NumberFormat& format);

/// The shortest decimal text that reads back as exactly this double; `nan`, `inf`, `-inf` for the rest.
std::string exact(double value);

}  // namespace crosstalk::report
