#include "crosstalk/pages/defence_page.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/defence/detectors.hpp"
#include "crosstalk/report/number.hpp"

namespace crosstalk::pages {

namespace {

using report::Cell;
using report::NumberFormat;
using report::Table;

constexpr NumberFormat kShare = {NumberFormat::Kind::Percent, 1};
constexpr NumberFormat kNumber = {};
constexpr NumberFormat kWhole = {NumberFormat::Kind::Decimals, 0};

Cell yes(bool answer) {
  return std::string(answer ? "yes" : "no");
}

std::vector<std::vector<bool>> left_out(const TaskSet& tasks, const defence::Defended& result) {
  std::vector<std::vector<bool>> out;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    out.emplace_back(static_cast<std::size_t>(tasks[i].rows()), true);
    if (result.tasks[i].left_out_whole) continue;
    for (const Eigen::Index j : result.kept[i]) out.back()[static_cast<std::size_t>(j)] = false;
  }
  return out;
}

std::string in_words(const std::vector<defence::Reason>& reasons) {
  std::string text;
  for (const defence::Reason& reason : reasons)
    text += fmt::format("{}{} (p {:.2g})", text.empty() ? "" : "; ", reason.detector, reason.p);
  return text;
}

Table flags_table(const TaskSet& tasks, const defence::Defended& result,
                  const std::vector<std::vector<std::size_t>>& lines) {
  Table table{.columns = {{.name = "task"},
                          {.name = "row", .format = kWhole},
                          {.name = "score", .format = kNumber},
                          {.name = "p", .format = kNumber},
                          {.name = "flagged"},
                          {.name = "left out"},
                          {.name = "reasons"}}};
  for (const std::string& name : result.statistics) table.columns.push_back({.name = name, .format = kNumber});
  if (!lines.empty()) table.columns.push_back({.name = "line", .format = kWhole});
  const auto out = left_out(tasks, result);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const defence::RowScreen& rows = result.rows[i];
    for (Eigen::Index j = 0; j < tasks[i].rows(); ++j) {
      const auto k = static_cast<std::size_t>(j);
      table.rows.push_back({tasks[i].name, static_cast<double>(j + 1), rows.score[j], rows.p[j], yes(rows.flagged[k]),
                            yes(out[i][k]), result.tasks[i].left_out_whole ? "whole task" : in_words(rows.reasons[k])});
      for (const Eigen::VectorXd& statistic : rows.statistics) table.rows.back().emplace_back(statistic[j]);
      if (!lines.empty()) table.rows.back().emplace_back(static_cast<double>(lines[i][k]));
    }
  }
  return table;
}

Table tasks_table(const TaskSet& tasks, const defence::Defended& result,
                  const std::vector<defence::TaskInfluence>& influences) {
  Table table{.caption = "Every task, the most doubtful first",
              .columns = {{.name = "task"},
                          {.name = "score", .format = kNumber},
                          {.name = "left out", .unit = "share of its rows", .format = kShare},
                          {.name = "flagged rows", .unit = "share of its rows", .format = kShare},
                          {.name = "flagged"},
                          {.name = "held-out loss, together", .format = kNumber},
                          {.name = "held-out loss, alone", .format = kNumber},
                          {.name = "learned alone"},
                          {.name = "outlyingness", .format = kNumber},
                          {.name = "left out whole"}}};
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const defence::TaskScreen& task = result.tasks[i];
    table.rows.push_back({tasks[i].name, task.score, task.left_out, task.flagged_share, yes(task.flagged),
                          task.joint_loss, task.alone_loss, yes(task.alone), task.outlyingness,
                          yes(task.left_out_whole)});
  }
  if (!influences.empty()) {
    for (const char* name :
         {"harm to the others", "change of their relation", "leave-one-out score", "leave-one-out p"})
      table.columns.push_back({.name = name, .format = kNumber});
    for (std::size_t i = 0; i < tasks.size(); ++i)
      for (const double number :
           {influences[i].harm, influences[i].relation_change, influences[i].score, influences[i].p})
        table.rows[i].emplace_back(number);
  }
  std::stable_sort(table.rows.begin(), table.rows.end(),
                   [](const auto& a, const auto& b) { return std::get<double>(a[1]) > std::get<double>(b[1]); });
  return table;
}

