#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/mtrl/loss.hpp"
#include "crosstalk/mtrl/solve.hpp"
#include "crosstalk/option_table.hpp"
#include "crosstalk/run_control.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::evaluate {

/// Which trusted rows a new row is held against.
enum class Reference {
  Task,  ///< those of its task: p is exact when they are exchangeable with honest new rows of the task
  All,   ///< those of all tasks, when scores are exchangeable between tasks, too; many more rows
};

struct BatchScreenOptions {
  mtrl::Options learner = {};
  double alpha = 0.05;  ///< in (0, 0.5). Expected share of honest rows among the rejected ones, at most.
  /// Benjamini and Yekutieli's step, which holds however the p-values depend on each other, in place of Benjamini and
  /// Hochberg's, which needs positive dependence.
  bool any_dependence = false;
  Reference reference = Reference::All;
  bool bias = true;             ///< the last feature is the constant 1
  bool stranger_labels = true;  ///< whether labels of unknown tasks are in the units of the others'
  std::uint64_t seed = 1;       ///< of the folds
  /// In [0, 1). Share of the new rows that may be rejected without an alarm (BatchScreen::is_alarm); without it there
  /// is none.
  std::optional<double> tolerate = {};

  /// Keys, ranges and meanings.
  static const OptionTable<BatchScreenOptions>& table();
};
/// @throws std::invalid_argument naming the option that is outside its range.
void require_valid(const BatchScreenOptions& options);

/// What is said of the new rows of one task, a number a row.
struct ScreenedTask {
  /// |y - w'x| over its median in the task, or the loss over the median loss of the class (defence::residual_scores),
  /// under models that learned from trusted rows alone; the mean over the folds, like the next two.
  Eigen::VectorXd residual;
  Eigen::VectorXd distance;  ///< square root of defence::mcd_distances from the trusted rows
  Eigen::VectorXd score;     ///< the larger of the two, each over its 95 % quantile among the rows learned from
  /// (1 + k) / (1 + n): of n trusted rows, k have this score or more where they were not learned from. The smallest
  /// p there can be is 1 / (1 + n).
  Eigen::VectorXd p;
  std::vector<bool> residual_decides;  ///< whether the score is from the residual, in most folds
  std::vector<bool> flagged;           ///< p <= alpha
  std::vector<bool> rejected;          ///< by the step-up procedure over all new rows
  std::size_t references = 0;          ///< n
  double task_p = 1.0;                 ///< Simes' p that none of the rows stands out; 1 without rows
  bool task_rejected = false;          ///< by the step-up procedure over the tasks that have new rows
};

struct BatchScreen {
  std::vector<ScreenedTask> tasks;  ///< m trusted ones, then one of all rows of unknown tasks
  std::size_t rows = 0;             ///< new rows
  std::size_t rejected = 0;
  bool converged = true;  ///< every fit
  [[nodiscard]] double rejected_share() const {
    return rows > 0 ? static_cast<double>(rejected) / static_cast<double>(rows) : 0.0;
  }
  /// More rows are rejected than the options tolerate.
  [[nodiscard]] bool is_alarm(const BatchScreenOptions& options) const {
    return options.tolerate && rejected_share() > *options.tolerate;
  }
};

/// Scores new rows by models and row statistics of trusted rows; nothing is learned from the new ones. Trusted rows are
/// dealt into five folds; a model, the metric of the distances and the scales are found without one fold, and judge its
/// rows and all new ones: cross-conformal p-values [Vovk 2015].
/// A row of a task that the trusted rows do not know is held against all tasks: its prediction is the mean of the
/// tasks' (for a trusted row, of the other tasks'), its distance is from the middle of all rows, and its references
/// are all trusted rows.
/// With one set of references the p-values of honest rows are positively dependent [Bates, Candes, Lei, Romano and
/// Sesia 2023], which Benjamini and Hochberg's procedure needs.
/// @param trusted    m tasks in the learner's units, at least 2 rows each.
/// @param batch      the same tasks; may have no rows.
/// @param strangers  rows of unknown tasks; may have no rows.
/// @throws std::invalid_argument for options or tasks that do not fit.
BatchScreen screen_batch(const TaskSet& trusted, const TaskSet& batch, const Task& strangers, const mtrl::Loss& loss,
                         const BatchScreenOptions& options, const RunControl& control = {});

/// The hypotheses that a step-up procedure rejects at a false discovery rate: all with p up to the largest p_(k) <=
/// alpha k / (N c), c = 1 [Benjamini and Hochberg 1995] or 1 + 1/2 + ... + 1/N [Benjamini and Yekutieli 2001].
std::vector<bool> rejected_at(const std::vector<double>& p, double alpha, bool any_dependence);

/// Of N hypotheses, the least number that can be rejected when no p is below `smallest`; N + 1 when none can be.
std::size_t fewest_rejections(std::size_t hypotheses, double smallest, double alpha, bool any_dependence);

}  // namespace crosstalk::evaluate
