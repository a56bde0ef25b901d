#include "audit_json.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "crosstalk/error.hpp"
#include "crosstalk/evaluate/audit.hpp"
#include "crosstalk/mtrl/metrics.hpp"
#include "crosstalk/preparation.hpp"

namespace crosstalk::evaluate {

using nlohmann::json;

namespace {

json named(const std::vector<std::size_t>& tasks, const std::vector<std::string>& names) {
  json result = json::array();
  for (const std::size_t i : tasks) result.push_back(names[i]);
  return result;
}

}  // namespace

json vector_to_json(const Eigen::VectorXd& values) {
  json numbers = json::array();
  for (const double value : values) numbers.push_back(json_number(value));
  return numbers;
}

Eigen::VectorXd vector_from_json(const json& numbers) {
  Eigen::VectorXd values(static_cast<Eigen::Index>(numbers.size()));
  for (std::size_t i = 0; i < numbers.size(); ++i) values[static_cast<Eigen::Index>(i)] = number_from(numbers[i]);
  return values;
}

json to_json(const mtrl::Metrics& metrics, const std::vector<std::string>& task_names) {
  json mean = json::object();
  json tasks = json::object();
  for (std::size_t k = 0; k < metrics.names.size(); ++k) {
    mean[metrics.names[k]] = json_number(metrics.mean(k));
    for (std::size_t i = 0; i < task_names.size(); ++i)
      tasks[task_names[i]][metrics.names[k]] =
          json_number(metrics.values(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(k)));
  }
  return {{"mean", mean}, {"tasks", tasks}};
}

namespace {

// The parts of the record of an audit.
class AuditRecord {
 public:
  explicit AuditRecord(const AuditResult& result)
      : result_(result), names_(result.task_names), by_task_(names_.size() <= kRecordTasks) {}

  [[nodiscard]] json whole() const;

 private:
  [[nodiscard]] json by_name(const Eigen::VectorXd& values) const;
  [[nodiscard]] json scenarios() const;
  [[nodiscard]] json attacks() const;
  [[nodiscard]] json harms() const;
  [[nodiscard]] json cheapest_attacks() const;
  [[nodiscard]] json model_behind(const DefendedModel& one) const;
  [[nodiscard]] json defended() const;
  [[nodiscard]] json defended_clean() const;
  [[nodiscard]] json bounds() const;
  [[nodiscard]] json repeats() const;
  [[nodiscard]] json clean_model() const;
  [[nodiscard]] json own_model() const;

