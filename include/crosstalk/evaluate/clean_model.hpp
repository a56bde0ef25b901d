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
  std::string metric;              ///< "nmse" or "auc"
  double value = 0.0;              ///< mean over the tasks, on the evaluation rows
  double low = 0.0;                ///< smallest such mean of all splits
  double high = 0.0;               ///< likewise the largest
  std::size_t splits = 1;          ///< the audit's own among them
  std::vector<Evidence> evidence;  ///< none when the model is better
};

/// A model is better than a constant when it is on every split: NMSE < 1, AUC > 1/2. A model without skill passes five
/// splits by chance once in about 32 times.
///
/// The causes are sought only when it is not:
///   scale      the largest deviation of a column over all training rows is 1,000 times the smallest, constant columns
///              left out, and with all of them the same the metric on the evaluation rows is better than a constant,
///              and by 0.05 than the model's;
///   lambda     it is so with both lambdas a hundredth, or a ten-thousandth;
///   rows       neither, and the metric on the training rows is better than a constant by 0.1 with some of these
///   lambdas; nothing    nor that.
/// @param weights    d x m, learned from `train`.
/// @param elsewhere  mean primary metrics of such models on other splits; may be empty, NaNs are left out.
CleanModel judge_clean_model(const TaskSet& train, const TaskSet& evaluation, const mtrl::Loss& loss,
                             const mtrl::Options& learner, const Eigen::MatrixXd& weights,
                             const std::vector<double>& elsewhere);

}  // namespace crosstalk::evaluate
