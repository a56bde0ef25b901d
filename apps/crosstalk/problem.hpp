#pragma once

#include <optional>

#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "crosstalk/problem/class_problems.hpp"
#include "crosstalk/problem/problem.hpp"
#include "crosstalk/run_control.hpp"
#include "options.hpp"

namespace crosstalk::app {

/// Whether rows are held out when neither the user nor the set says how many.
enum class HoldOut { ByRecipe, WhenAsked };

/// What the flags say of loading, splitting and preparing.
ProblemOptions problem_options(const CommonOptions& common, const DataOptions& data, const LearnerOptions& learner,
                               HoldOut hold_out);
/// crosstalk::load_problem as the flags say. @throws DataError for more than two classes where the command takes two.
Problem load_problem(const CommonOptions& common, const DataOptions& data, const LearnerOptions& learner,
                     HoldOut hold_out = HoldOut::ByRecipe);

/// Sets the lambdas: as given, one that is not given 0.1 as in the paper; by cross-validation when neither is.
void choose_lambdas(Problem& problem, const CommonOptions& common, const LearnerOptions& learner,
                    const RunControl& control);

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
/// The binary problems of several classes; none where the label has two, or numbers.
std::optional<ClassProblems> class_problems(const Problem& problem);
/// A mean metric, or why there is none.
std::string metric_text(const std::string& metric, double value);
/// The kernel in a line, with the error of its landmarks; empty without one.
std::string kernel_text(const Problem& problem);
/// The preparation in a sentence.
std::string preparation_text(const Problem& problem);

/// Positions of tasks named by the words of a list, or numbered from 1 where no name is a number.
/// @throws std::invalid_argument naming the flag and the unknown word.
std::vector<std::size_t> task_list(const std::string& flag, const std::string& text, const TaskSet& tasks);

}  // namespace crosstalk::app
