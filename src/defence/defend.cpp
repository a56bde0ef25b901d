#include "crosstalk/defence/defend.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "cross_validator.hpp"
#include "crosstalk/confidence_interval.hpp"
#include "crosstalk/defence/detectors.hpp"
#include "crosstalk/defence/huber.hpp"
#include "crosstalk/defence/row_scores.hpp"
#include "crosstalk/quantile.hpp"
#include "normal_median.hpp"
#include "trimming.hpp"

namespace crosstalk::defence {

namespace {

// Rows of each task that lie within the 1 - alpha quantiles of the task itself.
Rows within_quantiles(const TaskSet& tasks, const std::vector<const RowScores*>& statistics, double alpha) {
  Rows kept(tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    std::vector<double> thresholds;
    for (const RowScores* scores : statistics) thresholds.push_back(quantile((*scores)[i], 1.0 - alpha));
    for (Eigen::Index j = 0; j < tasks[i].rows(); ++j) {
      bool passes = true;
      for (std::size_t k = 0; k < statistics.size(); ++k) passes = passes && (*statistics[k])[i][j] <= thresholds[k];
      if (passes) kept[i].push_back(j);
    }
  }
  return kept;
}

std::vector<std::size_t> sharing(const std::vector<bool>& left_out) {
  std::vector<std::size_t> tasks;
  for (std::size_t i = 0; i < left_out.size(); ++i)
    if (!left_out[i]) tasks.push_back(i);
  return tasks;
}

// Held-out losses of the kept rows: of tasks that share without the others, of the others with all.
RowScores joint_losses(const CrossValidator& validator, const Rows& kept, const std::vector<bool>& left_out,
                       const mtrl::Options& options) {
  RowScores losses = validator.held_out(kept, options);
  const std::vector<std::size_t> tasks = sharing(left_out);
  if (tasks.size() == left_out.size()) return losses;
  TaskSet some;
  Rows rows;
  Rows folds;
  for (const std::size_t i : tasks) {
    some.tasks.push_back(validator.tasks()[i]);
    rows.push_back(kept[i]);
    folds.push_back(validator.folds()[i]);
  }
  RowScores of_some = CrossValidator(some, validator.loss(), options, folds).held_out(rows, options);
  for (std::size_t k = 0; k < tasks.size(); ++k) losses[tasks[k]] = std::move(of_some[k]);
  return losses;
}

// Whether every task is better off alone, by the held-out losses of its kept rows; a task left out whole is alone.
void compare_with_alone(Defended& result, const CrossValidator& validator, const std::vector<bool>& left_out,
                        const Options& options) {
  const mtrl::Options coarse = CrossValidator::coarse(options.learner);
  const RowScores joint = joint_losses(validator, result.kept, left_out, coarse);
  for (std::size_t i = 0; i < joint.size(); ++i) {
    const TaskSet one = {validator.tasks()[i]};
    const Rows kept = {result.kept[i]};
    const CrossValidator single(one, validator.loss(), options.learner, {validator.folds()[i]});
    const Eigen::VectorXd together = joint[i](kept[0]);
    const Eigen::VectorXd alone = single.held_out(kept, coarse)[0](kept[0]);
    TaskScreen& task = result.tasks[i];
    task.joint_loss = together.mean();
    task.alone_loss = alone.mean();
    const Eigen::VectorXd excess = together - (1.0 + options.margin) * alone;
    task.alone = left_out[i] || mean_with_ci({excess.begin(), excess.end()}).above(0.0);
    if (task.alone) result.weights.col(static_cast<Eigen::Index>(i)) = single.fit(kept, options.learner).weights;
  }
}

// By how many standard deviations rows stand out in sum: of honest ones -ln p has mean and variance 1 [Fisher 1932].
double excess(const Eigen::VectorXd& p) {
  return (-p.array().log() - 1.0).sum() / std::sqrt(static_cast<double>(p.size()));
}

// All rows of each task against what is usual of tasks, which may differ, and its left out rows against its kept ones.
std::vector<double> task_scores(const RowScores& p, const Rows& kept) {
  Eigen::VectorXd of_kept(static_cast<Eigen::Index>(p.size()));
  for (std::size_t i = 0; i < p.size(); ++i) of_kept[static_cast<Eigen::Index>(i)] = excess(p[i](kept[i]));
  const double usual = std::max(1.0, normal_scale(of_kept));
  std::vector<double> scores;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const Eigen::ArrayXd surprise = -p[i].array().log();
    const double left_out = (surprise - surprise(kept[i]).mean()).sum();
    scores.push_back(excess(p[i]) / usual + left_out / std::sqrt(static_cast<double>(surprise.size())));
  }
  return scores;
}

// Every statistic with a p of at most alpha, the one that the row was left out by first.
std::vector<Reason> reasons_of(const std::string& cause, const std::vector<RowScores>& p, std::size_t task,
                               Eigen::Index row, const std::vector<std::string>& names, double alpha) {
  std::vector<Reason> reasons;
  for (std::size_t k = 0; k < names.size(); ++k) {
    const double value = p[k][task][row];
    if (names[k] == cause)
      reasons.insert(reasons.begin(), {names[k], value});
    else if (value <= alpha)
      reasons.push_back({names[k], value});
  }
  return reasons;
}

void score(Defended& result, const TaskSet& tasks, const Trimming& found, double alpha) {
  const std::vector<RowScores>& statistics = found.statistics;
  const std::vector<std::vector<std::string>>& causes = found.causes;
  const RowScores scores = smallest_p(statistics, result.kept);
  const RowScores p = p_values(scores, result.kept);
  std::vector<RowScores> p_of;
  for (const RowScores& statistic : statistics) p_of.push_back(p_values(statistic, result.kept));
  const std::vector<double> of_tasks = task_scores(p, result.kept);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    RowScreen rows{{}, scores[i], p[i], {}, {}};
    for (const RowScores& statistic : statistics) rows.statistics.push_back(statistic[i]);
    rows.reasons.resize(static_cast<std::size_t>(tasks[i].rows()));
    for (std::size_t j = 0; j < rows.reasons.size(); ++j)
      if (!causes[i][j].empty())
        rows.reasons[j] = reasons_of(causes[i][j], p_of, i, static_cast<Eigen::Index>(j), result.statistics, alpha);
    double flagged = 0.0;
    for (const double value : p[i]) {
      rows.flagged.push_back(value <= alpha);
      flagged += value <= alpha ? 1.0 : 0.0;
    }
    const auto n = static_cast<double>(tasks[i].rows());
    TaskScreen task;
    task.flagged_share = flagged / n;
    task.left_out_whole = found.tasks_left_out[i];
    task.left_out = task.left_out_whole ? 1.0 : 1.0 - static_cast<double>(result.kept[i].size()) / n;
    result.left_out += task.left_out * n / static_cast<double>(tasks.rows());
    task.outlyingness = found.outlyingness[static_cast<Eigen::Index>(i)];
    task.score = of_tasks[i];
    task.flagged = task.left_out > 0.0 && task.score > largest_by_chance(tasks.size());
    result.rows.push_back(std::move(rows));
    result.tasks.push_back(task);
  }
}