  const AuditResult& result_;
  const std::vector<std::string>& names_;
  bool by_task_;  // every task under every attack is in the CSV files, too
};

json AuditRecord::by_name(const Eigen::VectorXd& values) const {
  json object = json::object();
  for (Eigen::Index i = 0; i < values.size(); ++i) object[names_[static_cast<std::size_t>(i)]] = json_number(values[i]);
  return object;
}

json AuditRecord::scenarios() const {
  json list = json::array();
  for (std::size_t s = 0; s < result_.scenarios.size(); ++s) {
    const Scenario& scenario = result_.scenarios[s];
    list.push_back({{"kind", attack::to_string(scenario.kind)},
                    {"targets", named(scenario.targets, names_)},
                    {"attackers", named(scenario.attackers, names_)},
                    {"utility_clean", result_.clean_utility[static_cast<Eigen::Index>(s)]}});
    if (scenario.fictitious > 0) {
      list.back()["fictitious"] = scenario.fictitious;
      list.back()["rows_each"] = scenario.rows_each;
    }
  }
  return list;
}

json AuditRecord::attacks() const {
  json list = json::array();
  for (const Outcome& outcome : result_.outcomes) {
    if (outcome.loss.size() == 0) continue;
    const mtrl::Metrics metrics{result_.clean.names, outcome.metrics};
    list.push_back({{"scenario", outcome.scenario},
                    {"kind", attack::to_string(result_.scenarios[outcome.scenario].kind)},
                    {"method", to_string(outcome.method)},
                    {"budget", outcome.budget},
                    {"rows", outcome.rows},
                    {"utility", outcome.utility},
                    {"loss", by_name(by_task_ ? outcome.loss : Eigen::VectorXd())},
                    {"test", to_json(metrics, by_task_ ? names_ : std::vector<std::string>())},
                    {"utility_curve", vector_to_json(outcome.utility_curve)},
                    {"metric_curve", vector_to_json(outcome.metric_curve)},
                    {"correlation", matrix_to_json(outcome.correlation)},
                    {"converged", outcome.converged}});
    if (by_task_ && outcome.row_harm.size() > 0) list.back()["row_harm"] = by_name(outcome.row_harm);
    if (by_task_ && outcome.refit_loss.size() > 0) list.back()["refit_loss"] = by_name(outcome.refit_loss);
  }
  return list;
}

json AuditRecord::harms() const {
  json list = json::array();
  for (const Harm& harm : result_.harms) {
    if (harm.loss.size() == 0) continue;
    list.push_back({{"attacker", names_[harm.attacker]},
                    {"rows", harm.rows},
                    {"loss_rise", json_number(harm.loss_rise(result_.clean_loss))},
                    {"loss", by_name(by_task_ ? harm.loss : Eigen::VectorXd())},
                    {"converged", harm.converged}});
  }
  return list;
}

json AuditRecord::cheapest_attacks() const {
  json list = json::array();
  for (const CheapestAttack& cheapest : result_.cheapest_attacks) {
    if (cheapest.rows.empty()) continue;
    json rows = json::object();
    for (std::size_t i = 0; i < names_.size(); ++i)
      if (cheapest.rows[i] > 0) rows[names_[i]] = cheapest.rows[i];
    list.push_back({{"target", names_[cheapest.target]},
                    {"through", cheapest.by_others ? "others" : "any"},
                    {"rows", rows},
                    {"price", cheapest.price},
                    {"factor", json_number(cheapest.factor)},
                    {"reached", cheapest.reached}});
  }
  return list;
}

json AuditRecord::model_behind(const DefendedModel& one) const {
  return {{"plan", one.plan},
          {"utility", one.utility},
          {"loss", by_name(one.loss)},
          {"test", to_json(mtrl::Metrics{result_.clean.names, one.metrics}, names_)},
          {"planted_left_out", one.injected_left_out},
          {"honest_left_out", one.honest_left_out}};
}

json AuditRecord::defended() const {
  json list = json::array();
  for (const DefendedOutcome& outcome : result_.defended) {
    if (outcome.same.loss.size() == 0) continue;
    const Scenario& scenario = result_.scenarios[outcome.scenario];
    const auto mean = [&](const Eigen::MatrixXd& values) {
      return json_number(mtrl::Metrics{result_.clean.names, values}.mean(0, scenario.targets));
    };
    const Outcome* const attacked = result_.strongest(outcome.scenario);
    list.push_back({{"scenario", outcome.scenario},
                    {result_.clean.names.front(),
                     {{"clean", mean(result_.clean.values)},
                      {"attacked", attacked == nullptr ? json() : mean(attacked->metrics)},
                      {"defended", mean(outcome.same.metrics)},
                      {"attacker_knows", mean(outcome.adaptive.metrics)}}},
                    {"kind", attack::to_string(scenario.kind)},
                    {"same_attack", model_behind(outcome.same)},
                    {"attacker_knows", model_behind(outcome.adaptive)}});
  }
  return list;
}

json AuditRecord::bounds() const {
  json list = json::array();
  for (const Bound& bound : result_.bounds) {
    if (std::isnan(bound.anywhere)) continue;
    const double clean = result_.clean_utility[static_cast<Eigen::Index>(bound.scenario)];
    const Outcome* const found = result_.strongest(bound.scenario);
    list.push_back({{"scenario", bound.scenario},
                    {"utility_at_most", json_number(bound.anywhere)},
                    {"utility_at_most_screened", json_number(bound.screened)},
                    {"multiple_of_clean",
                     {{"found", found == nullptr ? json() : json_number(found->utility / clean)},
                      {"at_most", json_number(bound.anywhere / clean)},
                      {"at_most_screened", json_number(bound.screened / clean)}}}});
  }
  return list;
}

json AuditRecord::repeats() const {
  json list = json::array();
  for (const Repeat& repeat : result_.repeats) {
    if (!repeat.ran) continue;
    list.push_back({{"split", repeat.split},
                    {"rows", repeat.bootstrap ? "bootstrap of the evaluation rows" : "another split"},
                    {"kind", attack::to_string(result_.headline)},
                    {"clean_" + result_.clean_model.metric + "_all_tasks", json_number(repeat.model_metric)},
                    {"clean_" + result_.clean.names.front(), json_number(repeat.clean_metric)},
                    {result_.clean.names.front(), json_number(repeat.metric)},
                    {"loss_rise", json_number(repeat.loss_rise)},
                    {"converged", repeat.converged}});
  }
  return list;
}

json AuditRecord::defended_clean() const {
  json record = nullptr;
  if (result_.clean_defended && result_.clean_defended->loss.size() > 0) {
    record = model_behind(*result_.clean_defended);
    for (const char* key : {"plan", "utility", "planted_left_out"}) record.erase(key);
  }
  return record;
}

json AuditRecord::clean_model() const {
  const CleanModel& model = result_.clean_model;
  json evidence = json::array();
  for (const CleanModel::Evidence& one : model.evidence)
    evidence.push_back({{"cause", to_string(one.cause)}, {"text", one.text}});
  return {{"no_better_than_constant", model.no_better_than_constant},
          {"metric", model.metric},
          {"value", json_number(model.value)},
          {"low", json_number(model.low)},
          {"high", json_number(model.high)},
          {"splits", model.splits},
          {"evidence", evidence}};
}

json AuditRecord::own_model() const {
  json list = json::array();
  const auto told = [&](const Eigen::MatrixXd& values) {
    if (values.size() == 0) return json();
    return to_json(mtrl::Metrics{result_.clean.names, values}, by_task_ ? names_ : std::vector<std::string>());
  };
  for (const OwnModelOutcome& own : result_.own_model) {
    if (!own.ran) continue;
    json record = {{"run", own.name},
                   {"scenario", own.scenario ? json(*own.scenario) : json()},
                   {"method", own.scenario ? json(to_string(own.method)) : json()},
                   {"defended", own.defended},
                   {"your_model", told(own.scores.metrics)},
                   {"mtrl", told(result_.ours(own))},
                   {"seconds", own.scores.seconds}};
    if (!own.scores.failure.empty()) record["failure"] = own.scores.failure;
    list.push_back(std::move(record));
  }
  return list;
}

json AuditRecord::whole() const {
  json record = {{"tasks", names_},
                 {"scenarios", scenarios()},
                 {"clean",
                  {{"loss", by_name(result_.clean_loss)},
                   {"test", to_json(result_.clean, names_)},
                   {"correlation", matrix_to_json(result_.clean_correlation)}}},
                 {"dropped_budgets", result_.dropped_budgets},
                 {"attacks", attacks()},
                 {"harm", harms()},
                 {"ways", cheapest_attacks()},
                 {"defended", defended()},
                 {"defended_clean", defended_clean()},
                 {"bounds", bounds()},
                 {"repeats", repeats()},
                 {"clean_model", clean_model()},
                 {"harm_is_partial", result_.harm_is_partial},
                 {"complete", !result_.stopped}};
  if (!result_.own_model.empty()) record["own_model"] = own_model();
  return record;
}

}  // namespace

json to_json(const AuditResult& result) {
  return AuditRecord(result).whole();
}

}  // namespace crosstalk::evaluate
