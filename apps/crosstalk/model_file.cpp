#include "model_file.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include <fmt/format.h>

#include "crosstalk/data/csv_scanner.hpp"
#include "crosstalk/data/files.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/mtrl/loss.hpp"
#include "crosstalk/report/table.hpp"
#include "src/data/csv_coding_json.hpp"
#include "src/defence/voting_model_json.hpp"
#include "src/preparation_json.hpp"

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

std::string weights_csv(const TaskSet& tasks, const Model& model) {
  const Eigen::MatrixXd& W = model.weights;
  std::string header = "task";
  for (Eigen::Index k = 0; k < W.rows(); ++k) {
    const auto index = static_cast<std::size_t>(k);
    if (model.kernel)
      header += k < model.kernel->landmarks.rows() ? fmt::format(",landmark{}", k + 1) : ",(bias)";
    else
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

constexpr const char* kFormat = "crosstalk model 2";
constexpr const char* kOldFormat = "crosstalk model 1";  // without columns and classes
constexpr const char* kKernelFormat = "crosstalk kernel model 1";
constexpr const char* kVotingFormat = "crosstalk voting model 1";

nlohmann::json to_json(const Model& model) {
  nlohmann::json json = {{"format", model.voting   ? kVotingFormat
                                    : model.kernel ? kKernelFormat
                                                   : kFormat},
                         {"tasks", model.tasks},
                         {"loss", model.loss},
                         {"label_column", model.label_column}};
  if (model.voting) {
    json["features"] = model.voting_features;
    json["votes"] = defence::to_json(*model.voting);
  } else {
    json["preparation"] = PreparationJson::write(model.preparation);
    json["weights"] = matrix_to_json(model.weights);
  }
  if (model.kernel) {
    const KernelFunction& kernel = model.kernel->kernel;
    json["kernel"] = {{"name", to_string(kernel.kernel)},
                      {"width", kernel.width},
                      {"degree", kernel.degree},
                      {"landmarks", matrix_to_json(model.kernel->landmarks)}};
  }
  if (model.coding) json["columns"] = data::to_json(*model.coding);
  if (model.classes) json["classes"] = {{"negative", model.classes->negative}, {"positive", model.classes->positive}};
  return json;
}

void require(bool good, const std::string& what) {
  if (!good) throw std::invalid_argument(what);
}

void require_tasks_and_columns(const Model& model) {
  require(!model.tasks.empty(), "it has no task");
  auto names = model.tasks;
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  require(twice == names.end(), twice == names.end() ? "" : fmt::format("two tasks are named \"{}\"", *twice));
  const auto features = static_cast<std::size_t>(model.feature_count());
  require(!model.coding || model.coding->feature_count() == features,
          fmt::format("columns of {} features; the weights have {}", model.coding ? model.coding->feature_count() : 0,
                      features));
}

void require_sizes(const Model& model) {
  require(static_cast<std::size_t>(model.weights.cols()) == model.tasks.size(),
          fmt::format("weights of {} tasks for {} task names", model.weights.cols(), model.tasks.size()));
  require(model.weights.allFinite(), "a weight is not a finite number");
  require(
      model.preparation.label_scales() == 0 ||
          static_cast<std::size_t>(model.preparation.label_scales()) == model.tasks.size(),
      fmt::format("label scales of {} tasks for {} task names", model.preparation.label_scales(), model.tasks.size()));
  const Eigen::Index inputs = model.input_features();
  const Eigen::Index features = model.preparation.raw_features(inputs);
  require(features > 0, fmt::format("weights of {} rows have no feature", inputs));
  const std::size_t prepared =
      static_cast<std::size_t>(model.preparation.options().pca > 0 ? model.preparation.options().pca : features);
  const std::size_t bias = model.preparation.options().bias ? 1 : 0;
  require(static_cast<std::size_t>(inputs) == prepared + bias,
          fmt::format("weights of {} rows for {} features", inputs, prepared));
  require(model.preparation.fits(features),
          fmt::format("the preparation does not have the {} features of the weights", features));
}

Model::KernelPart kernel_from_json(const nlohmann::json& json) {
  Model::KernelPart part{{kKernels.named(json.at("name").get<std::string>()), json.at("width"), json.at("degree")},
                         matrix_from_json(json.at("landmarks"))};
  const auto check = [](const auto member, double value) {
    require_range("kernel", KernelOptions::table().of(member).key, value, *KernelOptions::table().of(member).range);
  };
  check(&KernelOptions::width, part.kernel.width);
  check(&KernelOptions::degree, part.kernel.degree);
  require(part.landmarks.size() > 0 && part.landmarks.allFinite(), "the landmarks are not rows of finite numbers");
  return part;
}

void read_weights(Model& model, const nlohmann::json& json) {
  model.preparation = PreparationJson::read(json.at("preparation"));
  model.weights = matrix_from_json(json.at("weights"));
  if (json.at("format") == kKernelFormat) {
    model.kernel = kernel_from_json(json.at("kernel"));
    const Eigen::Index functions = model.kernel->landmarks.rows() + (model.preparation.options().bias ? 1 : 0);
    require(model.weights.rows() == functions,
            fmt::format("weights of {} rows for {} landmarks", model.weights.rows(), model.kernel->landmarks.rows()));
  }
  require_sizes(model);
}

void read_votes(Model& model, const nlohmann::json& json) {
  json.at("features").get_to(model.voting_features);
  model.voting =
      defence::voting_model_from_json(json.at("votes"), static_cast<Eigen::Index>(model.voting_features.size()));
  require(model.voting->targets.size() == model.tasks.size(),
          fmt::format("votes of {} tasks for {} task names", model.voting->targets.size(), model.tasks.size()));
}

}  // namespace

Model read_model(const std::filesystem::path& path) {
  const auto json = nlohmann::json::parse(data::read_file(path), nullptr, false);
  const bool has_format = !json.is_discarded() && json.is_object() && json.contains("format");
  const bool known = has_format && (json["format"] == kFormat || json["format"] == kOldFormat ||
                                    json["format"] == kKernelFormat || json["format"] == kVotingFormat);
  if (!known && has_format && json["format"].is_string() && json["format"].get<std::string>().starts_with("crosstalk "))
    throw DataError(fmt::format("{}: its format is {}, which another version of crosstalk wrote", path.string(),
                                data::in_quotes(json["format"].get<std::string>())));
  if (!known) throw DataError(fmt::format("{}: not a model that `crosstalk fit` wrote", path.string()));
  try {
    Model model;
    json.at("tasks").get_to(model.tasks);
    json.at("loss").get_to(model.loss);
    json.at("label_column").get_to(model.label_column);
    if (json.contains("columns")) model.coding = data::csv_coding_from_json(json["columns"]);
    if (json.contains("classes"))
      model.classes = data::ClassNames{json["classes"].at("negative"), json["classes"].at("positive")};
    mtrl::loss_named(model.loss);
    if (json["format"] == kVotingFormat)
      read_votes(model, json);
    else
      read_weights(model, json);
    require_tasks_and_columns(model);
    return model;
  } catch (const nlohmann::json::exception& error) {
    throw DataError(fmt::format("{}: {}", path.string(), error.what()));
  } catch (const std::invalid_argument& error) {
    throw DataError(fmt::format("{}: {}", path.string(), error.what()));
  }
}

TaskSet Model::learner_rows(TaskSet prepared) const {
  if (!kernel) return prepared;
  for (Task& task : prepared)
    task.features = kernel_rows(kernel->kernel, task.features.leftCols(kernel->landmarks.cols()), kernel->landmarks,
                                preparation.options().bias);
  return prepared;
}

nlohmann::json write_model(Session& session, const Problem& problem, const Eigen::MatrixXd& W,
                           const mtrl::Covariance& covariance) {
  const Model model{
      problem.train.names(),
      std::string(problem.loss->name()),
      problem.dataset.label_column,
      problem.dataset.csv ? std::optional(problem.dataset.csv->coding) : std::nullopt,
      problem.dataset.classes,
      problem.preparation,
      problem.map ? problem.map->function_weights(W) : W,
      problem.map ? std::optional(Model::KernelPart{problem.map->kernel(), problem.map->landmarks()}) : std::nullopt,
      {},
      {}};
  return {{"model_file", session.write("model.json", to_json(model).dump() + "\n").string()},
          {"weights_file", session.write("weights.csv", weights_csv(problem.train, model)).string()},
          {"covariance_file", session.write("covariance.csv", covariance_csv(problem.train, covariance)).string()}};
}

std::filesystem::path write_voting_model(Session& session, const data::Dataset& dataset, const mtrl::Loss& loss,
                                         const TaskSet& train, const defence::VotingModel& voting) {
  Model model;
  model.tasks = train.names();
  model.loss = loss.name();
  model.label_column = dataset.label_column;
  if (dataset.csv) model.coding = dataset.csv->coding;
  model.classes = dataset.classes;
  model.voting = voting;
  model.voting_features = train.feature_names;
  if (model.voting_features.empty())
    for (Eigen::Index k = 0; k < train.features(); ++k) model.voting_features.push_back(fmt::format("x{}", k + 1));
  return session.write("model.json", to_json(model).dump() + "\n");
}

}  // namespace crosstalk::app
