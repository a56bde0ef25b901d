#include "crosstalk/mtrl/cross_validation.hpp"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "crosstalk/mtrl/metrics.hpp"
#include "crosstalk/parallel.hpp"
#include "crosstalk/rng.hpp"
#include "crosstalk/split.hpp"

namespace crosstalk::mtrl {

namespace {

struct Fold {
  TaskSet train;
  TaskSet held_out;
};

Fold make_fold(const TaskSet& tasks, const std::vector<std::vector<std::size_t>>& folds, std::size_t fold) {
  Fold result;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    std::vector<Eigen::Index> train;
    std::vector<Eigen::Index> held_out;
    for (std::size_t j = 0; j < folds[i].size(); ++j)
      (folds[i][j] == fold ? held_out : train).push_back(static_cast<Eigen::Index>(j));
    result.train.tasks.push_back(select_rows(tasks[i], train));
    result.held_out.tasks.push_back(select_rows(tasks[i], held_out));
  }
  return result;
}

// Over the tasks with rows, each counting the same.
double mean_loss(const TaskSet& tasks, const Loss& loss, const Eigen::MatrixXd& W) {
  const Eigen::VectorXd losses = mean_losses(tasks, loss, W);
  const auto with_rows = losses.array().isFinite();
  return with_rows.select(losses, 0.0).sum() / static_cast<double>(with_rows.count());
}

// With two rows every fold leaves a task one to learn from, whatever the number of folds.
void require_rows(const TaskSet& tasks) {
  std::vector<std::string> small;
  for (const Task& task : tasks)
    if (task.rows() < 2) small.push_back(fmt::format("\"{}\"", task.name));
  if (!small.empty())
    throw std::invalid_argument(fmt::format("cross_validate: {} task{} fewer than 2 rows: {}", small.size(),
                                            small.size() == 1 ? " has" : "s have", fmt::join(small, ", ")));
}

// So many of the tasks at random, in their order.
TaskSet drawn(const TaskSet& tasks, std::size_t count, std::uint64_t seed) {
  std::vector<std::size_t> order = Rng::stream(seed, "tasks for lambda").permutation(tasks.size());
  order.resize(count);
  std::sort(order.begin(), order.end());
  TaskSet chosen;
  chosen.feature_names = tasks.feature_names;
  for (const std::size_t i : order) chosen.tasks.push_back(tasks[i]);
  return chosen;
}

// Of the trials whose loss the noise of a coarse fit could have put first, the one that pulls hardest.
const CrossValidation::Trial& simplest_of_best(const std::vector<CrossValidation::Trial>& trials, double tie) {
  const auto less = [](const auto& a, const auto& b) { return a.loss < b.loss; };
  const double least = std::min_element(trials.begin(), trials.end(), less)->loss;
  const CrossValidation::Trial* best = nullptr;
  for (const CrossValidation::Trial& trial : trials)
    if (trial.loss <= least * (1.0 + tie) &&
        (best == nullptr || std::pair(trial.lambda1, trial.lambda2) > std::pair(best->lambda1, best->lambda2)))
      best = &trial;
  return *best;
}

}  // namespace

const OptionTable<CrossValidationOptions>& CrossValidationOptions::table() {
  static const auto table =
      OptionTable<CrossValidationOptions>("cross_validate")
          .add(&CrossValidationOptions::folds,
               {.key = "folds", .meaning = "Folds of the cross-validation", .range = from_to(2, 100)})
          .add(&CrossValidationOptions::most_tasks, {.key = "most-tasks",
                                                     .meaning = "Of more tasks so many, drawn at random, stand for all",
                                                     .range = at_least(2)});
  return table;
}

CrossValidation cross_validate(const TaskSet& all, const Loss& loss, const Options& options,
                               const CrossValidationOptions& grid, const RunControl& control) {
  if (grid.lambda1.empty() || grid.lambda2.empty()) throw std::invalid_argument("cross_validate: the grid is empty");
  CrossValidationOptions::table().require_valid(grid);
  require_rows(all);
  const bool is_sample = all.size() > grid.most_tasks;
  const TaskSet sample = is_sample ? drawn(all, grid.most_tasks, grid.seed) : TaskSet();
  const TaskSet& tasks = is_sample ? sample : all;
  const auto assignment = assign_folds(tasks, grid.folds, grid.seed);

  CrossValidation result;
  result.tasks = tasks.size();
  for (const double lambda1 : grid.lambda1)
    for (const double lambda2 : grid.lambda2) result.trials.push_back({lambda1, lambda2, 0.0, 0.0});
  // A model for choosing needs no ten digits. With these the held-out losses are right to 2e-5 (student, all trials,
  // against 1e-10; 2e-4 with 1e-6), well below the tie.
  Options coarse = options;
  coarse.tolerance = std::max(options.tolerance, 1e-8);
  // Of k tasks standing for m the singular values are those of all times sqrt(k / m).
  coarse.smoothing *= std::sqrt(static_cast<double>(tasks.size()) / static_cast<double>(all.size()));
  std::vector<CrossValidation::Trial> parts(result.trials.size() * grid.folds);
  std::mutex progress_mutex;
  std::size_t done = 0;
  // One fold after the other: of a wide set each holds as much memory as the set.
  for (std::size_t k = 0; k < grid.folds; ++k) {
    Fold fold = make_fold(tasks, assignment, k);
    EmpiricalRisk risk(std::move(fold.train), loss);
    if (is_sample) risk = risk.standing_for(static_cast<Eigen::Index>(all.size()));
    parallel_for(result.trials.size(), grid.threads, [&](std::size_t t) {
      Options at = coarse;
      at.lambda1 = result.trials[t].lambda1;
      at.lambda2 = result.trials[t].lambda2;
      const Eigen::MatrixXd W = solve(risk, at).weights;
      CrossValidation::Trial& part = parts[t * grid.folds + k];
      part.loss = mean_loss(fold.held_out, loss, W);
      part.metric = evaluate(fold.held_out, loss, W).mean(0);
      if (!control.progress) return;
      const std::lock_guard lock(progress_mutex);
      ++done;
      control.progress(static_cast<double>(done) / static_cast<double>(parts.size()), "choosing lambda");
    });
  }
  for (std::size_t t = 0; t < result.trials.size(); ++t) {
    CrossValidation::Trial& trial = result.trials[t];
    const auto mean = [&](double CrossValidation::Trial::*of) {
      double sum = 0.0;
      double count = 0.0;
      for (std::size_t k = 0; k < grid.folds; ++k) {
        const double value = parts[t * grid.folds + k].*of;
        if (std::isnan(value)) continue;  // a fold without held-out rows
        sum += value;
        count += 1.0;
      }
      return sum / count;
    };
    trial.loss = mean(&CrossValidation::Trial::loss);
    trial.metric = mean(&CrossValidation::Trial::metric);
  }
  const CrossValidation::Trial& best = simplest_of_best(result.trials, grid.tie);
  result.best = options;
  result.best.lambda1 = best.lambda1;
  result.best.lambda2 = best.lambda2;
  return result;
}

}  // namespace crosstalk::mtrl
