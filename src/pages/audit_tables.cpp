#include "audit_tables.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "audit_own_model.hpp"
#include "crosstalk/pages/audit_page.hpp"
#include "evaluate/undefined.hpp"
#include "evaluate/words.hpp"

namespace crosstalk::pages {

namespace {

using report::Cell;
using report::Column;
using report::Table;

Cell whole(std::size_t number) {
  return static_cast<double>(number);
}

std::string scenario_number(std::size_t scenario) {
  return std::to_string(scenario + 1);
}

std::string yes(bool answer) {
  return answer ? "yes" : "no";
}

Column budget_column(const std::vector<double>& budgets) {
  return {.name = "added rows", .unit = "share of clean rows", .format = words::share_format(budgets)};
}

std::vector<double> budgets_of(const AuditResult& result) {
  std::vector<double> budgets;
  for (const Outcome& outcome : result.outcomes) budgets.push_back(outcome.budget);
  return budgets;
}

Column metric_column(const std::string& name, const std::string& prefix = "") {
  return {.name = prefix + words::metric(name), .format = words::metric_format(name)};
}

// A column a kind and method.
template <typename NumberOf>
Table by_task(const AuditResult& result, const AuditSummary& summary, const std::string& what,
              double (*clean)(const AuditResult&, Eigen::Index), const report::NumberFormat& format,
              NumberOf number_of) {
  Table table{.columns = {{.name = "task"}, {.name = "clean", .format = format}}};
  for (const attack::Kind kind : summary.kinds)
    for (const Method method : summary.methods)
      table.columns.push_back(
          {.name = fmt::format("{}, {}", words::kind(kind), words::method(method)), .format = format});
  table.caption = fmt::format("{} of each task under attack, with {} injected rows; the most exposed first", what,
                              words::share(*summary.budget));
  for (const TaskExposure& task : summary.tasks) {
    std::vector<Cell> row = {result.task_names[task.task], clean(result, static_cast<Eigen::Index>(task.task))};
    for (const attack::Kind kind : summary.kinds)
      for (const Method method : summary.methods) {
        const TaskExposure::Under* const under = task.find(kind, method);
        row.emplace_back(under == nullptr ? kNaN : number_of(*under));
      }
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table clean(const AuditResult& result) {
  Table table{.caption = "Before any attack",
              .columns = {{.name = "task"}, {.name = "loss", .format = words::significant}}};
  for (const std::string& name : result.clean.names) table.columns.push_back(metric_column(name));
  for (std::size_t i = 0; i < result.task_names.size(); ++i) {
    const auto task = static_cast<Eigen::Index>(i);
    std::vector<Cell> row = {result.task_names[i], result.clean_loss[task]};
    for (const double value : result.clean.values.row(task)) row.emplace_back(value);
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table scenarios(const AuditResult& result) {
  Table table{
      .caption = "Who attacks whom",
      .columns = {{.name = "scenario"}, {.name = "kind"}, {.name = "task"}, {.name = "target"}, {.name = "attacker"}}};
  const std::size_t tasks = result.task_names.size();
  for (std::size_t s = 0; s < result.scenarios.size(); ++s) {
    const Scenario& scenario = result.scenarios[s];
    const std::vector<bool> is_target = attack::members(scenario.targets, tasks);
    const std::vector<bool> is_attacker = attack::members(scenario.attackers, tasks);
    for (std::size_t i = 0; i < tasks; ++i)
      table.rows.push_back({scenario_number(s), words::kind(scenario.kind), result.task_names[i], yes(is_target[i]),
                            yes(is_attacker[i])});
  }
  return table;
}

Table attacks_by_task(const AuditResult& result) {
  Table table{.caption = "Every task after every attack",
              .columns = {{.name = "scenario"},
                          {.name = "kind"},
                          {.name = "method"},
                          budget_column(budgets_of(result)),
                          {.name = "task"},
                          {.name = "loss", .format = words::significant}}};
  for (const std::string& name : result.clean.names) table.columns.push_back(metric_column(name));
  for (const Outcome& outcome : result.outcomes)
    for (Eigen::Index i = 0; i < outcome.loss.size(); ++i) {
      std::vector<Cell> row = {scenario_number(outcome.scenario),
                               words::kind(result.scenarios[outcome.scenario].kind),
                               std::string(to_string(outcome.method)),
                               outcome.budget,
                               result.task_names[static_cast<std::size_t>(i)],
                               outcome.loss[i]};
      for (const double value : outcome.metrics.row(i)) row.emplace_back(value);
      table.rows.push_back(std::move(row));
    }
  return table;
}

Table harm_by_task(const AuditResult& result) {
  Table table{.caption = "Every task after the attack of every single task",
              .columns = {{.name = "attacker"}, {.name = "task"}, {.name = "loss", .format = words::significant}}};
  for (const Harm& harm : result.harms)
    for (Eigen::Index i = 0; i < harm.loss.size(); ++i)
      table.rows.push_back(
          {result.task_names[harm.attacker], result.task_names[static_cast<std::size_t>(i)], harm.loss[i]});
  return table;
}

Table correlations(const AuditResult& result) {
  Table table{.caption = "Learned correlations, every pair of tasks once",
              .columns = {{.name = "scenario"},
                          {.name = "kind"},
                          {.name = "method"},
                          {.name = "first task"},
                          {.name = "second task"},
                          {.name = "correlation", .format = words::decimals}}};
  const auto add = [&](const std::string& scenario, const std::string& kind, const std::string& method,
                       const Eigen::MatrixXd& values) {
    for (Eigen::Index i = 0; i < values.rows(); ++i)
      for (Eigen::Index j = i + 1; j < values.cols(); ++j)
        table.rows.push_back({scenario, kind, method, result.task_names[static_cast<std::size_t>(i)],
                              result.task_names[static_cast<std::size_t>(j)], values(i, j)});
  };
  add("", "clean", "", result.clean_correlation);
  for (const Outcome& outcome : result.outcomes)
    add(scenario_number(outcome.scenario), words::kind(result.scenarios[outcome.scenario].kind),
        std::string(to_string(outcome.method)), outcome.correlation);
  return table;
}

}  // namespace

Table tables::kinds(const AuditSummary& summary) {
  Table table{.caption = fmt::format("Summed loss and mean {} of the tasks under attack, with {} injected rows",
                                     words::metric(summary.metric), words::share(*summary.budget)),
              .columns = {{.name = "attack"}}};
  for (const Method method : summary.methods)
    table.columns.push_back({.name = "rise of the summed loss, " + words::method(method), .format = words::change});
  table.columns.push_back(metric_column(summary.metric, "clean "));
  for (const Method method : summary.methods)
    table.columns.push_back({.name = fmt::format("{}, {}", words::metric(summary.metric), words::method(method)),
                             .format = words::metric_format(summary.metric)});
  for (const attack::Kind kind : summary.kinds) {
    const Exposure* const planned = summary.find(kind, summary.planned, *summary.budget);
    if (planned == nullptr) continue;
    std::vector<Cell> row = {words::kind(kind)};
    const auto add = [&](double (*number)(const Exposure&)) {
      for (const Method method : summary.methods) {
        const Exposure* const found = summary.find(kind, method, *summary.budget);
        row.emplace_back(found == nullptr ? kNaN : number(*found));
      }
    };
    add([](const Exposure& exposure) { return exposure.loss_rise; });
    row.emplace_back(planned->clean_metric);
    add([](const Exposure& exposure) { return exposure.metric; });
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table tables::exposure(const AuditSummary& summary) {
  Table table{
      .caption = fmt::format("Summed loss and mean {} of the tasks under attack, by kind of attack and number of rows",
                             words::metric(summary.metric)),
      .columns = {{.name = "attack"},
                  {.name = "rows"},
                  budget_column(summary.budgets),
                  {.name = "rise of the summed loss", .format = words::change},
                  metric_column(summary.metric, "clean "),
                  metric_column(summary.metric),
                  {.name = "rise of the attacker's utility", .format = words::change}}};
  for (const Exposure& exposure : summary.exposures)
    table.rows.push_back({words::kind(exposure.kind), std::string(to_string(exposure.method)), exposure.budget,
                          exposure.loss_rise, exposure.clean_metric, exposure.metric, exposure.utility_rise});
  return table;
}

Table tables::task_losses(const AuditResult& result, const AuditSummary& summary) {
  return by_task(
      result, summary, "Mean loss", [](const AuditResult& r, Eigen::Index i) { return r.clean_loss[i]; },
      words::significant, [](const TaskExposure::Under& under) { return under.loss; });
}

Table tables::task_metrics(const AuditResult& result, const AuditSummary& summary) {
  return by_task(
      result, summary, words::metric(summary.metric),
      [](const AuditResult& r, Eigen::Index i) { return r.clean.values(i, 0); }, words::metric_format(summary.metric),
      [](const TaskExposure::Under& under) { return under.metric; });
}

Table tables::harm(const AuditResult& result) {
  Table table{.caption = "What each task does to all others as the only attacker; the most harmful first",
              .columns = {{.name = "attacking task"},
                          {.name = "injected rows", .format = words::whole},
                          {.name = "rise of the others' summed loss", .format = words::change},
                          {.name = "hit hardest"},
                          {.name = "its clean loss", .format = words::significant},
                          {.name = "its loss", .format = words::significant},
                          {.name = "converged"}}};
  for (const Harm& harm : result.harms) {
    if (harm.loss.size() == 0) continue;
    Eigen::Index worst = -1;
    for (Eigen::Index i = 0; i < harm.loss.size(); ++i) {
      if (i == static_cast<Eigen::Index>(harm.attacker)) continue;
      if (worst < 0 || harm.loss[i] - result.clean_loss[i] > harm.loss[worst] - result.clean_loss[worst]) worst = i;
    }
    const bool any = worst >= 0;
    table.rows.push_back({result.task_names[harm.attacker], whole(harm.rows), harm.loss_rise(result.clean_loss),
                          any ? result.task_names[static_cast<std::size_t>(worst)] : std::string(),
                          any ? result.clean_loss[worst] : kNaN, any ? harm.loss[worst] : kNaN, yes(harm.converged)});
  }
  return table;
}

Table tables::row_harm(const AuditResult& result) {
  Table table{.caption = "What one injected row does, by the task it stands in",
              .columns = {{.name = "scenario"},
                          {.name = "kind"},
                          {.name = "attacking task"},
                          {.name = "rise of the attacker's utility a row", .format = words::small_change}}};
  for (const Outcome& outcome : result.outcomes)
    for (Eigen::Index i = 0; i < outcome.row_harm.size(); ++i)
      if (!std::isnan(outcome.row_harm[i]))
        table.rows.push_back({scenario_number(outcome.scenario), words::kind(result.scenarios[outcome.scenario].kind),
                              result.task_names[static_cast<std::size_t>(i)], outcome.row_harm[i]});
  return table;
}

Table tables::cheapest_attacks(const AuditResult& result, double reach) {
  Table table{.caption = fmt::format(
                  "The cheapest injected rows found that make a task's training loss {} times what it was", reach),
              .columns = {{.name = "task under attack"},
                          {.name = "through"},
                          {.name = "injected rows", .format = words::whole},
                          {.name = "price", .format = words::price_format(result.cheapest_attacks)},
                          {.name = "where"},
                          {.name = "loss, as a multiple", .format = words::decimals},
                          {.name = "reached"}}};
  for (const CheapestAttack& cheapest : result.cheapest_attacks) {
    if (cheapest.rows.empty()) continue;
    std::size_t rows = 0;
    std::vector<std::pair<std::size_t, std::size_t>> where;  // rows, task
    for (std::size_t i = 0; i < cheapest.rows.size(); ++i) {
      rows += cheapest.rows[i];
      if (cheapest.rows[i] > 0) where.emplace_back(cheapest.rows[i], i);
    }
    std::stable_sort(where.begin(), where.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<std::string> parts;
    for (const auto& [count, task] : where) parts.push_back(fmt::format("{}: {}", result.task_names[task], count));
    table.rows.push_back({result.task_names[cheapest.target],
                          std::string(cheapest.by_others ? "other tasks" : "any task"), whole(rows), cheapest.price,
                          words::list(parts, 6), cheapest.factor, yes(cheapest.reached)});
  }
  return table;
}

Table tables::defended(const AuditResult& result, const AuditSummary& summary) {
  const auto metric = [&](const std::string& name) {
    return Column{.name = name, .format = words::metric_format(summary.metric)};
  };
  const auto share = [](const std::string& name) { return Column{.name = name, .format = words::share_of_rows}; };
  Table table{.caption = fmt::format("Mean {} of the tasks under attack, with {} injected rows",
                                     words::metric(summary.metric), words::share(summary.budgets.back())),
              .columns = {{.name = "scenario"},
                          {.name = "kind"},
                          metric("clean"),
                          metric("attacked"),
                          metric("after the defence"),
                          metric("after the defence, attacker knows it"),
                          {.name = "adaptive attack: placement"},
                          share("injected rows left out"),
                          share("injected rows left out, adaptive attack"),
                          share("honest rows left out")}};
  for (const DefendedOutcome& outcome : result.defended) {
    if (outcome.same.loss.size() == 0) continue;
    const Scenario& scenario = result.scenarios[outcome.scenario];
    const auto mean = [&](const Eigen::MatrixXd& values) {
      return mtrl::Metrics{result.clean.names, values}.mean(0, scenario.targets);
    };
    const Outcome* const attacked = result.strongest(outcome.scenario);
    table.rows.push_back({scenario_number(outcome.scenario), words::kind(scenario.kind), mean(result.clean.values),
                          attacked == nullptr ? kNaN : mean(attacked->metrics), mean(outcome.same.metrics),
                          mean(outcome.adaptive.metrics), outcome.adaptive.plan, outcome.same.injected_left_out,
                          outcome.adaptive.injected_left_out, outcome.same.honest_left_out});
  }
  return table;
}

Table tables::bounds(const AuditResult& result, const AuditSummary& summary) {
  const auto multiple = [](const std::string& name) {
    return Column{.name = name, .unit = "multiple of the clean loss", .format = words::decimals};
  };
  Table table{.caption = fmt::format("Summed training loss of the tasks under attack, with {} injected rows",
                                     words::share(summary.budgets.back())),
              .columns = {{.name = "scenario"},
                          {.name = "kind"},
                          multiple("found"),
                          multiple("at most"),
                          multiple("at most, screened")}};
  for (const Bound& bound : result.bounds) {
    if (std::isnan(bound.anywhere)) continue;
    const Outcome* const found = result.strongest(bound.scenario);
    const double clean = result.clean_utility[static_cast<Eigen::Index>(bound.scenario)];
    table.rows.push_back({scenario_number(bound.scenario), words::kind(result.scenarios[bound.scenario].kind),
                          found == nullptr ? kNaN : found->utility / clean, bound.anywhere / clean,
                          bound.screened / clean});
  }
  return table;
}

Table tables::correlation_changes(const AuditResult& result, const AuditSummary& summary) {
  Table table{.caption = "The strongest changes of a learned correlation by planned rows",
              .columns = {{.name = "first task"},
                          {.name = "second task"},
                          {.name = "clean", .format = words::signed_decimals},
                          {.name = "attacked", .format = words::signed_decimals},
                          {.name = "attack"},
                          {.name = "scenario"}}};
  for (const CorrelationChange& change : summary.correlation_changes)
    table.rows.push_back({result.task_names[change.first], result.task_names[change.second], change.clean,
                          change.attacked, words::kind(result.scenarios[change.scenario].kind),
                          scenario_number(change.scenario)});
  return table;
}

Table tables::attacks(const AuditResult& result) {
  Table table{.caption = "Every attack",
              .columns = {{.name = "scenario"},
                          {.name = "kind"},
                          {.name = "method"},
                          budget_column(budgets_of(result)),
                          {.name = "injected rows", .format = words::whole},
                          {.name = "clean utility", .format = words::significant},
                          {.name = "utility", .format = words::significant},
                          {.name = "converged"}}};
  for (const Outcome& outcome : result.outcomes) {
    if (outcome.loss.size() == 0) continue;
    table.rows.push_back({scenario_number(outcome.scenario), words::kind(result.scenarios[outcome.scenario].kind),
                          std::string(to_string(outcome.method)), outcome.budget, whole(outcome.rows),
                          result.clean_utility[static_cast<Eigen::Index>(outcome.scenario)], outcome.utility,
                          yes(outcome.converged)});
  }
  return table;
}

Table tables::convergence(const AuditResult& result) {
  const std::string& metric = result.clean.names.front();
  Table table{.caption = "The planned attacks, iteration by iteration",
              .columns = {{.name = "scenario"},
                          {.name = "kind"},
                          {.name = "method"},
                          budget_column(budgets_of(result)),
                          {.name = "iteration", .format = words::whole},
                          {.name = "utility", .format = words::significant},
                          metric_column(metric, "mean ")}};
  for (const Outcome& outcome : result.outcomes) {
    if (outcome.method == Method::Random) continue;
    for (Eigen::Index t = 0; t < outcome.utility_curve.size(); ++t)
      table.rows.push_back({scenario_number(outcome.scenario), words::kind(result.scenarios[outcome.scenario].kind),
                            std::string(to_string(outcome.method)), outcome.budget, static_cast<double>(t),
                            outcome.utility_curve[t], outcome.metric_curve[t]});
  }
  return table;
}

Table tables::trials(const mtrl::CrossValidation& chosen, const std::string& metric) {
  Table table{.caption = "Cross-validation: mean over folds and tasks",
              .columns = {{.name = "lambda1", .format = words::significant},
                          {.name = "lambda2", .format = words::significant},
                          {.name = "held-out loss", .format = words::significant},
                          metric_column(metric, "held-out "),
                          {.name = "chosen"}}};
  for (const mtrl::CrossValidation::Trial& trial : chosen.trials)
    table.rows.push_back({trial.lambda1, trial.lambda2, trial.loss, trial.metric,
                          yes(trial.lambda1 == chosen.best.lambda1 && trial.lambda2 == chosen.best.lambda2)});
  return table;
}

std::vector<std::pair<std::string, Table>> audit_tables(const AuditResult& result, const AuditFacts& facts) {
  const AuditSummary summary = summarise(result);
  std::vector<std::pair<std::string, Table>> all = {
      {"clean", clean(result)},
      {"scenarios", scenarios(result)},
      {"exposure", tables::exposure(summary)},
      {"attacks", tables::attacks(result)},
      {"attacks-by-task", attacks_by_task(result)},
      {"harm", tables::harm(result)},
      {"harm-by-task", harm_by_task(result)},
      {"row-harm", tables::row_harm(result)},
      {"ways", tables::cheapest_attacks(result, facts.options.reach)},
      {"bounds", tables::bounds(result, summary)},
      {"convergence", tables::convergence(result)},
      {"correlations", correlations(result)},
      {"correlation-changes", tables::correlation_changes(result, summary)}};
  for (auto& table : own_model::tables(result)) all.push_back(std::move(table));
  if (!result.defended.empty()) all.emplace_back("defended", tables::defended(result, summary));
  if (summary.budget) {
    all.emplace_back("task-losses", tables::task_losses(result, summary));
    all.emplace_back("task-metrics", tables::task_metrics(result, summary));
  }
  if (facts.cross_validation) all.emplace_back("lambda", tables::trials(*facts.cross_validation, summary.metric));
  return all;
}

}  // namespace crosstalk::pages
