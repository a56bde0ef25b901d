#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <Eigen/Core>
#include <nlohmann/json.hpp>

#include "../preparation_json.hpp"
#include "crosstalk/evaluate/audit.hpp"
#include "crosstalk/evaluate/audit_summary.hpp"
#include "crosstalk/json_number.hpp"

namespace crosstalk::evaluate {

/// A metric that is not defined on a task is NaN, and null in JSON.
nlohmann::json vector_to_json(const Eigen::VectorXd& values);
/// @throws nlohmann::json::exception for what vector_to_json does not write.
Eigen::VectorXd vector_from_json(const nlohmann::json& numbers);

/// Everything in the result, names instead of positions; NaN becomes null. Of more tasks than kRecordTasks, attacks
/// have means in place of a number for each.
nlohmann::json to_json(const AuditResult& result);
inline constexpr std::size_t kRecordTasks = 5000;
nlohmann::json to_json(const mtrl::Metrics& metrics, const std::vector<std::string>& task_names);
/// Names instead of positions; NaN becomes null.
nlohmann::json to_json(const AuditSummary& summary, const std::vector<std::string>& task_names);

}  // namespace crosstalk::evaluate
