#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/data/dataset.hpp"
#include "crosstalk/kernel_map.hpp"
#include "crosstalk/mtrl/cross_validation.hpp"
#include "crosstalk/mtrl/loss.hpp"
#include "crosstalk/mtrl/metrics.hpp"
#include "crosstalk/mtrl/solve.hpp"
#include "crosstalk/option_table.hpp"
#include "crosstalk/preparation.hpp"
#include "crosstalk/run_control.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk {

/// How a data set becomes a learning problem. What is not given follows from the set's recipe (data::Recipe).
struct ProblemOptions {
  data::LoadOptions load = {};  ///< reading: columns, loss, positive class, seed (of the split, too)
  std::string test_file = {};   ///< file with the rows to test on; then no others are held out
  /// Share of each task's rows to hold out, in [0, 1); 0 holds out none. With load.csv.split_column: of all rows.
  std::optional<double> test_fraction = {};
  bool hold_out = true;               ///< false: rows are held out only where something above says so
  std::optional<long> min_rows = {};  ///< leave out tasks of fewer rows, and those of one class
  std::optional<Scale> scale = {};
  std::optional<Eigen::Index> pca = {};  ///< principal components to keep; 0 for all features
  std::optional<LabelScale> label_scale = {};
  KernelOptions kernel = {};

  /// Keys, ranges and meanings; those of the kernel are in its own table.
  static const OptionTable<ProblemOptions>& table();
};

/// What a learner learns from: the rows in the units of the file, the same in the learner's units, and its settings.
struct Problem {
  data::Dataset dataset;  ///< without its rows, which are in the members below
  TaskSet raw_train;
  TaskSet raw_test;  ///< no tasks when nothing was held out
  TaskSet train;     ///< prepared, with the bias column
  TaskSet test;      ///< prepared; no tasks when nothing was held out
  Preparation preparation;
  std::optional<double> test_fraction;  ///< held out of each task; none where something else decides
  std::string split_by;                 ///< "test file", "column", "part", "test part", "fraction" or "nothing"
  const mtrl::Loss* loss = nullptr;
  mtrl::Options learner;
  std::optional<mtrl::CrossValidation> cross_validation;  ///< when it chose the lambdas
  KernelOptions kernel = {};                              ///< with the width that is used
  bool width_is_free = false;                             ///< nobody gave it: cross-validation may choose
  std::shared_ptr<const KernelMap> map = {};  ///< what the learner sees of prepared rows; none for the linear kernel
  /// What cross-validation found at every width that it tried, with the best lambdas there.
  struct WidthTrial {
    double width;
    double lambda1;
    double lambda2;
    double loss;
  };
  std::vector<WidthTrial> width_trials = {};  ///< when it chose the width

  /// The rows to measure on: the test rows, or the training rows when there are none.
  [[nodiscard]] const TaskSet& evaluation() const { return test.size() > 0 ? test : train; }
  /// Prepared rows as the learner sees them: mapped where there is a kernel.
  [[nodiscard]] TaskSet learner_rows(const TaskSet& rows) const { return map ? map->map(rows) : rows; }
  /// The data term over the training rows as the learner sees them.
  [[nodiscard]] mtrl::EmpiricalRisk risk(
      mtrl::EmpiricalRisk::EmptyTasks empty_tasks = mtrl::EmpiricalRisk::EmptyTasks::Refused) const;
  /// Metrics of weights on prepared rows, those that have units in the units of the file.
  [[nodiscard]] mtrl::Metrics metrics(const TaskSet& rows, const Eigen::MatrixXd& W) const;
  /// Mean losses of weights on prepared rows, m.
  [[nodiscard]] Eigen::VectorXd losses(const TaskSet& rows, const Eigen::MatrixXd& W) const;
};

/// Loads a known set or a file (data::load), splits its rows, and prepares them by what the training rows say.
/// Messages name an option as `name=value`.
/// A label of more than two words becomes binary problems (ClassProblems), which are the tasks then; a class that a
/// task's training rows do not have is left out there, and noted.
/// @throws DataError as data::load does, and for rows that cannot be learned from: a task with one row or one class,
///   labels that are not -1/+1 under a loss for classes. std::invalid_argument for options outside their ranges or that
///   do not go together.
Problem load_problem(const std::string& name_or_path, const ProblemOptions& options = {});

/// The same of a data set that is in memory. @throws as load_problem.
Problem make_problem(data::Dataset dataset, const ProblemOptions& options = {});

/// Puts the lambdas that cross-validation chooses on the training rows into `learner`; smoothing and tolerance stay.
/// With a kernel whose width was not given it chooses that, too: of kWidths times the median distance. Of more than
/// kLandmarksToChoose landmarks as many stand for all while it chooses.
/// Notes in the data set when it chose on a part of the tasks.
/// @param grid  none: the usual one, with the folds of the set's recipe.
void choose_lambdas(Problem& problem, const std::optional<mtrl::CrossValidationOptions>& grid = {},
                    const RunControl& control = {});

/// Multiples of the median distance of two training rows.
inline constexpr double kWidths[] = {0.25, 0.5, 1.0, 2.0};
inline constexpr Eigen::Index kLandmarksToChoose = 500;

/// The same problem with a kernel's landmarks chosen anew from the training rows and these.
/// @param injected  in the learner's units, m tasks.
Problem with_landmarks_from(Problem problem, const TaskSet& injected);

/// What a user learns from the poisoned data: everything is estimated on it, the preparation, too, and a kernel's
/// landmarks are chosen anew. What a user chooses stays: the lambdas and the kernel's width.
struct Refit {
  mtrl::Fit fit;
  mtrl::Metrics metrics;   ///< on the rows to measure on
  Eigen::VectorXd losses;  ///< mean losses there, m, in the units of the problem's own preparation
};
/// @param injected  in the units of the file, m tasks.
Refit refit(const Problem& problem, const TaskSet& injected);

/// How labels are scaled when nobody says: classes not at all, numbers as the recipe says.
LabelScale default_label_scale(const data::Recipe& recipe, const mtrl::Loss& loss);
/// The scale of labels that was asked for, or else the default; labels of classes have none.
/// @throws std::invalid_argument when another scale is asked for classes.
LabelScale label_scale_for(const std::optional<LabelScale>& asked, LabelScale by_default, const mtrl::Loss& loss);

}  // namespace crosstalk
