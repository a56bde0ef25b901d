#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <Eigen/Core>

#include "crosstalk/data/dataset.hpp"
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

  /// Keys, ranges and meanings.
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

  /// The rows to measure on: the test rows, or the training rows when there are none.
  [[nodiscard]] const TaskSet& evaluation() const { return test.size() > 0 ? test : train; }
  /// Metrics of weights on prepared rows, those that have units in the units of the file.
  [[nodiscard]] mtrl::Metrics metrics(const TaskSet& rows, const Eigen::MatrixXd& W) const {
    return mtrl::evaluate(rows, *loss, W, preparation.label_units());
  }
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
/// Notes in the data set when it chose on a part of the tasks.
/// @param grid  none: the usual one, with the folds of the set's recipe.
void choose_lambdas(Problem& problem, const std::optional<mtrl::CrossValidationOptions>& grid = {},
                    const RunControl& control = {});

/// What a user learns from the poisoned data: everything is estimated on it, the preparation, too.
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
