#pragma once

#include <Eigen/Core>
#include <nlohmann/json_fwd.hpp>

#include "crosstalk/preparation.hpp"

namespace crosstalk {

/// A preparation as the records of the command hold it.
struct PreparationJson {
  static nlohmann::json write(const Preparation& preparation);
  /// Also reads what versions before Scale::Standard wrote.
  /// @throws std::invalid_argument naming the field that is missing or wrong.
  static Preparation read(const nlohmann::json& json);
};

/// Row-wise matrix as nested arrays and back.
nlohmann::json matrix_to_json(const Eigen::MatrixXd& matrix);
Eigen::MatrixXd matrix_from_json(const nlohmann::json& json);

}  // namespace crosstalk
