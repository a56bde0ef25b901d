#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/defence/calibration.hpp"
#include "crosstalk/defence/trim.hpp"
#include "crosstalk/mtrl/solve.hpp"
#include "crosstalk/names.hpp"
#include "crosstalk/option_table.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::defence {

enum class Method {
  Trim,    ///< rows that stand out by their features are left out where the labels of the others say so
  Huber,   ///< nothing is left out; no row pulls with more than a bounded force
  Screen,  ///< the sphere and slab of [Steinhardt, Koh and Liang 2017]: a share alpha of each task is left out,
           ///< whatever it is
};
inline constexpr auto kMethods =
    name_table<Method>("defence", {{Method::Trim, "trim"}, {Method::Huber, "huber"}, {Method::Screen, "screen"}});
/// @throws std::invalid_argument for another name.
Method method_named(const std::string& name);
std::string_view to_string(Method method);

struct Options {
  mtrl::Options learner = {};
  Method method = Method::Trim;
  double alpha = 0.05;  ///< in (0, 0.5). Share of honest rows that may be flagged.
  /// Share of all rows to leave out (Trim), in [0, 0.5); without it, as many as are too many.
  std::optional<double> share = {};
  /// >= 0. A task whose held-out loss is worse than that of learning it alone by more than this share is learned alone,
  /// where the rows say so with 97.5 % confidence.
  double margin = 0.1;
  bool bias = true;              ///< the last feature is the constant 1
  bool whole_tasks = true;       ///< Trim: a task may be left out whole; not where tasks are classes of the same rows
  Calibration calibration = {};  ///< of Trim

  /// Keys, ranges and meanings.
  static const OptionTable<Options>& table();
};
/// @throws std::invalid_argument naming the option that is outside its range.
void require_valid(const Options& options);

/// Why a row was left out.
struct Reason {
  std::string detector;
  double p = 1.0;  ///< (1 + k) / (1 + n), k of the n kept rows of all tasks have the row's statistic or more
};

/// What is said of the rows of a task.
struct RowScreen {
  std::vector<Eigen::VectorXd> statistics;  ///< one for each of Defended::statistics
  Eigen::VectorXd score;      ///< -log10 of the smallest of the shares of kept rows with the row's statistic or more
  Eigen::VectorXd p;          ///< share of the kept rows of all tasks that have this score or more, (1 + k) / (1 + n)
  std::vector<bool> flagged;  ///< p <= alpha
  std::vector<std::vector<Reason>> reasons;  ///< of every row; none for a row that was kept
};

struct TaskScreen {
  double flagged_share = 0.0;
  double left_out = 0.0;  ///< share of its rows
  /// z / max(1, s) + sqrt(n) (mean of -ln p over all n rows - over the kept ones), where z = sum (-ln p - 1) / sqrt(n)
  /// over all rows, and s is the tasks' median |z| of the kept rows / 0.6745: how much the task stands out as tasks
  /// do, which may differ, and how much its left out rows do in the task.
  double score = 0.0;
  bool flagged = false;  ///< rows were left out, and the score is above what one of m honest tasks has in 1 of 20 cases
  double joint_loss = 0.0;  ///< mean loss on held-out rows among those kept
  double alone_loss = 0.0;
  bool alone = false;  ///< learned alone: the others do it harm, or it does them
  /// By how many median deviations of the tasks it stands out: by how badly the others predict it, also beside what its
  /// own weights do, and by the features of its rows.
  double outlyingness = 0.0;
  bool left_out_whole = false;  ///< takes no part in the sharing: the others are better predicted without it
};

/// The best that one round of Method::Trim found to leave out.
struct Decision {
  std::string detector;
  std::size_t rows = 0;  ///< that were left out, or would have been
  double gain = 0.0;     ///< by how much the held-out loss of the rows kept falls, as a share of it
  double p = 1.0;        ///< of the hypothesis that it does not, over the number of tests
  bool accepted = false;
  std::size_t tasks = 0;  ///< whole ones; 0 where rows were tried
};

struct Defended {
  Rows kept;                ///< those of a task left out whole teach it alone
  mtrl::Fit fit;            ///< of the kept rows, together (fit_shared)
  Eigen::MatrixXd weights;  ///< those of the fit, or of the task alone, d x m
  std::vector<RowScreen> rows;
  std::vector<TaskScreen> tasks;
  double left_out = 0.0;                ///< share of all rows, those of tasks left out whole among them
  std::vector<std::string> statistics;  ///< names of RowScreen::statistics: the detectors, then "residual"
  std::vector<Decision> decisions;      ///< Trim: one a round, the last one not accepted unless rounds ran out
};

/// The rows that a user should go on with: those that are kept, and none of a task that is left out whole.
Rows cleaned_rows(const Defended& defended);

/// A fit of some tasks together. The others have weights 0 and correlate with none.
/// @param left_out  of every task whether it is one of the others; not all of them.
mtrl::Fit fit_shared(const TaskSet& tasks, const std::vector<bool>& left_out, const mtrl::Loss& loss,
                     const mtrl::Options& learner);

/// Learns in spite of rows that somebody may have injected (docs/defence.md).
/// @param tasks  in the learner's units.
/// @throws std::invalid_argument as require_valid; for a task with less than two rows, or one all of whose rows would
///   be left out.
Defended defend(const TaskSet& tasks, const mtrl::Loss& loss, const Options& options);

}  // namespace crosstalk::defence
