#include "voting_model_json.hpp"

#include <stdexcept>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "crosstalk/json_number.hpp"
#include "preparation_json.hpp"

namespace crosstalk::defence {

namespace {

nlohmann::json vector_to_json(const Eigen::VectorXd& values) {
  return std::vector<double>(values.begin(), values.end());
}

Eigen::VectorXd vector_from_json(const nlohmann::json& json, Eigen::Index size, bool may_be_empty, const char* name) {
  const auto values = json.get<std::vector<double>>();
  const auto count = static_cast<Eigen::Index>(values.size());
  if (count != size && !(may_be_empty && count == 0))
    throw std::invalid_argument(fmt::format("votes: {} has {} numbers for {} features", name, count, size));
  Eigen::VectorXd result = Eigen::Map<const Eigen::VectorXd>(values.data(), count);
  if (!result.allFinite()) throw std::invalid_argument(fmt::format("votes: {} must be finite", name));
  return result;
}

nlohmann::json units_to_json(const FeatureUnits& units) {
  return {{"columns", units.columns},
          {"preparation", units.preparation ? PreparationJson::write(*units.preparation) : nlohmann::json(nullptr)}};
}

FeatureUnits units_from_json(const nlohmann::json& json, Eigen::Index features) {
  FeatureUnits units;
  for (const nlohmann::json& column : json.at("columns")) {
    units.columns.push_back(whole_from<Eigen::Index>(column));
    if (units.columns.back() < 0 || units.columns.back() >= features)
      throw std::invalid_argument(
          fmt::format("votes: column {} is not one of the {} features", units.columns.back(), features));
  }
  if (units.columns.empty()) return units;
  units.preparation = PreparationJson::read(json.at("preparation"));
  const auto count = static_cast<Eigen::Index>(units.columns.size());
  const PreparationOptions& options = units.preparation->options();
  if (!units.preparation->fits(count) || !options.bias || options.labels != LabelScale::None || options.pca > count)
    throw std::invalid_argument(fmt::format("votes: a preparation does not have the {} columns", count));
  return units;
}

}  // namespace

nlohmann::json to_json(const VotingModel& model) {
  nlohmann::json json = {{"groups", nlohmann::json::array()}, {"targets", nlohmann::json::array()}};
  for (const FeatureUnits& group : model.groups) json["groups"].push_back(units_to_json(group));
  for (const VotingModel::Target& target : model.targets) {
    nlohmann::json one = {{"name", target.name},
                          {"own", units_to_json(target.own)},
                          {"alone", vector_to_json(target.alone)},
                          {"under", nlohmann::json::array()},
                          {"clip_middle", vector_to_json(target.clip_middle)},
                          {"clip_reach", matrix_to_json(target.clip_reach)}};
    for (const Eigen::VectorXd& weights : target.under) one["under"].push_back(vector_to_json(weights));
    json["targets"].push_back(std::move(one));
  }
  return json;
}

VotingModel voting_model_from_json(const nlohmann::json& json, Eigen::Index features) {
  try {
    VotingModel model;
    for (const nlohmann::json& group : json.at("groups")) model.groups.push_back(units_from_json(group, features));
    if (model.groups.size() % 2 == 0)
      throw std::invalid_argument(fmt::format("votes: {} groups; their number must be odd", model.groups.size()));
    for (const nlohmann::json& one : json.at("targets")) {
      VotingModel::Target target;
      one.at("name").get_to(target.name);
      target.own = units_from_json(one.at("own"), features);
      const Eigen::Index width = target.own.width();
      target.alone = vector_from_json(one.at("alone"), width, false, "alone");
      target.clip_middle = vector_from_json(one.at("clip_middle"), width, true, "clip_middle");
      target.clip_reach = matrix_from_json(one.at("clip_reach"));
      const Eigen::Index clipped = target.clip_middle.size();
      if (target.clip_reach.rows() != clipped || target.clip_reach.cols() != clipped)
        throw std::invalid_argument(fmt::format("votes: clip_reach must be {0} x {0}", clipped));
      if (one.at("under").size() != model.groups.size())
        throw std::invalid_argument(
            fmt::format("votes: {} models for {} groups", one.at("under").size(), model.groups.size()));
      for (std::size_t g = 0; g < model.groups.size(); ++g)
        target.under.push_back(vector_from_json(one["under"][g], model.groups[g].width(), true, "under"));
      model.targets.push_back(std::move(target));
    }
    return model;
  } catch (const nlohmann::json::exception& error) {
    throw std::invalid_argument(fmt::format("votes: {}", error.what()));
  }
}

}  // namespace crosstalk::defence
