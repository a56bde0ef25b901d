#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "commands.hpp"
#include "crosstalk/data/csv_scanner.hpp"
#include "crosstalk/data/dataset.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/evaluate/audit.hpp"
#include "crosstalk/mtrl/metrics.hpp"
#include "crosstalk/problem/class_problems.hpp"
#include "crosstalk/problem/more_rows.hpp"
#include "crosstalk/report/table.hpp"
#include "model_file.hpp"
#include "options.hpp"
#include "problem.hpp"
#include "session.hpp"
#include "src/evaluate/audit_json.hpp"

namespace crosstalk::app {

namespace {

struct Flags {
  CommonOptions common;
  DataOptions data;
  std::string model;
  std::string unseen = "error";
  std::string unknown_task = "error";
  bool keep_columns = false;
  std::string k;  ///< a,b,c
};

// Predictions with, of a voting model, where k malicious tasks can move them.
struct Predictions {
  Eigen::VectorXd values;
  Eigen::MatrixXd scores;  // rows x classes, where there are several; values are the largest of each row
  std::vector<std::size_t> k;
  Eigen::MatrixXd low;   // rows x k
  Eigen::MatrixXd high;  // rows x k
};

// The rows of a file that has no columns, or of a known set, in the order of the model's tasks.
data::NewRows rows_of_other_file(const Flags& flags, const Model& model) {
  data::LoadOptions options;
  options.seed = flags.common.seed;
  options.loss = model.loss;
  options.csv = csv_options(flags.data);
  if (flags.data.label.empty()) options.csv.label_columns = {model.label_column};
  const data::Dataset dataset = data::load(flags.data.data, options);
  const auto features = model.feature_count();
  TaskSet tasks;
  try {
    tasks = rows_in_order(dataset.train, "the model", model.tasks, model.feature_names(), features);
  } catch (const DataError& error) {
    throw DataError(fmt::format("{}: {}", dataset.name, error.what()));
  }
  data::NewRows rows;
  rows.features.resize(tasks.rows(), features);
  rows.labels.resize(tasks.rows());
  Eigen::Index next = 0;
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    const Eigen::Index n = tasks[t].rows();
    rows.features.middleRows(next, n) = tasks[t].features;
    rows.labels.segment(next, n) = tasks[t].labels;
    rows.tasks.insert(rows.tasks.end(), static_cast<std::size_t>(n), t);
    rows.task_names.insert(rows.task_names.end(), static_cast<std::size_t>(n), tasks[t].name);
    next += n;
  }
  for (std::size_t r = 0; r < rows.tasks.size(); ++r) rows.records.push_back(r);
  return rows;
}

// The binary problems of a model of several classes.
std::optional<ClassProblems> class_problems(const Model& model) {
  if (!model.coding || !ClassProblems::has_several_classes(*model.coding)) return std::nullopt;
  return ClassProblems(*model.coding, model.tasks);
}

// @param tasks  of the file; those of the model, or where it has several classes those that its problems are of.
data::NewRows rows_to_predict(const Flags& flags, const Model& model, const std::vector<std::string>& tasks) {
  if (!model.coding || data::find_known_set(flags.data.data) != nullptr) return rows_of_other_file(flags, model);
  data::NewRowsOptions options;
  options.ignore_unseen = flags.unseen == "ignore";
  options.take_unknown_tasks = flags.unknown_task == "mean";
  options.task_column = flags.data.task;
  options.label_column = flags.data.label;
  options.separator = separator_named(flags.data.separator);
  options.skip_lines = flags.data.skip_lines;
  options.keep_text = flags.keep_columns;
  data::NewRows rows = data::read_rows(flags.data.data, *model.coding, tasks, options);
  for (double& label : rows.labels) label = data::learner_label(*model.coding, model.classes, label, flags.data.data);
  return rows;
}

void require_finite(const Eigen::VectorXd& predictions, const data::NewRows& rows) {
  for (Eigen::Index r = 0; r < predictions.size(); ++r)
    if (!std::isfinite(predictions[r]))
      throw DataError(
          fmt::format("row {}: the prediction is too large for a double; a feature is out of all proportion "
                      "to those that the model was learned from",
                      rows.records[static_cast<std::size_t>(r)] + 1));
}

// Predictions in the units of the file; those of an unknown task are the mean of all tasks' predictions.
Eigen::VectorXd predictions(const Model& model, const data::NewRows& rows) {
  const Task task{"", rows.features, Eigen::VectorXd::Zero(rows.features.rows())};
  const Eigen::MatrixXd prepared = model.learner_rows(model.preparation.apply(TaskSet{task}))[0].features;
  Eigen::VectorXd z(prepared.rows());
  for (Eigen::Index r = 0; r < z.size(); ++r) {
    const auto of_task = [&](std::size_t t) {
      const double value = prepared.row(r).dot(model.weights.col(static_cast<Eigen::Index>(t)));
      return model.preparation.label_in_file_units(t, value);
    };
    const std::size_t t = rows.tasks[static_cast<std::size_t>(r)];
    z[r] = 0.0;
    if (t != data::NewRows::kUnknownTask)
      z[r] = of_task(t);
    else
      for (std::size_t k = 0; k < model.tasks.size(); ++k) z[r] += of_task(k) / static_cast<double>(model.tasks.size());
  }
  require_finite(z, rows);
  return z;
}

// Of every class the score; of an unknown task the mean of all tasks that have the class.
Predictions class_predictions(const Model& model, const ClassProblems& problems, const data::NewRows& rows) {
  const Task task{"", rows.features, Eigen::VectorXd::Zero(rows.features.rows())};
  const Eigen::MatrixXd prepared = model.preparation.apply(TaskSet{task})[0].features;
  Predictions result;
  result.scores.resize(prepared.rows(), static_cast<Eigen::Index>(problems.classes().size()));
  for (Eigen::Index r = 0; r < prepared.rows(); ++r) {
    const std::size_t t = rows.tasks[static_cast<std::size_t>(r)];
    if (t != data::NewRows::kUnknownTask)
      result.scores.row(r) = problems.scores(t, prepared.row(r), model.weights);
    else
      result.scores.row(r) = problems.mean_scores(prepared.row(r), model.weights);
  }
  result.values = result.scores.rowwise().maxCoeff();
  require_finite(result.values, rows);
  return result;
}

// The k of --k, or all of which a voting model proves something.
std::vector<std::size_t> numbers_of_malicious_tasks(const Flags& flags, const Model& model) {
  const std::size_t most = model.voting->most_malicious();
  std::vector<std::size_t> k;
  if (flags.k.empty())
    for (std::size_t one = 1; one <= most; ++one) k.push_back(one);
  else
    for (const double one : number_list("--k", flags.k)) {
      if (!(one >= 1.0 && one <= static_cast<double>(most)) || one != std::floor(one))
        throw std::invalid_argument(fmt::format(
            "--k: {:g} is not a whole number between 1 and {}, the most that the model proves something for", one,
            most));
      k.push_back(static_cast<std::size_t>(one));
    }
  return k;
}

Predictions voting_predictions(const Flags& flags, const Model& model, const data::NewRows& rows) {
  Predictions result;
  result.k = numbers_of_malicious_tasks(flags, model);
  const Eigen::Index n = rows.features.rows();
  const auto count = static_cast<Eigen::Index>(result.k.size());
  result.values.resize(n);
  result.low.resize(n, count);
  result.high.resize(n, count);
  std::vector<std::vector<Eigen::Index>> of_task(model.tasks.size());
  for (std::size_t r = 0; r < rows.tasks.size(); ++r) {
    if (rows.tasks[r] == data::NewRows::kUnknownTask)
      throw DataError(fmt::format("row {}: task {} is none of the model's, and a voting model predicts its own only",
                                  rows.records[r] + 1, data::in_quotes(rows.task_names[r])));
    of_task[rows.tasks[r]].push_back(static_cast<Eigen::Index>(r));
  }
  for (std::size_t t = 0; t < of_task.size(); ++t) {
    if (of_task[t].empty()) continue;
    const defence::Votes votes = model.voting->votes(t, rows.features(of_task[t], Eigen::all));
    result.values(of_task[t]) = votes.prediction();
    for (Eigen::Index c = 0; c < count; ++c) {
      result.low(of_task[t], c) = votes.lower(result.k[static_cast<std::size_t>(c)]);
      result.high(of_task[t], c) = votes.upper(result.k[static_cast<std::size_t>(c)]);
    }
  }
  require_finite(result.values, rows);
  return result;
}

// The rows of known tasks that have labels, in the learner's units.
TaskSet labelled_rows(const Model& model, const data::NewRows& rows) {
  std::vector<std::vector<Eigen::Index>> of_task(model.tasks.size());
  for (std::size_t r = 0; r < rows.tasks.size(); ++r)
    if (rows.tasks[r] != data::NewRows::kUnknownTask && !std::isnan(rows.labels[static_cast<Eigen::Index>(r)]))
      of_task[rows.tasks[r]].push_back(static_cast<Eigen::Index>(r));
  TaskSet tasks;
  for (std::size_t t = 0; t < model.tasks.size(); ++t)
    tasks.tasks.push_back({model.tasks[t], rows.features(of_task[t], Eigen::all), rows.labels(of_task[t])});
  return model.learner_rows(model.preparation.apply(tasks));
}

// The same of every class problem, in the order of the model's.
TaskSet labelled_class_rows(const Model& model, const ClassProblems& problems, const data::NewRows& rows,
                            const std::string& name) {
  TaskSet tasks;
  for (std::size_t t = 0; t < problems.tasks().size(); ++t) {
    std::vector<Eigen::Index> own;
    for (std::size_t r = 0; r < rows.tasks.size(); ++r)
      if (const auto row = static_cast<Eigen::Index>(r); rows.tasks[r] == t && !std::isnan(rows.labels[row]))
        own.push_back(row);
    tasks.tasks.push_back({problems.tasks()[t], rows.features(own, Eigen::all), rows.labels(own)});
  }
  std::map<std::string, Task> by_name;
  for (Task& problem : one_against_rest(tasks, *model.coding, name).tasks) by_name[problem.name] = std::move(problem);
  TaskSet ordered;
  for (const std::string& problem : model.tasks) ordered.tasks.push_back(by_name.at(problem));
  return model.preparation.apply(ordered);
}

std::string predictions_csv(const Model& model, const data::NewRows& rows, const Predictions& predictions) {
  const Eigen::VectorXd& z = predictions.values;
  std::vector<std::string> others;
  std::vector<std::size_t> positions;
  if (rows.text) {
    others = rows.text->names;
    for (std::size_t j = 0; j < others.size(); ++j)
      if (!model.coding || others[j] != model.coding->task_column) positions.push_back(j);
  }
  std::string text = "row,task,prediction,class,score";
  for (Eigen::Index c = 0; c < predictions.scores.cols(); ++c)
    text += "," + data::csv_quoted("score " + model.coding->label_words[static_cast<std::size_t>(c)]);
  for (const std::size_t k : predictions.k) text += fmt::format(",low_{0},high_{0}", k);
  for (const std::size_t j : positions) {
    const bool is_ours = others[j] == "row" || others[j] == "task" || others[j] == "prediction" ||
                         others[j] == "class" || others[j] == "score";
    text += ',' + data::csv_quoted(is_ours ? others[j] + " (file)" : others[j]);
  }
  text += '\n';
  for (Eigen::Index r = 0; r < z.size(); ++r) {
    const auto row = static_cast<std::size_t>(r);
    const std::string score = report::exact(z[r]);
    std::string word;
    if (predictions.scores.cols() > 0) {
      Eigen::Index chosen = 0;
      predictions.scores.row(r).maxCoeff(&chosen);
      word = data::csv_quoted(model.coding->label_words[static_cast<std::size_t>(chosen)]);
    } else if (model.classes)
      word = data::csv_quoted(z[r] >= 0.0 ? model.classes->positive : model.classes->negative);
    else if (mtrl::loss_named(model.loss).is_classification())
      word = z[r] >= 0.0 ? "1" : "-1";
    text += fmt::format("{},{},{},{},{}", rows.records[row] + 1, data::csv_quoted(rows.task_names[row]),
                        word.empty() ? score : word, word, score);
    for (Eigen::Index c = 0; c < predictions.scores.cols(); ++c) {
      const double value = predictions.scores(r, c);
      text += "," + (std::isfinite(value) ? report::exact(value) : std::string());  // none where it was not learned
    }
    for (Eigen::Index c = 0; c < static_cast<Eigen::Index>(predictions.k.size()); ++c)
      text += fmt::format(",{},{}", report::exact(predictions.low(r, c)), report::exact(predictions.high(r, c)));
    if (rows.text) {
      std::vector<std::string_view> fields;
      const std::size_t record = rows.records[row];
      data::CsvScanner scanner(rows.text->text.utf8, "", rows.text->separator, rows.text->begins[record]);
      scanner.next(fields);
      for (const std::size_t j : positions) text += ',' + data::csv_quoted(fields[j]);
    }
    text += '\n';
  }
  return text;
}

int run(const Flags& flags, const Configuration& configuration) {
  const Model model = read_model(flags.model);
  if (!model.voting && !flags.k.empty())
    throw std::invalid_argument("--k: the model is none of `certify`, which alone proves intervals");
  const std::optional<ClassProblems> problems = class_problems(model);
  const data::NewRows rows = rows_to_predict(flags, model, problems ? problems->tasks() : model.tasks);
  const Predictions z = model.voting ? voting_predictions(flags, model, rows)
                        : problems   ? class_predictions(model, *problems, rows)
                                     : Predictions{predictions(model, rows), {}, {}, {}, {}};
  Session session({"predict", flags.common.out, flags.common.json, flags.common.quiet});
  const auto file = session.write("predictions.csv", predictions_csv(model, rows, z));
  session.record()["configuration"] = configuration.flags;
  session.record()["predict"] = {{"rows", z.values.size()}, {"notes", rows.notes}, {"predictions_file", file.string()}};
  const auto unknown = std::count(rows.tasks.begin(), rows.tasks.end(), data::NewRows::kUnknownTask);
  session.record()["predict"]["rows_of_unknown_tasks"] = unknown;
  std::string summary;
  for (const std::string& note : rows.notes) summary += fmt::format("{}: {}\n", flags.data.data, note);
  summary += fmt::format("{} rows predicted: {}\n", z.values.size(), file.string());
  if (unknown > 0) summary += fmt::format("{} of them with the mean of all tasks, as their task is unknown\n", unknown);
  if (model.voting)
    summary +=
        "low_k and high_k: where k malicious tasks can move a prediction of this voting model, not of one that `fit` "
        "wrote\n";
  else if (rows.labels.size() > 0 && !rows.labels.array().isNaN().all()) {
    const mtrl::Metrics metrics =
        problems ? problems->metrics(labelled_class_rows(model, *problems, rows, flags.data.data), model.weights)
                 : mtrl::evaluate(labelled_rows(model, rows), mtrl::loss_named(model.loss), model.weights,
                                  model.preparation.label_units());
    session.record()["test"] = evaluate::to_json(metrics, problems ? problems->tasks() : model.tasks);
    for (std::size_t k = 0; k < metrics.names.size(); ++k)
      summary += fmt::format("mean {}: {}\n", metrics.names[k], metric_text(metrics.names[k], metrics.mean(k)));
  }
  session.finish(summary);
  return kDone;
}

}  // namespace

