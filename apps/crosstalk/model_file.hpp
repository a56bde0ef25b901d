#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "crosstalk/mtrl/solve.hpp"
#include "crosstalk/preparation.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::app {

/// A learned model with all that a prediction needs.
struct Model {
  std::vector<std::string> tasks;
  std::string loss;
  std::string label_column;
  Preparation preparation;
  Eigen::MatrixXd weights;  ///< d x m in the learner's units, the bias last
};

nlohmann::json to_json(const Model& model);
/// @throws DataError naming the file and what is missing or wrong.
Model read_model(const std::filesystem::path& path);

/// W as CSV: a row a task, its name and then a column a feature.
std::string weights_csv(const TaskSet& tasks, const Eigen::MatrixXd& W);
/// Omega as CSV, m x m with the task names as header and first column; for many tasks its factor instead:
/// Omega = diagonal * I + F F', the value of `diagonal` in the first column's name.
std::string covariance_csv(const TaskSet& tasks, const mtrl::Covariance& covariance);
inline constexpr std::size_t kDenseCovarianceTasks = 2000;

}  // namespace crosstalk::app
