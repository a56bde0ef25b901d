#include "crosstalk/problem/problem.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "crosstalk/data/csv_scanner.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/problem/class_problems.hpp"
#include "split_data.hpp"

namespace crosstalk {

namespace {

void require_learnable(const TaskSet& train, const mtrl::Loss& loss, const data::Dataset& dataset) {
  require_class_labels(train, loss, dataset.name);
  std::vector<std::string> small;
  std::vector<std::string> one_class;
  double largest = 0.0;
  for (const Task& task : train) {
    largest = std::max(largest, task.features.rowwise().norm().maxCoeff());
    if (task.rows() < 2) small.push_back(task.name);
    if (!loss.is_classification()) continue;
    if (task.labels.minCoeff() == task.labels.maxCoeff()) one_class.push_back(task.name);
  }
  const std::string way_out = dataset.csv ? "; `min_rows=2` leaves such tasks out" : "";
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

// Both parts of the rows as binary problems; those without their class, or with nothing else, in the training rows are
// left out.
void become_class_problems(Split& split, data::Dataset& dataset) {
  const data::CsvCoding& coding = dataset.csv->coding;
  const TaskSet train = one_against_rest(split.train, coding, dataset.name);
  const TaskSet test = one_against_rest(split.test, coding, dataset.name);
  Split problems;
  problems.train.feature_names = problems.test.feature_names = split.train.feature_names;
  std::vector<std::string> left_out;
  for (std::size_t k = 0; k < train.size(); ++k) {
    if (train[k].labels.minCoeff() == train[k].labels.maxCoeff()) {
      left_out.push_back(train[k].name);
      continue;
    }
    problems.train.tasks.push_back(train[k]);
    if (test.size() > 0) problems.test.tasks.push_back(test[k]);
  }
  if (!left_out.empty())
    dataset.notes.push_back(fmt::format("of {} class problems {} were left out, whose training rows have one class: {}",
                                        train.size(), left_out.size(), data::listed(left_out)));
  if (problems.train.size() == 0)
    throw DataError(fmt::format("{}: every task has one class in its training rows", dataset.name));
  split = std::move(problems);
}

}  // namespace

LabelScale label_scale_for(const std::optional<LabelScale>& asked, LabelScale by_default, const mtrl::Loss& loss) {
  if (!loss.is_classification()) return asked.value_or(by_default);
  if (asked.value_or(LabelScale::None) != LabelScale::None)
    throw std::invalid_argument(
        fmt::format("`standardise_labels`: {} is for labels that are numbers; the {} loss has classes",
                    to_string(*asked), loss.name()));
  return LabelScale::None;
}

const OptionTable<ProblemOptions>& ProblemOptions::table() {
  static const auto table =
      OptionTable<ProblemOptions>("")
          .add(&ProblemOptions::min_rows,
               {.key = "min-rows",
                .meaning = "Leave out tasks of fewer rows, and tasks that have one class in their training rows",
                .range = from_to(1, 1'000'000'000)})
          .add(&ProblemOptions::test_file,
               {.key = "test", .meaning = "File with the rows to test on; then none are held out"})
          .add(&ProblemOptions::scale,
               {.key = "scale",
                .meaning = "standard: every feature to mean 0, variance 1 on the training rows; unit-ball: divide so "
                           "that the largest training row has norm 1; none. Standard for files, unit-ball for known "
                           "sets",
                .words = kScales.names()})
          .add(&ProblemOptions::test_fraction, {.key = "test-fraction",
                                                .meaning = "Share of each task's rows held out for testing",
                                                .range = Range{.low = 0, .high = 1, .high_is_open = true}})
          .add(&ProblemOptions::pca,
               {.key = "pca", .meaning = "Principal components to keep; 0 for all features", .range = at_least(0)})
          .add(&ProblemOptions::label_scale,
               {.key = "standardise-labels",
                .meaning = "Scale regression labels to mean 0, variance 1 on the training rows: all together, of each "
                           "task, or none. Default: all for files, none for known sets",
                .words = kLabelScales.names()});
  return table;
}

LabelScale default_label_scale(const data::Recipe& recipe, const mtrl::Loss& loss) {
  return label_scale_for({}, recipe.labels, loss);
}

Problem load_problem(const std::string& name_or_path, const ProblemOptions& options) {
  return make_problem(data::load(name_or_path, options.load), options);
}

Problem make_problem(data::Dataset dataset, const ProblemOptions& options) {
  Problem problem;
  problem.dataset = std::move(dataset);
  const data::Recipe& recipe = problem.dataset.recipe;
  const std::string& loss = options.load.loss;
  problem.loss = &mtrl::loss_named(loss.empty() ? recipe.loss : loss);

  DataSplit parts = split_data(problem.dataset, options);
  problem.test_fraction = parts.test_fraction;
  problem.split_by = parts.by;
  Split& split = parts.rows;
  leave_out_small_tasks(split, options, problem.loss->is_classification(), problem.dataset.notes);
  if (problem.dataset.csv && ClassProblems::has_several_classes(problem.dataset.csv->coding))
    become_class_problems(split, problem.dataset);
  require_learnable(split.train, *problem.loss, problem.dataset);

  PreparationOptions preparation;
  preparation.scale = options.scale.value_or(recipe.scale);
  preparation.pca = options.pca.value_or(recipe.pca);
  preparation.labels = label_scale_for(options.label_scale, recipe.labels, *problem.loss);
  try {
    problem.preparation = Preparation::fit(split.train, preparation);
  } catch (const DataError& error) {
    throw DataError(fmt::format("{}: {}", problem.dataset.name, error.what()));
  }
  problem.train = problem.preparation.apply(split.train);
  problem.test = problem.preparation.apply(split.test);
  problem.raw_train = std::move(split.train);
  problem.raw_test = std::move(split.test);
  return problem;
}

void choose_lambdas(Problem& problem, const std::optional<mtrl::CrossValidationOptions>& grid,
                    const RunControl& control) {
  mtrl::CrossValidationOptions usual;
  usual.folds = problem.dataset.recipe.folds;
  problem.cross_validation =
      mtrl::cross_validate(problem.train, *problem.loss, problem.learner, grid.value_or(usual), control);
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

}  // namespace crosstalk