std::string method_in_words(const defence::Options& options) {
  switch (options.method) {
    case defence::Method::Trim:
      return options.share
                 ? fmt::format("the rows that stand out most, {} of all, left out as asked",
                               report::shown(*options.share, kShare))
                 : "rows that stand out by their features are left out where the held-out loss of the others falls";
    case defence::Method::Huber: return "Huber loss; no row is left out";
    case defence::Method::Screen:
      return "sphere and slab; the farthest rows of each task are left out, whatever they are";
  }
  return "";
}

std::size_t count(const defence::Defended& result, bool defence::TaskScreen::*what) {
  return static_cast<std::size_t>(std::count_if(result.tasks.begin(), result.tasks.end(),
                                                [&](const defence::TaskScreen& task) { return task.*what; }));
}

std::string answer(const TaskSet& tasks, const defence::Defended& result, const DefenceFacts& facts) {
  const double expected = facts.options.alpha * static_cast<double>(tasks.rows());
  std::string text = fmt::format(
      "{} of {} rows are flagged; of honest rows about {:.0f} would be. {} of the rows were left out of learning.",
      rows_flagged(result), tasks.rows(), expected, report::shown(result.left_out, kShare));
  const std::size_t flagged = count(result, &defence::TaskScreen::flagged);
  text += flagged == 0
              ? " No task stands out."
              : fmt::format(" {} of {} tasks hold more doubtful rows than chance gives.", flagged, tasks.size());
  const std::size_t whole = count(result, &defence::TaskScreen::left_out_whole);
  if (whole > 0)
    text +=
        fmt::format(" {} {} left out of the sharing and learned alone.", whole, whole == 1 ? "task was" : "tasks were");
  if (const std::size_t alone = count(result, &defence::TaskScreen::alone) - whole; alone > 0)
    text += fmt::format(" {} {} better on held-out rows without the others, and {} learned alone.", alone,
                        alone == 1 ? "task does" : "tasks do", alone == 1 ? "was" : "were");
  return text;
}

Table rounds_table(const defence::Defended& result) {
  Table table{.caption = "What each round found best to leave out",
              .columns = {{.name = "detector"},
                          {.name = "tasks", .format = kWhole},
                          {.name = "rows", .format = kWhole},
                          {.name = "held-out loss falls by", .format = kShare},
                          {.name = "p", .format = kNumber},
                          {.name = "left out"}}};
  for (const defence::Decision& decision : result.decisions)
    table.rows.push_back({decision.detector, static_cast<double>(decision.tasks), static_cast<double>(decision.rows),
                          decision.gain, decision.p, yes(decision.accepted)});
  return table;
}

Table most_doubtful(Table flags) {
  constexpr std::size_t kMost = 50;
  std::stable_sort(flags.rows.begin(), flags.rows.end(),
                   [](const auto& a, const auto& b) { return std::get<double>(a[2]) > std::get<double>(b[2]); });
  if (flags.rows.size() > kMost) flags.rows.resize(kMost);
  flags.caption = fmt::format("The {} rows that stand out most", flags.rows.size());
  return flags;
}

}  // namespace

std::map<std::string, report::Table> defence_tables(const TaskSet& tasks, const defence::Defended& result,
                                                    const std::vector<defence::TaskInfluence>& influences,
                                                    const std::vector<std::vector<std::size_t>>& lines) {
  return {{"flags", flags_table(tasks, result, lines)}, {"tasks", tasks_table(tasks, result, influences)}};
}

std::size_t rows_flagged(const defence::Defended& result) {
  std::size_t flagged = 0;
  for (const defence::RowScreen& rows : result.rows)
    flagged += static_cast<std::size_t>(std::count(rows.flagged.begin(), rows.flagged.end(), true));
  return flagged;
}

