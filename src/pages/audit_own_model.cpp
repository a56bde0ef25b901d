#include "audit_own_model.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "evaluate/words.hpp"

namespace crosstalk::pages::own_model {

namespace {

using report::Column;
using report::Table;

// What a model learned from, in words.
std::string learned_from(const OwnModelOutcome& own) {
  if (!own.scenario) return "clean rows";
  const std::string method = words::method(own.method);
  return own.defended ? method + ", after defend" : method;
}

// Mean of a metric over the targets of all scenarios of a kind, as Exposure::metric; NaN where one did not run.
struct Pair {
  double ours = std::numeric_limits<double>::quiet_NaN();
  double yours = std::numeric_limits<double>::quiet_NaN();
};

Pair mean_of(const AuditResult& result, attack::Kind kind, const std::string& from) {
  Pair sum{0.0, 0.0};
  Pair count{0.0, 0.0};
  const auto add = [](const Eigen::MatrixXd& metrics, std::size_t task, double& total, double& number) {
    if (metrics.size() == 0) {
      total = std::numeric_limits<double>::quiet_NaN();
      return;
    }
    const double value = metrics(static_cast<Eigen::Index>(task), 0);
    if (std::isnan(value)) return;
    total += value;
    number += 1.0;
  };
  for (std::size_t s = 0; s < result.scenarios.size(); ++s) {
    if (result.scenarios[s].kind != kind) continue;
    for (const OwnModelOutcome& own : result.own_model) {
      if (learned_from(own) != from || (own.scenario && *own.scenario != s)) continue;
      const Eigen::MatrixXd ours = result.ours(own);
      for (const std::size_t task : result.scenarios[s].targets) {
        add(ours, task, sum.ours, count.ours);
        add(own.scores.metrics, task, sum.yours, count.yours);
      }
    }
  }
  return {sum.ours / count.ours, sum.yours / count.yours};  // 0 / 0 is NaN
}

// In the order in which they were learned.
std::vector<std::string> all_learned_from(const AuditResult& result) {
  std::vector<std::string> all;
  for (const OwnModelOutcome& own : result.own_model)
    if (const std::string from = learned_from(own); std::find(all.begin(), all.end(), from) == all.end())
      all.push_back(from);
  return all;
}

Table by_scenario(const AuditResult& result) {
  Table table{.caption = "Your model and MTRL on the same rows",
              .columns = {{.name = "scenario"}, {.name = "kind"}, {.name = "learned from"}}};
  for (const std::string& name : result.clean.names)
    for (const char* const model : {"MTRL", "your model"})
      table.columns.push_back(
          {.name = fmt::format("mean {}, {}", words::metric(name), model), .format = words::metric_format(name)});
  table.columns.push_back({.name = "failure"});
  for (std::size_t s = 0; s < result.scenarios.size(); ++s)
    for (const OwnModelOutcome& own : result.own_model) {
      if (!own.ran || (own.scenario && *own.scenario != s)) continue;
      std::vector<report::Cell> row = {std::to_string(s + 1), words::kind(result.scenarios[s].kind), learned_from(own)};
      for (std::size_t k = 0; k < result.clean.names.size(); ++k)
        for (const Eigen::MatrixXd& values : {result.ours(own), own.scores.metrics})
          row.emplace_back(values.size() == 0
                               ? std::numeric_limits<double>::quiet_NaN()
                               : mtrl::Metrics{result.clean.names, values}.mean(k, result.scenarios[s].targets));
      row.emplace_back(own.scores.failure);
      table.rows.push_back(std::move(row));
    }
  return table;
}

Table by_task(const AuditResult& result) {
  Table table{.caption = "Every task of your model", .columns = {{.name = "run"}, {.name = "task"}}};
  for (const std::string& name : result.clean.names)
    table.columns.push_back({.name = words::metric(name), .format = words::metric_format(name)});
  for (const OwnModelOutcome& own : result.own_model)
    for (Eigen::Index i = 0; i < own.scores.metrics.rows(); ++i) {
      std::vector<report::Cell> row = {own.name, result.task_names[static_cast<std::size_t>(i)]};
      for (const double value : own.scores.metrics.row(i)) row.emplace_back(value);
      table.rows.push_back(std::move(row));
    }
  return table;
}

}  // namespace

Table by_kind(const AuditResult& result, const AuditSummary& summary) {
  const auto metric = [&](const char* name) {
    return Column{.name = name, .format = words::metric_format(summary.metric)};
  };
  Table table{.caption = fmt::format("Mean {} of the tasks under attack, with {} injected rows",
                                     words::metric(summary.metric), words::share(summary.budgets.back())),
              .columns = {{.name = "kind"}, {.name = "learned from"}, metric("MTRL"), metric("your model")}};
  for (const attack::Kind kind : summary.kinds)
    for (const std::string& from : all_learned_from(result)) {
      const Pair mean = mean_of(result, kind, from);
      if (std::isnan(mean.ours) && std::isnan(mean.yours)) continue;
      table.rows.push_back({words::kind(kind), from, mean.ours, mean.yours});
    }
  return table;
}

std::vector<std::pair<std::string, Table>> tables(const AuditResult& result) {
  if (result.own_model.empty()) return {};
  return {{"own-model", by_scenario(result)}, {"own-model-by-task", by_task(result)}};
}

std::string sentences(const AuditResult& result, const AuditSummary& summary) {
  std::string text;
  const std::string planned = words::method(summary.planned);
  const std::string random = words::method(Method::Random);
  for (const attack::Kind kind : summary.kinds) {
    const double clean = mean_of(result, kind, "clean rows").yours;
    const double after = mean_of(result, kind, planned).yours;
    if (!std::isfinite(clean) || !std::isfinite(after)) continue;
    const double by_random = summary.planned == Method::Random ? std::numeric_limits<double>::quiet_NaN()
                                                               : mean_of(result, kind, random).yours;
    const double steps = words::steps_worse(summary.metric, clean, after);
    const bool hurts = steps >= 1.0;
    const bool hurts_more = std::isnan(by_random) || steps > words::steps_worse(summary.metric, clean, by_random) + 1.0;
    text += fmt::format(
        " The {} attack {} your model: its mean {} on the tasks under attack is {} without it and {} with it{}.",
        words::kind(kind),
        !hurts       ? "does not hurt"
        : hurts_more ? "hurts"
                     : "hurts no more than as many random rows do",
        words::metric(summary.metric), words::metric_value(summary.metric, clean),
        words::metric_value(summary.metric, after),
        std::isfinite(by_random) ? fmt::format(" ({} with random rows)", words::metric_value(summary.metric, by_random))
                                 : "");
  }
  return text;
}

report::Section section(const AuditResult& result, const AuditSummary& summary, const AuditFacts& facts) {
  report::Section section{"Do the same rows hurt your own model?"};
  section.blocks = {
      report::Paragraph{fmt::format(
          "Your command learned from files with the injected rows among the clean ones, and answered the rows to "
          "measure on without their labels. The rows were placed against MTRL: they show what an attacker does who "
          "does not know your model, and one who knows it can do more.{}",
          sentences(result, summary))},
      report::Code{facts.own_model, "Your model is what this command learns:"}};
  report::List failures;
  for (const OwnModelOutcome& own : result.own_model)
    if (!own.scores.failure.empty()) failures.items.push_back(fmt::format("{}: {}", own.name, own.scores.failure));
  if (!failures.items.empty()) {
    section.blocks.emplace_back(report::Callout{
        report::Callout::Kind::Warning, "The command failed",
        fmt::format("It gave no answers in {} of {} runs{}.", failures.items.size(), result.own_model.size(),
                    result.own_model.front().scores.failure.empty()
                        ? ""
                        : ", the one on the clean rows, and was not run again")});
    section.blocks.emplace_back(std::move(failures));
  }
  if (report::Table table = by_kind(result, summary); !table.rows.empty())
    section.blocks.emplace_back(report::TableBlock{std::move(table)});
  if (const auto all = tables(result); !all.empty())
    section.blocks.emplace_back(report::TableBlock{all.front().second, "Every metric in every scenario"});
  return section;
}

}  // namespace crosstalk::pages::own_model
