#include "score_json.hpp"

#include "crosstalk/json_number.hpp"

namespace crosstalk::image {

nlohmann::json to_json(const std::vector<TaskScore>& scores) {
  auto list = nlohmann::json::array();
  for (const TaskScore& score : scores)
    list.push_back({score.metric, json_number(score.value), json_number(score.baseline), json_number(score.balanced)});
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
