#pragma once

#include <set>
#include <string>

#include <nlohmann/json.hpp>

/// Every number of the record, wherever it stands.
inline std::set<double> record_numbers(const nlohmann::json& record) {
  std::set<double> numbers;
  const nlohmann::json flat = record.flatten();
  for (const auto& [key, value] : flat.items())
    if (value.is_number()) numbers.insert(value.get<double>());
  return numbers;
}
