#pragma once

#include <stdexcept>
#include <string>

namespace crosstalk {

/// The world is wrong: a file that is missing, cut short or says something impossible.
/// The message is one line that names the place (`file:line`), the value and the rule it breaks.
/// A wrong call is a std::invalid_argument instead.
class DataError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace crosstalk
