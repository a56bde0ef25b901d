#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "crosstalk/mtrl/solve.hpp"
#include "crosstalk/preparation.hpp"
#include "crosstalk/task_set.hpp"
#include "problem.hpp"
#include "session.hpp"

namespace crosstalk::app {

/// A learned model with all that a prediction needs.
struct Model {
  std::vector<std::string> tasks;
  std::string loss;
  std::string label_column;
  std::optional<data::CsvCoding> coding;    ///< of a CSV file: how its columns become features
  std::optional<data::ClassNames> classes;  ///< in the words of the file
  Preparation preparation;
  Eigen::MatrixXd weights;  ///< d x m in the learner's units, the bias last
};

/// Checks every size against the others, so that whatever it returns can predict.
/// @throws DataError naming the file and what is missing or wrong.
Model read_model(const std::filesystem::path& path);

/// Writes model.json; weights.csv, W with a row a task, its name and then a column a feature; and covariance.csv,
/// Omega, m x m with the task names as header and first column; of more than 2,000 tasks its factor instead: Omega =
/// diagonal * I + F F', the value of `diagonal` in the first column's name.
/// @return their paths for the record: model_file, weights_file, covariance_file.
nlohmann::json write_model(Session& session, const Problem& problem, const Eigen::MatrixXd& W,
                           const mtrl::Covariance& covariance);

}  // namespace crosstalk::app
