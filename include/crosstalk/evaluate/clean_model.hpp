#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/mtrl/loss.hpp"
#include "crosstalk/mtrl/solve.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::evaluate {

/// Why a model is no better than a constant.
enum class Cause {
  Scale,           ///< some columns are so small that the penalty keeps the model from using them
  Lambda,          ///< smaller lambdas give a model that is better
  TooFewRows,      ///< good on its training rows, not on others
  NothingToLearn,  ///< no better on its training rows either, however small the lambdas
};
std::string_view to_string(Cause cause);

/// Whether the model of the clean rows is better than a constant, and why not.
struct CleanModel {
  struct Evidence {
    Cause cause;
    std::string text;  ///< a sentence with the numbers
  };
  bool no_better_than_constant = false;
  std::string metric;              ///< "relative_error" or "auc" (relative_error_or_auc)
  double value = 0.0;              ///< on the evaluation rows
  double low = 0.0;                ///< the smallest of all splits
  double high = 0.0;               ///< the largest
  std::size_t splits = 1;          ///< the audit's own among them
  std::vector<Evidence> evidence;  ///< none when the model is better
};

/// What tells a model from a constant, on the evaluation rows. For numbers the relative error
///   sum_i mean_j (w_i' x_ij - y_ij)^2 / sum_i mean_j (c_i - y_ij)^2,   c_i the mean of the task's training labels:
/// 1 for the best constants. (A mean of NMSEs would not do: with three rows a task the spread of the labels in the
/// denominator is often next to 0.) For classes the mean of the tasks' AUCs: 1/2 for a constant.
double relative_error_or_auc(const TaskSet& train, const TaskSet& evaluation, const mtrl::Loss& loss,
                             const Eigen::MatrixXd& weights);

/// A model is better than a constant when it is on every split: relative error < 1, AUC > 1/2. A model without skill
/// passes five splits by chance once in about 32 times.
///
/// The causes are sought only when it is not:
///   scale      the largest deviation of a column over all training rows is 1,000 times the smallest, constant columns
///              left out, and with all of them the same the metric on the evaluation rows is better than a constant,
///              and by 0.05 than the model's;
///   lambda     it is so with both lambdas a hundredth, or a ten-thousandth;
///   rows       neither, and the metric on the training rows is better than a constant by 0.1 with some of these
///   lambdas; nothing    nor that.
/// @param weights    d x m, learned from `train`.
/// @param elsewhere  relative_error_or_auc of such models on other splits; may be empty, NaNs are left out.
CleanModel judge_clean_model(const TaskSet& train, const TaskSet& evaluation, const mtrl::Loss& loss,
                             const mtrl::Options& learner, const Eigen::MatrixXd& weights,
                             const std::vector<double>& elsewhere);

}  // namespace crosstalk::evaluate