// A cause for every row that is not kept.
std::vector<std::vector<std::string>> caused_by(const std::string& cause, const TaskSet& tasks, const Rows& kept) {
  std::vector<std::vector<std::string>> causes;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    causes.emplace_back(static_cast<std::size_t>(tasks[i].rows()), cause);
    for (const Eigen::Index j : kept[i]) causes.back()[static_cast<std::size_t>(j)].clear();
  }
  return causes;
}

// What the method keeps, and its fit.
Trimming method_result(const TaskSet& tasks, const mtrl::Loss& loss, const Options& options, mtrl::Fit& fit) {
  if (options.method == Method::Trim) {
    Trimming found = trim_by_held_out_loss(tasks, loss, options);
    fit = fit_shared(select(tasks, found.kept), found.tasks_left_out, loss, options.learner);
    return found;
  }
  Trimming found;
  found.kept = all_rows(tasks);
  found.tasks_left_out.assign(tasks.size(), false);
  found.outlyingness.setZero(static_cast<Eigen::Index>(tasks.size()));
  fit = mtrl::solve(tasks, loss, options.learner);
  if (options.method == Method::Huber) fit = huber(tasks, loss, options.learner, fit).fit;
  const RowScores residuals = residual_scores(tasks, loss, fit.weights, found.kept);
  if (options.method == Method::Screen) {
    const RowScores distances = distance_from_mean(tasks, options.bias);
    found.kept = within_quantiles(tasks, {&distances, &residuals}, options.alpha);
    fit = mtrl::solve(select(tasks, found.kept), loss, options.learner);
  }
  found.causes = caused_by("sphere and slab", tasks, found.kept);
  found.statistics = measured(tasks, options.bias, found.kept);
  found.statistics.push_back(residuals);
  return found;
}

}  // namespace

