#include "model_file.hpp"

#include <charconv>

#include <fmt/format.h>

#include "crosstalk/data/files.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/mtrl/loss.hpp"
#include "crosstalk/report/table.hpp"

namespace crosstalk::app {

namespace {

void append_number(std::string& text, double value) {
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  text += ',';
  text.append(buffer, end);
}

// A header, then a row of numbers for every name.
std::string csv_of(const std::string& header, const std::vector<std::string>& names, const Eigen::MatrixXd& rows) {
  std::string text = header + "\n";
  for (std::size_t i = 0; i < names.size(); ++i) {
    text += report::csv_field(names[i]);
    for (const double value : rows.row(static_cast<Eigen::Index>(i))) append_number(text, value);
    text += '\n';
  }
  return text;
}

std::string weights_csv(const TaskSet& tasks, const Eigen::MatrixXd& W) {
  std::string header = "task";
  for (Eigen::Index k = 0; k < W.rows(); ++k) {
    const auto index = static_cast<std::size_t>(k);
    header += ',' + (index < tasks.feature_names.size() ? report::csv_field(tasks.feature_names[index])
                                                        : fmt::format("x{}", k + 1));
  }
  return csv_of(header, tasks.names(), W.transpose());
}

std::string covariance_csv(const TaskSet& tasks, const mtrl::Covariance& covariance) {
  constexpr std::size_t most_in_full = 2000;
  const auto names = tasks.names();
  std::string header = "task";
  if (names.size() <= most_in_full) {
    for (const std::string& name : names) header += ',' + report::csv_field(name);
    return csv_of(header, names, covariance.dense());
  }
  header = fmt::format("task (diagonal {})", covariance.diagonal);
  for (Eigen::Index k = 0; k < covariance.factor.cols(); ++k) header += fmt::format(",factor{}", k + 1);
  return csv_of(header, names, covariance.factor);
}

nlohmann::json to_json(const Model& model) {
  return {{"format", "crosstalk model 1"},
          {"tasks", model.tasks},
          {"loss", model.loss},
          {"label_column", model.label_column},
          {"preparation", model.preparation.to_json()},
          {"weights", matrix_to_json(model.weights)}};
}

}  // namespace

Model read_model(const std::filesystem::path& path) {
  const auto json = nlohmann::json::parse(data::read_file(path), nullptr, false);
  if (json.is_discarded() || !json.is_object() || json.value("format", "") != "crosstalk model 1")
    throw DataError(fmt::format("{}: not a model that `crosstalk fit` wrote", path.string()));
  try {
    Model model{json.at("tasks"), json.at("loss"), json.at("label_column"),
                Preparation::from_json(json.at("preparation")), matrix_from_json(json.at("weights"))};
    if (static_cast<std::size_t>(model.weights.cols()) != model.tasks.size())
      throw DataError(fmt::format("{}: weights of {} tasks for {} task names", path.string(), model.weights.cols(),
                                  model.tasks.size()));
    mtrl::loss_named(model.loss);
    if (model.preparation.label_scales() > 0 &&
        static_cast<std::size_t>(model.preparation.label_scales()) != model.tasks.size())
      throw DataError(fmt::format("{}: label scales of {} tasks for {} task names", path.string(),
                                  model.preparation.label_scales(), model.tasks.size()));
    return model;
  } catch (const nlohmann::json::exception& error) {
    throw DataError(fmt::format("{}: {}", path.string(), error.what()));
  } catch (const std::invalid_argument& error) {
    throw DataError(fmt::format("{}: {}", path.string(), error.what()));
  }
}

nlohmann::json write_model(Session& session, const Problem& problem, const Eigen::MatrixXd& W,
                           const mtrl::Covariance& covariance) {
  const Model model{problem.train.names(), std::string(problem.loss->name()), problem.dataset.label_column,
                    problem.preparation, W};
  return {{"model_file", session.write("model.json", to_json(model).dump() + "\n").string()},
          {"weights_file", session.write("weights.csv", weights_csv(problem.train, W)).string()},
          {"covariance_file", session.write("covariance.csv", covariance_csv(problem.train, covariance)).string()}};
}

}  // namespace crosstalk::app
