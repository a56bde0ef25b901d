#include "crosstalk/report/number.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <stdexcept>

#include <fmt/format.h>

namespace crosstalk::report {

namespace {

constexpr const char* minus_sign = "\xE2\x88\x92";     // U+2212
constexpr const char* en_dash = "\xE2\x80\x93";        // U+2013
constexpr const char* infinity_sign = "\xE2\x88\x9E";  // U+221E
constexpr const char* no_break_space = "\xC2\xA0";     // U+00A0

// Up to this power of ten a number is written out; above it, and below the other, with an exponent.
constexpr int largest_plain_exponent = 6;
constexpr int smallest_plain_exponent = -4;

std::string significant(double magnitude, int digits) {
  if (magnitude == 0.0) return "0";
  // The exponent is read after rounding: 9.996 to three digits is 10.0.
  const std::string scientific = fmt::format("{:.{}e}", magnitude, digits - 1);
  const std::size_t e = scientific.find('e');
  const int exponent = std::stoi(scientific.substr(e + 1));
  if (exponent > largest_plain_exponent || exponent < smallest_plain_exponent)
    return fmt::format("{}e{}", scientific.substr(0, e), exponent);
  return fmt::format("{:.{}f}", magnitude, std::max(0, digits - 1 - exponent));
}

}  // namespace

std::string shown(double value, const NumberFormat& format) {
  using Kind = NumberFormat::Kind;
  const int least = format.kind == Kind::Significant ? 1 : 0;
  if (format.digits < least || format.digits > 17)
    throw std::invalid_argument(fmt::format("shown: digits is {}; it must be from {} to 17", format.digits, least));
  if (std::isnan(value)) return en_dash;

  const double magnitude = std::abs(value);
  std::string text;
  if (std::isinf(value)) {
    text = infinity_sign;
  } else if (format.kind == Kind::Significant) {
    text = significant(magnitude, format.digits);
  } else {
    text = fmt::format("{:.{}f}", format.kind == Kind::Percent ? 100.0 * magnitude : magnitude, format.digits);
  }
  // What is shown as zero has no sign.
  const bool zero = text.find_first_not_of("0.") == std::string::npos;
  if (format.kind == Kind::Percent && !std::isinf(value)) text += std::string(no_break_space) + "%";
  if (zero) return text;
  if (value < 0.0) return minus_sign + text;
  return format.with_sign ? "+" + text : text;
}

std::string exact(double value) {
  if (std::isnan(value)) return "nan";
  std::array<char, 32> buffer{};
  const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), written.ptr};
}

}  // namespace crosstalk::report
