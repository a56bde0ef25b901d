#pragma once

#include <functional>
#include <optional>
#include <string>

namespace crosstalk {

/// Remembers finished parts of long work, so that it can go on after a stop. A result is JSON. Both may be empty.
struct PartStore {
  std::function<std::optional<std::string>(const std::string& part)> recall;
  std::function<void(const std::string& part, const std::string& result)> keep;
};

}  // namespace crosstalk
