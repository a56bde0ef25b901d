#include "score_json.hpp"

#include <cmath>

namespace crosstalk::image {

nlohmann::json json_number(double value) {
  return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json(nullptr);
}

double number_from(const nlohmann::json& json) {
  return json.is_null() ? std::nan("") : json.get<double>();
}

nlohmann::json to_json(const std::vector<TaskScore>& scores) {
  auto list = nlohmann::json::array();
  for (const TaskScore& score : scores)
    list.push_back({score.metric, json_number(score.value), json_number(score.yardstick), json_number(score.balanced)});
  return list;
}

std::vector<TaskScore> scores_from(const nlohmann::json& list) {
  std::vector<TaskScore> scores;
  for (const auto& item : list)
    scores.push_back(
        {item.at(0).get<std::string>(), number_from(item.at(1)), number_from(item.at(2)), number_from(item.at(3))});
  return scores;
}

}  // namespace crosstalk::image
