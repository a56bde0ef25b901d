#pragma once

#include <optional>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/data/csv.hpp"
#include "crosstalk/mtrl/metrics.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk {

namespace data {
struct Dataset;
}

/// A label of C > 2 words becomes one binary problem a class and task, that class (+1) against the rest (-1) [Zhao et
/// al. 2018, section MTRL]. The problems of a task are over the same rows and are named `task/class`; without a column
/// of tasks the classes are the tasks and have their own names.
class ClassProblems {
 public:
  /// @param problems  names of the binary problems, in any order; a task may lack problems.
  ClassProblems(const data::CsvCoding& coding, const std::vector<std::string>& problems);

  /// Whether a file that is read by the coding has such a label.
  static bool has_several_classes(const data::CsvCoding& coding) { return coding.label_words.size() > 2; }

  [[nodiscard]] const std::vector<std::string>& classes() const { return classes_; }
  /// The tasks of the file; one, "all", where classes are the tasks.
  [[nodiscard]] const std::vector<std::string>& tasks() const { return tasks_; }
  /// Position of the problem; none where the task's training rows did not have the class, or nothing else.
  [[nodiscard]] std::optional<std::size_t> problem(std::size_t task, std::size_t class_position) const;

  /// The scores z = w_k' x of all classes, n x C, -infinity where a class has no problem.
  /// @param X  n x d prepared rows of the task. @param W  d x problems.
  [[nodiscard]] Eigen::MatrixXd scores(std::size_t task, const Eigen::MatrixXd& X, const Eigen::MatrixXd& W) const;

  /// The mean of these over the tasks that have the class, for rows of a task that is none of them.
  [[nodiscard]] Eigen::MatrixXd mean_scores(const Eigen::MatrixXd& X, const Eigen::MatrixXd& W) const;

  /// Rows of all problems, of which those stay that stay in every problem of their task: a row has one class, and is
  /// left out of learning as a whole.
  /// @param kept  positions in every problem, ascending.
  [[nodiscard]] std::vector<std::vector<Eigen::Index>> kept_together(std::vector<std::vector<Eigen::Index>> kept) const;

  /// Of every task: `accuracy`, the share of rows whose class has the largest score (the first of equal ones; a row of
  /// a class that the task has no problem of is wrong), and `macro_auc`, the mean AUC of its problems.
  /// @param rows  prepared rows of the problems, those of one task over the same rows. @param W  d x problems.
  [[nodiscard]] mtrl::Metrics metrics(const TaskSet& rows, const Eigen::MatrixXd& W) const;

 private:
  std::vector<std::string> classes_;
  std::vector<std::string> tasks_;
  std::vector<std::vector<std::optional<std::size_t>>> problems_;  // [task][class]
};

/// @throws DataError for a file whose label has more than two words, naming it, them and the advice.
void require_two_classes(const data::Dataset& dataset, const std::string& advice);

/// The binary problems of tasks whose labels are positions in the coding's words; all C of every task.
/// @throws DataError for a class whose name holds a / beside a column of tasks.
TaskSet one_against_rest(const TaskSet& tasks, const data::CsvCoding& coding, const std::string& name);

}  // namespace crosstalk
