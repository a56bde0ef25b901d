#include "crosstalk/defence/defend.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/defence/huber.hpp"
#include "crosstalk/defence/robust_distance.hpp"
#include "crosstalk/defence/screens.hpp"
#include "crosstalk/quantile.hpp"

namespace crosstalk::defence {

namespace {

constexpr double kCore = 0.7;  // share of the rows that is taken for honest: 30 % planted rows are 23 % of all
constexpr std::size_t kFolds = 3;
constexpr int kMostRounds = 5;

// Rows dealt out in the order of how far they look, so that the folds do not depend on the order of the file.
Rows folds_of(const Look& look) {
  Rows folds;
  for (const Eigen::VectorXd& values : look) {
    std::vector<Eigen::Index> order(static_cast<std::size_t>(values.size()));
    for (std::size_t j = 0; j < order.size(); ++j) order[j] = static_cast<Eigen::Index>(j);
    std::stable_sort(order.begin(), order.end(), [&](Eigen::Index a, Eigen::Index b) { return values[a] < values[b]; });
    folds.emplace_back(order.size());
    for (std::size_t k = 0; k < order.size(); ++k)
      folds.back()[static_cast<std::size_t>(order[k])] = static_cast<Eigen::Index>(k % kFolds);
  }
  return folds;
}

// The rows of a fold, or those outside it; a task of which nothing would be left keeps its rows.
Rows outside_fold(const Rows& rows, const Rows& folds, std::size_t fold) {
  Rows result;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    result.emplace_back();
    for (const Eigen::Index j : rows[i])
      if (folds[i][static_cast<std::size_t>(j)] != static_cast<Eigen::Index>(fold)) result.back().push_back(j);
    if (result.back().empty()) result.back() = rows[i];
  }
  return result;
}

// What all methods share: the data, and how well some rows teach others.
class Study {
 public:
  Study(const TaskSet& tasks, const mtrl::Loss& loss, const mtrl::Options& learner, Rows folds)
      : tasks_(tasks), loss_(loss), learner_(learner), folds_(std::move(folds)) {}

  [[nodiscard]] mtrl::Fit fit(const Rows& rows, const mtrl::Options& options) const {
    return mtrl::solve(mtrl::EmpiricalRisk(select(tasks_, rows), loss_), options);
  }

  // Mean loss of every task on rows to judge by, each predicted by a fit without its fold. NaN where there are none.
  // @param starts  one a fold, or none; replaced by the fits.
  [[nodiscard]] Eigen::VectorXd held_out(const Rows& taught, const Rows& judged, const mtrl::Options& options,
                                         std::vector<Eigen::MatrixXd>& starts) const {
    Eigen::VectorXd sums = Eigen::VectorXd::Zero(static_cast<Eigen::Index>(tasks_.size()));
    Eigen::VectorXd counts = sums;
    starts.resize(kFolds);
    for (std::size_t fold = 0; fold < kFolds; ++fold) {
      const mtrl::EmpiricalRisk risk(select(tasks_, outside_fold(taught, folds_, fold)), loss_);
      Eigen::MatrixXd& W = starts[fold];
      W = (W.size() > 0 ? mtrl::solve_from(risk, options, W) : mtrl::solve(risk, options)).weights;
      for (std::size_t i = 0; i < tasks_.size(); ++i) {
        const auto column = static_cast<Eigen::Index>(i);
        const Eigen::VectorXd losses = row_losses(tasks_[i], loss_, W.col(column));
        for (const Eigen::Index j : judged[i])
          if (folds_[i][static_cast<std::size_t>(j)] == static_cast<Eigen::Index>(fold)) {
            sums[column] += losses[j];
            counts[column] += 1.0;
          }
      }
    }
    return sums.cwiseQuotient(counts);
  }

  // A model for choosing needs no ten digits.
  [[nodiscard]] static mtrl::Options coarse(mtrl::Options options) {
    options.tolerance = std::max(options.tolerance, 1e-6);
    return options;
  }

  // The learner's options to look at residuals by. Where it pulls its weights hard to zero, planted rows hide among
  // large residuals: a weaker pull is taken as long as it predicts held-out rows better.
  [[nodiscard]] mtrl::Options screening_options(const Rows& rows) const {
    mtrl::Options best = coarse(learner_);
    double least = std::numeric_limits<double>::infinity();
    for (const double factor : {1.0, 0.1, 0.01, 1e-3}) {
      mtrl::Options options = coarse(learner_);
      options.lambda1 *= factor;
      options.lambda2 *= factor;
      std::vector<Eigen::MatrixXd> starts;
      const Eigen::VectorXd losses = held_out(rows, rows, options, starts);
      if (!(losses.sum() < least)) break;
      least = losses.sum();
      best = options;
    }
    return best;
  }

