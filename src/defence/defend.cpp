#include "crosstalk/defence/defend.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/defence/huber.hpp"
#include "crosstalk/defence/robust_distance.hpp"
#include "crosstalk/defence/screens.hpp"
#include "crosstalk/quantile.hpp"
#include "study.hpp"

namespace crosstalk::defence {

namespace {

constexpr double kCore = 0.7;  // share of the rows that is taken for honest: 30 % planted rows are 23 % of all
constexpr int kMostRounds = 5;
constexpr double kMostUnshared = 0.5;  // of an honest row's recurring features

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

// Of honest rows -ln p has mean and variance 1 [Fisher 1932].
double task_score(const Eigen::VectorXd& p) {
  return (-p.array().log() - 1.0).sum() / std::sqrt(static_cast<double>(p.size()));
}

// One-sided normal quantile of 0.05 / m, from the tail's own bound: exact to 2 % where it matters.
double most_by_chance(std::size_t tasks) {
  return std::sqrt(2.0 * std::log(20.0 * static_cast<double>(tasks)));
}

// The kept rows of tasks of which all are kept, to measure the others by; all kept rows where these are too few.
Rows untouched(const TaskSet& tasks, const Rows& kept) {
  constexpr Eigen::Index kFewest = 100;
  Rows rows = kept;
  for (std::size_t i = 0; i < kept.size(); ++i)
    if (kept[i].size() < static_cast<std::size_t>(tasks[i].rows())) rows[i].clear();
  return count_of(rows) < kFewest ? kept : rows;
}

// Of tasks that lost rows and whose others stand out, more than those of any task that lost none and more than by
// chance, without the rows of small p.
Rows without_suspects(const Rows& kept, const Look& p) {
  const auto lost_rows = [&](std::size_t i) { return kept[i].size() < static_cast<std::size_t>(p[i].size()); };
  double usual = most_by_chance(kept.size());
  for (std::size_t i = 0; i < kept.size(); ++i)
    if (!lost_rows(i)) usual = std::max(usual, task_score(p[i]));
  Rows next = kept;
  for (std::size_t i = 0; i < kept.size(); ++i)
    if (lost_rows(i) && task_score(p[i](kept[i])) > usual) next[i] = below_chance(kept[i], p[i]);
  return next;
}

void score(Defended& result, const TaskSet& tasks, const std::vector<Look>& looks, double alpha) {
  const Look scores = worst_of(looks, result.kept);
  const Look p = p_values(scores, result.kept);
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
    task.score = task_score(p[i]);
    task.flagged = task.left_out > 0.0 && task.score > most_by_chance(tasks.size());
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
      const Look unshared = unshared_values(tasks, options.bias);
      const Rows apart =
          options.share ? all : without_excess(up_to(all, unshared, kMostUnshared), crowded, Tail::Power);
      const auto distances_from = [&](const Rows& known) {
        Look look = robust_distances(tasks, options.bias, kCore, known);
        for (std::size_t i = 0; i < tasks.size(); ++i)
          if (!has_own_values(tasks[i], options.bias)) look[i] = 1.0 + unshared[i].array();
        return look;
      };
      distance = distances_from(apart);
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
      // A task that is known to be attacked is looked at more closely, with looks that its planted rows no longer bend.
      for (int round = 0; !options.share && round < kMostRounds; ++round) {
        const Rows usual = untouched(tasks, result.kept);
        const Look p = p_values(worst_of(loss.is_classification() ? std::vector<Look>{distance, crowded}
                                                                  : std::vector<Look>{distance, residual, crowded},
                                         usual),
                                usual);
        Rows next = without_suspects(result.kept, p);
        if (next == result.kept) break;
        result.kept = std::move(next);
        distance = distances_from(result.kept);
        residual = residual_look(tasks, loss, study.robust_fit(result.kept, screening).weights, result.kept);
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
