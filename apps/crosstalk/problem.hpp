#pragma once

#include <optional>

#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "crosstalk/data/dataset.hpp"
#include "crosstalk/mtrl/cross_validation.hpp"
#include "crosstalk/mtrl/loss.hpp"
#include "crosstalk/mtrl/metrics.hpp"
#include "crosstalk/mtrl/solve.hpp"
#include "crosstalk/preparation.hpp"
#include "crosstalk/run_control.hpp"
#include "options.hpp"

namespace crosstalk::app {

/// What a command learns from: the data as read, the same in the learner's units, and the learner's settings.
struct Problem {
  data::Dataset dataset;  ///< without its rows, which are in the members below
  TaskSet raw_train;
  TaskSet raw_test;  ///< no tasks when nothing was held out
  TaskSet train;     ///< prepared, with the bias column
  TaskSet test;      ///< prepared; no tasks when nothing was held out
  Preparation preparation;
  std::optional<double> test_fraction;  ///< held out of each task; none where something else decides
  std::string split_by;                 ///< what decided (DataSplit::by)
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

/// Whether rows are held out when neither the user nor the set says how many.
enum class HoldOut { ByRecipe, WhenAsked };

/// Loads, splits and prepares.
/// @throws DataError for data that cannot be learned from: a task with one row, a class missing, labels that are not
/// -1/+1.
Problem load_problem(const CommonOptions& common, const DataOptions& data, const LearnerOptions& learner,
                     HoldOut hold_out = HoldOut::ByRecipe);

/// Sets the lambdas: as given, one that is not given 0.1 as in the paper; by cross-validation when neither is.
void choose_lambdas(Problem& problem, const CommonOptions& common, const LearnerOptions& learner,
                    const RunControl& control);

/// What a user learns who has the poisoned file: everything is estimated on it, the preparation, too, as `fit` does.
struct Refit {
  mtrl::Fit fit;
  mtrl::Metrics metrics;   ///< on the rows to measure on
  Eigen::VectorXd losses;  ///< mean losses there, m, in the units of the problem's own preparation
};
/// @param injected  in the units of the file.
Refit refit(const Problem& problem, const TaskSet& injected);

/// How the flags say that a CSV file is read.
data::CsvOptions csv_options(const DataOptions& data);
/// The character of a --separator; 0 for none.
char separator_named(const std::string& name);
/// The character of a --decimal; 0 for none.
char decimal_named(const std::string& name);

/// Number of threads for 0 = all cores.
int thread_count(const CommonOptions& common);

/// The configuration with what the data set's recipe and the choice of the lambdas made of the flags that were not set.
Configuration completed(Configuration configuration, const Problem& problem);
/// Writes `data` (set, rows, notes, preparation) and `learner` (loss, lambdas, trials).
void describe(nlohmann::ordered_json& record, const Problem& problem);
/// For `test.rows`: "held-out", or "training" when the metrics are on the training rows.
std::string evaluation_rows(const Problem& problem);
/// What was done to the file on reading it, a line each, for the summary.
std::string notes_text(const Problem& problem);
/// A mean metric, or why there is none.
std::string metric_text(const std::string& metric, double value);
/// The preparation in a sentence.
std::string preparation_text(const Problem& problem);

/// Positions of tasks named by the words of a list, or numbered from 1 where no name is a number.
/// @throws std::invalid_argument naming the flag and the unknown word.
std::vector<std::size_t> task_list(const std::string& flag, const std::string& text, const TaskSet& tasks);

}  // namespace crosstalk::app
