#pragma once

#include <nlohmann/json.hpp>

#include "crosstalk/evaluate/audit.hpp"

namespace crosstalk::evaluate {

// The parts of an audit as they are kept between runs; audit_parts.hpp checks their sizes.
nlohmann::json part_to_json(const Outcome& outcome);
nlohmann::json part_to_json(const CheapestAttack& cheapest);
nlohmann::json part_to_json(const Repeat& repeat);
nlohmann::json part_to_json(const DefendedModel& model);
nlohmann::json part_to_json(const OwnModelOutcome& own);

/// @throws nlohmann::json::exception for what part_to_json does not write; what the part does not hold stays.
void part_from_json(const nlohmann::json& part, Outcome& outcome);
void part_from_json(const nlohmann::json& part, CheapestAttack& cheapest);
void part_from_json(const nlohmann::json& part, Repeat& repeat);
void part_from_json(const nlohmann::json& part, DefendedModel& model);
void part_from_json(const nlohmann::json& part, OwnModelOutcome& own);

}  // namespace crosstalk::evaluate
