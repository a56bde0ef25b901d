#pragma once

#include <functional>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

namespace crosstalk {

/// Remembers finished parts of long work, so that it can go on after a stop. Both may be empty.
struct PartStore {
  std::function<std::optional<nlohmann::json>(const std::string& part)> recall;
  std::function<void(const std::string& part, const nlohmann::json& result)> keep;
};

}  // namespace crosstalk
