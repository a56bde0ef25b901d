#include "crosstalk/problem/problem.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "crosstalk/data/csv_scanner.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/mtrl/row_reduction.hpp"
#include "crosstalk/problem/class_problems.hpp"
#include "crosstalk/row_space.hpp"
#include "split_data.hpp"

namespace crosstalk {

namespace {

// The map of a kernel whose width is known, with landmarks of these rows.
std::shared_ptr<const KernelMap> kernel_map_on(const TaskSet& rows, const KernelOptions& kernel, bool bias) {
  return std::make_shared<const KernelMap>(
      KernelFunction{kernel.kernel, kernel.width.value(), kernel.degree.value_or(KernelFunction().degree)}, rows,
      kernel.landmarks.value_or(KernelOptions::kMostLandmarks), bias);
}

std::shared_ptr<const KernelMap> kernel_map_of(const Problem& problem, const KernelOptions& kernel) {
  return kernel_map_on(problem.train, kernel, problem.preparation.options().bias);
}

// What a user said of the kernel, with the width of the data where none was given.
KernelOptions completed_kernel(KernelOptions kernel, const TaskSet& train, bool bias, const std::string& name) {
  if (kernel.landmarks && *kernel.landmarks > train.rows())
    throw std::invalid_argument(fmt::format("`landmarks` is {}; it must be at most {}, the number of training rows",
                                            *kernel.landmarks, train.rows()));
  if (kernel.width) return kernel;
  const Eigen::MatrixXd X = stacked_rows(train, train.features());
  kernel.width = median_distance(X.leftCols(X.cols() - (bias ? 1 : 0)), kernel.kernel);
  if (!(*kernel.width > 0.0))
    throw DataError(
        fmt::format("{}: the median distance of two training rows is 0, so that it gives no width of a "
                    "kernel; give `width`",
                    name));
  return kernel;
}

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
  require_valid(options.kernel);
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
  if (problem.dataset.csv && ClassProblems::has_several_classes(problem.dataset.csv->coding)) {
    if (options.kernel.kernel != Kernel::Linear)
      require_two_classes(problem.dataset, fmt::format("the kernel is {}; it must be linear for several classes",
                                                       to_string(options.kernel.kernel)));
    become_class_problems(split, problem.dataset);
  }
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
  problem.kernel = options.kernel;
  if (options.kernel.kernel != Kernel::Linear) {
    const bool bias = problem.preparation.options().bias;
    problem.kernel = completed_kernel(options.kernel, problem.train, bias, problem.dataset.name);
    problem.width_is_free = !options.kernel.width;
    problem.map = kernel_map_of(problem, problem.kernel);
  }
  return problem;
}

mtrl::EmpiricalRisk Problem::risk(mtrl::EmpiricalRisk::EmptyTasks empty_tasks) const {
  if (!map) return {train, *loss, mtrl::EmpiricalRisk::Layout::Automatic, empty_tasks};
  return {map->map(train), *loss, mtrl::layout_in_span(train.rows(), map->outputs()), empty_tasks};
}

mtrl::Metrics Problem::metrics(const TaskSet& rows, const Eigen::MatrixXd& W) const {
  if (!map) return mtrl::evaluate(rows, *loss, W, preparation.label_units());
  return mtrl::evaluate(map->function_rows(rows), *loss, map->function_weights(W), preparation.label_units());
}

Eigen::VectorXd Problem::losses(const TaskSet& rows, const Eigen::MatrixXd& W) const {
  if (!map) return mtrl::mean_losses(rows, *loss, W);
  return mtrl::mean_losses(map->function_rows(rows), *loss, map->function_weights(W));
}

namespace {

// Chooses the lambdas at every width, and then the width.
mtrl::CrossValidation choose_with_kernel(Problem& problem, const mtrl::CrossValidationOptions& grid,
                                         const RunControl& control) {
  std::vector<double> widths = {*problem.kernel.width};
  if (problem.width_is_free) {
    KernelOptions unknown = problem.kernel;
    unknown.width.reset();
    const double median =
        *completed_kernel(unknown, problem.train, problem.preparation.options().bias, problem.dataset.name).width;
    widths.clear();
    for (const double multiple : kWidths) widths.push_back(multiple * median);
  }
  std::optional<mtrl::CrossValidation> best;
  problem.width_trials.clear();
  for (std::size_t k = 0; k < widths.size(); ++k) {
    KernelOptions kernel = problem.kernel;
    kernel.width = widths[k];
    kernel.landmarks = std::min(kernel.landmarks.value_or(KernelOptions::kMostLandmarks), kLandmarksToChoose);
    RunControl part = control;
    if (control.progress)
      part.progress = [&, k](double share, const std::string& what) {
        control.progress((static_cast<double>(k) + share) / static_cast<double>(widths.size()), what);
      };
    mtrl::CrossValidation found = mtrl::cross_validate(kernel_map_of(problem, kernel)->map(problem.train),
                                                       *problem.loss, problem.learner, grid, part);
    const auto chosen = std::find_if(found.trials.begin(), found.trials.end(), [&](const auto& trial) {
      return trial.lambda1 == found.best.lambda1 && trial.lambda2 == found.best.lambda2;
    });
    const auto less = [](const auto& a, const auto& b) { return a.loss < b.loss; };
    problem.width_trials.push_back({widths[k], chosen->lambda1, chosen->lambda2, chosen->loss});
    const auto least = std::min_element(problem.width_trials.begin(), problem.width_trials.end(), less);
    if (least + 1 != problem.width_trials.end()) continue;
    best = std::move(found);
    problem.kernel.width = widths[k];
  }
  if (!problem.width_is_free) problem.width_trials.clear();
  return std::move(*best);
}

}  // namespace

void choose_lambdas(Problem& problem, const std::optional<mtrl::CrossValidationOptions>& given,
                    const RunControl& control) {
  mtrl::CrossValidationOptions grid;
  grid.folds = problem.dataset.recipe.folds;
  grid = given.value_or(grid);
  if (problem.map) {
    const double before = *problem.kernel.width;
    problem.cross_validation = choose_with_kernel(problem, grid, control);
    if (*problem.kernel.width != before) problem.map = kernel_map_of(problem, problem.kernel);
    if (problem.map->landmarks().rows() > kLandmarksToChoose)
      problem.dataset.notes.push_back(fmt::format("lambda1, lambda2{} chosen with {} landmarks",
                                                  problem.width_is_free ? " and the width" : "", kLandmarksToChoose));
  } else {
    problem.cross_validation = mtrl::cross_validate(problem.train, *problem.loss, problem.learner, grid, control);
  }
  problem.learner = problem.cross_validation->best;
  if (const std::size_t tasks = problem.cross_validation->tasks; tasks < problem.train.size())
    problem.dataset.notes.push_back(
        fmt::format("lambda1 and lambda2 chosen on {} of the {} tasks, drawn at random", tasks, problem.train.size()));
}

Problem with_landmarks_from(Problem problem, const TaskSet& injected) {
  if (problem.map)
    problem.map = kernel_map_on(join_rows(problem.train, injected), problem.kernel, problem.preparation.options().bias);
  return problem;
}

Refit refit(const Problem& problem, const TaskSet& injected) {
  TaskSet poisoned = join_rows(problem.raw_train, injected);
  const Preparation preparation = Preparation::fit(poisoned, problem.preparation.options());
  poisoned = preparation.apply(poisoned);
  TaskSet evaluation = preparation.apply(problem.raw_test.size() > 0 ? problem.raw_test : problem.raw_train);
  mtrl::EmpiricalRisk::Layout layout = mtrl::EmpiricalRisk::Layout::Automatic;
  if (problem.map) {
    const auto map = kernel_map_on(poisoned, problem.kernel, preparation.options().bias);
    poisoned = map->map(poisoned);
    evaluation = map->map(evaluation);
    layout = mtrl::layout_in_span(poisoned.rows(), map->outputs());
  }
  Refit result{mtrl::solve(mtrl::EmpiricalRisk(std::move(poisoned), *problem.loss, layout), problem.learner), {}, {}};
  result.metrics = mtrl::evaluate(evaluation, *problem.loss, result.fit.weights, preparation.label_units());
  result.losses = mtrl::mean_losses(evaluation, *problem.loss, result.fit.weights);
  // The squared loss goes with the square of the labels' unit, which the injected rows moved.
  if (preparation.label_scales() > 0)
    result.losses.array() *=
        preparation.label_units().cwiseQuotient(problem.preparation.label_units()).array().square();
  return result;
}

}  // namespace crosstalk
