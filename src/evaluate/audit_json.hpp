#pragma once

#include <Eigen/Core>
#include <nlohmann/json.hpp>

#include "crosstalk/json_number.hpp"

namespace crosstalk::evaluate {

/// A metric that is not defined on a task is NaN, and null in JSON.
nlohmann::json vector_to_json(const Eigen::VectorXd& values);
/// @throws nlohmann::json::exception for what vector_to_json does not write.
Eigen::VectorXd vector_from_json(const nlohmann::json& numbers);

}  // namespace crosstalk::evaluate
