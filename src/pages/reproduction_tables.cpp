#include "reproduction_tables.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "evaluate/audit_json.hpp"
#include "evaluate/words.hpp"
#include "evaluate/undefined.hpp"

namespace crosstalk::pages {

namespace {

using report::Cell;
using report::Column;
using report::NumberFormat;
using report::Table;

constexpr NumberFormat kWhole{NumberFormat::Kind::Decimals, 0};
constexpr NumberFormat kShare{NumberFormat::Kind::Percent, 0};
constexpr NumberFormat kNumber{NumberFormat::Kind::Significant, 4};
constexpr NumberFormat kThree{NumberFormat::Kind::Decimals, 3};

double whole(std::size_t number) {
  return static_cast<double>(number);
}

void push(std::vector<Cell>& row, const ConfidenceInterval& estimate) {
  row.emplace_back(estimate.mean);
  row.emplace_back(estimate.low);
  row.emplace_back(estimate.high);
}

std::string ours(const Claim& claim) {
  const auto shown = [&](double value) {
    return claim.unit.starts_with("share")
               ? report::shown(value, {NumberFormat::Kind::Percent, 1})
               : report::shown(value,
                               claim.unit == "iterations" ? NumberFormat{NumberFormat::Kind::Decimals, 1} : kThree);
  };
  std::string text = shown(claim.ours.mean);
  if (!std::isnan(claim.ours.low)) text += fmt::format(" ({} to {})", shown(claim.ours.low), shown(claim.ours.high));
  return text;
}

// Every combination of set, lambdas and method that has trials of an experiment.
template <class Visit>
void for_each_choice(const ReproductionResult& result, Experiment experiment, Visit visit) {
  for (const auto& set : result.sets)
    for (const Lambdas lambdas : {Lambdas::Paper, Lambdas::Chosen})
      for (const PlacementMethod placement :
           {PlacementMethod::Patom, PlacementMethod::ExactFixed, PlacementMethod::ExactFree})
        if (const auto chosen = trials::select(result, {experiment, set.name, lambdas, placement}); !chosen.empty())
          visit(set, lambdas, placement, chosen);
}

std::vector<Cell> head(const ReproductionResult::Set& set, Lambdas lambdas, PlacementMethod placement,
                       const std::string& threat) {
  return {set.name, std::string(to_string(lambdas)), threat, std::string(to_string(placement))};
}

const std::vector<Column> kHead = {{.name = "set"}, {.name = "lambdas"}, {.name = "attack"}, {.name = "method"}};

std::vector<Column> with_head(std::vector<Column> more) {
  std::vector<Column> columns = kHead;
  columns.insert(columns.end(), more.begin(), more.end());
  return columns;
}

Table convergence(const ReproductionResult& result) {
  Table table{
      "Figure 1: metric of the targets' test rows and utility by iteration; mean and 95 % interval over the draws",
      with_head({{.name = "iteration", .format = kWhole},
                 {.name = "metric", .format = kNumber},
                 {.name = "low", .format = kNumber},
                 {.name = "high", .format = kNumber},
                 {.name = "utility over clean", .format = kNumber},
                 {.name = "utility low", .format = kNumber},
                 {.name = "utility high", .format = kNumber},
                 {.name = "draws", .format = kWhole}})};
  for_each_choice(
      result, Experiment::Figure1,
      [&](const auto& set, Lambdas lambdas, PlacementMethod placement, const auto& chosen) {
        const auto& threats = set.threats.at(Experiment::Figure1);
        for (std::size_t t = 0; t < threats.size(); ++t) {
          Eigen::Index steps = 0;
          for (const Trial* trial : chosen) steps = std::max(steps, trial->threat == t ? trial->metric.size() : 0);
          for (Eigen::Index k = 0; k < steps; ++k) {
            // An attack that ended earlier stays where it was.
            const auto at = [k](const Eigen::VectorXd& values) { return values[std::min(k, values.size() - 1)]; };
            const auto this_one = [&](const Trial& trial) { return trial.threat == t; };
            const ConfidenceInterval metric =
                trials::over_draws(chosen, this_one, [&](const Trial& trial) { return at(trial.metric); });
            auto row = head(set, lambdas, placement, threats[t].name);
            row.emplace_back(static_cast<double>(k));
            push(row, metric);
            push(row, trials::over_draws(chosen, this_one,
                                         [&](const Trial& trial) { return at(trial.utility) / trial.clean_utility; }));
            row.emplace_back(whole(metric.count));
            table.rows.push_back(std::move(row));
          }
        }
      });
  return table;
}

Table starts(const ReproductionResult& result, const ReproductionOptions& options) {
  Table table{"Figure 1: where PATOM ends from several starts on the first draw",
              with_head({{.name = "labels"},
                         {.name = "start", .format = kWhole},
                         {.name = "utility", .format = kNumber},
                         {.name = "clean utility", .format = kNumber},
                         {.name = "metric", .format = kNumber},
                         {.name = "clean metric", .format = kNumber}})};
  for_each_choice(
      result, Experiment::Starts, [&](const auto& set, Lambdas lambdas, PlacementMethod placement, const auto& chosen) {
        for (const Trial* trial : chosen) {
          auto row = head(set, lambdas, placement, set.threats.at(Experiment::Starts)[trial->threat].name);
          const bool anew = trial->start >= options.starts;
          row.emplace_back(std::string(anew ? "drawn anew" : "kept"));
          row.emplace_back(whole(anew ? trial->start - options.starts : trial->start) + 1.0);
          for (const double value :
               {trials::last(trial->utility), trial->clean_utility, trials::last(trial->metric), trial->clean_metric})
            row.emplace_back(value);
          table.rows.push_back(std::move(row));
        }
      });
  return table;
}

Table quality(const ReproductionResult& result, const ReproductionOptions& options) {
  Table table{"Figure 2: metric of the targets' test rows by injected rows; mean and 95 % interval over the draws",
              with_head({{.name = "injected", .format = kShare},
                         {.name = "metric", .format = kNumber},
                         {.name = "low", .format = kNumber},
                         {.name = "high", .format = kNumber},
                         {.name = "random rows", .format = kNumber},
                         {.name = "random low", .format = kNumber},
                         {.name = "random high", .format = kNumber},
                         {.name = "draws", .format = kWhole}})};
  for_each_choice(result, Experiment::Figure2,
                  [&](const auto& set, Lambdas lambdas, PlacementMethod placement, const auto& chosen) {
                    const auto& threats = set.threats.at(Experiment::Figure2);
                    for (std::size_t t = 0; t < threats.size(); ++t) {
                      std::vector<double> budgets = {0.0};
                      budgets.insert(budgets.end(), options.budgets.begin(), options.budgets.end());
                      for (const double budget : budgets) {
                        const auto here = [&](const Trial& trial) {
                          return trial.threat == t && (budget == 0.0 || trial.budget == budget);
                        };
                        const ConfidenceInterval metric = trials::over_draws(chosen, here, [&](const Trial& trial) {
                          return budget == 0.0 ? trial.clean_metric : trials::last(trial.metric);
                        });
                        if (metric.count == 0) continue;
                        auto row = head(set, lambdas, placement, threats[t].name);
                        row.emplace_back(budget);
                        push(row, metric);
                        push(row, trials::over_draws(chosen, here, [&](const Trial& trial) {
                               return budget == 0.0 ? trial.clean_metric : trial.metric[0];
                             }));
                        row.emplace_back(whole(metric.count));
                        table.rows.push_back(std::move(row));
                      }
                    }
                  });
  return table;
}

Table relations(const ReproductionResult& result) {
  Table table{"Figure 3: learned correlations; mean and 95 % interval over the draws",
              with_head({{.name = "first task"},
                         {.name = "second task"},
                         {.name = "correlation", .format = kThree},
                         {.name = "low", .format = kThree},
                         {.name = "high", .format = kThree},
                         {.name = "draws", .format = kWhole}})};
  for_each_choice(result, Experiment::Figure3,
                  [&](const auto& set, Lambdas lambdas, PlacementMethod placement, const auto& chosen) {
                    const auto& threats = set.threats.at(Experiment::Figure3);
                    for (std::size_t t = 0; t <= threats.size(); ++t) {
                      const bool clean = t == threats.size();
                      if (clean && placement != PlacementMethod::Patom) continue;
                      for (std::size_t a = 0; a < set.task_names.size(); ++a)
                        for (std::size_t b = a + 1; b < set.task_names.size(); ++b) {
                          const ConfidenceInterval value = trials::over_draws(
                              chosen, [&](const Trial& trial) { return clean || trial.threat == t; },
                              [&](const Trial& trial) {
                                return (clean ? trial.clean_correlation : trial.correlation)(
                                    static_cast<Eigen::Index>(a), static_cast<Eigen::Index>(b));
                              });
                          auto row = head(set, lambdas, placement, clean ? "none" : threats[t].name);
                          if (clean) row[3] = std::string("clean");
                          row.emplace_back(set.task_names[a]);
                          row.emplace_back(set.task_names[b]);
                          push(row, value);
                          row.emplace_back(whole(value.count));
                          table.rows.push_back(std::move(row));
                        }
                    }
                  });
  return table;
}

// Every attack as it ran.
Table attacks(const ReproductionResult& result) {
  Table table{"Every attack",
              {{.name = "experiment"},
               {.name = "set"},
               {.name = "lambdas"},
               {.name = "reading"},
               {.name = "attack"},
               {.name = "method"},
               {.name = "draw", .format = kWhole},
               {.name = "injected", .format = kShare},
               {.name = "start", .format = kWhole},
               {.name = "clean metric", .format = kNumber},
               {.name = "random metric", .format = kNumber},
               {.name = "metric", .format = kNumber},
               {.name = "clean utility", .format = kNumber},
               {.name = "random utility", .format = kNumber},
               {.name = "utility", .format = kNumber},
               {.name = "converged"}}};
  for (const Trial& trial : result.trials) {
    const auto* set = result.find(trial.set);
    table.rows.push_back({std::string(to_string(trial.experiment)), trial.set, std::string(to_string(trial.lambdas)),
                          trial.interpretation, set->threats.at(trial.experiment)[trial.threat].name,
                          std::string(to_string(trial.placement)), whole(trial.seed) + 1.0, trial.budget,
                          whole(trial.start) + 1.0, trial.clean_metric, trial.metric[0], trials::last(trial.metric),
                          trial.clean_utility, trial.utility[0], trials::last(trial.utility),
                          std::string(trial.converged ? "yes" : "no")});
  }
  return table;
}

}  // namespace

namespace tables {

Table verdicts(const std::vector<Claim>& claims, const std::string& caption) {
  Table table{caption,
              {{.name = "figure"},
               {.name = "set"},
               {.name = "claim"},
               {.name = "paper"},
               {.name = "ours (95 % interval)"},
               {.name = "verdict"}}};
  for (const Claim& claim : claims) {
    const bool other = claim.interpretation != interpretations_for(claim.set).front().name;
    table.rows.push_back({claim.figure, claim.set,
                          claim.text + (other ? fmt::format(" (reading: {})", claim.interpretation) : ""), claim.paper,
                          ours(claim), std::string(to_string(claim.verdict))});
  }
  return table;
}

Table claims(const std::vector<Claim>& claims, const std::string& caption) {
  Table table{caption,
              {{.name = "figure"},
               {.name = "set"},
               {.name = "claim"},
               {.name = "paper"},
               {.name = "unit"},
               {.name = "ours", .format = kNumber},
               {.name = "low", .format = kNumber},
               {.name = "high", .format = kNumber},
               {.name = "verdict"},
               {.name = "in detail"},
               {.name = "rule"},
               {.name = "reading"}}};
  for (const Claim& claim : claims) {
    std::vector<Cell> row = {claim.figure, claim.set, claim.text, claim.paper, claim.unit};
    push(row, claim.ours);
    for (const std::string& text :
         {std::string(to_string(claim.verdict)), claim.detail, claim.rule, claim.interpretation})
      row.emplace_back(text);
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table interpretations(const ReproductionResult& result) {
  Table table{"What the paper does not say, read in other ways: 30 % injected, lambdas 0.1, PATOM",
              {{.name = "set"},
               {.name = "reading"},
               {.name = "clean metric", .format = kThree},
               {.name = "harm, direct", .format = kThree},
               {.name = "low", .format = kThree},
               {.name = "high", .format = kThree},
               {.name = "harm, indirect", .format = kThree},
               {.name = "harm, random rows", .format = kThree},
               {.name = "clean correlation of 2 and 3", .format = kThree},
               {.name = "under hybrid 1", .format = kThree},
               {.name = "hybrid 2", .format = kThree},
               {.name = "hybrid 3", .format = kThree},
               {.name = "among attacked, hybrid 1", .format = kThree},
               {.name = "among, hybrid 2", .format = kThree},
               {.name = "among, hybrid 3", .format = kThree},
               {.name = "draws", .format = kWhole}}};
  for (const InterpretationNumbers& one : interpretations_of(result)) {
    std::vector<Cell> row = {one.set, one.interpretation, one.clean_metric.mean};
    push(row, one.direct);
    for (const double value : {one.indirect.mean, one.random.mean, one.clean_correlation.mean}) row.emplace_back(value);
    for (const auto* list : {&one.correlation, &one.among_attacked})
      for (std::size_t h = 0; h < 3; ++h) row.emplace_back(h < list->size() ? (*list)[h].mean : kNaN);
    row.emplace_back(whole(one.clean_metric.count));
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table methods(const ReproductionResult& result, Lambdas lambdas) {
  Table table{fmt::format("PATOM beside the exact attack, 30 % injected, lambdas {}: mean over the pairs of Figure 2",
                          to_string(lambdas)),
              {{.name = "set"},
               {.name = "attack"},
               {.name = "method"},
               {.name = "metric, clean", .format = kThree},
               {.name = "random rows", .format = kThree},
               {.name = "attacked", .format = kThree},
               {.name = "low", .format = kThree},
               {.name = "high", .format = kThree},
               {.name = "utility over clean", .format = kThree},
               {.name = "draws", .format = kWhole}}};
  for_each_choice(
      result, Experiment::Figure2, [&](const auto& set, Lambdas at, PlacementMethod placement, const auto& chosen) {
        if (at != lambdas) return;
        const auto& threats = set.threats.at(Experiment::Figure2);
        for (const attack::Kind kind : {attack::Kind::Direct, attack::Kind::Indirect}) {
          const auto here = [&](const Trial& trial) {
            return trial.budget == 0.3 && threats[trial.threat].kind == kind;
          };
          const ConfidenceInterval metric =
              trials::over_draws(chosen, here, [](const Trial& trial) { return trials::last(trial.metric); });
          if (metric.count == 0) continue;
          std::vector<Cell> row = {set.name, words::kind(kind), std::string(to_string(placement))};
          row.emplace_back(
              trials::over_draws(chosen, here, [](const Trial& trial) { return trial.clean_metric; }).mean);
          row.emplace_back(trials::over_draws(chosen, here, [](const Trial& trial) { return trial.metric[0]; }).mean);
          push(row, metric);
          row.emplace_back(trials::over_draws(chosen, here, [](const Trial& trial) {
                             return trials::last(trial.utility) / trial.clean_utility;
                           }).mean);
          row.emplace_back(whole(metric.count));
          table.rows.push_back(std::move(row));
        }
      });
  return table;
}

Table sets(const ReproductionResult& result) {
  Table table{"Data sets",
              {{.name = "set"},
               {.name = "tasks", .format = kWhole},
               {.name = "training rows", .format = kWhole},
               {.name = "test rows", .format = kWhole},
               {.name = "metric"},
               {.name = "lambda1 by cross-validation", .format = kNumber},
               {.name = "lambda2 by cross-validation", .format = kNumber}}};
  for (const auto& set : result.sets)
    table.rows.push_back({set.name, whole(set.task_names.size()), whole(set.training_rows), whole(set.test_rows),
                          words::metric(set.metric), set.lambda1, set.lambda2});
  return table;
}

Table threats(const ReproductionResult& result) {
  Table table{
      "Who attacks whom; tasks by their number",
      {{.name = "experiment"}, {.name = "set"}, {.name = "attack"}, {.name = "targets"}, {.name = "attackers"}}};
  const auto listed = [](std::vector<std::size_t> tasks) {
    for (std::size_t& task : tasks) ++task;
    return fmt::format("{}", fmt::join(tasks, " "));
  };
  for (const auto& set : result.sets)
    for (const Experiment experiment : {Experiment::Figure1, Experiment::Figure2, Experiment::Figure3})
      for (const PaperThreat& threat : set.threats.at(experiment))
        table.rows.push_back({std::string(to_string(experiment)), set.name, threat.name, listed(threat.targets),
                              listed(threat.attackers)});
  return table;
}

}  // namespace tables

std::vector<std::pair<std::string, Table>> reproduction_tables(const ReproductionResult& result,
                                                               const ReproductionFacts& facts) {
  std::vector<std::pair<std::string, Table>> all = {
      {"claims", tables::claims(claims_of(result, facts.options, Lambdas::Paper), "Claims at the paper's lambdas")},
      {"claims-cross-validated",
       tables::claims(claims_of(result, facts.options, Lambdas::Chosen), "Claims at lambdas by cross-validation")},
      {"convergence", convergence(result)},
      {"starts", starts(result, facts.options)},
      {"quality", quality(result, facts.options)},
      {"methods", tables::methods(result, Lambdas::Paper)},
      {"methods-cross-validated", tables::methods(result, Lambdas::Chosen)},
      {"relations", relations(result)},
      {"readings", tables::interpretations(result)},
      {"sets", tables::sets(result)},
      {"who", tables::threats(result)},
      {"attacks", attacks(result)}};
  std::erase_if(all, [](const auto& table) { return table.second.rows.empty(); });
  return all;
}

nlohmann::json to_json(const ReproductionResult& result, const ReproductionFacts& facts) {
  nlohmann::json json = {{"claims", nlohmann::json::array()}, {"attacks", result.trials.size()}};
  for (const Lambdas lambdas : {Lambdas::Paper, Lambdas::Chosen})
    for (const Claim& claim : claims_of(result, facts.options, lambdas))
      json["claims"].push_back({{"figure", claim.figure},
                                {"set", claim.set},
                                {"lambdas", to_string(lambdas)},
                                {"claim", claim.text},
                                {"paper", claim.paper},
                                {"unit", claim.unit},
                                {"ours", json_number(claim.ours.mean)},
                                {"low", json_number(claim.ours.low)},
                                {"high", json_number(claim.ours.high)},
                                {"detail", claim.detail},
                                {"rule", claim.rule},
                                {"reading", claim.interpretation},
                                {"verdict", to_string(claim.verdict)}});
  for (const auto& set : result.sets)
    json["sets"].push_back({{"name", set.name},
                            {"training_rows", set.training_rows},
                            {"test_rows", set.test_rows},
                            {"lambda1", set.lambda1},
                            {"lambda2", set.lambda2}});
  json["missing"] = facts.missing_sets;
  return json;
}

}  // namespace crosstalk::pages
