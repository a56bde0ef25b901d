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

json to_json(const AuditResult& result) {
  const auto& names = result.task_names;
  const auto by_name = [&](const Eigen::VectorXd& values) {
    json object = json::object();
    for (Eigen::Index i = 0; i < values.size(); ++i)
      object[names[static_cast<std::size_t>(i)]] = json_number(values[i]);
    return object;
  };
  json scenarios = json::array();
  for (std::size_t s = 0; s < result.scenarios.size(); ++s) {
    const Scenario& scenario = result.scenarios[s];
    scenarios.push_back({{"kind", attack::to_string(scenario.kind)},
                         {"targets", named(scenario.targets, names)},
                         {"attackers", named(scenario.attackers, names)},
                         {"utility_clean", result.clean_utility[static_cast<Eigen::Index>(s)]}});
    if (scenario.fictitious > 0) {
      scenarios.back()["fictitious"] = scenario.fictitious;
      scenarios.back()["rows_each"] = scenario.rows_each;
    }
  }
  // Every task under every attack is in the CSV files, too.
  const bool by_task = names.size() <= kRecordTasks;
  const std::vector<std::string> test_names = by_task ? names : std::vector<std::string>();
  const Eigen::VectorXd none;
  json attacks = json::array();
  for (const Outcome& outcome : result.outcomes) {
    if (outcome.loss.size() == 0) continue;
    const mtrl::Metrics metrics{result.clean.names, outcome.metrics};
    attacks.push_back({{"scenario", outcome.scenario},
                       {"kind", attack::to_string(result.scenarios[outcome.scenario].kind)},
                       {"method", to_string(outcome.method)},
                       {"budget", outcome.budget},
                       {"rows", outcome.rows},
                       {"utility", outcome.utility},
                       {"loss", by_name(by_task ? outcome.loss : none)},
                       {"test", to_json(metrics, test_names)},
                       {"utility_curve", vector_to_json(outcome.utility_curve)},
                       {"metric_curve", vector_to_json(outcome.metric_curve)},
                       {"correlation", matrix_to_json(outcome.correlation)},
                       {"converged", outcome.converged}});
    if (by_task && outcome.row_harm.size() > 0) attacks.back()["row_harm"] = by_name(outcome.row_harm);
    if (by_task && outcome.refit_loss.size() > 0) attacks.back()["refit_loss"] = by_name(outcome.refit_loss);
  }
  json harms = json::array();
  for (const Harm& harm : result.harms) {
    if (harm.loss.size() == 0) continue;
    harms.push_back({{"attacker", names[harm.attacker]},
                     {"rows", harm.rows},
                     {"loss_rise", json_number(harm.loss_rise(result.clean_loss))},
                     {"loss", by_name(by_task ? harm.loss : none)},
                     {"converged", harm.converged}});
  }
  json cheapest_attacks = json::array();
  for (const CheapestAttack& cheapest : result.cheapest_attacks) {
    if (cheapest.rows.empty()) continue;
    json rows = json::object();
    for (std::size_t i = 0; i < names.size(); ++i)
      if (cheapest.rows[i] > 0) rows[names[i]] = cheapest.rows[i];
    cheapest_attacks.push_back({{"target", names[cheapest.target]},
                                {"through", cheapest.by_others ? "others" : "any"},
                                {"rows", rows},
                                {"price", cheapest.price},
                                {"factor", json_number(cheapest.factor)},
                                {"reached", cheapest.reached}});
  }
  const auto behind = [&](const DefendedModel& one) -> json {
    return {{"plan", one.plan},
            {"utility", one.utility},
            {"loss", by_name(one.loss)},
            {"test", to_json(mtrl::Metrics{result.clean.names, one.metrics}, names)},
            {"planted_left_out", one.injected_left_out},
            {"honest_left_out", one.honest_left_out}};
  };
  json defended = json::array();
  for (const DefendedOutcome& outcome : result.defended) {
    if (outcome.same.loss.size() == 0) continue;
    const Scenario& scenario = result.scenarios[outcome.scenario];
    const auto mean = [&](const Eigen::MatrixXd& values) {
      return json_number(mtrl::Metrics{result.clean.names, values}.mean(0, scenario.targets));
    };
    const Outcome* const attacked = result.strongest(outcome.scenario);
    defended.push_back({{"scenario", outcome.scenario},
                        {result.clean.names.front(),
                         {{"clean", mean(result.clean.values)},
                          {"attacked", attacked == nullptr ? json() : mean(attacked->metrics)},
                          {"defended", mean(outcome.same.metrics)},
                          {"attacker_knows", mean(outcome.adaptive.metrics)}}},
                        {"kind", attack::to_string(scenario.kind)},
                        {"same_attack", behind(outcome.same)},
                        {"attacker_knows", behind(outcome.adaptive)}});
  }
  json bounds = json::array();
  for (const Bound& bound : result.bounds) {
    if (std::isnan(bound.anywhere)) continue;
    const double clean = result.clean_utility[static_cast<Eigen::Index>(bound.scenario)];
    const Outcome* const found = result.strongest(bound.scenario);
    bounds.push_back({{"scenario", bound.scenario},
                      {"utility_at_most", json_number(bound.anywhere)},
                      {"utility_at_most_screened", json_number(bound.screened)},
                      {"multiple_of_clean",
                       {{"found", found == nullptr ? json() : json_number(found->utility / clean)},
                        {"at_most", json_number(bound.anywhere / clean)},
                        {"at_most_screened", json_number(bound.screened / clean)}}}});
  }
  json repeats = json::array();
  for (const Repeat& repeat : result.repeats) {
    if (!repeat.ran) continue;
    repeats.push_back({{"split", repeat.split},
                       {"rows", repeat.bootstrap ? "bootstrap of the evaluation rows" : "another split"},
                       {"kind", attack::to_string(result.headline)},
                       {"clean_" + result.clean_model.metric + "_all_tasks", json_number(repeat.model_metric)},
                       {"clean_" + result.clean.names.front(), json_number(repeat.clean_metric)},
                       {result.clean.names.front(), json_number(repeat.metric)},
                       {"loss_rise", json_number(repeat.loss_rise)},
                       {"converged", repeat.converged}});
  }
  const CleanModel& model = result.clean_model;
  json evidence = json::array();
  for (const CleanModel::Evidence& one : model.evidence)
    evidence.push_back({{"cause", to_string(one.cause)}, {"text", one.text}});
  json defended_clean = nullptr;
  if (result.clean_defended && result.clean_defended->loss.size() > 0) {
    defended_clean = behind(*result.clean_defended);
    for (const char* key : {"plan", "utility", "planted_left_out"}) defended_clean.erase(key);
  }
  return {{"tasks", names},
          {"scenarios", scenarios},
          {"clean",
           {{"loss", by_name(result.clean_loss)},
            {"test", to_json(result.clean, names)},
            {"correlation", matrix_to_json(result.clean_correlation)}}},
          {"dropped_budgets", result.dropped_budgets},
          {"attacks", attacks},
          {"harm", harms},
          {"ways", cheapest_attacks},
          {"defended", defended},
          {"defended_clean", defended_clean},
          {"bounds", bounds},
          {"repeats", repeats},
          {"clean_model",
           {{"no_better_than_constant", model.no_better_than_constant},
            {"metric", model.metric},
            {"value", json_number(model.value)},
            {"low", json_number(model.low)},
            {"high", json_number(model.high)},
            {"splits", model.splits},
            {"evidence", evidence}}},
          {"harm_is_partial", result.harm_is_partial},
          {"complete", !result.stopped}};
}

}  // namespace crosstalk::evaluate
