#include "crosstalk/option_table.hpp"

#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace crosstalk {

bool Range::contains(double value) const {
  const bool reaches = low_is_open ? value > low : value >= low;
  const bool stays = high_is_open ? value < high : value <= high;
  return reaches && stays && std::isfinite(value) && (!odd || std::fmod(value, 2.0) == 1.0);
}

std::string Range::rule() const {
  const std::string kind = odd ? "odd and " : "";
  if (std::isinf(high)) return fmt::format("{}{} {}", kind, low_is_open ? ">" : ">=", low);
  if (!low_is_open && !high_is_open) return fmt::format("{}from {} to {}", kind, low, high);
  return fmt::format("{}in {}{}, {}{}", kind, low_is_open ? '(' : '[', low, high, high_is_open ? ')' : ']');
}

void require_range(std::string_view who, std::string_view field, double value, const Range& range) {
  if (!range.contains(value))
    throw std::invalid_argument(
        fmt::format("{}{}{} is {}; it must be {}", who, who.empty() ? "" : ": ", field, value, range.rule()));
}

namespace option_detail {

std::string text_of(double value) {
  return fmt::format("{}", value);
}

std::string text_of(const std::vector<std::string>& list) {
  return fmt::format("{}", fmt::join(list, ","));
}

}  // namespace option_detail

}  // namespace crosstalk
