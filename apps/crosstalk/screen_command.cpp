#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "commands.hpp"
#include "crosstalk/data/csv.hpp"
#include "crosstalk/data/csv_scanner.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/evaluate/batch_screen.hpp"
#include "crosstalk/report/table.hpp"
#include "described_flag.hpp"
#include "problem.hpp"
#include "session.hpp"

namespace crosstalk::app {

namespace {

using report::NumberFormat;

struct Flags {
  CommonOptions common;
  DataOptions data;  ///< of the trusted file
  LearnerOptions learner;
  std::string batch;
  evaluate::BatchScreenOptions screen;  ///< alpha and tolerate
  std::string dependence = "positive";
  std::string reference = "all";
  std::string unseen = "error";
};

evaluate::BatchScreenOptions options_of(const Flags& flags) {
  evaluate::BatchScreenOptions options = flags.screen;
  options.any_dependence = flags.dependence == "any";
  options.reference = flags.reference == "all" ? evaluate::Reference::All : evaluate::Reference::Task;
  options.seed = flags.common.seed;
  return options;
}

// Where a new row stands in the file, and whose it is said to be.
struct Place {
  std::size_t line = 0;
  std::size_t record = 0;
  std::string task;
};

// The new rows in the learner's units, by the trusted tasks, then those of unknown tasks.
struct Batch {
  TaskSet known;
  Task strangers;
  std::vector<std::vector<Place>> places;  ///< as the tasks of BatchScreen
  data::NewRows rows;
  std::vector<std::string> notes;
};

Batch read_batch(const Flags& flags, const Problem& problem) {
  if (!problem.dataset.csv)
    throw DataError(fmt::format("{}: screen needs a CSV file of trusted rows", problem.dataset.name));
  const data::CsvCoding& coding = problem.dataset.csv->coding;
  if (coding.label_columns.size() > 1)
    throw DataError(fmt::format("{}: screen takes one label column; here are {}", problem.dataset.name,
                                coding.label_columns.size()));
  data::NewRowsOptions options;
  options.ignore_unseen = flags.unseen == "ignore";
  options.take_unknown_tasks = true;
  options.separator = separator_named(flags.data.separator);
  options.keep_text = true;
  options.name_options = false;
  Batch batch;
  batch.rows = data::read_rows(flags.batch, coding, problem.train.names(), options);
  const data::NewRows& rows = batch.rows;
  if (rows.labels.size() == 0)
    throw DataError(fmt::format("{}: there is no column {}; the new rows need their labels", flags.batch,
                                data::in_quotes(coding.label_columns.front())));
  batch.notes = rows.notes;

  const std::size_t m = problem.train.size();
  std::vector<std::vector<Eigen::Index>> of_task(m + 1);
  std::size_t unlabelled = 0;
  for (std::size_t r = 0; r < rows.tasks.size(); ++r) {
    const auto row = static_cast<Eigen::Index>(r);
    if (std::isnan(rows.labels[row]))
      ++unlabelled;
    else
      of_task[rows.tasks[r] == data::NewRows::kUnknownTask ? m : rows.tasks[r]].push_back(row);
  }
  if (unlabelled > 0)
    batch.notes.push_back(
        fmt::format("{} of {} rows have no label and were not screened", unlabelled, rows.labels.size()));
  // Strangers go the way of the first task; where each task has units of its own their labels are not looked at.
  TaskSet strangers;
  for (std::size_t t = 0; t <= m; ++t) {
    Task task{t < m ? problem.train[t].name : "", rows.features(of_task[t], Eigen::all), rows.labels(of_task[t])};
    for (double& label : task.labels) label = data::learner_label(coding, problem.dataset.classes, label, flags.batch);
    batch.places.emplace_back();
    for (const Eigen::Index row : of_task[t]) {
      const auto r = static_cast<std::size_t>(row);
      batch.places.back().push_back({rows.lines[r], rows.records[r], rows.task_names[r]});
    }
    (t < m ? batch.known : strangers).tasks.push_back(std::move(task));
  }
  batch.known = problem.preparation.apply(batch.known);
  batch.strangers = problem.preparation.apply(strangers)[0];
  return batch;
}

std::string yes(bool answer) {
  return answer ? "yes" : "no";
}

// Which statistic the score is from.
std::string reason(const evaluate::ScreenedTask& task, Eigen::Index row) {
  if (!task.rejected[static_cast<std::size_t>(row)] && !task.flagged[static_cast<std::size_t>(row)]) return "";
  return task.residual_decides[static_cast<std::size_t>(row)] ? "residual" : "distance";
}

report::Table flags_table(const Batch& batch, const evaluate::BatchScreen& screen) {
  constexpr NumberFormat whole = {NumberFormat::Kind::Decimals, 0};
  report::Table table{.columns = {{.name = "task"},
                                  {.name = "row", .format = whole},
                                  {.name = "score", .format = NumberFormat{}},
                                  {.name = "p", .format = NumberFormat{}},
                                  {.name = "flagged"},
                                  {.name = "rejected"},
                                  {.name = "reasons"},
                                  {.name = "distance", .format = NumberFormat{}},
                                  {.name = "residual", .format = NumberFormat{}},
                                  {.name = "line", .format = whole}}};
  for (std::size_t i = 0; i < screen.tasks.size(); ++i) {
    const evaluate::ScreenedTask& task = screen.tasks[i];
    for (Eigen::Index j = 0; j < task.p.size(); ++j) {
      const auto k = static_cast<std::size_t>(j);
      const Place& place = batch.places[i][k];
      table.rows.push_back({place.task, static_cast<double>(j + 1), task.score[j], task.p[j], yes(task.flagged[k]),
                            yes(task.rejected[k]), reason(task, j), task.distance[j], task.residual[j],
                            static_cast<double>(place.line)});
    }
  }
  return table;
}

struct Counts {
  std::size_t rows = 0;
  std::size_t flagged = 0;
  std::size_t rejected = 0;
};

// Tasks with new rows; of an unknown one the rows that bear its name.
report::Table tasks_table(const Batch& batch, const evaluate::BatchScreen& screen) {
  constexpr NumberFormat whole = {NumberFormat::Kind::Decimals, 0};
  constexpr NumberFormat share = {NumberFormat::Kind::Percent, 1};
  report::Table table{.columns = {{.name = "task"},
                                  {.name = "known"},
                                  {.name = "rows", .format = whole},
                                  {.name = "trusted rows", .format = whole},
                                  {.name = "p", .format = NumberFormat{}},
                                  {.name = "flagged rows", .unit = "share of its rows", .format = share},
                                  {.name = "rejected rows", .unit = "share of its rows", .format = share},
                                  {.name = "rejected"}}};
  for (std::size_t i = 0; i < screen.tasks.size(); ++i) {
    const evaluate::ScreenedTask& task = screen.tasks[i];
    std::map<std::string, Counts> counts;
    for (std::size_t j = 0; j < task.flagged.size(); ++j) {
      Counts& count = counts[batch.places[i][j].task];
      ++count.rows;
      count.flagged += task.flagged[j] ? 1 : 0;
      count.rejected += task.rejected[j] ? 1 : 0;
    }
    for (const auto& [name, count] : counts) {
      const auto of = [&, n = static_cast<double>(count.rows)](std::size_t some) {
        return static_cast<double>(some) / n;
      };
      table.rows.push_back({name, yes(i + 1 < screen.tasks.size()), static_cast<double>(count.rows),
                            static_cast<double>(task.references), task.task_p, of(count.flagged), of(count.rejected),
                            yes(task.task_rejected)});
    }
  }
  std::stable_sort(table.rows.begin(), table.rows.end(),
                   [](const auto& a, const auto& b) { return std::get<double>(a[4]) < std::get<double>(b[4]); });
  return table;
}

// The new file without the rejected rows, otherwise as it is.
std::string accepted_csv(const Batch& batch, const evaluate::BatchScreen& screen) {
  std::vector<bool> kept(batch.rows.text->begins.size(), true);
  for (std::size_t i = 0; i < screen.tasks.size(); ++i)
    for (std::size_t j = 0; j < screen.tasks[i].rejected.size(); ++j)
      if (screen.tasks[i].rejected[j]) kept[batch.places[i][j].record] = false;
  return data::without_records(*batch.rows.text, kept);
}

std::vector<std::string> unknown_tasks(const Batch& batch) {
  std::vector<std::string> names;
  for (const Place& place : batch.places.back())
    if (std::find(names.begin(), names.end(), place.task) == names.end()) names.push_back(place.task);
  return names;
}

// What limits the power: with few trusted rows no p is small.
std::string resolution_text(const Flags& flags, const evaluate::BatchScreen& screen) {
  std::size_t most = 0;
  for (const evaluate::ScreenedTask& task : screen.tasks)
    if (task.p.size() > 0) most = std::max(most, task.references);
  const double smallest = 1.0 / (1.0 + static_cast<double>(most));
  const std::size_t fewest =
      evaluate::fewest_rejections(screen.rows, smallest, flags.screen.alpha, flags.dependence == "any");
  const char* const way_out = flags.reference == "task" ? "; --reference all lowers that" : "";
  if (fewest > screen.rows)
    return fmt::format("the smallest p is 1/{}: no row can be rejected; trust more rows{}\n", most + 1, way_out);
  if (fewest < 2) return fmt::format("the smallest p is 1/{}\n", most + 1);
  return fmt::format("the smallest p is 1/{}: rows are rejected only {} or more at a time{}\n", most + 1, fewest,
                     way_out);
}

int run(const Flags& flags, const Configuration& configuration) {
  if (flags.batch.empty()) throw std::invalid_argument("screen needs NEW: a CSV file of new rows");
  if (flags.data.data.empty()) throw std::invalid_argument("--against: screen needs a CSV file of trusted rows");
  evaluate::BatchScreenOptions options = options_of(flags);
  Problem problem = load_problem(flags.common, flags.data, flags.learner, HoldOut::WhenAsked);
  const Batch batch = read_batch(flags, problem);
  Session session({"screen", flags.common.out, flags.common.json, flags.common.quiet});
  choose_lambdas(problem, flags.common, flags.learner, session.control());
  options.learner = problem.learner;
  options.bias = problem.preparation.options().bias;
  options.stranger_labels = problem.preparation.options().labels != LabelScale::Task;
  const evaluate::BatchScreen screen =
      evaluate::screen_batch(problem.train, batch.known, batch.strangers, *problem.loss, options, session.control());
  const bool too_many = screen.is_alarm(options);
  session.write("flags.csv", report::to_csv(flags_table(batch, screen)));
  session.write("tasks.csv", report::to_csv(tasks_table(batch, screen)));
  const auto accepted = session.write("accepted.csv", accepted_csv(batch, screen));

  std::size_t flagged = 0;
  std::size_t tasks_rejected = 0;
  for (const evaluate::ScreenedTask& task : screen.tasks) {
    flagged += static_cast<std::size_t>(std::count(task.flagged.begin(), task.flagged.end(), true));
    tasks_rejected += task.task_rejected ? 1 : 0;
  }
  const std::vector<std::string> unknown = unknown_tasks(batch);
  auto& record = session.record();
  record["configuration"] = completed(configuration, problem).flags;
  describe(record, problem);
  record["screen"] = {{"batch", flags.batch},
                      {"notes", batch.notes},
                      {"rows", screen.rows},
                      {"flagged", flagged},
                      {"rejected", screen.rejected},
                      {"rejected_share", screen.rejected_share()},
                      {"tasks_rejected", tasks_rejected},
                      {"unknown_tasks", unknown},
                      {"alpha", options.alpha},
                      {"more_than_tolerated", too_many},
                      {"accepted_file", accepted.string()}};
  std::string summary = notes_text(problem);
  for (const std::string& note : batch.notes) summary += fmt::format("{}: {}\n", flags.batch, note);
  if (!unknown.empty())
    summary += fmt::format(
        "{} rows are of tasks that the trusted file does not know, and were held against all tasks: "
        "{}\n",
        batch.places.back().size(), data::listed(unknown));
  summary += fmt::format(
      "{} of {} new rows are rejected ({:.1f} %) at a false discovery rate of {:g}; {} are flagged at p <= {:g}, of "
      "honest rows about {:.0f} would be\n",
      screen.rejected, screen.rows, 100.0 * screen.rejected_share(), options.alpha, flagged, options.alpha,
      options.alpha * static_cast<double>(screen.rows));
  summary += resolution_text(flags, screen);
  if (options.tolerate)
    summary += fmt::format("{} than the {:g} % that are tolerated\n", too_many ? "more" : "no more",
                           100.0 * *options.tolerate);
  summary += fmt::format("rows without the rejected ones: {}\n", accepted.string());
  session.finish(summary);
  if (!screen.converged) return kNotConverged;
  return too_many ? kRejected : kDone;
}

}  // namespace

Action add_screen(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  flags->common.out = "crosstalk-out/screen";
  app.add_option("new,--new", flags->batch, "CSV file of new rows; columns are found by name as in the trusted file");
  app.add_option("--against", flags->data.data, "CSV file of trusted rows; the flags of data are about it");
  add_csv_options(app, flags->data);
  add_flag(app, flags->screen.alpha, &evaluate::BatchScreenOptions::alpha, "Screen");
  app.add_option("--dependence", flags->dependence,
                 "Of the p-values: positive (Benjamini and Hochberg), or any (Benjamini and Yekutieli; fewer rows are "
                 "rejected)")
      ->check(CLI::IsMember({"positive", "any"}))
      ->group("Screen");
  app.add_option(
         "--reference", flags->reference,
         "Trusted rows that a new row is held against: all, since scores of tasks can be compared, or those of its "
         "task, which needs hundreds of them")
      ->check(CLI::IsMember({"task", "all"}))
      ->group("Screen");
  add_flag(app, flags->screen.tolerate, &evaluate::BatchScreenOptions::tolerate, "Screen");
  app.add_option("--unseen", flags->unseen, "A word that no trusted row has: error, or ignore: screen without it")
      ->check(CLI::IsMember({"error", "ignore"}))
      ->group("Screen");
  add_options(app, flags->learner);
  add_options(app, flags->common);
  app.footer(
      "Writes flags.csv (every new row), tasks.csv and accepted.csv (the new file without the rejected rows). Nothing "
      "is learned from new rows.\n"
      "Exit codes, the first that applies: 130 interrupted, 2 wrong usage, 1 wrong data or failed I/O, 3 a fit did not "
      "converge,\n"
      "4 (no command uses it), 5 more rows are rejected than --tolerate allows, 0 done.");
  return [flags](const Configuration& configuration) { return run(*flags, configuration); };
}

}  // namespace crosstalk::app
