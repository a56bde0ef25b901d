#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace crosstalk::data {

/// ASCII letters small, other bytes as they are, whatever the locale.
inline std::string in_small_letters(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return lower;
}

}  // namespace crosstalk::data