report::Page defence_page(const TaskSet& tasks, const defence::Defended& result,
                          const std::vector<defence::TaskInfluence>& influences, const DefenceFacts& facts) {
  report::Page page;
  page.title = fmt::format("Which rows of {} should you doubt?", facts.data_name);
  page.subtitle = fmt::format("{} tasks learned together in spite of rows that may be injected.", tasks.size());
  page.answer = answer(tasks, result, facts);
  page.cards = {{std::to_string(rows_flagged(result)), "rows flagged", static_cast<double>(rows_flagged(result))},
                {report::shown(result.left_out, kShare), "of the rows left out of learning", result.left_out},
                {std::to_string(count(result, &defence::TaskScreen::flagged)), "tasks flagged",
                 static_cast<double>(count(result, &defence::TaskScreen::flagged))},
                {std::to_string(count(result, &defence::TaskScreen::alone)), "tasks learned alone",
                 static_cast<double>(count(result, &defence::TaskScreen::alone))}};
  page.facts = {{"Data", fmt::format("{}: {} tasks, {} rows", facts.data_name, tasks.size(), tasks.rows())},
                {"Learner", facts.learner},
                {"Preparation", facts.preparation},
                {"Defence", method_in_words(facts.options)},
                {"Honest rows flagged", report::shown(facts.options.alpha, kShare)},
                {"Version", facts.version}};
  auto tables = defence_tables(tasks, result, influences);
  page.sections.push_back({"Tasks", {report::TableBlock{std::move(tables.at("tasks")), ""}}});
  if (!result.decisions.empty()) page.sections.push_back({"Rounds", {report::TableBlock{rounds_table(result), ""}}});
  page.sections.push_back({"Rows",
                           {report::TableBlock{most_doubtful(std::move(tables.at("flags"))), ""},
                            report::Paragraph{"All rows are in flags.csv. Rows count from 1 in the order of the "
                                              "task's rows that were learned from."}}});
  report::List interpretation;
  for (const defence::Detector& detector : defence::detectors())
    interpretation.items.push_back(fmt::format("{}: {}. Honest rows: {}. It applies {}. [{}]", detector.name,
                                               detector.statistic, detector.null_model, detector.applies,
                                               detector.reference));
  interpretation.items.insert(
      interpretation.items.end(),
      {"residual: size of the label's distance from the prediction of a model that did not learn from the row, in "
       "scales of its task (two classes: the loss, over the median of its class)",
       "reasons: the detector that a row was left out by, and all others that it stands out by, each with the share of "
       "kept rows that stand out as much",
       "score: -log10 of the smallest share of kept rows that stand out as much by one of the statistics; p is "
       "the share of kept rows with this score or more",
       "score of a task: by how many standard deviations its rows stand out more than chance gives",
       "outlyingness of a task: by how many median deviations of the tasks it stands out, by how badly the other "
       "tasks' weights predict it, also beside what its own do, or by the features of its rows",
       "left out whole: the task is learned alone, since the others are predicted better without it"});
  if (!influences.empty())
    interpretation.items.push_back(
        "leave-one-out: what the others' held-out loss and their correlations gain when the task takes part with all "
        "of "
        "its rows; the score says by how many standard deviations that is not what an honest task would do, p is the "
        "share of honest tasks with such a score");
  page.sections.push_back({"How to read it", {std::move(interpretation)}});
  page.sections.push_back(
      {"What this does not say",
       {report::List{
           {"A flagged row is unusual, not proven to be injected: of honest rows the stated share is flagged.",
            "Where nothing is left out, rows may still be injected: rows go only where the others are then predicted "
            "better beyond chance, and an attack that does little damage, or whose maker knows the defence, stays.",
            "Rows whose features are those of honest rows are not left out, whatever their labels: flipped labels, "
            "labels that drift, copies with other labels.",
            "More than about 30 % injected rows set the standard that rows are measured by."}}}});
  page.footer = report::footer(facts.version);
  return page;
}

}  // namespace crosstalk::pages
