#include "preparation_json.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "crosstalk/json_number.hpp"

namespace crosstalk {

nlohmann::json matrix_to_json(const Eigen::MatrixXd& matrix) {
  nlohmann::json rows = nlohmann::json::array();
  for (Eigen::Index i = 0; i < matrix.rows(); ++i) {
    nlohmann::json row = nlohmann::json::array();
    for (Eigen::Index j = 0; j < matrix.cols(); ++j) row.push_back(matrix(i, j));
    rows.push_back(std::move(row));
  }
  return rows;
}

Eigen::MatrixXd matrix_from_json(const nlohmann::json& json) {
  const auto rows = json.get<std::vector<std::vector<double>>>();
  Eigen::MatrixXd matrix(static_cast<Eigen::Index>(rows.size()),
                         rows.empty() ? 0 : static_cast<Eigen::Index>(rows.front().size()));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].size() != rows.front().size())
      throw std::invalid_argument(fmt::format("a matrix has {} numbers in row {} and {} in the first", rows[i].size(),
                                              i + 1, rows.front().size()));
    for (std::size_t j = 0; j < rows[i].size(); ++j)
      matrix(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) = rows[i][j];
  }
  return matrix;
}

nlohmann::json PreparationJson::write(const Preparation& preparation) {
  const auto list = [](const auto& values) { return std::vector<double>(values.begin(), values.end()); };
  return {{"scale", to_string(preparation.options_.scale)},
          {"divisor", preparation.divisor_},
          {"pca", preparation.options_.pca},
          {"bias", preparation.options_.bias},
          {"standardise_labels", to_string(preparation.options_.labels)},
          {"mean", list(preparation.mean_)},
          {"deviation", list(preparation.deviation_)},
          {"components", matrix_to_json(preparation.components_)},
          {"label_mean", list(preparation.label_mean_)},
          {"label_deviation", list(preparation.label_deviation_)},
          {"features", preparation.raw_names_}};
}

Preparation PreparationJson::read(const nlohmann::json& json) {
  const auto require = [](bool good, const std::string& rule) {
    if (!good) throw std::invalid_argument(fmt::format("preparation: {}", rule));
  };
  const auto numbers = [&](const char* name) {
    const nlohmann::json& list = json.at(name);
    require(
        list.is_array() && std::all_of(list.begin(), list.end(), [](const auto& entry) { return entry.is_number(); }),
        fmt::format("{} must be a list of numbers", name));
    const auto values = list.get<std::vector<double>>();
    require(std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); }),
            fmt::format("{} must be a list of finite numbers", name));
    return Eigen::VectorXd(Eigen::Map<const Eigen::VectorXd>(values.data(), static_cast<Eigen::Index>(values.size())));
  };
  const auto positive = [](const auto& values) { return (values.array() > 0.0).all(); };
  try {
    Preparation result;
    PreparationOptions& options = result.options_;
    const std::string scale = json.at("scale");
    require(kScales.contains(scale), "scale must be none, unit-ball or standard");
    options.scale = scale_named(scale);
    json.at("divisor").get_to(result.divisor_);
    options.pca = whole_from<Eigen::Index>(json.at("pca"));
    json.at("bias").get_to(options.bias);
    const nlohmann::json& labels = json.at("standardise_labels");
    const std::string which =
        labels.is_boolean() ? labels.dump() : labels.get<std::string>();  // true, false: version 1
    require(labels.is_boolean() || kLabelScales.contains(which), "standardise_labels must be none, all or task");
    options.labels = label_scale_named(which);
    json.at("features").get_to(result.raw_names_);
    result.mean_ = numbers("mean").transpose();
    if (options.scale == Scale::Standard || json.contains("deviation"))
      result.deviation_ = numbers("deviation").transpose();
    result.components_ = matrix_from_json(json.at("components"));
    result.label_mean_ = numbers("label_mean");
    result.label_deviation_ = numbers("label_deviation");
    require(result.divisor_ > 0.0 && std::isfinite(result.divisor_), "divisor must be > 0");
    require(options.pca >= 0 && result.components_.cols() == options.pca,
            "pca must be the number of columns of components");
    require(result.components_.allFinite(), "components must be finite");
    const bool standard = options.scale == Scale::Standard;
    require((result.mean_.size() > 0) == (standard || options.pca > 0),
            "mean must have a number per feature with scale standard or pca, and none else");
    require(options.pca == 0 || result.mean_.size() == result.components_.rows(),
            "mean and components must have the same number of features");
    require(result.deviation_.size() == (standard ? result.mean_.size() : 0),
            "deviation must have as many numbers as mean with scale standard, and none else");
    require(positive(result.deviation_), "deviation must be > 0");
    require(result.raw_names_.empty() || result.mean_.size() == 0 ||
                result.mean_.size() == static_cast<Eigen::Index>(result.raw_names_.size()),
            "features must have as many names as mean has numbers");
    require(result.label_mean_.size() == result.label_deviation_.size() &&
                (result.label_mean_.size() > 0) == (options.labels != LabelScale::None),
            "label_mean and label_deviation must have a number per task, unless standardise_labels is none");
    require(positive(result.label_deviation_), "label_deviation must be > 0");
    return result;
  } catch (const nlohmann::json::exception& error) {
    throw std::invalid_argument(fmt::format("preparation: {}", error.what()));
  }
}

}  // namespace crosstalk
