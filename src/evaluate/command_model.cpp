#include "crosstalk/evaluate/command_model.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/data/csv_scanner.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/mtrl/metrics.hpp"
#include "crosstalk/problem/fictitious_tasks.hpp"
#include "crosstalk/rng.hpp"
#include "crosstalk/victim/command_victim.hpp"

namespace crosstalk::evaluate {

namespace fs = std::filesystem;

namespace {

constexpr const char* kAnswers = "predictions.csv";

// The rows of every task in one column of answers each, for mtrl::evaluate with weights 1.
TaskSet as_features(const TaskSet& rows, const Eigen::VectorXd& answers) {
  TaskSet tasks;
  Eigen::Index next = 0;
  for (const Task& task : rows) {
    tasks.tasks.push_back({task.name, answers.segment(next, task.rows()), task.labels});
    next += task.rows();
  }
  return tasks;
}

// -1 or +1 for a class in the words of the file.
std::optional<double> class_in(std::string_view cell, const std::optional<data::ClassNames>& classes) {
  const data::Cell number = data::plain_number(cell);
  const auto is = [&](const std::string& word) {
    const data::Cell wanted = data::plain_number(word);
    return cell == word || (number.kind == data::CellKind::Number && wanted.kind == data::CellKind::Number &&
                            number.value == wanted.value);
  };
  if (is(classes ? classes->positive : "1")) return 1.0;
  if (is(classes ? classes->negative : "-1")) return -1.0;
  return std::nullopt;
}

// The records of a file that its own rows and those of others stand in: task by task.
std::vector<std::size_t> records_of(const TaskSet& tasks, const std::vector<std::vector<Eigen::Index>>& kept) {
  std::vector<std::size_t> records;
  for (std::size_t i = 0; i < tasks.size(); ++i)
    for (std::size_t j = 0; j < tasks[i].origin.size(); ++j)
      if (kept.empty() || std::binary_search(kept[i].begin(), kept[i].end(), static_cast<Eigen::Index>(j)))
        records.push_back(tasks[i].origin[j]);
  return records;
}

// The same rows where there is no file: their positions, task by task.
TaskSet with_positions(TaskSet tasks) {
  std::size_t next = 0;
  for (Task& task : tasks) {
    task.origin.clear();
    for (Eigen::Index j = 0; j < task.rows(); ++j) task.origin.push_back(next++);
  }
  return tasks;
}

data::CsvText table_of(const TaskSet& tasks, const data::Dataset& dataset) {
  return data::csv_text(data::format_csv(tasks, {dataset.task_column, dataset.label_column, {}}));
}

}  // namespace

const OptionTable<OwnModelOptions>& OwnModelOptions::table() {
  static const auto table =
      OptionTable<OwnModelOptions>("")
          .add(&OwnModelOptions::command,
               {.key = "victim",
                .meaning = "A command that learns a model of yours from {train} and answers the rows of {test} in "
                           "{predictions}; the audit shows what the attacks do to it (see docs/guide/audit.md)"})
          .add(&OwnModelOptions::minutes, {.key = "victim-minutes",
                                           .meaning = "Time after which a run of --victim is ended",
                                           .range = from_to(1e-3, 1e5),
                                           .unit = "minutes"})
          .add(&OwnModelOptions::jobs, {.key = "jobs",
                                        .meaning = "Runs of --victim at a time; 0 for as many as --threads",
                                        .range = from_to(0, 1024)});
  return table;
}

Answers read_answers(const std::string& text, const std::string& name, std::size_t rows, const mtrl::Loss& loss,
                     const std::optional<data::ClassNames>& classes) {
  const bool has_classes = loss.is_classification();
  data::CsvScanner scanner(text, name);
  std::vector<std::string_view> fields;
  if (!scanner.next(fields)) throw DataError(fmt::format("{}: no line", name));
  const std::vector<std::string> header(fields.begin(), fields.end());
  const auto column = [&](const char* wanted) {
    return static_cast<std::size_t>(std::find(header.begin(), header.end(), wanted) - header.begin());
  };
  const std::size_t prediction = column("prediction");
  const std::size_t score = has_classes ? column("score") : header.size();
  if (prediction == header.size() && score == header.size())
    throw DataError(fmt::format("{}: no column {}; there are {}", name,
                                has_classes ? "\"prediction\" or \"score\"" : "\"prediction\"", data::listed(header)));
  std::vector<double> predictions;
  std::vector<double> scores;
  const auto number = [&](std::string_view cell, const char* what) {
    const data::Cell value = data::plain_number(cell);
    if (value.kind != data::CellKind::Number)
      throw DataError(fmt::format("{}:{}: {} is {}; it must be a finite number", name, scanner.line(), what,
                                  data::in_quotes(cell)));
    return value.value;
  };
  std::size_t count = 0;
  for (; scanner.next(fields); ++count) {
    if (fields.size() != header.size())
      throw DataError(
          fmt::format("{}:{}: {} fields; the header has {}", name, scanner.line(), fields.size(), header.size()));
    if (score < header.size()) scores.push_back(number(fields[score], "score"));
    if (prediction == header.size()) continue;
    const std::string_view cell = fields[prediction];
    const std::optional<double> value = has_classes ? class_in(cell, classes) : number(cell, "prediction");
    if (!value)
      throw DataError(
          fmt::format("{}:{}: prediction is {}; it must be {} or {} (a number between them goes in a "
                      "column \"score\")",
                      name, scanner.line(), data::in_quotes(cell), data::in_quotes(classes ? classes->negative : "-1"),
                      data::in_quotes(classes ? classes->positive : "1")));
    predictions.push_back(*value);
  }
  if (count != rows)
    throw DataError(
        fmt::format("{}: it has {} rows of answers; it must be {}, one for each row of test.csv", name, count, rows));
  const auto vector = [](const std::vector<double>& values) -> Eigen::VectorXd {
    return Eigen::Map<const Eigen::VectorXd>(values.data(), static_cast<Eigen::Index>(values.size()));
  };
  return {vector(predictions), vector(scores)};
}

Eigen::MatrixXd metrics_of_answers(const TaskSet& rows, const mtrl::Loss& loss, const Answers& answers) {
  const Eigen::MatrixXd ones = Eigen::MatrixXd::Ones(1, static_cast<Eigen::Index>(rows.size()));
  const auto of = [&](const Eigen::VectorXd& values) {
    return mtrl::evaluate(as_features(rows, values), loss, ones).values;
  };
  if (answers.scores.size() == 0) return of(answers.predictions);
  Eigen::MatrixXd values = of(answers.scores);  // AUC, accuracy
  if (answers.predictions.size() > 0)
    values.col(1) = of(answers.predictions).col(1);
  else
    values.col(1).setConstant(std::numeric_limits<double>::quiet_NaN());
  return values;
}

CommandModel::CommandModel(const Problem& problem, std::optional<attack::Schema> schema, OwnModelOptions options,
                           const data::OutputFolder& out, std::uint64_t seed)
    : problem_(problem),
      schema_(std::move(schema)),
      options_(std::move(options)),
      out_(out),
      seed_(seed),
      asked_(problem.raw_test.size() > 0 ? problem.raw_test : problem.raw_train) {
  const data::Dataset& dataset = problem.dataset;
  if (dataset.csv) {
    const data::CsvCoding& coding = dataset.csv->coding;
    if (coding.label_columns.size() > 1)
      throw DataError(fmt::format("{}: `victim` takes one label column; here are {}: {}", dataset.name,
                                  coding.label_columns.size(), data::listed(coding.label_columns)));
    if (problem.split_by == "test file")
      throw DataError(fmt::format(
          "{}: `victim` needs the rows to test on in the same file; put them there and hold them out with `split_by`",
          dataset.name));
    if (!schema_ && std::any_of(coding.columns.begin(), coding.columns.end(), [](const data::CsvColumn& column) {
          return column.is_categorical() || column.indicator;
        }))
      throw DataError(
          fmt::format("{}: `victim` needs a schema, since without one injected rows hold no words", dataset.name));
  }
  test_order_ = Rng::stream(seed, "own model: test rows").permutation(static_cast<std::size_t>(asked_.rows()));
  const std::vector<std::string> without = {dataset.label_column, "injected", "part"};
  if (dataset.csv)
    test_file_ = data::selected_rows(*dataset.csv->text, dataset.csv->coding,
                                     {records_of(asked_, {}), {}, test_order_, without}, dataset.classes);
  else
    test_file_ = data::selected_rows(table_of(asked_, dataset), {},
                                     {records_of(with_positions(asked_), {}), {}, test_order_, {dataset.label_column}},
                                     dataset.classes);
}

// The injected rows as they stand in the file, and of those the ones that are kept.
TaskSet CommandModel::in_file(const OwnModelRows& rows) const {
  if (rows.injected.size() == 0) return {};
  const std::size_t m = problem_.raw_train.size();
  TaskSet injected = problem_.preparation.with_tasks_like(rows.hosts).undo(rows.injected);
  if (schema_) schema_->settle(injected, rows.hosts);
  if (problem_.dataset.csv) injected = data::as_written(problem_.dataset.csv->coding, std::move(injected));
  std::vector<std::string> names = problem_.raw_train.names();
  const std::vector<std::string> made_up = fictitious_names(names, rows.hosts.size());
  names.insert(names.end(), made_up.begin(), made_up.end());
  for (std::size_t i = 0; i < injected.size(); ++i) {
    injected[i].name = names[i];
    if (rows.kept.empty()) continue;
    const Eigen::Index n = i < m ? problem_.raw_train[i].rows() : 0;
    std::vector<Eigen::Index> kept;
    for (const Eigen::Index j : rows.kept[i])
      if (j >= n) kept.push_back(j - n);
    injected[i] = select_rows(injected[i], kept);
  }
  return injected;
}

std::string CommandModel::training_file(const OwnModelRows& rows) const {
  const data::Dataset& dataset = problem_.dataset;
  data::RowSelection selection;
  const auto shuffle = [&](std::size_t count) {
    selection.order = Rng::stream(seed_, "own model: " + rows.name).permutation(count);
  };
  TaskSet injected = in_file(rows);
  if (dataset.csv) {
    selection.records = records_of(problem_.raw_train, rows.kept);
    shuffle(selection.records.size() + static_cast<std::size_t>(injected.rows()));
    selection.injected = std::move(injected);
    selection.without = {"injected", "part"};
    return data::selected_rows(*dataset.csv->text, dataset.csv->coding, selection, dataset.classes);
  }
  TaskSet all = with_positions(problem_.raw_train);
  if (!rows.kept.empty())
    for (std::size_t i = 0; i < all.size(); ++i) {
      std::vector<Eigen::Index> kept;
      for (const Eigen::Index j : rows.kept[i])
        if (j < all[i].rows()) kept.push_back(j);
      all[i] = select_rows(all[i], kept);
    }
  if (injected.size() > 0) {
    std::vector<std::string> made_up;
    for (std::size_t i = all.size(); i < injected.size(); ++i) made_up.push_back(injected[i].name);
    all = join_rows(with_empty_tasks(std::move(all), made_up), injected);
  }
  all = with_positions(std::move(all));
  selection.records = records_of(all, {});
  shuffle(selection.records.size());
  return data::selected_rows(table_of(all, dataset), {}, selection, dataset.classes);
}

OwnModelScores CommandModel::learn(const OwnModelRows& rows) const {
  const fs::path own = fs::path("victim") / rows.name;
  out_.write(own / "train.csv", training_file(rows));
  out_.write(own / "test.csv", test_file_);
  out_.write(own / "log.txt", "");
  const fs::path folder = out_.path() / own;
  const victim::CommandOutcome outcome = victim::run_command({.command = options_.command,
                                                              .train = folder / "train.csv",
                                                              .test = folder / "test.csv",
                                                              .predictions = folder / kAnswers,
                                                              .folder = folder,
                                                              .log = folder / "log.txt",
                                                              .most_seconds = 60.0 * options_.minutes,
                                                              .seed = seed_});
  OwnModelScores scores;
  scores.seconds = outcome.seconds;
  scores.failure = outcome.failure;
  if (scores.failure.empty()) try {
      const Answers told =
          read_answers(outcome.predictions, kAnswers, test_order_.size(), *problem_.loss, problem_.dataset.classes);
      Answers in_order = told;
      for (std::size_t k = 0; k < test_order_.size(); ++k) {
        const auto from = static_cast<Eigen::Index>(k);
        const auto to = static_cast<Eigen::Index>(test_order_[k]);
        if (told.predictions.size() > 0) in_order.predictions[to] = told.predictions[from];
        if (told.scores.size() > 0) in_order.scores[to] = told.scores[from];
      }
      scores.metrics = metrics_of_answers(asked_, *problem_.loss, in_order);
    } catch (const DataError& error) {
      scores.failure = error.what();
    }
  if (scores.failure.empty()) {
    out_.remove(own / "train.csv");
    out_.remove(own / "test.csv");
  }
  return scores;
}

}  // namespace crosstalk::evaluate
