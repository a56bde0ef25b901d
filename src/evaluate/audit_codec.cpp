#include "audit_codec.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "audit_json.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/evaluate/audit_parts.hpp"
#include "crosstalk/json_text.hpp"
#include "crosstalk/mtrl/metrics.hpp"
#include "crosstalk/preparation.hpp"

namespace crosstalk::evaluate {

using nlohmann::json;

namespace {

json metrics_to_json(const Eigen::MatrixXd& values) {
  json rows = json::array();
  for (Eigen::Index i = 0; i < values.rows(); ++i) rows.push_back(vector_to_json(values.row(i).transpose()));
  return rows;
}

Eigen::MatrixXd metrics_from_json(const json& rows) {
  Eigen::MatrixXd values(static_cast<Eigen::Index>(rows.size()),
                         rows.empty() ? 0 : static_cast<Eigen::Index>(rows[0].size()));
  for (std::size_t i = 0; i < rows.size(); ++i)
    values.row(static_cast<Eigen::Index>(i)) = vector_from_json(rows[i]).transpose();
  return values;
}

// What a part must look like.
class PartSizes {
 public:
  PartSizes(std::size_t tasks, std::size_t metrics) : tasks_(tasks), metrics_(metrics) {}

  [[nodiscard]] bool hold(const std::string& part, const json& value) const {
    if (part.starts_with("scenario-") || part.starts_with("harm-")) return is_outcome(value);
    if (part.starts_with("way-")) return value.is_object() && is_list(value, "rows", tasks_);
    if (part.starts_with("repeat-")) return value.is_object();  // numbers alone, which part_from_json checks
    if (part.starts_with("own-")) return value.is_object() && is_metrics(value, "metrics") && is_metrics(value, "ours");
    if (part == "defended-clean") return is_behind(value);
    if (part.starts_with("defended-"))
      return value.is_array() && value.size() == 2 && is_behind(value[0]) && is_behind(value[1]);
    return part.starts_with("bound-") && value.is_array() && value.size() == 2;
  }

 private:
  static bool is_list(const json& object, const char* key, std::size_t size) {
    return object.contains(key) && object.at(key).is_array() && object.at(key).size() == size;
  }
  static bool is_table(const json& object, const char* key, std::size_t rows, std::size_t columns) {
    if (!is_list(object, key, rows)) return false;
    const json& table = object.at(key);
    return std::all_of(table.begin(), table.end(),
                       [&](const json& row) { return row.is_array() && row.size() == columns; });
  }
  // Of every task, or of none.
  [[nodiscard]] bool is_metrics(const json& value, const char* key) const {
    return is_list(value, key, 0) || is_table(value, key, tasks_, metrics_);
  }
  [[nodiscard]] bool is_behind(const json& value) const {
    return value.is_object() && is_list(value, "loss", tasks_) && is_table(value, "metrics", tasks_, metrics_);
  }
  [[nodiscard]] bool is_outcome(const json& value) const {
    if (!is_behind(value) || !value.contains("utility_curve") || value.at("utility_curve").empty()) return false;
    return is_list(value, "metric_curve", value.at("utility_curve").size()) &&
           (is_list(value, "correlation", 0) || is_table(value, "correlation", tasks_, tasks_)) &&
           (is_list(value, "row_harm", 0) || is_list(value, "row_harm", tasks_)) &&
           (is_list(value, "refit_loss", 0) || is_list(value, "refit_loss", tasks_));
  }

