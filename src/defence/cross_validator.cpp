#include "cross_validator.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "crosstalk/defence/huber.hpp"
#include "crosstalk/split.hpp"

namespace crosstalk::defence {

Rows folds_of(const RowScores& scores) {
  Rows folds;
  for (const Eigen::VectorXd& values : scores) {
    std::vector<Eigen::Index> order(static_cast<std::size_t>(values.size()));
    for (std::size_t j = 0; j < order.size(); ++j) order[j] = static_cast<Eigen::Index>(j);
    std::stable_sort(order.begin(), order.end(), [&](Eigen::Index a, Eigen::Index b) { return values[a] < values[b]; });
    folds.emplace_back(order.size());
    for (std::size_t k = 0; k < order.size(); ++k)
      folds.back()[static_cast<std::size_t>(order[k])] = static_cast<Eigen::Index>(k % kFolds);
  }
  return folds;
}

Rows random_folds(const TaskSet& tasks, std::uint64_t seed) {
  Rows folds;
  for (const auto& of_task : assign_folds(tasks, kFolds, seed)) folds.emplace_back(of_task.begin(), of_task.end());
  return folds;
}

namespace {

std::vector<Eigen::Index> matching(const std::vector<Eigen::Index>& rows, const std::vector<Eigen::Index>& folds,
                                   std::size_t fold, bool inside) {
  std::vector<Eigen::Index> result;
  for (const Eigen::Index j : rows)
    if ((folds[static_cast<std::size_t>(j)] == static_cast<Eigen::Index>(fold)) == inside) result.push_back(j);
  return result;
}

}  // namespace

Rows outside_fold(const Rows& rows, const Rows& folds, std::size_t fold) {
  Rows result;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    result.push_back(matching(rows[i], folds[i], fold, false));
    if (result.back().empty()) result.back() = rows[i];
  }
  return result;
}

Rows inside_fold(const Rows& rows, const Rows& folds, std::size_t fold) {
  Rows result;
  for (std::size_t i = 0; i < rows.size(); ++i) result.push_back(matching(rows[i], folds[i], fold, true));
  return result;
}

CrossValidator::CrossValidator(const TaskSet& tasks, const mtrl::Loss& loss, const mtrl::Options& learner, Rows folds)
    : tasks_(tasks), loss_(loss), learner_(learner), folds_(std::move(folds)) {}

mtrl::Fit CrossValidator::fit(const Rows& rows, const mtrl::Options& options) const {
  return mtrl::solve(mtrl::EmpiricalRisk(select(tasks_, rows), loss_), options);
}

RowScores CrossValidator::held_out(const Rows& rows, const mtrl::Options& options) const {
  RowScores losses;
  for (const Task& task : tasks_)
    losses.push_back(Eigen::VectorXd::Constant(task.rows(), std::numeric_limits<double>::quiet_NaN()));
  for (std::size_t fold = 0; fold < kFolds; ++fold) {
    const mtrl::Fit others = fit(outside_fold(rows, folds_, fold), options);
    const Rows judged = inside_fold(rows, folds_, fold);
    for (std::size_t i = 0; i < tasks_.size(); ++i)
      losses[i](judged[i]) = row_losses(tasks_[i], loss_, others.weights.col(static_cast<Eigen::Index>(i)))(judged[i]);
  }
  return losses;
}

mtrl::Options CrossValidator::coarse(mtrl::Options options) {
  options.tolerance = std::max(options.tolerance, 1e-6);
  return options;
}

mtrl::Options CrossValidator::screening_options(const Rows& rows) const {
  mtrl::Options best = coarse(learner_);
  double least = std::numeric_limits<double>::infinity();
  for (const double factor : {1.0, 0.1, 0.01, 1e-3}) {
    mtrl::Options options = coarse(learner_);
    options.lambda1 *= factor;
    options.lambda2 *= factor;
    const RowScores losses = held_out(rows, options);
    double loss = 0.0;
    for (std::size_t i = 0; i < rows.size(); ++i) loss += losses[i](rows[i]).mean();
    if (!(loss < least)) break;
    least = loss;
    best = options;
  }
  return best;
}

mtrl::Fit CrossValidator::robust_fit(const Rows& rows, const mtrl::Options& options) const {
  constexpr double enough_to_look_by = 1e-3;
  const mtrl::EmpiricalRisk risk(select(tasks_, rows), loss_);
  return huber(risk.clean(), loss_, options, mtrl::solve(risk, options), enough_to_look_by).fit;
}

}  // namespace crosstalk::defence
