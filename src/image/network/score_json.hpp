#pragma once

#include <vector>

#include <nlohmann/json.hpp>

#include "crosstalk/image/network/score.hpp"

namespace crosstalk::image {

nlohmann::json to_json(const std::vector<TaskScore>& scores);
/// @throws nlohmann::json::exception for anything else.
std::vector<TaskScore> scores_from(const nlohmann::json& list);

}  // namespace crosstalk::image
