#include "held_out_test.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "cross_validator.hpp"
#include "crosstalk/defence/huber.hpp"
#include "crosstalk/quantile.hpp"
#include "normal_median.hpp"

namespace crosstalk::defence {

namespace {

// For every row the share of the rows of the other class that its score is on the right side of.
Eigen::VectorXd placements(const Eigen::VectorXd& scores, const std::vector<Eigen::Index>& positive,
                           const std::vector<Eigen::Index>& negative) {
  Eigen::VectorXd result = Eigen::VectorXd::Zero(scores.size());
  for (const Eigen::Index a : positive)
    for (const Eigen::Index b : negative) {
      const double right = scores[a] > scores[b] ? 1.0 : scores[a] == scores[b] ? 0.5 : 0.0;
      result[a] += right / static_cast<double>(negative.size());
      result[b] += right / static_cast<double>(positive.size());
    }
  return result;
}

// The tasks that have rows.
std::vector<Eigen::Index> with_rows(const Rows& rows) {
  std::vector<Eigen::Index> tasks;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (!rows[i].empty()) tasks.push_back(static_cast<Eigen::Index>(i));
  return tasks;
}

TaskSet rows_of(const TaskSet& tasks, const Rows& rows, const std::vector<Eigen::Index>& chosen) {
  TaskSet result;
  for (const Eigen::Index i : chosen)
    result.tasks.push_back(select_rows(tasks[static_cast<std::size_t>(i)], rows[static_cast<std::size_t>(i)]));
  return result;
}

double variance_of_mean(const Eigen::VectorXd& values) {
  const auto n = static_cast<double>(values.size());
  return (values.array() - values.mean()).square().sum() / (n * (n - 1.0));
}

}  // namespace

double Comparison::p() const {
  if (!(gain > 0.0)) return 1.0;
  return standard_error > 0.0 ? 0.5 * std::erfc(gain / standard_error / std::sqrt(2.0)) : 0.0;
}

std::vector<mtrl::Options> distinct_lambdas(const mtrl::Options& learner, const mtrl::Options& other) {
  if (learner.lambda1 == other.lambda1 && learner.lambda2 == other.lambda2) return {learner};
  return {learner, other};
}

HeldOutTest::HeldOutTest(const TaskSet& tasks, const mtrl::Loss& loss, const mtrl::Options& learner, Rows folds,
                         const Calibration& calibration)
    : tasks_(tasks), loss_(loss), learner_(learner), folds_(std::move(folds)), calibration_(calibration) {
  constexpr double kEnoughToCompare = 1e-4;
  learner_.tolerance = std::max(learner_.tolerance, kEnoughToCompare);
}

Rows HeldOutTest::learned_rows(const Rows& kept, std::size_t fold) const {
  return outside_fold(kept, folds_, fold);
}

Rows HeldOutTest::judged_rows(const Rows& kept, std::size_t fold) const {
  return inside_fold(kept, folds_, fold);
}

HeldOutTest::Models HeldOutTest::fits(const Rows& kept, const mtrl::Options& learner,
                                      const std::vector<Models>& starts) const {
  return fits(std::vector<Rows>(calibration_.folds, kept), learner, starts);
}

HeldOutTest::Models HeldOutTest::fits(const std::vector<Rows>& kept, const mtrl::Options& learner,
                                      const std::vector<Models>& starts) const {
  constexpr int kSteps = 4;  // of Newton's method: enough to compare
  Models models;
  for (std::size_t fold = 0; fold < calibration_.folds; ++fold) {
    const Rows rows = learned_rows(kept[fold], fold);
    const std::vector<Eigen::Index> sharing = with_rows(rows);
    const mtrl::EmpiricalRisk risk(rows_of(tasks_, rows, sharing), loss_);
    Eigen::MatrixXd& W =
        models.emplace_back(Eigen::MatrixXd::Zero(tasks_.features(), static_cast<Eigen::Index>(tasks_.size())));
    if (starts.empty()) {
      W(Eigen::all, sharing) = mtrl::solve(risk, learner).weights;
      continue;
    }
    std::vector<Eigen::MatrixXd> near;
    for (const Models& start : starts) near.emplace_back(start[fold](Eigen::all, sharing));
    const auto& start = *std::ranges::min_element(
        near, {}, [&](const Eigen::MatrixXd& weights) { return mtrl::objective(risk, learner, weights); });
    W(Eigen::all, sharing) = mtrl::improve(risk, learner, start, kSteps).weights;
  }
  return models;
}

HeldOutTest::Models HeldOutTest::huber_fits(const Rows& kept, const mtrl::Options& learner, const Models& near) const {
  constexpr double kSmallestChange = 0.02;
  Models models;
  for (std::size_t fold = 0; fold < calibration_.folds; ++fold) {
    const Rows rows = learned_rows(kept, fold);
    const std::vector<Eigen::Index> sharing = with_rows(rows);
    mtrl::Fit start;
    start.weights = near[fold](Eigen::all, sharing);
    models.emplace_back(Eigen::MatrixXd::Zero(near[fold].rows(), near[fold].cols()))(Eigen::all, sharing) =
        huber(rows_of(tasks_, rows, sharing), loss_, learner, start, kSmallestChange).fit.weights;
  }
  return models;
}

mtrl::Options HeldOutTest::chosen_learner(const Rows& kept) const {
  constexpr double kTie = 1e-4;
  std::vector<mtrl::Options> options;
  std::vector<Models> models;
  Eigen::VectorXd least;
  for (const double lambda1 : calibration_.lambda1)
    for (const double lambda2 : calibration_.lambda2) {
      options.push_back(learner_);
      options.back().lambda1 = lambda1;
      options.back().lambda2 = lambda2;
      models.push_back(fits(kept, options.back(), models.empty() ? models : std::vector<Models>{models.back()}));
      if (loss_.is_classification()) continue;
      const Eigen::VectorXd own = scales(kept, models.back());
      least = least.size() == 0 ? own : Eigen::VectorXd(least.cwiseMin(own));
    }
  std::size_t best = 0;
  double least_loss = std::numeric_limits<double>::infinity();
  for (std::size_t k = 0; k < models.size(); ++k) {
    const double loss = (loss_.is_classification() ? compare_signs(kept, models[k], models[k])
                                                   : compare_numbers(kept, models[k], models[k], least))
                            .before;
    if (!(loss < least_loss * (1.0 - kTie))) continue;
    least_loss = loss;
    best = k;
  }
  return options[best];
}

Eigen::VectorXd HeldOutTest::scores(std::size_t task, const std::vector<Eigen::Index>& rows,
                                    const Models& models) const {
  Eigen::VectorXd result(static_cast<Eigen::Index>(rows.size()));
  for (std::size_t k = 0; k < rows.size(); ++k) {
    const auto fold = static_cast<std::size_t>(folds_[task][static_cast<std::size_t>(rows[k])]);
    result[static_cast<Eigen::Index>(k)] =
        tasks_[task].features.row(rows[k]).dot(models[fold].col(static_cast<Eigen::Index>(task)));
  }
  return result;
}

// Of a task with few rows much nearer to that of all tasks.
Eigen::VectorXd HeldOutTest::scales(const Rows& judged, const Models& models) const {
  std::vector<Eigen::VectorXd> residuals;
  std::vector<double> all;
  for (std::size_t i = 0; i < tasks_.size(); ++i) {
    const Eigen::VectorXd& r = residuals.emplace_back(tasks_[i].labels(judged[i]) - scores(i, judged[i], models));
    all.insert(all.end(), r.begin(), r.end());
  }
  const double pooled =
      all.empty() ? 1.0
                  : std::max(normal_scale(Eigen::VectorXd::Map(all.data(), static_cast<Eigen::Index>(all.size()))),
                             std::numeric_limits<double>::min());
  Eigen::VectorXd result(static_cast<Eigen::Index>(tasks_.size()));
  for (std::size_t i = 0; i < residuals.size(); ++i) {
    const auto n = static_cast<double>(residuals[i].size());
    const double own = residuals[i].size() == 0 ? pooled : normal_scale(residuals[i]);
    result[static_cast<Eigen::Index>(i)] =
        (n * own + calibration_.shrinkage_rows * pooled) / (n + calibration_.shrinkage_rows);
  }
  return result;
}

Comparison HeldOutTest::compare(const Rows& judged, const Models& before, const Models& after) const {
  if (loss_.is_classification()) return compare_signs(judged, before, after);
  return compare_numbers(judged, before, after, scales(judged, before).cwiseMin(scales(judged, after)));
}

Comparison HeldOutTest::compare_with_best(const Rows& judged, const std::vector<Models>& before,
                                          const Models& after) const {
  Comparison worst = compare(judged, before.front(), after);
  for (std::size_t k = 1; k < before.size(); ++k) {
    const Comparison comparison = compare(judged, before[k], after);
    if (comparison.p() > worst.p() || (comparison.p() == worst.p() && comparison.gain < worst.gain)) worst = comparison;
  }
  return worst;
}

Comparison HeldOutTest::compare_numbers(const Rows& judged, const Models& before, const Models& after,
                                        const Eigen::VectorXd& scales) const {
  const double c = calibration_.bound;
  Comparison result;
  double squares = 0.0;
  for (std::size_t i = 0; i < tasks_.size(); ++i) {
    const Eigen::ArrayXd y = tasks_[i].labels(judged[i]).array();
    const double unit = c * scales[static_cast<Eigen::Index>(i)];
    const auto bounded = [&](const Models& models) -> Eigen::ArrayXd {
      return 1.0 - (-0.5 * ((y - scores(i, judged[i], models).array()) / unit).square()).exp();
    };
    const Eigen::ArrayXd losses = bounded(before);
    const Eigen::ArrayXd gains = losses - bounded(after);
    result.rows += static_cast<double>(gains.size());
    result.before += losses.sum();
    result.gain += gains.sum();
    squares += gains.square().sum();
  }
  if (result.rows == 0.0) return result;
  result.before /= result.rows;
  result.gain /= result.rows;
  result.standard_error = std::sqrt(std::max(0.0, squares / result.rows - result.gain * result.gain) / result.rows);
  return result;
}

Comparison HeldOutTest::compare_signs(const Rows& judged, const Models& before, const Models& after) const {
  Comparison result;
  double parts = 0.0;
  double variance = 0.0;
  for (std::size_t fold = 0; fold < calibration_.folds; ++fold) {
    const Rows held_out = inside_fold(judged, folds_, fold);
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
      std::vector<Eigen::Index> positive;
      std::vector<Eigen::Index> negative;
      for (std::size_t k = 0; k < held_out[i].size(); ++k)
        (tasks_[i].labels[held_out[i][k]] > 0.0 ? positive : negative).push_back(static_cast<Eigen::Index>(k));
      if (positive.size() < 2 || negative.size() < 2) continue;
      const Eigen::VectorXd old = placements(scores(i, held_out[i], before), positive, negative);
      const Eigen::VectorXd gains = placements(scores(i, held_out[i], after), positive, negative) - old;
      parts += 1.0;
      result.rows += static_cast<double>(gains.size());
      result.before += 1.0 - old(positive).mean();
      result.gain += gains(positive).mean();
      variance += variance_of_mean(gains(positive)) + variance_of_mean(gains(negative));
    }
  }
  if (parts == 0.0) return result;
  result.before /= parts;
  result.gain /= parts;
  result.standard_error = std::sqrt(variance) / parts;
  return result;
}

RowScores HeldOutTest::residuals(const Rows& kept, const Models& models) const {
  const Rows all = all_rows(tasks_);
  RowScores result;
  if (!loss_.is_classification()) {
    const Eigen::VectorXd units = scales(kept, models);
    for (std::size_t i = 0; i < tasks_.size(); ++i)
      result.emplace_back((tasks_[i].labels - scores(i, all[i], models)).cwiseAbs() /
                          units[static_cast<Eigen::Index>(i)]);
    return result;
  }
  for (std::size_t i = 0; i < tasks_.size(); ++i) {
    Eigen::VectorXd losses = scores(i, all[i], models);
    for (Eigen::Index j = 0; j < losses.size(); ++j) losses[j] = loss_.at(losses[j], tasks_[i].labels[j]).value;
    result.push_back(std::move(losses));
  }
  divide_by_class_median(result, tasks_, kept);
  return result;
}

}  // namespace crosstalk::defence