Action add_predict(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  flags->common.out = "crosstalk-out/predict";
  flags->data.label.clear();
  app.add_option("model,--model", flags->model, "model.json of an earlier fit or certify");
  app.add_option("data,--data", flags->data.data,
                 "Rows to predict: the same kind of file as the model was learned from. Columns are found by name; the "
                 "label may be missing");
  app.add_option("--task", flags->data.task,
                 "CSV: column that names the task of a row; the model's own when not given");
  app.add_option("--label", flags->data.label, "CSV: column of the label; the model's own when not given");
  app.add_option("--ignore", flags->data.ignore,
                 "CSV: columns to leave out, a,b,c; columns that the model does not know are ignored");
  app.add_option("--separator", flags->data.separator, "CSV: comma, semicolon, tab or pipe; detected by default")
      ->check(CLI::IsMember({"comma", "semicolon", "tab", "pipe"}));
  app.add_option("--skip-lines", flags->data.skip_lines, "CSV: lines before the header");
  app.add_option("--unseen", flags->unseen, "A word that no training row has: error, or ignore: predict without it")
      ->check(CLI::IsMember({"error", "ignore"}));
  app.add_option("--unknown-task", flags->unknown_task,
                 "A task that the model does not know: error, or mean of all tasks")
      ->check(CLI::IsMember({"error", "mean"}));
  app.add_option("--k", flags->k,
                 "Of a model of certify: intervals for so many malicious tasks, a,b,c; all that are proven without it");
  app.add_flag("--keep-columns", flags->keep_columns, "Write the file's own columns behind the predictions");
  add_options(app, flags->common);
  app.footer(
      "predictions.csv has the rows in the order of the file: row (1 for the first), task, prediction, class (in the "
      "words of the file), score\n"
      "(the number that decides: at least 0 is the positive class; of several classes the largest score, and the score "
      "of each follows). With a model of certify low_k and high_k follow: "
      "the "
      "score's bounds for k malicious tasks.");
  return [flags](const Configuration& configuration) { return run(*flags, configuration); };
}

}  // namespace crosstalk::app
