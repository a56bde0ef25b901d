#include "problem.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "crosstalk/data/csv_scanner.hpp"
#include "crosstalk/error.hpp"
#include "split_data.hpp"

namespace crosstalk::app {

namespace {

data::LoadOptions load_options(const CommonOptions& common, const DataOptions& data, const LearnerOptions& learner) {
  data::LoadOptions options;
  options.seed = common.seed;
  options.loss = learner.loss;
  options.csv = csv_options(data);
  options.positive = data.positive;
  return options;
}

// Classes have no scale.
LabelScale labels_scale(const DataOptions& data, const data::Recipe& recipe, const mtrl::Loss& loss) {
  if (!data.standardise_labels) return loss.is_classification() ? LabelScale::None : recipe.labels;
  const LabelScale scale = label_scale_named(*data.standardise_labels);
  if (loss.is_classification() && scale != LabelScale::None)
    throw std::invalid_argument(
        fmt::format("--standardise-labels: {} is for labels that are numbers; the {} loss has "
                    "classes",
                    *data.standardise_labels, loss.name()));
  return scale;
}

void require_learnable(const TaskSet& train, const mtrl::Loss& loss, const data::Dataset& dataset) {
  std::vector<std::string> small;
  std::vector<std::string> one_class;
  double largest = 0.0;
  for (const Task& task : train) {
    largest = std::max(largest, task.features.rowwise().norm().maxCoeff());
    if (task.rows() < 2) small.push_back(task.name);
    if (!loss.is_classification()) continue;
    for (const double label : task.labels)
      if (label != 1.0 && label != -1.0)
        throw DataError(
            fmt::format("{}: task \"{}\" has the label {}; the {} loss needs two classes, or labels -1 and +1",
                        dataset.name, task.name, label, loss.name()));
    if (task.labels.minCoeff() == task.labels.maxCoeff()) one_class.push_back(task.name);
  }
  const std::string way_out = dataset.csv ? "; --min-rows 2 leaves such tasks out" : "";
  if (!small.empty())
    throw DataError(fmt::format("{}: {} task{} only 1 training row; a task must have at least 2: {}{}", dataset.name,
                                small.size(), small.size() == 1 ? " has" : "s have", data::listed(small), way_out));
  if (!one_class.empty())
    throw DataError(fmt::format("{}: {} task{} only one class in the training rows; a task must have both: {}{}",
                                dataset.name, one_class.size(), one_class.size() == 1 ? " has" : "s have",
                                data::listed(one_class), way_out));
  if (largest == 0.0)
    throw DataError(
        fmt::format("{}: all features of all training rows are 0; there is nothing to learn from", dataset.name));
  if (!std::isfinite(largest))
    throw DataError(fmt::format(
        "{}: the norm of a training row is too large for a double; scale the features in the file", dataset.name));
}

// Of the flags that say how a CSV file is read, those that were given.
std::vector<std::string> given_csv_flags(const DataOptions& given) {
  const DataOptions none;
  std::vector<std::string> flags;
  const auto add = [&](const char* flag, bool is_given) {
    if (is_given) flags.emplace_back(flag);
  };
  add("--task", given.task != none.task);
  add("--label", given.label != none.label);
  add("--ignore", given.ignore != none.ignore);
  add("--separator", given.separator != none.separator);
  add("--decimal", given.decimal != none.decimal);
  add("--skip-lines", given.skip_lines != none.skip_lines);
  add("--no-header", given.no_header);
  add("--missing", given.missing != none.missing);
  add("--missing-words", given.missing_words != none.missing_words);
  return flags;
}

}  // namespace

data::CsvOptions csv_options(const DataOptions& data) {
  data::CsvOptions csv;
  csv.task_column = data.task;
  csv.label_columns = for_flag("--label", [&] { return split_list(data.label); });
  csv.ignore = for_flag("--ignore", [&] { return split_list(data.ignore); });
  csv.separator = separator_named(data.separator);
  csv.decimal = decimal_named(data.decimal);
  csv.has_header = !data.no_header;
  csv.skip_lines = data.skip_lines;
  csv.missing = data::missing_rule_named(data.missing);
  csv.missing_words = for_flag("--missing-words", [&] { return split_list(data.missing_words); });
  csv.split_column = data.split_by;
  csv.keep_text = data.keep_text;
  return csv;
}

char separator_named(const std::string& name) {
  if (name.empty()) return '\0';
  return name == "tab" ? '\t' : name == "comma" ? ',' : name == "pipe" ? '|' : ';';
}

char decimal_named(const std::string& name) {
  return name == "comma" ? ',' : name == "point" ? '.' : '\0';
}

int thread_count(const CommonOptions& common) {
  if (common.threads > 0) return common.threads;
  return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

Problem load_problem(const CommonOptions& common, const DataOptions& data, const LearnerOptions& learner,
                     HoldOut hold_out) {
  Problem problem;
  problem.dataset = data::load(data.data, load_options(common, data, learner));
  data::Dataset& dataset = problem.dataset;
  if (const std::vector<std::string> flags = given_csv_flags(data); !dataset.csv && !flags.empty())
    dataset.notes.push_back(fmt::format("this is no CSV file, so {} changed nothing", fmt::join(flags, ", ")));
  problem.loss = &mtrl::loss_named(learner.loss.empty() ? dataset.recipe.loss : learner.loss);

  DataSplit parts =
      split_data(dataset, data, hold_out == HoldOut::ByRecipe ? dataset.recipe.test_fraction : 0.0, common.seed);
  problem.test_fraction = parts.test_fraction;
  problem.split_by = parts.by;
  Split& split = parts.rows;
  leave_out_small_tasks(split, data, problem.loss->is_classification(), dataset.notes);
  require_learnable(split.train, *problem.loss, dataset);

  PreparationOptions preparation;
  preparation.scale = data.scale ? scale_named(*data.scale) : dataset.recipe.scale;
  preparation.pca = data.pca.value_or(dataset.recipe.pca);
  preparation.labels = labels_scale(data, dataset.recipe, *problem.loss);
  try {
    problem.preparation = Preparation::fit(split.train, preparation);
  } catch (const DataError& error) {
    throw DataError(fmt::format("{}: {}", dataset.name, error.what()));
  }
  problem.train = problem.preparation.apply(split.train);
  problem.test = problem.preparation.apply(split.test);
  problem.raw_train = std::move(split.train);
  problem.raw_test = std::move(split.test);
  return problem;
}

void choose_lambdas(Problem& problem, const CommonOptions& common, const LearnerOptions& learner,
                    const RunControl& control) {
  const bool given = learner.lambda1.has_value() || learner.lambda2.has_value();
  if (learner.cross_validate && given)
    throw std::invalid_argument("--cv chooses lambda1 and lambda2; give either --cv or the lambdas");
  problem.learner.lambda1 = learner.lambda1.value_or(0.1);
  problem.learner.lambda2 = learner.lambda2.value_or(0.1);
  problem.learner.smoothing = learner.smoothing;
  problem.learner.tolerance = learner.tolerance;
  if (given) return;
  mtrl::CrossValidationOptions grid;
  grid.folds = learner.folds.value_or(problem.dataset.recipe.folds);
  grid.seed = common.seed;
  grid.threads = thread_count(common);
  problem.cross_validation = mtrl::cross_validate(problem.train, *problem.loss, problem.learner, grid, control);
  problem.learner = problem.cross_validation->best;
  if (const std::size_t tasks = problem.cross_validation->tasks; tasks < problem.train.size())
    problem.dataset.notes.push_back(
        fmt::format("lambda1 and lambda2 chosen on {} of the {} tasks, drawn at random", tasks, problem.train.size()));
}

Refit refit(const Problem& problem, const TaskSet& injected) {
  TaskSet poisoned = join_rows(problem.raw_train, injected);
  const Preparation preparation = Preparation::fit(poisoned, problem.preparation.options());
  poisoned = preparation.apply(poisoned);
  Refit result{mtrl::solve(mtrl::EmpiricalRisk(std::move(poisoned), *problem.loss), problem.learner), {}, {}};
  const TaskSet evaluation = preparation.apply(problem.raw_test.size() > 0 ? problem.raw_test : problem.raw_train);
  result.metrics = mtrl::evaluate(evaluation, *problem.loss, result.fit.weights, preparation.label_units());
  result.losses = mtrl::mean_losses(evaluation, *problem.loss, result.fit.weights);
  // The squared loss goes with the square of the labels' unit, which the injected rows moved.
  if (preparation.label_scales() > 0)
    result.losses.array() *=
        preparation.label_units().cwiseQuotient(problem.preparation.label_units()).array().square();
  return result;
}

Configuration completed(Configuration configuration, const Problem& problem) {
  const auto set = [&](const char* key, const nlohmann::ordered_json& value, const nlohmann::ordered_json& by_default) {
    configuration.flags[key] = value;
    configuration.defaults[key] = by_default;
  };
  const PreparationOptions& preparation = problem.preparation.options();
  const data::Recipe& recipe = problem.dataset.recipe;
  const bool chosen = problem.cross_validation.has_value();
  set("scale", to_string(preparation.scale), to_string(recipe.scale));
  if (problem.test_fraction) set("test-fraction", *problem.test_fraction, recipe.test_fraction);
  set("pca", preparation.pca, recipe.pca);
  const nlohmann::ordered_json folds = configuration.flags["folds"];
  set("folds", folds.is_null() ? nlohmann::ordered_json(recipe.folds) : folds, recipe.folds);
  set("standardise-labels", to_string(preparation.labels), to_string(labels_scale({}, recipe, *problem.loss)));
  set("loss", problem.loss->name(), recipe.loss);
  // Given lambdas are never the default, whatever they are: with one of them left out an audit would choose both.
  const nlohmann::ordered_json none;
  set("lambda1", problem.learner.lambda1, chosen ? nlohmann::ordered_json(problem.learner.lambda1) : none);
  set("lambda2", problem.learner.lambda2, chosen ? nlohmann::ordered_json(problem.learner.lambda2) : none);
  set("cv", chosen, chosen);
  return configuration;
}

namespace {

nlohmann::ordered_json classes_record(const data::Dataset& dataset) {
  if (!dataset.classes) return nullptr;
  return {{"positive", dataset.classes->positive}, {"negative", dataset.classes->negative}};
}

nlohmann::ordered_json data_record(const Problem& problem) {
  const PreparationOptions& preparation = problem.preparation.options();
  return {{"name", problem.dataset.name},
          {"sources", problem.dataset.sources},
          {"notes", problem.dataset.notes},
          {"classes", classes_record(problem.dataset)},
          {"tasks", problem.train.size()},
          {"features", problem.raw_train.features()},
          {"training_rows", problem.train.rows()},
          {"test_rows", problem.test.rows()},
          {"split_by", problem.split_by},
          {"preparation",
           {{"pca", preparation.pca},
            {"scale", to_string(preparation.scale)},
            {"divisor", problem.preparation.divisor()},
            {"bias", preparation.bias},
            {"standardise_labels", to_string(preparation.labels)}}}};
}

nlohmann::ordered_json learner_record(const Problem& problem) {
  nlohmann::ordered_json record = {
      {"loss", problem.loss->name()},           {"lambda1", problem.learner.lambda1},
      {"lambda2", problem.learner.lambda2},     {"smoothing", problem.learner.smoothing},
      {"tolerance", problem.learner.tolerance}, {"chosen_by_cross_validation", problem.cross_validation.has_value()}};
  if (problem.cross_validation) record["cross_validation_tasks"] = problem.cross_validation->tasks;
  if (problem.cross_validation)
    for (const auto& trial : problem.cross_validation->trials)
      record["trials"].push_back(
          {{"lambda1", trial.lambda1}, {"lambda2", trial.lambda2}, {"loss", trial.loss}, {"metric", trial.metric}});
  return record;
}

}  // namespace

void describe(nlohmann::ordered_json& record, const Problem& problem) {
  record["data"] = data_record(problem);
  record["learner"] = learner_record(problem);
}

std::string evaluation_rows(const Problem& problem) {
  return problem.test.size() > 0 ? "held-out" : "training";
}

std::string notes_text(const Problem& problem) {
  constexpr std::size_t most = 20;
  const auto& notes = problem.dataset.notes;
  const std::string name = std::filesystem::path(problem.dataset.name).filename().string();
  std::string text;
  for (std::size_t k = 0; k < std::min(most, notes.size()); ++k) text += fmt::format("{}: {}\n", name, notes[k]);
  if (notes.size() > most) text += fmt::format("and {} more notes in run.json\n", notes.size() - most);
  return text;
}

std::string metric_text(const std::string& metric, double value) {
  if (!std::isnan(value)) return fmt::format("{:.6g}", value);
  return metric == "auc"
             ? "undefined (no task has both classes there)"
             : fmt::format("undefined (no task has {} rows there, or all labels are one)", mtrl::kRowsForSpread);
}

std::string preparation_text(const Problem& problem) {
  const PreparationOptions& options = problem.preparation.options();
  std::string text;
  if (options.scale == Scale::Standard) text += "Features standardised on the training rows. ";
  if (options.pca > 0) text += fmt::format("Reduced to {} principal components of the training rows. ", options.pca);
  if (options.scale == Scale::UnitBall)
    text +=
        fmt::format("Features divided by {:.6g}, the largest norm of a training row. ", problem.preparation.divisor());
  else if (options.scale == Scale::Standard)
    text += fmt::format("Divided by {:.6g}, the root mean square of the norms of the training rows. ",
                        problem.preparation.divisor());
  else
    text += "Features as in the file. ";
  if (options.labels == LabelScale::Pooled) text += "Labels standardised over all training rows. ";
  if (options.labels == LabelScale::Task) text += "Labels of each task standardised. ";
  return text + "A constant feature 1 appended as the bias.";
}

std::vector<std::size_t> task_list(const std::string& flag, const std::string& text, const TaskSet& tasks) {
  std::vector<std::size_t> chosen;
  const auto names = tasks.names();
  // A number is a name where names are numbers: the third task must not be taken for the task "3".
  const bool names_are_numbers = std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return data::plain_number(name).kind == data::CellKind::Number;
  });
  for (const std::string& word : for_flag(flag, [&] { return split_list(text); })) {
    const auto found = std::find(names.begin(), names.end(), word);
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    const bool is_number = error == std::errc() && end == word.data() + word.size();
    if (found != names.end())
      chosen.push_back(static_cast<std::size_t>(found - names.begin()));
    else if (is_number && !names_are_numbers && number >= 1 && number <= tasks.size())
      chosen.push_back(number - 1);
    else
      static_cast<void>(for_flag(flag, [&] { return task_index(tasks, word); }));
  }
  if (chosen.empty() && !text.empty())
    throw std::invalid_argument(fmt::format("{}: there is no task in \"{}\"", flag, text));
  return chosen;
}

}  // namespace crosstalk::app
