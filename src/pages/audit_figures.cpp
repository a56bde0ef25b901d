#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "crosstalk/evaluate/audit_summary.hpp"
#include "crosstalk/pages/audit_page.hpp"
#include "evaluate/undefined.hpp"
#include "evaluate/words.hpp"

namespace crosstalk::pages {

namespace {

constexpr const char* kRandom = "random rows";

/// Mean and range of what is finite.
struct Spread {
  double mean = kNaN;
  double low = kNaN;
  double high = kNaN;
};

Spread spread(const std::vector<double>& values) {
  Spread result;
  double sum = 0.0;
  double count = 0.0;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    sum += value;
    count += 1.0;
    result.low = count == 1.0 ? value : std::min(result.low, value);
    result.high = count == 1.0 ? value : std::max(result.high, value);
  }
  if (count > 0.0) result.mean = sum / count;
  return result;
}

std::string in_words(const std::vector<std::string>& parts) {
  return fmt::format("{}.", fmt::join(parts, "; "));
}

// Where 0 and the budgets stand too near each other to be read, gnuplot chooses.
std::vector<double> budget_ticks(std::vector<double> budgets) {
  budgets.insert(budgets.begin(), 0.0);
  for (std::size_t i = 1; i < budgets.size(); ++i)
    if (budgets[i] - budgets[i - 1] < 0.09 * budgets.back() && budgets[i] > 0.0) return {};
  return budgets;
}

// A line a kind for planned rows, and one for random rows with the range over the kinds; from the clean model at 0.
report::LineChart over_budget(const AuditSummary& summary, double (*number)(const Exposure&),
                              std::optional<double> clean) {
  report::LineChart chart{.x = {.title = "injected rows, as a share of the clean rows",
                                .percent = true,
                                .ticks = budget_ticks(summary.budgets)}};
  const auto start = [&](report::Series& series) {
    if (!clean) return;
    series.x.push_back(0.0);
    series.y.push_back(*clean);
  };
  for (const attack::Kind kind : summary.kinds) {
    report::Series series{.name = words::kind(kind)};
    start(series);
    for (const double budget : summary.budgets) {
      const Exposure* const exposure = summary.find(kind, summary.planned, budget);
      if (budget == 0.0 && clean) continue;
      series.x.push_back(budget);
      series.y.push_back(exposure == nullptr ? kNaN : number(*exposure));
    }
    chart.series.push_back(std::move(series));
  }
  if (!summary.has_baseline()) return chart;
  report::Series random{.name = kRandom, .baseline = true};
  start(random);
  random.low = random.high = random.y;
  for (const double budget : summary.budgets) {
    if (budget == 0.0 && clean) continue;
    std::vector<double> values;
    for (const attack::Kind kind : summary.kinds)
      if (const Exposure* const exposure = summary.find(kind, Method::Random, budget))
        values.push_back(number(*exposure));
    const Spread over_kinds = spread(values);
    random.x.push_back(budget);
    random.y.push_back(over_kinds.mean);
    random.low.push_back(over_kinds.low);
    random.high.push_back(over_kinds.high);
  }
  if (summary.kinds.size() < 2) random.low = random.high = {};
  chart.series.push_back(std::move(random));
  return chart;
}

std::string random_note(const AuditSummary& summary) {
  return summary.kinds.size() < 2 || !summary.has_baseline()
             ? ""
             : " Grey: the same rows before they are planned, mean and range over the kinds of attack.";
}

AuditFigure exposure_of_loss(const AuditSummary& summary, const std::string& rows) {
  report::LineChart chart = over_budget(
      summary, [](const Exposure& e) { return e.loss_rise; }, 0.0);
  chart.y = {.title = "rise of the targets' summed loss", .percent = true, .from_zero = true};
  std::vector<std::string> parts;
  if (summary.budget)
    for (const Exposure& exposure : summary.exposures)
      if (exposure.budget == *summary.budget)
        parts.push_back(fmt::format("{} {}, {}: {}", words::share(exposure.budget), words::kind(exposure.kind),
                                    words::method(exposure.method), words::rise(exposure.loss_rise)));
  return {"figure-exposure-loss",
          std::move(chart),
          "Rise of the loss by number of injected rows.",
          fmt::format("Mean losses of the tasks under attack, summed, {}.{}", rows, random_note(summary)),
          summary.has_baseline()
              ? "0 % is the clean model; the further a line is above the grey one, the more planning the rows adds."
              : "0 % is the clean model.",
          in_words(parts)};
}

std::optional<double> reference_of(const std::string& metric) {
  if (metric == "auc") return 0.5;
  if (metric == "nmse") return 1.0;
  return std::nullopt;
}

AuditFigure exposure_of_metric(const AuditSummary& summary, const std::string& rows) {
  // One clean value for all kinds, unless a stopped audit has other targets for each.
  std::optional<double> clean;
  std::vector<double> values;
  bool one_clean = true;
  std::vector<std::string> parts;
  for (const Exposure& exposure : summary.exposures) {
    one_clean = one_clean && (!clean || std::abs(*clean - exposure.clean_metric) <= 1e-12 * std::abs(*clean));
    clean = clean ? clean : exposure.clean_metric;
    values.push_back(exposure.metric);
    values.push_back(exposure.clean_metric);
    if (summary.budget && exposure.budget == *summary.budget)
      parts.push_back(fmt::format("{}, {}: {}", words::kind(exposure.kind), words::method(exposure.method),
                                  words::metric_value(summary.metric, exposure.metric)));
  }
  if (!one_clean || !std::isfinite(clean.value_or(kNaN))) clean.reset();
  report::LineChart chart = over_budget(
      summary, [](const Exposure& e) { return e.metric; }, clean);
  chart.y = {.title = "mean " + words::metric(summary.metric) + " of the targets"};
  const Spread range = spread(values);
  if (const auto reference = reference_of(summary.metric)) {
    const double room = range.high - range.low;
    if (*reference >= range.low - room && *reference <= range.high + room)
      chart.lines = {{*reference, summary.metric == "auc" ? "guessing" : "predicting the mean"}};
  }
  return {"figure-exposure-metric",
          std::move(chart),
          fmt::format("{} by number of injected rows.", words::metric(summary.metric)),
          fmt::format("Mean over the tasks under attack, {}. {} is {}.", rows, words::metric(summary.metric),
                      words::metric_meaning(summary.metric)),
          mtrl::larger_is_better(summary.metric) ? "a falling line is a model that gets worse."
                                                 : "a rising line is a model that gets worse.",
          in_words(parts)};
}

std::string cut_note(std::size_t shown, std::size_t all, const std::string& which) {
  return shown < all ? fmt::format(" The {} {} of {}; all are in the table.", shown, which, all) : "";
}

AuditFigure exposure_by_task(const AuditResult& result, const AuditSummary& summary, const std::string& rows) {
  const std::size_t shown = std::min(summary.tasks.size(), kTopTasks);
  report::BarChart chart{.value = {.title = "added loss, as a share of the targets' mean clean loss", .percent = true}};
  for (const attack::Kind kind : summary.kinds) chart.series.push_back({.name = words::kind(kind)});
  report::BarSeries random{.name = kRandom, .baseline = true};
  std::vector<std::string> parts;
  for (std::size_t t = 0; t < shown; ++t) {
    const TaskExposure& task = summary.tasks[t];
    chart.categories.push_back(result.task_names[task.task]);
    std::vector<double> values;
    for (std::size_t k = 0; k < summary.kinds.size(); ++k) {
      const auto* const planned = task.find(summary.kinds[k], summary.planned);
      chart.series[k].values.push_back(planned == nullptr ? kNaN : planned->added_loss);
      if (const auto* const under = task.find(summary.kinds[k], Method::Random)) values.push_back(under->added_loss);
    }
    const Spread over_kinds = spread(values);
    random.values.push_back(over_kinds.mean);
    random.low.push_back(over_kinds.low);
    random.high.push_back(over_kinds.high);
    const TaskExposure::Under& worst = task.attacks[task.worst];
    if (t < 5)
      parts.push_back(fmt::format("{} {} ({})", words::task(result.task_names[task.task]),
                                  words::rise(worst.added_loss), words::kind(worst.kind)));
  }
  if (summary.kinds.size() < 2) random.low = random.high = {};
  if (summary.has_baseline()) chart.series.push_back(std::move(random));
  return {"figure-exposure-by-task",
          std::move(chart),
          "Loss added to each task.",
          fmt::format("With {} injected rows, {}.{}{}", words::share(*summary.budget), rows, random_note(summary),
                      cut_note(shown, summary.tasks.size(), "most exposed")),
          "the longest bars are the tasks that suffer most; 0 % is the clean model.",
          "Most exposed: " + in_words(parts)};
}

AuditFigure harm_by_attacker(const AuditResult& result, const AuditSummary& summary, const std::string& rows) {
  report::BarChart chart{.value = {.title = "rise of the other tasks' summed loss", .percent = true}};
  report::BarSeries bars;
  std::vector<std::string> parts;
  for (const Harm& harm : result.harms) {
    if (harm.loss.size() == 0) continue;
    if (bars.values.size() == kTopTasks) break;
    chart.categories.push_back(result.task_names[harm.attacker]);
    bars.values.push_back(harm.loss_rise(result.clean_loss));
    if (parts.size() < 5)
      parts.push_back(
          fmt::format("{} {}", words::task(result.task_names[harm.attacker]), words::rise(bars.values.back())));
  }
  const std::size_t shown = bars.values.size();
  chart.series.push_back(std::move(bars));
  return {
      "figure-harm-by-attacker",
      std::move(chart),
      "Harm by attacking task.",
      fmt::format("Each task alone adds {} of its own rows, planned against all others; their summed loss, {}.{}",
                  words::share(summary.budgets.back()), rows, cut_note(shown, summary.finished_harms, "most harmful")),
      "guard the sources of the tasks at the top first: what enters there reaches the others.",
      "Most harmful: " + in_words(parts)};
}

std::optional<AuditFigure> convergence(const AuditResult& result, const AuditSummary& summary) {
  report::LineChart chart{.x = {.title = "iteration of the attack"},
                          .y = {.title = "rise of the attacker's utility", .percent = true, .from_zero = true}};
  std::vector<std::string> parts;
  for (const attack::Kind kind : summary.kinds) {
    report::Series series{.name = words::kind(kind)};
    double count = 0.0;
    for (std::size_t s = 0; s < result.scenarios.size(); ++s) {
      const Outcome* const outcome =
          result.scenarios[s].kind == kind ? result.find(s, summary.planned, *summary.budget) : nullptr;
      const double clean = result.clean_utility[static_cast<Eigen::Index>(s)];
      if (outcome == nullptr || !(clean > 0.0)) continue;
      const auto length = static_cast<std::size_t>(outcome->utility_curve.size());
      series.y.resize(count == 0.0 ? length : std::min(series.y.size(), length), 0.0);
      for (std::size_t t = 0; t < series.y.size(); ++t)
        series.y[t] += outcome->utility_curve[static_cast<Eigen::Index>(t)] / clean - 1.0;
      count += 1.0;
    }
    if (series.y.empty()) continue;
    for (std::size_t t = 0; t < series.y.size(); ++t) {
      series.x.push_back(static_cast<double>(t));
      series.y[t] /= count;
    }
    parts.push_back(
        fmt::format("{} from {} to {}", series.name, words::rise(series.y.front()), words::rise(series.y.back())));
    chart.series.push_back(std::move(series));
  }
  if (chart.series.empty()) return std::nullopt;
  return AuditFigure{
      "figure-convergence",
      std::move(chart),
      "The attacker's gain by iteration.",
      fmt::format("With {} injected rows. The utility is the summed loss of the tasks under attack on their "
                  "clean training rows; mean over the scenarios of a kind.",
                  words::share(*summary.budget)),
      "iteration 0 is the random rows; where a line is flat, more iterations would not help the attacker.",
      in_words(parts)};
}

AuditFigure heat_map(const AuditResult& result, const Eigen::MatrixXd& correlation, const std::string& name,
                     const std::string& title, const std::string& caption, const std::string& how_to_read) {
  return {
      name,
      report::HeatMap{
          .value_title = "correlation", .rows = result.task_names, .columns = result.task_names, .values = correlation},
      title,
      caption,
      how_to_read,
      fmt::format("Correlations of {} tasks as learned; the strongest changes stand in the table.",
                  result.task_names.size())};
}

// Numbers that a reader would see as one: below the learner's accuracy there is nothing to plot.
bool is_flat(const report::Figure& figure) {
  constexpr double smallest = 5e-4;
  std::vector<double> values;
  if (const auto* const chart = std::get_if<report::LineChart>(&figure)) {
    if (chart->y.from_zero) values.push_back(0.0);
    for (const report::Series& series : chart->series) values.insert(values.end(), series.y.begin(), series.y.end());
  } else if (const auto* const bars = std::get_if<report::BarChart>(&figure)) {
    values.push_back(0.0);
    for (const report::BarSeries& series : bars->series)
      values.insert(values.end(), series.values.begin(), series.values.end());
  } else {
    return false;
  }
  const Spread range = spread(values);
  return !(range.high - range.low >= smallest * std::max(1.0, std::min(std::abs(range.low), std::abs(range.high))));
}

}  // namespace

