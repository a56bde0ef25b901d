#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/mtrl/loss.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::mtrl {

/// Mean squared error over the variance of the labels: 1 for always saying the mean. NaN for constant labels.
double nmse(const Eigen::VectorXd& predicted, const Eigen::VectorXd& labels);
/// Root of the mean squared error, in units of the label.
double rmse(const Eigen::VectorXd& predicted, const Eigen::VectorXd& labels);
/// 1 - variance of the residuals / variance of the labels. NaN for constant labels.
double explained_variance(const Eigen::VectorXd& predicted, const Eigen::VectorXd& labels);
/// Area under the ROC curve: the share of (+1, -1) pairs whose scores are in the right order, ties counting half.
/// NaN when a class is missing.
double auc(const Eigen::VectorXd& scores, const Eigen::VectorXd& labels);
/// Share of rows whose score has the sign of the label; a score of 0 counts as +1.
double accuracy(const Eigen::VectorXd& scores, const Eigen::VectorXd& labels);

/// Mean loss of every task's rows, m; NaN for a task without rows.
/// @param W  d x m.
Eigen::VectorXd mean_losses(const TaskSet& tasks, const Loss& loss, const Eigen::MatrixXd& W);

inline constexpr Eigen::Index kRowsForSpread = 6;

/// The metrics of one model on one task set: a row a task, a column a metric.
struct Metrics {
  std::vector<std::string> names;  ///< "nmse", "rmse", "explained_variance", or "auc", "accuracy"
  Eigen::MatrixXd values;          ///< tasks x names; NaN where a metric is not defined on a task
  /// Mean of a metric over the given tasks (all when empty) where it is defined; NaN when nowhere.
  [[nodiscard]] double mean(std::size_t metric, const std::vector<std::size_t>& tasks = {}) const;
};

/// NMSE, RMSE and explained variance for a regression loss; AUC and accuracy for a classification loss. The first is
/// the primary one. NMSE and explained variance divide by the variance of a task's labels, whose reciprocal has no
/// variance itself for fewer than kRowsForSpread normal labels: of a task with fewer rows they are NaN.
/// @param W  d x m.
/// @param label_units  what one unit of a task's labels is in the units that RMSE is told in, m; empty: all 1.
Metrics evaluate(const TaskSet& tasks, const Loss& loss, const Eigen::MatrixXd& W,
                 const Eigen::VectorXd& label_units = {});

/// True when a larger value of the metric is a better model.
bool larger_is_better(std::string_view metric);

}  // namespace crosstalk::mtrl