  std::size_t tasks_;
  std::size_t metrics_;
};

}  // namespace

json part_to_json(const Outcome& outcome) {
  return {{"rows", outcome.rows},
          {"utility", outcome.utility},
          {"loss", vector_to_json(outcome.loss)},
          {"metrics", metrics_to_json(outcome.metrics)},
          {"utility_curve", vector_to_json(outcome.utility_curve)},
          {"metric_curve", vector_to_json(outcome.metric_curve)},
          {"correlation", matrix_to_json(outcome.correlation)},
          {"converged", outcome.converged},
          {"row_harm", vector_to_json(outcome.row_harm)},
          {"refit_loss", vector_to_json(outcome.refit_loss)}};
}

void part_from_json(const json& part, Outcome& outcome) {
  outcome.rows = whole_from<std::size_t>(part.at("rows"));
  part.at("utility").get_to(outcome.utility);
  outcome.loss = vector_from_json(part.at("loss"));
  outcome.metrics = metrics_from_json(part.at("metrics"));
  outcome.utility_curve = vector_from_json(part.at("utility_curve"));
  outcome.metric_curve = vector_from_json(part.at("metric_curve"));
  outcome.correlation = matrix_from_json(part.at("correlation"));
  part.at("converged").get_to(outcome.converged);
  outcome.row_harm = vector_from_json(part.at("row_harm"));
  outcome.refit_loss = vector_from_json(part.at("refit_loss"));
}

json part_to_json(const CheapestAttack& cheapest) {
  return {
      {"rows", cheapest.rows}, {"price", cheapest.price}, {"factor", cheapest.factor}, {"reached", cheapest.reached}};
}

void part_from_json(const json& part, CheapestAttack& cheapest) {
  cheapest.rows.clear();
  for (const json& rows : part.at("rows")) cheapest.rows.push_back(whole_from<std::size_t>(rows));
  part.at("price").get_to(cheapest.price);
  part.at("factor").get_to(cheapest.factor);
  part.at("reached").get_to(cheapest.reached);
}

json part_to_json(const Repeat& repeat) {
  return {{"ran", repeat.ran},
          {"bootstrap", repeat.bootstrap},
          {"model_metric", json_number(repeat.model_metric)},
          {"clean_metric", json_number(repeat.clean_metric)},
          {"metric", json_number(repeat.metric)},
          {"loss_rise", json_number(repeat.loss_rise)},
          {"converged", repeat.converged}};
}

void part_from_json(const json& part, Repeat& repeat) {
  part.at("ran").get_to(repeat.ran);
  part.at("bootstrap").get_to(repeat.bootstrap);
  repeat.model_metric = number_from(part.at("model_metric"));
  repeat.clean_metric = number_from(part.at("clean_metric"));
  repeat.metric = number_from(part.at("metric"));
  repeat.loss_rise = number_from(part.at("loss_rise"));
  part.at("converged").get_to(repeat.converged);
}

json part_to_json(const DefendedModel& model) {
  return {{"plan", model.plan},
          {"utility", model.utility},
          {"loss", vector_to_json(model.loss)},
          {"metrics", metrics_to_json(model.metrics)},
          {"planted_left_out", model.injected_left_out},
          {"honest_left_out", model.honest_left_out}};
}

void part_from_json(const json& part, DefendedModel& model) {
  part.at("plan").get_to(model.plan);
  part.at("utility").get_to(model.utility);
  model.loss = vector_from_json(part.at("loss"));
  model.metrics = metrics_from_json(part.at("metrics"));
  part.at("planted_left_out").get_to(model.injected_left_out);
  part.at("honest_left_out").get_to(model.honest_left_out);
}

json part_to_json(const OwnModelOutcome& own) {
  return {{"metrics", metrics_to_json(own.scores.metrics)},
          {"ours", metrics_to_json(own.ours)},
          {"failure", own.scores.failure},
          {"seconds", own.scores.seconds}};
}

void part_from_json(const json& part, OwnModelOutcome& own) {
  own.scores.metrics = metrics_from_json(part.at("metrics"));
  own.ours = metrics_from_json(part.at("ours"));
  part.at("failure").get_to(own.scores.failure);
  part.at("seconds").get_to(own.scores.seconds);
  own.ran = true;
}

PartStore checked_parts(PartStore store, std::size_t tasks, const mtrl::Loss& loss) {
  const PartSizes sizes(tasks, mtrl::evaluate({}, loss, {}).names.size());
  auto recall = std::move(store.recall);
  if (recall)
    store.recall = [recall = std::move(recall), sizes](const std::string& part) {
      auto value = recall(part);
      if (value && !sizes.hold(part, parse_json(*value, part)))
        throw DataError(fmt::format("the part \"{}\" of an earlier run is damaged; start anew", part));
      return value;
    };
  return store;
}

}  // namespace crosstalk::evaluate
