#pragma once

#include <Eigen/Core>
#include <nlohmann/json_fwd.hpp>

#include "crosstalk/defence/group_certificate.hpp"

namespace crosstalk::defence {

/// A voting predictor as model.json holds it.
nlohmann::json to_json(const VotingModel& model);
/// @param features  d of the file.
/// @throws std::invalid_argument naming the field that is missing or wrong.
VotingModel voting_model_from_json(const nlohmann::json& json, Eigen::Index features);

}  // namespace crosstalk::defence
