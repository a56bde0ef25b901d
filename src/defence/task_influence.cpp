#include "crosstalk/defence/task_influence.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "cross_validator.hpp"
#include "crosstalk/rng.hpp"

namespace crosstalk::defence {

namespace {

// The labels of honest rows as a fit of the trusted ones has them, drawn as often as one likes.
class LabelModel {
 public:
  LabelModel(const TaskSet& tasks, const mtrl::Loss& loss, const Rows& trusted, Eigen::MatrixXd W) : W_(std::move(W)) {
    if (loss.is_classification())
      fit_probability(tasks, trusted);
    else
      for (std::size_t i = 0; i < tasks.size(); ++i) {
        const Eigen::VectorXd errors = tasks[i].labels - tasks[i].features * W_.col(static_cast<Eigen::Index>(i));
        residuals_.emplace_back(errors(trusted[i]));
        residuals_.back().array() -= residuals_.back().mean();
      }
  }

  [[nodiscard]] Eigen::VectorXd draw(const Eigen::MatrixXd& features, std::size_t task, Rng& rng) const {
    const auto column = static_cast<Eigen::Index>(task);
    Eigen::VectorXd labels = features * W_.col(column);
    for (double& z : labels) {
      if (residuals_.empty())
        z = rng.uniform() < 1.0 / (1.0 + std::exp(-(probability_(0, column) * z + probability_(1, column)))) ? 1.0
                                                                                                             : -1.0;
      else
        z += residuals_[task][static_cast<Eigen::Index>(rng.below(static_cast<std::size_t>(residuals_[task].size())))];
    }
    return labels;
  }

 private:
  // P(y = 1) = 1 / (1 + exp(-(a z + b))) for every task, by maximum likelihood.
  void fit_probability(const TaskSet& tasks, const Rows& trusted) {
    TaskSet scores = select(tasks, trusted);
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      Eigen::MatrixXd z(scores[i].rows(), 2);
      z << scores[i].features * W_.col(static_cast<Eigen::Index>(i)), Eigen::VectorXd::Ones(scores[i].rows());
      scores[i].features = std::move(z);
    }
    scores.feature_names.clear();
    constexpr double kEnoughToBeFinite = 1e-5;
    const mtrl::Options options = {.lambda1 = kEnoughToBeFinite, .lambda2 = 0.0};
    probability_ = mtrl::solve(scores, mtrl::logistic_loss(), options).weights;
  }

