#pragma once

#include <nlohmann/json_fwd.hpp>

#include "crosstalk/data/csv.hpp"

namespace crosstalk::data {

/// How a table becomes tasks, as the records of the command hold it.
nlohmann::json to_json(const CsvCoding& coding);
/// @throws std::invalid_argument naming the field that is missing or wrong.
CsvCoding csv_coding_from_json(const nlohmann::json& json);

}  // namespace crosstalk::data
