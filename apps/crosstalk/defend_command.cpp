#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "commands.hpp"
#include "crosstalk/data/csv.hpp"
#include "crosstalk/defence/defend.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/evaluate/audit.hpp"
#include "crosstalk/evaluate/cleaned_model.hpp"
#include "crosstalk/mtrl/metrics.hpp"
#include "crosstalk/pages/defence_page.hpp"
#include "crosstalk/report/page.hpp"
#include "crosstalk/report/table.hpp"
#include "described_flag.hpp"
#include "model_file.hpp"
#include "problem.hpp"
#include "session.hpp"
#include "src/evaluate/audit_json.hpp"

namespace crosstalk::app {

namespace {

struct Flags {
  CommonOptions common;
  DataOptions data;
  LearnerOptions learner;
  std::string method = "trim";
  defence::Options defence;  // alpha, share and margin
  bool leave_one_out = false;
};

defence::Options options_of(const Flags& flags) {
  defence::Options options = flags.defence;
  options.method = for_flag("--method", [&] { return defence::method_named(flags.method); });
  if (options.share && options.method != defence::Method::Trim)
    throw std::invalid_argument(
        fmt::format("--share: {} has no share to leave out; it goes with --method trim", flags.method));
  return options;
}

// Of several classes a row is left out of all problems of its task or of none.
void leave_out_together(defence::Defended& result, const Problem& problem) {
  const std::optional<ClassProblems> problems = class_problems(problem);
  if (!problems) return;
  result.kept = problems->kept_together(std::move(result.kept));
  double kept = 0.0;
  for (std::size_t i = 0; i < result.kept.size(); ++i) {
    const auto rows = static_cast<double>(result.kept[i].size());
    if (rows == 0.0)
      throw DataError(fmt::format("{}: every row of \"{}\" would be left out of one of its classes",
                                  problem.dataset.name, problem.train[i].name));
    result.tasks[i].left_out = 1.0 - rows / static_cast<double>(problem.train[i].rows());
    kept += rows;
  }
  result.left_out = 1.0 - kept / static_cast<double>(problem.train.rows());
}

// The user's file without the rows that were left out, those of whole tasks among them; where there is no such file,
// the rows that were kept.
std::string cleaned_csv(const Problem& problem, const defence::Defended& result) {
  const defence::Rows kept = defence::cleaned_rows(result);
  if (!problem.dataset.csv) {
    TaskSet rows;
    rows.feature_names = problem.raw_train.feature_names;
    for (std::size_t i = 0; i < kept.size(); ++i)
      if (!kept[i].empty()) rows.tasks.push_back(select_rows(problem.raw_train[i], kept[i]));
    return data::format_csv(rows, {problem.dataset.task_column, problem.dataset.label_column, {}});
  }
  const data::CsvData& csv = *problem.dataset.csv;
  std::vector<bool> stays(csv.lines.size(), true);
  for (std::size_t i = 0; i < kept.size(); ++i) {
    std::vector<bool> left_out(problem.raw_train[i].origin.size(), true);
    for (const Eigen::Index j : kept[i]) left_out[static_cast<std::size_t>(j)] = false;
    for (std::size_t j = 0; j < left_out.size(); ++j)
      if (left_out[j]) stays[problem.raw_train[i].origin[j]] = false;
  }
  return data::without_records(*csv.text, stays);
}

// The line of the file of every row; none where there is no such file.
std::vector<std::vector<std::size_t>> lines_of(const Problem& problem) {
  std::vector<std::vector<std::size_t>> lines;
  if (!problem.dataset.csv) return lines;
  for (const Task& task : problem.raw_train) {
    lines.emplace_back();
    for (const std::size_t record : task.origin) lines.back().push_back(problem.dataset.csv->lines[record]);
  }
  return lines;
}

nlohmann::ordered_json calibration_record(const defence::Calibration& calibration) {
  nlohmann::ordered_json record;
  for (const defence::CalibrationEntry& entry : defence::described(calibration))
    record[entry.name] = {{"symbol", entry.symbol},
                          {"value", entry.value},
                          {"range", entry.range},
                          {"meaning", entry.meaning},
                          {"source", entry.source}};
  return record;
}

nlohmann::ordered_json decisions_record(const defence::Defended& result) {
  nlohmann::ordered_json record = nlohmann::ordered_json::array();
  for (const defence::Decision& decision : result.decisions)
    record.push_back({{"detector", decision.detector},
                      {"rows", decision.rows},
                      {"tasks", decision.tasks},
                      {"gain", decision.gain},
                      {"p", decision.p},
                      {"accepted", decision.accepted}});
  return record;
}

int run(const Flags& flags, const Configuration& configuration) {
  defence::Options options = options_of(flags);
  Problem problem = load_problem(flags.common, flags.data, flags.learner, HoldOut::WhenAsked);
  if (flags.leave_one_out && problem.train.size() < 2)
    throw DataError(fmt::format("{}: there is 1 task; --leave-one-out needs others", problem.dataset.name));
  Session session({"defend", flags.common.out, flags.common.json, flags.common.quiet});
  choose_lambdas(problem, flags.common, flags.learner, session.control());
  options.learner = problem.learner;
  options.whole_tasks = !class_problems(problem);
  const mtrl::Fit plain = mtrl::solve(problem.train, *problem.loss, problem.learner);
  defence::Defended result = defence::defend(problem.train, *problem.loss, options);
  leave_out_together(result, problem);
  std::vector<defence::TaskInfluence> influences;
  if (flags.leave_one_out)
    influences = defence::leave_one_task_out(problem.train, *problem.loss, result.kept,
                                             {.learner = problem.learner, .seed = flags.common.seed},
                                             [control = session.control()](double done) {
                                               if (control.progress)
                                                 control.progress(done, "leaving out every task in turn");
                                             });

  for (const auto& [name, table] : pages::defence_tables(problem.train, result, influences, lines_of(problem)))
    session.write(name + ".csv", report::to_csv(table));
  const evaluate::CleanedModel learned = evaluate::learn_cleaned(
      problem, result, [&](Problem& kept) { choose_lambdas(kept, flags.common, flags.learner, session.control()); });
  pages::DefenceFacts facts;
  facts.data_name = problem.dataset.name;
  facts.learner = fmt::format("MTRL, {} loss, lambda1 {:g}, lambda2 {:g}", problem.loss->name(),
                              learned.problem.learner.lambda1, learned.problem.learner.lambda2);
  facts.preparation = preparation_text(learned.problem);
  facts.version = CROSSTALK_VERSION;
  facts.options = options;
  const report::Page page = pages::defence_page(problem.train, result, influences, facts);
  const auto names = problem.train.names();

  auto& record = session.record();
  record["configuration"] = completed(configuration, problem).flags;
  describe(record, problem);
  auto& defend = record["defend"];
  defend = {{"method", defence::to_string(options.method)},
            {"alpha", options.alpha},
            {"rows", problem.train.rows()},
            {"rows_flagged", pages::rows_flagged(result)},
            {"share_left_out", result.left_out},
            {"objective", learned.fit.objective},
            {"status", to_string(learned.fit.status)},
            {"lambda1", learned.problem.learner.lambda1},
            {"lambda2", learned.problem.learner.lambda2},
            {"divisor", learned.problem.preparation.divisor()}};
  if (options.method == defence::Method::Trim) {
    defend["decisions"] = decisions_record(result);
    defend["calibration"] = calibration_record(options.calibration);
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    const defence::TaskScreen& task = result.tasks[i];
    defend["tasks"][names[i]] = {{"share", task.left_out},
                                 {"score", task.score},
                                 {"flagged", task.flagged},
                                 {"rows_flagged_share", task.flagged_share},
                                 {"learned_alone", task.alone},
                                 {"outlyingness", task.outlyingness},
                                 {"left_out_whole", task.left_out_whole}};
    if (!influences.empty())
      defend["tasks"][names[i]]["leave_one_out"] = {{"harm", influences[i].harm},
                                                    {"relation_change", influences[i].relation_change},
                                                    {"score", influences[i].score},
                                                    {"p", influences[i].p}};
  }
  defend["report_file"] = session.write("report.html", report::to_html(page)).string();
  defend["cleaned_file"] = session.write("cleaned.csv", cleaned_csv(problem, result)).string();
  defend.update(write_model(session, learned.problem, learned.weights, learned.fit.covariance));
  const TaskSet rows =
      learned.problem.preparation.apply(problem.raw_test.size() > 0 ? problem.raw_test : problem.raw_train);
  record["test"] = {{"rows", evaluation_rows(problem)},
                    {"undefended", evaluate::to_json(problem.metrics(problem.evaluation(), plain.weights), names)},
                    {"defended", evaluate::to_json(learned.problem.metrics(rows, learned.weights), names)}};
  session.finish(notes_text(problem) +
                 fmt::format("{}\nreport: {}\n", page.answer, session.path("report.html").string()));
  return plain.status == mtrl::Status::Converged && learned.fit.status == mtrl::Status::Converged ? kDone
                                                                                                  : kNotConverged;
}

}  // namespace

Action add_defend(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  flags->common.out = "crosstalk-out/defend";
  flags->data.keep_text = true;
  flags->data.several_classes = true;
  add_options(app, flags->data);
  app.add_option("--method", flags->method, defence::Options::table().of(&defence::Options::method).meaning)
      ->group("Defence");
  add_flag(app, flags->defence.alpha, &defence::Options::alpha, "Defence");
  add_flag(app, flags->defence.share, &defence::Options::share, "Defence");
  add_flag(app, flags->defence.margin, &defence::Options::margin, "Defence");
  app.add_flag("--leave-one-out", flags->leave_one_out,
               "Say of every task what its taking part does to the others (tasks.csv); costs 180 fits a task")
      ->group("Defence");
  add_options(app, flags->learner);
  add_options(app, flags->common);
  app.footer(
      "Writes flags.csv (every row with its p-value), tasks.csv, cleaned.csv (the rows that were kept, in the units of "
      "the file),\n"
      "the model as `fit` writes it, and report.html. All rows are screened: none are held out unless --test-fraction "
      "asks for it.");
  return [flags](const Configuration& configuration) { return run(*flags, configuration); };
}

}  // namespace crosstalk::app
