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
#include "crosstalk/problem/class_problems.hpp"

namespace crosstalk::app {

namespace {

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

ProblemOptions problem_options(const CommonOptions& common, const DataOptions& data, const LearnerOptions& learner,
                               HoldOut hold_out) {
  ProblemOptions options;
  options.load.seed = common.seed;
  options.load.loss = learner.loss;
  options.load.csv = csv_options(data);
  options.load.positive = data.positive;
  options.test_file = data.test;
  options.test_fraction = data.test_fraction;
  options.hold_out = hold_out == HoldOut::ByRecipe;
  options.min_rows = data.min_rows;
  if (data.scale) options.scale = scale_named(*data.scale);
  options.pca = data.pca;
  options.kernel = {kKernels.named(learner.kernel), learner.width, learner.degree, learner.landmarks};
  if (data.standardise_labels) options.label_scale = label_scale_named(*data.standardise_labels);
  return options;
}

Problem load_problem(const CommonOptions& common, const DataOptions& data, const LearnerOptions& learner,
                     HoldOut hold_out) {
  Problem problem = crosstalk::load_problem(data.data, problem_options(common, data, learner, hold_out));
  if (!data.several_classes)
    require_two_classes(problem.dataset,
                        "this command takes two: write a column with one class against the rest, or numbers and "
                        "--loss squared (fit, predict and defend take several)");
  if (const std::vector<std::string> flags = given_csv_flags(data); !problem.dataset.csv && !flags.empty())
    problem.dataset.notes.push_back(fmt::format("this is no CSV file, so {} changed nothing", fmt::join(flags, ", ")));
  for (std::string& note : problem.dataset.notes) note = in_flags(note);
  return problem;
}

void choose_lambdas(Problem& problem, const CommonOptions& common, const LearnerOptions& learner,
                    const RunControl& control) {
  const bool given = learner.lambda1.has_value() || learner.lambda2.has_value();
  if (learner.cross_validate && given)
    throw std::invalid_argument("--cv chooses lambda1 and lambda2; give either --cv or the lambdas");
  problem.learner.lambda1 = learner.lambda1.value_or(mtrl::Options().lambda1);
  problem.learner.lambda2 = learner.lambda2.value_or(mtrl::Options().lambda2);
  problem.learner.smoothing = learner.smoothing;
  problem.learner.tolerance = learner.tolerance;
  if (given) return;
  mtrl::CrossValidationOptions grid;
  grid.folds = learner.folds.value_or(problem.dataset.recipe.folds);
  grid.seed = common.seed;
  grid.threads = thread_count(common);
  crosstalk::choose_lambdas(problem, grid, control);
}

std::string kernel_text(const Problem& problem) {
  if (!problem.map) return "";
  const KernelFunction& kernel = problem.map->kernel();
  const std::string degree =
      kernel.kernel == Kernel::Polynomial ? fmt::format(" of degree {}", kernel.degree) : std::string();
  return fmt::format("{} kernel{}, width {:.6g}, {} landmarks of {} training rows, trace(K - L L') {:.3g} of {:.6g}\n",
                     to_string(kernel.kernel), degree, kernel.width, problem.map->landmarks().rows(),
                     problem.map->rows(), problem.map->trace_error(), problem.map->trace());
}

Configuration completed(Configuration configuration, const Problem& problem) {
  const auto set = [&](const char* key, const nlohmann::ordered_json& value, const nlohmann::ordered_json& by_default) {
    if (!configuration.flags.contains(key)) return;  // the command has no such flag
    configuration.flags[key] = value;
    configuration.defaults[key] = by_default;
  };
  const PreparationOptions& preparation = problem.preparation.options();
  const data::Recipe& recipe = problem.dataset.recipe;
  const bool chosen = problem.cross_validation.has_value();
  set("scale", to_string(preparation.scale), to_string(recipe.scale));
  if (problem.test_fraction) set("test-fraction", *problem.test_fraction, recipe.test_fraction);
  set("pca", preparation.pca, recipe.pca);
  const nlohmann::ordered_json folds = configuration.flags.value("folds", nlohmann::ordered_json());
  set("folds", folds.is_null() ? nlohmann::ordered_json(recipe.folds) : folds, recipe.folds);
  set("standardise-labels", to_string(preparation.labels), to_string(default_label_scale(recipe, *problem.loss)));
  set("loss", problem.loss->name(), recipe.loss);
  // Given lambdas are never the default, whatever they are: with one of them left out an audit would choose both.
  const nlohmann::ordered_json none;
  set("lambda1", problem.learner.lambda1, chosen ? nlohmann::ordered_json(problem.learner.lambda1) : none);
  set("lambda2", problem.learner.lambda2, chosen ? nlohmann::ordered_json(problem.learner.lambda2) : none);
  set("cv", chosen, chosen);
  if (problem.map) set("width", *problem.kernel.width, none);
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
  if (!problem.map) return record;
  const KernelFunction& kernel = problem.map->kernel();
  record["kernel"] = {{"name", to_string(kernel.kernel)},
                      {"width", kernel.width},
                      {"landmarks", problem.map->landmarks().rows()},
                      {"trace", problem.map->trace()},
                      {"trace_error", problem.map->trace_error()}};
  if (kernel.kernel == Kernel::Polynomial) record["kernel"]["degree"] = kernel.degree;
  for (const Problem::WidthTrial& trial : problem.width_trials)
    record["kernel"]["width_trials"].push_back(
        {{"width", trial.width}, {"lambda1", trial.lambda1}, {"lambda2", trial.lambda2}, {"loss", trial.loss}});
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

std::optional<ClassProblems> class_problems(const Problem& problem) {
  if (!problem.dataset.csv || !ClassProblems::has_several_classes(problem.dataset.csv->coding)) return std::nullopt;
  return ClassProblems(problem.dataset.csv->coding, problem.train.names());
}

std::string metric_text(const std::string& metric, double value) {
  if (!std::isnan(value)) return fmt::format("{:.6g}", value);
  return metric == "auc" || metric == "macro_auc"
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
