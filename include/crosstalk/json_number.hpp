#pragma once

#include <cmath>

#include <nlohmann/json.hpp>

namespace crosstalk {

/// The number, or null where it is not finite: JSON has neither NaN nor infinity.
inline nlohmann::json json_number(double value) {
  return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json(nullptr);
}

/// NaN for null. @throws nlohmann::json::exception for what is neither a number nor null.
inline double number_from(const nlohmann::json& json) {
  return json.is_null() ? std::nan("") : json.get<double>();
}

/// @throws nlohmann::json::exception for what is no whole number: 1e300 has no place in an integer.
template <typename Integer>
Integer whole_from(const nlohmann::json& json) {
  if (!json.is_number_integer()) throw nlohmann::json::type_error::create(302, "it must be a whole number", &json);
  return json.get<Integer>();
}

}  // namespace crosstalk