  // A fit that rows which no model explains cannot pull far.
  [[nodiscard]] mtrl::Fit robust_fit(const Rows& rows, const mtrl::Options& options) const {
    constexpr double enough_to_look_by = 1e-3;
    const mtrl::EmpiricalRisk risk(select(tasks_, rows), loss_);
    return huber(risk.clean(), loss_, options, mtrl::solve(risk, options), enough_to_look_by).fit;
  }

  [[nodiscard]] const TaskSet& tasks() const { return tasks_; }
  [[nodiscard]] const mtrl::Loss& loss() const { return loss_; }

 private:
  const TaskSet& tasks_;
  const mtrl::Loss& loss_;
  mtrl::Options learner_;
  Rows folds_;
};

// Rows of each task that lie within the 1 - alpha quantiles of the task itself.
Rows within_quantiles(const TaskSet& tasks, const std::vector<const Look*>& looks, double alpha) {
  Rows kept(tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    std::vector<double> thresholds;
    for (const Look* look : looks) thresholds.push_back(quantile((*look)[i], 1.0 - alpha));
    for (Eigen::Index j = 0; j < tasks[i].rows(); ++j) {
      bool passes = true;
      for (std::size_t k = 0; k < looks.size(); ++k) passes = passes && (*looks[k])[i][j] <= thresholds[k];
      if (passes) kept[i].push_back(j);
    }
  }
  return kept;
}

Eigen::Index count_of(const Rows& rows) {
  Eigen::Index count = 0;
  for (const auto& of_task : rows) count += static_cast<Eigen::Index>(of_task.size());
  return count;
}

// Mean held-out loss of every task learned alone.
void compare_with_alone(Defended& result, const Study& study, const Options& options) {
  const TaskSet& tasks = study.tasks();
  const mtrl::Options coarse = Study::coarse(options.learner);
  std::vector<Eigen::MatrixXd> starts;
  const Rows folds = folds_of([&] {
    Look look;
    for (const RowScreen& rows : result.rows) look.push_back(rows.distance);
    return look;
  }());
  const Eigen::VectorXd joint = study.held_out(result.kept, result.kept, coarse, starts);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const TaskSet one = {tasks[i]};
    const Study single(one, study.loss(), options.learner, {folds[i]});
    std::vector<Eigen::MatrixXd> none;
    TaskScreen& task = result.tasks[i];
    const auto column = static_cast<Eigen::Index>(i);
    task.joint_loss = joint[column];
    task.alone_loss = single.held_out({result.kept[i]}, {result.kept[i]}, coarse, none)[0];
    task.alone = task.joint_loss > (1.0 + options.margin) * task.alone_loss;
    if (task.alone) result.weights.col(column) = single.fit({result.kept[i]}, options.learner).weights;
  }
}

// -log10 of the smallest of the looks' p.
Look worst_of(const std::vector<Look>& looks, const Rows& kept) {
  Look smallest;
  for (const Look& look : looks) {
    const Look p = p_values(look, kept);
    for (std::size_t i = 0; i < p.size(); ++i) {
      if (smallest.size() <= i) smallest.push_back(p[i]);
      smallest[i] = smallest[i].cwiseMin(p[i]);
    }
  }
  for (Eigen::VectorXd& task : smallest) task = -task.array().log10();
  return smallest;
}

void score(Defended& result, const TaskSet& tasks, const std::vector<Look>& looks, double alpha) {
  const Look scores = worst_of(looks, result.kept);
  const Look p = p_values(scores, result.kept);
  const auto m = static_cast<double>(tasks.size());
  // One-sided normal quantile of 0.05 / m, from the tail's own bound: exact to 2 % where it matters.
  const double most_by_chance = std::sqrt(2.0 * std::log(20.0 * m));
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    RowScreen rows{looks[0][i], looks[1][i], looks[2][i], scores[i], p[i], {}};
    double flagged = 0.0;
    for (const double value : p[i]) {
      rows.flagged.push_back(value <= alpha);
      flagged += value <= alpha ? 1.0 : 0.0;
    }
    const auto n = static_cast<double>(tasks[i].rows());
    TaskScreen task;
    task.flagged_share = flagged / n;
    task.left_out = 1.0 - static_cast<double>(result.kept[i].size()) / n;
    // Of honest rows -ln p has mean and variance 1 [Fisher 1932].
    task.score = (-p[i].array().log() - 1.0).sum() / std::sqrt(n);
    task.flagged = task.left_out > 0.0 && task.score > most_by_chance;
    result.rows.push_back(std::move(rows));
    result.tasks.push_back(task);
  }
  result.left_out = 1.0 - static_cast<double>(count_of(result.kept)) / static_cast<double>(tasks.rows());
}

}  // namespace