  Eigen::MatrixXd W_;
  std::vector<Eigen::VectorXd> residuals_;  // of the trusted rows of every task, mean 0; none for signs
  Eigen::MatrixXd probability_;             // a and b of every task, 2 x m; none for numbers
};

// The task as it could be if it were honest.
Task honest_draw(const Task& task, std::size_t position, const std::vector<Eigen::Index>& trusted,
                 const LabelModel& labels, Rng& rng) {
  Task drawn = task;
  for (Eigen::Index j = 0; j < task.rows(); ++j)
    if (!std::binary_search(trusted.begin(), trusted.end(), j))
      drawn.features.row(j) = task.features.row(trusted[rng.below(trusted.size())]);
  drawn.labels = labels.draw(drawn.features, position, rng);
  return drawn;
}

Eigen::MatrixXd without_column(const Eigen::MatrixXd& W, Eigen::Index column) {
  Eigen::MatrixXd result(W.rows(), W.cols() - 1);
  result << W.leftCols(column), W.rightCols(W.cols() - column - 1);
  return result;
}

TaskSet without_task(TaskSet tasks, std::size_t task) {
  tasks.tasks.erase(tasks.tasks.begin() + static_cast<std::ptrdiff_t>(task));
  return tasks;
}

// Of tasks 0, ..., m-1 but `task`.
Eigen::MatrixXd correlation_of_others(const mtrl::Fit& fit, Eigen::Index task) {
  return without_column(without_column(fit.covariance.correlation(), task).transpose(), task);
}

// By how many standard deviations of a further number a number lies away from others.
// @param values  at least two.  @param resolution  below which numbers count as equal.
double deviations(double value, const Eigen::VectorXd& values, double resolution) {
  const auto n = static_cast<double>(values.size());
  const double mean = values.mean();
  const double variance = (values.array() - mean).square().sum() / (n - 1.0) * (1.0 + 1.0 / n);
  return std::abs(value - mean) / std::sqrt(variance + resolution * resolution);
}

// Everything but p.
std::vector<TaskInfluence> scored(const CrossValidator& validator, const Rows& trusted, const LabelModel& labels,
                                  const LeaveOneOutOptions& options, Rng rng, const std::function<void()>& after_task) {
  constexpr double kShare = 1.0 / static_cast<double>(kFolds);
  constexpr double kFitTolerance = 1e-8;
  constexpr double kResolution = 1e-6;  // of the others' loss; what two fits of that tolerance can tell apart
  const TaskSet& tasks = validator.tasks();
  const mtrl::Loss& loss = validator.loss();
  const std::size_t m = tasks.size();
  mtrl::Options learner = options.learner;
  learner.tolerance = std::max(learner.tolerance, kFitTolerance);
  const std::uint64_t seed = rng.bits();
  std::vector<TaskInfluence> result(m);
  std::vector<Eigen::VectorXd> of_draws(m, Eigen::VectorXd::Zero(static_cast<Eigen::Index>(options.draws)));
  Eigen::VectorXd losses = Eigen::VectorXd::Zero(static_cast<Eigen::Index>(m));  // of the others, without the task
  for (std::size_t fold = 0; fold < kFolds; ++fold) {
    const Rows judged = inside_fold(trusted, validator.folds(), fold);
    const Rows taking_part = outside_fold(all_rows(tasks), validator.folds(), fold);
    TaskSet taught = select(tasks, outside_fold(trusted, validator.folds(), fold));
    const Eigen::MatrixXd start = mtrl::solve(taught, loss, learner).weights;
    for (std::size_t k = 0; k < m; ++k) {
      const auto column = static_cast<Eigen::Index>(k);
      const auto held_out = [&](const Eigen::MatrixXd& W) {
        double sum = 0.0;
        for (std::size_t i = 0; i < m; ++i)
          if (i != k && !judged[i].empty())
            sum += row_losses(tasks[i], loss, W.col(static_cast<Eigen::Index>(i < k ? i : i - 1)))(judged[i]).mean();
        return sum;
      };
      const mtrl::Fit without =
          mtrl::solve_from(mtrl::EmpiricalRisk(without_task(taught, k), loss), learner, without_column(start, column));
      const double base = held_out(without.weights);
      losses[column] += kShare * base;
      Task trusted_rows = taught[k];
      const auto fit_with = [&](const Task& task) {
        taught[k] = select_rows(task, taking_part[k]);
        return mtrl::solve_from(mtrl::EmpiricalRisk(taught, loss), learner, start);
      };
      const auto harm = [&](const mtrl::Fit& with) {
        return kShare * (held_out(without_column(with.weights, column)) - base);
      };
      const mtrl::Fit with = fit_with(tasks[k]);
      result[k].harm += harm(with);
      result[k].relation_change +=
          kShare * (correlation_of_others(with, column) - without.covariance.correlation()).norm();
      for (std::size_t b = 0; b < options.draws; ++b) {
        Rng of_draw = Rng::stream(seed, "honest draw", k * options.draws + b);  // the same one in every fold
        of_draws[k][static_cast<Eigen::Index>(b)] +=
            harm(fit_with(honest_draw(tasks[k], k, trusted[k], labels, of_draw)));
      }
      taught[k] = std::move(trusted_rows);
      after_task();
    }
  }

  for (std::size_t k = 0; k < m; ++k)
    result[k].score =
        deviations(result[k].harm, of_draws[k], kResolution * losses[static_cast<Eigen::Index>(k)] + 1e-150);
  return result;
}

}  // namespace

std::vector<TaskInfluence> leave_one_task_out(const TaskSet& tasks, const mtrl::Loss& loss, const Rows& trusted,
                                              const LeaveOneOutOptions& options,
                                              const std::function<void(double done)>& progress) {
  require_valid(tasks, "leave_one_task_out");
  if (tasks.size() < 2) throw std::invalid_argument("leave_one_task_out: there is 1 task; there must be at least 2");
  if (options.draws < 2)
    throw std::invalid_argument(fmt::format("leave_one_task_out: draws is {}; it must be at least 2", options.draws));
  const CrossValidator validator(tasks, loss, options.learner, random_folds(tasks, options.seed));
  const auto steps = static_cast<double>((1 + options.honest_sets) * kFolds * tasks.size());
  double taken = 0.0;
  const auto after_task = [&] {
    taken += 1.0;
    if (progress) progress(taken / steps);
  };
  const mtrl::Options robust = validator.screening_options(trusted);
  const LabelModel labels(tasks, loss, trusted, validator.robust_fit(trusted, robust).weights);
  auto result = scored(validator, trusted, labels, options, Rng::stream(options.seed, "honest draws"), after_task);

  std::vector<double> honest_scores;
  for (std::size_t w = 0; w < options.honest_sets; ++w) {
    Rng rng = Rng::stream(options.seed, "honest set", w);
    TaskSet drawn = tasks;
    for (std::size_t k = 0; k < tasks.size(); ++k) drawn[k] = honest_draw(tasks[k], k, trusted[k], labels, rng);
    const CrossValidator again(drawn, loss, options.learner, validator.folds());
    const Rows all = all_rows(drawn);
    const LabelModel its_labels(drawn, loss, all, again.robust_fit(all, robust).weights);
    for (const TaskInfluence& task : scored(again, all, its_labels, options, rng, after_task))
      honest_scores.push_back(task.score);
  }
  for (TaskInfluence& task : result) {
    const auto as_high =
        std::count_if(honest_scores.begin(), honest_scores.end(), [&](double score) { return score >= task.score; });
    task.p = (1.0 + static_cast<double>(as_high)) / (1.0 + static_cast<double>(honest_scores.size()));
  }
  return result;
}

}  // namespace crosstalk::defence
