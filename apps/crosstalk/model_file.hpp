#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "crosstalk/defence/group_certificate.hpp"
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
  Eigen::MatrixXd weights;  ///< d x m in the learner's units, the bias last; of a kernel: KernelMap::function_weights
  /// Of a model with a kernel, whose weights are for (k(x, x_1), ..., k(x, x_r), 1).
  struct KernelPart {
    KernelFunction kernel;
    Eigen::MatrixXd landmarks;  ///< r x d, prepared rows without the bias
  };
  std::optional<KernelPart> kernel;
  /// Of `certify`: what predicts in place of preparation and weights, which are empty then.
  std::optional<defence::VotingModel> voting;
  std::vector<std::string> voting_features;  ///< names of the file's features; x1, x2, ... where it has none

  /// Of the file.
  [[nodiscard]] Eigen::Index feature_count() const {
    return voting ? static_cast<Eigen::Index>(voting_features.size()) : preparation.raw_features(input_features());
  }
  /// Of prepared rows, with the bias.
  [[nodiscard]] Eigen::Index input_features() const {
    return kernel ? kernel->landmarks.cols() + (preparation.options().bias ? 1 : 0) : weights.rows();
  }
  /// What the weights are for: prepared rows, or their values of the kernel.
  [[nodiscard]] TaskSet learner_rows(TaskSet prepared) const;
  [[nodiscard]] const std::vector<std::string>& feature_names() const {
    return voting ? voting_features : preparation.raw_names();
  }
};

/// Checks every size against the others, so that whatever it returns can predict.
/// @throws DataError naming the file and what is missing or wrong.
Model read_model(const std::filesystem::path& path);

/// Writes model.json; weights.csv, W with a row a task, its name and then a column a feature, or a landmark of a
/// kernel; and covariance.csv, Omega, m x m with the task names as header and first column; of more than 2,000 tasks
/// its factor instead: Omega = diagonal * I + F F', the value of `diagonal` in the first column's name.
/// @return their paths for the record: model_file, weights_file, covariance_file.
nlohmann::json write_model(Session& session, const Problem& problem, const Eigen::MatrixXd& W,
                           const mtrl::Covariance& covariance);

/// Writes model.json of `certify`. @return its path.
std::filesystem::path write_voting_model(Session& session, const data::Dataset& dataset, const mtrl::Loss& loss,
                                         const TaskSet& train, const defence::VotingModel& voting);

}  // namespace crosstalk::app
