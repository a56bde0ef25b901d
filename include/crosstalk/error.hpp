#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace crosstalk {

/// The text on one line: what breaks a line, or moves a terminal's cursor, becomes `?`. Messages hold names from files.
inline std::string one_line(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return text;
}

/// The world is wrong: a file that is missing, cut short or says something impossible.
/// The message is one line that names the place (`file:line`), the value and the rule it breaks.
/// A wrong call is a std::invalid_argument instead.
class DataError : public std::runtime_error {
 public:
  explicit DataError(std::string message) : std::runtime_error(one_line(std::move(message))) {}
};

}  // namespace crosstalk