Method method_named(const std::string& name) {
  return kMethods.named(name);
}

std::string_view to_string(Method method) {
  return kMethods.name_of(method);
}

const OptionTable<Options>& Options::table() {
  static const auto table =
      OptionTable<Options>("")
          .add(&Options::method,
               {.key = "method",
                .meaning = "trim: leave out rows where the others are then predicted better, huber: bound every row's "
                           "force, screen: sphere and slab",
                .words = kMethods.names()})
          .add(&Options::alpha, {.key = "alpha",
                                 .meaning = "Share of honest rows that may be flagged",
                                 .range = Range{.low = 0, .high = 0.5, .low_is_open = true, .high_is_open = true}})
          .add(&Options::share, {.key = "share",
                                 .meaning = "trim: leave out this share of all rows; found without it",
                                 .range = Range{.low = 0, .high = 0.5, .high_is_open = true}})
          .add(&Options::margin,
               {.key = "margin",
                .meaning = "trim: learn a task alone where the others make its held-out loss worse by this share",
                .range = at_least(0)});
  return table;
}

void require_valid(const Options& options) {
  Options::table().require_valid(options);
}

Rows cleaned_rows(const Defended& defended) {
  Rows rows = defended.kept;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (defended.tasks[i].left_out_whole) rows[i].clear();
  return rows;
}

mtrl::Fit fit_shared(const TaskSet& tasks, const std::vector<bool>& left_out, const mtrl::Loss& loss,
                     const mtrl::Options& learner) {
  const std::vector<std::size_t> together = sharing(left_out);
  if (together.size() == tasks.size()) return mtrl::solve(tasks, loss, learner);
  TaskSet some;
  for (const std::size_t i : together) some.tasks.push_back(tasks[i]);
  mtrl::Fit fit = mtrl::solve(some, loss, learner);
  const auto m = static_cast<Eigen::Index>(tasks.size());
  Eigen::MatrixXd weights = Eigen::MatrixXd::Zero(fit.weights.rows(), m);
  Eigen::MatrixXd factor = Eigen::MatrixXd::Zero(m, fit.covariance.factor.cols());
  weights(Eigen::all, together) = fit.weights;
  factor(together, Eigen::all) = fit.covariance.factor;
  fit.weights = std::move(weights);
  fit.covariance.factor = std::move(factor);
  return fit;
}

Defended defend(const TaskSet& tasks, const mtrl::Loss& loss, const Options& options) {
  require_valid(options);
  require_valid(tasks, "defend");
  for (const Task& task : tasks)
    if (task.rows() < 2)
      throw std::invalid_argument(fmt::format("defend: task \"{}\" has {} row; it must have at least 2 to be screened",
                                              task.name, task.rows()));
  Defended result;
  for (const Detector& detector : detectors()) result.statistics.emplace_back(detector.name);
  result.statistics.emplace_back("residual");
  Trimming found = method_result(tasks, loss, options, result.fit);
  result.weights = result.fit.weights;
  result.kept = std::move(found.kept);
  result.decisions = std::move(found.decisions);
  score(result, tasks, found, options.alpha);
  if (options.method == Method::Trim) {
    const CrossValidator validator(tasks, loss, options.learner, folds_of(found.statistics[0]));
    compare_with_alone(result, validator, found.tasks_left_out, options);
  }
  return result;
}

}  // namespace crosstalk::defence
