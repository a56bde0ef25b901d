#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "crosstalk/error.hpp"

namespace crosstalk {

/// JSON as text, whatever its strings hold: names and paths are bytes, and bytes that are no UTF-8 become U+FFFD.
template <typename Json>
std::string json_text(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

/// Arrays and objects in one another, at most. Nothing of ours needs ten; the JSON library's own functions recurse.
inline constexpr int kDeepestJson = 100;

/// The JSON that a file holds.
/// @param name  of the file, for messages
/// @throws DataError when the text is no JSON, or is nested more than kDeepestJson deep.
template <typename Json = nlohmann::json>
Json parse_json(const std::string& text, const std::string& name) {
  const auto is_shallow = [&](int depth, typename Json::parse_event_t, Json&) {
    if (depth > kDeepestJson) throw DataError(name + ": is nested more than " + std::to_string(kDeepestJson) + " deep");
    return true;
  };
  Json json = Json::parse(text, is_shallow, false);
  if (json.is_discarded()) throw DataError(name + ": is not JSON, or is cut short");
  return json;
}

}  // namespace crosstalk
