#pragma once

#include <cstdint>
#include <vector>

#include "crosstalk/mtrl/loss.hpp"
#include "crosstalk/mtrl/solve.hpp"
#include "crosstalk/option_table.hpp"
#include "crosstalk/run_control.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::mtrl {

struct CrossValidationOptions {
  /// The grid: every pair of a lambda1 and a lambda2 is tried. lambda2 = 0 is left out: it would often be chosen, and
  /// it is not multi-task learning any more.
  std::vector<double> lambda1 = {1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0};
  std::vector<double> lambda2 = {1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0};
  std::size_t folds = 3;  ///< 2 to 100. A task with fewer rows is held out in as many folds as it has rows
  /// Of the trials whose loss is at most this share above the least, the one with the largest lambda1 is taken, then
  /// the largest lambda2: the last digits of a coarse fit choose nothing.
  double tie = 1e-4;
  /// >= 2. Of more tasks so many, drawn at random, stand for all: T and tau are those of all tasks, and held-out losses
  /// of so many tasks tell the lambdas apart as well.
  std::size_t most_tasks = 2000;
  std::uint64_t seed = 1;
  int threads = 1;

  /// Keys, ranges and meanings.
  static const OptionTable<CrossValidationOptions>& table();
};

struct CrossValidation {
  struct Trial {
    double lambda1;
    double lambda2;
    double loss;    ///< mean held-out loss over folds and tasks, each task counting the same
    double metric;  ///< mean of the primary metric, for the record
  };
  std::vector<Trial> trials;  ///< in grid order
  std::size_t tasks = 0;      ///< that were fitted and held out: all, or CrossValidationOptions::most_tasks
  Options best;               ///< the options given, with the lambdas of the trial of least held-out loss, up to a tie
};

/// Chooses lambda1 and lambda2 by k-fold cross-validation inside every task. The held-out quantity is the learner's own
/// loss. Of the watch only the progress is used: it runs to its end.
/// @throws std::invalid_argument for an empty grid, fewer than 2 folds, or tasks with fewer than 2 rows, naming all.
CrossValidation cross_validate(const TaskSet& tasks, const Loss& loss, const Options& options,
                               const CrossValidationOptions& grid, const RunControl& control = {});

}  // namespace crosstalk::mtrl