std::vector<AuditFigure> audit_figures(const AuditResult& result, const AuditFacts& facts) {
  const AuditSummary summary = summarise(result);
  const std::string rows = facts.held_out ? "on held-out rows" : "on the clean training rows";
  std::vector<AuditFigure> figures;
  if (summary.budget) {
    figures.push_back(exposure_of_loss(summary, rows));
    figures.push_back(exposure_of_metric(summary, rows));
    figures.push_back(exposure_by_task(result, summary, rows));
  }
  if (summary.finished_harms > 0) figures.push_back(harm_by_attacker(result, summary, rows));
  if (summary.budget)
    if (auto figure = convergence(result, summary)) figures.push_back(std::move(*figure));
  std::erase_if(figures, [](const AuditFigure& figure) { return is_flat(figure.figure); });
  const bool drawable = result.task_names.size() > 1 && result.task_names.size() <= kHeatMapTasks;
  if (drawable && result.clean_correlation.size() > 0)
    figures.push_back(heat_map(result, result.clean_correlation, "figure-correlation-clean", "Before the attack.",
                               "Correlations learned from the clean rows.",
                               "orange: the tasks pull each other along; blue: they pull apart; white: no relation."));
  for (const Outcome& outcome : result.outcomes) {
    const Scenario& scenario = result.scenarios[outcome.scenario];
    const bool first_targets = scenario.targets == result.scenarios.front().targets;
    if (!drawable || outcome.method != summary.planned || outcome.correlation.size() == 0 || !first_targets) continue;
    const std::string kind = words::kind(scenario.kind);
    std::vector<std::string> attackers;
    for (const std::size_t i : scenario.attackers) attackers.push_back(words::task(result.task_names[i]));
    figures.push_back(
        heat_map(result, outcome.correlation, "figure-correlation-" + kind, fmt::format("After the {} attack.", kind),
                 scenario.fictitious > 0
                     ? fmt::format("{} of {} rows made up by the attacker, which are not shown.",
                                   words::count(scenario.fictitious, "task"), scenario.rows_each)
                     : fmt::format("{} injected rows in {}.", words::share(outcome.budget), words::list(attackers)),
                 ""));
  }
  return figures;
}

}  // namespace crosstalk::pages