Method method_named(const std::string& name) {
  for (const Method method : {Method::Trim, Method::Huber, Method::Screen})
    if (name == to_string(method)) return method;
  throw std::invalid_argument(fmt::format("\"{}\" is not a defence; there are trim, huber, screen", name));
}

std::string_view to_string(Method method) {
  switch (method) {
    case Method::Trim: return "trim";
    case Method::Huber: return "huber";
    case Method::Screen: return "screen";
  }
  return "unknown";
}

void require_valid(const Options& options) {
  if (!(options.alpha > 0.0 && options.alpha < 0.5))
    throw std::invalid_argument(fmt::format("alpha is {}; it must be in (0, 0.5)", options.alpha));
  if (options.share && !(*options.share >= 0.0 && *options.share < 0.5))
    throw std::invalid_argument(fmt::format("share is {}; it must be in [0, 0.5)", *options.share));
  if (!(options.margin >= 0.0))
    throw std::invalid_argument(fmt::format("margin is {}; it must be >= 0", options.margin));
}

Defended defend(const TaskSet& tasks, const mtrl::Loss& loss, const Options& options) {
  require_valid(options);
  require_valid(tasks, "defend");
  for (const Task& task : tasks)
    if (task.rows() < 2)
      throw std::invalid_argument(fmt::format("defend: task \"{}\" has {} row; it must have at least 2 to be screened",
                                              task.name, task.rows()));
  const Rows all = all_rows(tasks);
  const bool is_screen = options.method == Method::Screen;
  Look distance =
      is_screen ? distance_from_mean(tasks, options.bias) : robust_distances(tasks, options.bias, kCore, all);
  const Look crowded = crowding(tasks, options.bias);
  const Study study(tasks, loss, options.learner, folds_of(distance));
  Defended result;
  Look residual;
  switch (options.method) {
    case Method::Trim: {
      const Rows apart = options.share ? all : without_excess(all, crowded, Tail::Power);
      distance = robust_distances(tasks, options.bias, kCore, apart);
      for (std::size_t i = 0; i < tasks.size(); ++i)
        if (!has_own_values(tasks[i], options.bias)) distance[i].setOnes();
      const Rows near = options.share ? all : without_excess(apart, distance, Tail::Power);
      const mtrl::Options screening = study.screening_options(near);
      mtrl::Fit by = study.robust_fit(near, screening);
      residual = residual_look(tasks, loss, by.weights, near);
      result.kept = near;
      if (options.share) {
        result.kept = without_worst(all, worst_of({distance, residual, crowded}, all), *options.share);
      } else if (!loss.is_classification()) {
        // Signs have no residuals that thin out: rows of the wrong class look like rows near the border.
        for (int round = 0; round < kMostRounds; ++round) {
          result.kept = without_excess(near, residual, Tail::Exponential);
          if (result.kept == near) break;
          std::vector<Stratum> strata = strata_of(tasks, near, false);
          for (Stratum& stratum : strata) stratum.keep = result.kept[stratum.task].size();
          by = trim(tasks, loss, screening, strata, by.weights).fit;
          const Look next = residual_look(tasks, loss, by.weights, result.kept);
          if (without_excess(near, next, Tail::Exponential) == result.kept) break;
          residual = next;
        }
      }
      result.fit = study.fit(result.kept, options.learner);
      break;
    }
    case Method::Huber: {
      result.kept = all;
      result.fit = huber(tasks, loss, options.learner, study.fit(all, options.learner)).fit;
      residual = residual_look(tasks, loss, result.fit.weights, all);
      break;
    }
    case Method::Screen: {
      residual = residual_look(tasks, loss, study.fit(all, options.learner).weights, all);
      result.kept = within_quantiles(tasks, {&distance, &residual}, options.alpha);
      result.fit = study.fit(result.kept, options.learner);
      break;
    }
  }
  result.weights = result.fit.weights;
  score(result, tasks, {distance, residual, crowded}, options.alpha);
  if (options.method == Method::Trim) compare_with_alone(result, study, options);
  return result;
}

}  // namespace crosstalk::defence
