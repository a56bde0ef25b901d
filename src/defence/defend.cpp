#include "crosstalk/defence/defend.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/confidence_interval.hpp"
#include "crosstalk/defence/huber.hpp"
#include "crosstalk/defence/least_trimmed_squares.hpp"
#include "crosstalk/defence/neighbours.hpp"
#include "crosstalk/defence/robust_distance.hpp"
#include "crosstalk/defence/screens.hpp"
#include "crosstalk/defence/twins.hpp"
#include "crosstalk/quantile.hpp"
#include "study.hpp"

namespace crosstalk::defence {

namespace {

constexpr double kCore = 0.7;  // share of the rows that is taken for honest: 30 % injected rows are 23 % of all
constexpr int kMostRounds = 5;
constexpr double kNormalMedian = 0.6745;  // of the magnitude of a standard normal number
constexpr double kMostUnshared = 0.5;     // of an honest row's recurring features

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

// Whether every task is better off alone, by the held-out losses of its kept rows.
void compare_with_alone(Defended& result, const Study& study, const Options& options) {
  const mtrl::Options coarse = Study::coarse(options.learner);
  const Look joint = study.held_out(result.kept, coarse);
  for (std::size_t i = 0; i < joint.size(); ++i) {
    const TaskSet one = {study.tasks()[i]};
    const Rows kept = {result.kept[i]};
    const Study single(one, study.loss(), options.learner, {study.folds()[i]});
    const Eigen::VectorXd together = joint[i](kept[0]);
    const Eigen::VectorXd alone = single.held_out(kept, coarse)[0](kept[0]);
    TaskScreen& task = result.tasks[i];
    task.joint_loss = together.mean();
    task.alone_loss = alone.mean();
    const Eigen::VectorXd excess = together - (1.0 + options.margin) * alone;
    task.alone = mean_with_ci({excess.begin(), excess.end()}).above(0.0);
    if (task.alone) result.weights.col(static_cast<Eigen::Index>(i)) = single.fit(kept, options.learner).weights;
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

// By how many standard deviations rows stand out in sum: of honest ones -ln p has mean and variance 1 [Fisher 1932].
double excess(const Eigen::VectorXd& p) {
  return (-p.array().log() - 1.0).sum() / std::sqrt(static_cast<double>(p.size()));
}

// All rows of each task against what is usual of tasks, which may differ, and its left out rows against its kept ones.
std::vector<double> task_scores(const Look& p, const Rows& kept) {
  Eigen::VectorXd of_kept(static_cast<Eigen::Index>(p.size()));
  for (std::size_t i = 0; i < p.size(); ++i) of_kept[static_cast<Eigen::Index>(i)] = excess(p[i](kept[i]));
  const double usual = std::max(1.0, median(of_kept.cwiseAbs()) / kNormalMedian);
  std::vector<double> scores;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const Eigen::ArrayXd surprise = -p[i].array().log();
    const double left_out = (surprise - surprise(kept[i]).mean()).sum();
    scores.push_back(excess(p[i]) / usual + left_out / std::sqrt(static_cast<double>(surprise.size())));
  }
  return scores;
}

// One-sided normal quantile of 0.05 / m, from the tail's own bound: exact to 2 % where it matters.
double most_by_chance(std::size_t tasks) {
  return std::sqrt(2.0 * std::log(20.0 * static_cast<double>(tasks)));
}

// Whether some rows of task i are not kept; the look says how many it has.
bool lost_rows(const Rows& kept, const Look& look, std::size_t i) {
  return kept[i].size() < static_cast<std::size_t>(look[i].size());
}

// The kept rows of tasks of which all are kept, to measure the others by; all kept rows where these are too few.
Rows untouched(const Rows& kept, const Look& look) {
  constexpr Eigen::Index kFewest = 100;
  Rows rows = kept;
  for (std::size_t i = 0; i < kept.size(); ++i)
    if (lost_rows(kept, look, i)) rows[i].clear();
  return count_of(rows) < kFewest ? kept : rows;
}

// Of tasks that lost rows and whose others stand out, more than those of any task that lost none and more than by
// chance, without the rows of small p.
Rows without_suspects(const Rows& kept, const Look& p) {
  double usual = most_by_chance(kept.size());
  for (std::size_t i = 0; i < kept.size(); ++i)
    if (!lost_rows(kept, p, i)) usual = std::max(usual, excess(p[i]));
  Rows next = kept;
  for (std::size_t i = 0; i < kept.size(); ++i)
    if (lost_rows(kept, p, i) && excess(p[i](kept[i])) > usual) next[i] = below_chance(kept[i], p[i]);
  return next;
}

// The next rows of tasks that would lose more than others do, all rows of the others: honest rows, too, disagree with
// their neighbours, in every task. More by three standard deviations than at the share that the quarter of tasks that
// would lose least does.
Rows of_conspicuous_tasks(const Rows& rows, const Rows& next) {
  constexpr double kTooMany = 3.0;
  constexpr double kLeast = 0.25;
  std::vector<double> shares;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (!rows[i].empty())
      shares.push_back(1.0 - static_cast<double>(next[i].size()) / static_cast<double>(rows[i].size()));
  if (shares.empty()) return rows;
  const double usual = quantile(Eigen::VectorXd::Map(shares.data(), static_cast<Eigen::Index>(shares.size())), kLeast);
  Rows result = rows;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double expected = usual * static_cast<double>(rows[i].size());
    const auto lost = static_cast<double>(rows[i].size() - next[i].size());
    if (lost - expected > kTooMany * std::sqrt(lost + expected + 1.0)) result[i] = next[i];
  }
  return result;
}

// Whether the worst explained rows of groups are worse than those of honest twins, by four standard deviations: the
// worst of s honest labels stands at a share u of the others' with u^s uniform.
bool differ(const std::vector<std::vector<Twins>>& groups, const Look& look, const Rows& others) {
  constexpr double kTooMany = 4.0;
  double excess = 0.0;
  double count = 0.0;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const auto n = static_cast<double>(others[i].size());
    for (const Twins& group : groups[i]) {
      const double worst = look[i](group.rows).maxCoeff();
      const auto better = std::ranges::count_if(others[i], [&](Eigen::Index j) { return look[i][j] < worst; });
      excess += std::pow((0.5 + static_cast<double>(better)) / (1.0 + n), static_cast<double>(group.rows.size())) - 0.5;
      count += 1.0;
    }
  }
  return excess > kTooMany * std::sqrt(count / 12.0);
}

// How the rows look, and those that stay by it.
struct Screening {
  Look distance;
  Look residual;
  Look crowded;
  Rows kept;
};

// Method::Trim: each step leaves out rows, by looks that the rows left out before no longer bend.
class Trimming {
 public:
  Trimming(const Study& study, const Options& options, Look crowded)
      : study_(study), options_(options), unshared_(unshared_values(study.tasks(), options.bias)) {
    looks_.crowded = std::move(crowded);
    for (std::size_t i = 0; i < study.tasks().size(); ++i)
      if (!has_own_values(study.tasks()[i], options.bias)) with_twins_.push_back(i);
  }

  Screening run() {
    const Rows all = all_rows(tasks());
    const Rows apart =
        options_.share ? all : without_excess(up_to(all, unshared_, kMostUnshared), looks_.crowded, Tail::Power);
    looks_.distance = distances_from(apart);
    looks_.kept = all;
    if (!options_.share) {
      looks_.kept = without_excess(apart, looks_.distance, Tail::Power);
      leave_islands();
      leave_copies();
    }
    mtrl::Options learner = study_.screening_options(looks_.kept);
    mtrl::Fit fit = study_.robust_fit(looks_.kept, learner);
    if (!options_.share && !study_.loss().is_classification() && leave_disagreeing(learner, fit)) {
      learner = study_.screening_options(looks_.kept);
      fit = study_.robust_fit(looks_.kept, learner);
    }
    looks_.residual = residual_of(fit);
    if (options_.share) {
      looks_.kept =
          without_worst(all, worst_of({looks_.distance, looks_.residual, looks_.crowded}, all), *options_.share);
    } else {
      // Signs have no residuals that thin out: rows of the wrong class look like rows near the border.
      if (!study_.loss().is_classification()) {
        leave_out_by_residual(learner, std::move(fit));
        if (count_of(looks_.kept) < tasks().rows()) {
          fit = resistant_fit(learner);
          looks_.residual = residual_of(fit);
          leave_out_by_residual(learner, std::move(fit));
        }
      }
      look_closer(learner);
      if (count_of(looks_.kept) < tasks().rows() && leave_shared_places()) {
        looks_.distance = distances_from(looks_.kept);
        looks_.residual = residual_of(resistant_fit(learner));
      }
    }
    return std::move(looks_);
  }

 private:
  const TaskSet& tasks() const { return study_.tasks(); }

  Look distances_from(const Rows& known) const {
    Look look = robust_distances(tasks(), options_.bias, kCore, known);
    for (const std::size_t i : with_twins_) look[i] = 1.0 + unshared_[i].array();
    return look;
  }

  // Leaves rows of a task out; they are as crowded as what gave them away says.
  void leave_out(std::size_t i, const std::vector<Eigen::Index>& rows, const Eigen::VectorXd& look) {
    std::erase_if(looks_.kept[i], [&](Eigen::Index j) { return std::ranges::binary_search(rows, j); });
    for (const Eigen::Index j : rows) looks_.crowded[i][j] = std::max(looks_.crowded[i][j], look[j]);
  }

  void leave_all_but(const std::vector<Eigen::Index>& next, std::size_t i, const Eigen::VectorXd& look) {
    std::vector<Eigen::Index> gone;
    std::ranges::set_difference(looks_.kept[i], next, std::back_inserter(gone));
    leave_out(i, gone, look);
  }

  // Of rows in one place the one stays that the rows without twins explain best: they are copies, or were copied.
  // Honest rows may have twins, too: numbers that differ by no more than those of other rows stay.
  void leave_copies() {
    const auto groups = twins(tasks(), options_.bias, looks_.kept);
    Rows others = looks_.kept;
    for (std::size_t i = 0; i < others.size(); ++i)
      for (const Twins& group : groups[i])
        std::erase_if(others[i], [&](Eigen::Index j) { return std::ranges::binary_search(group.rows, j); });
    if (others == looks_.kept || std::ranges::any_of(others, &std::vector<Eigen::Index>::empty)) return;
    const mtrl::Fit fit = study_.robust_fit(others, study_.screening_options(others));
    const Look residual = residual_look(tasks(), study_.loss(), fit.weights, others);
    if (!study_.loss().is_classification() && !differ(groups, residual, others)) return;
    for (std::size_t i = 0; i < others.size(); ++i) {
      std::vector<Eigen::Index> copies;
      Eigen::VectorXd look = Eigen::VectorXd::Ones(tasks()[i].rows());
      for (const auto& [rows, closeness] : groups[i]) {
        const Eigen::Index best = *std::ranges::min_element(rows, {}, [&](Eigen::Index j) { return residual[i][j]; });
        std::ranges::copy_if(rows, std::back_inserter(copies), [&](Eigen::Index j) { return j != best; });
        look(rows).setConstant(closeness);
      }
      std::ranges::sort(copies);
      if (2 * (looks_.kept[i].size() - copies.size()) >= static_cast<std::size_t>(tasks()[i].rows()))
        leave_out(i, copies, look);
    }
  }

  // Of tasks with distances: twins have numbers with gaps.
  void leave_islands() {
    Rows judged = looks_.kept;
    for (const std::size_t i : with_twins_) judged[i].clear();
    Rows next = without_islands(judged, looks_.distance, Tail::Power);
    for (const std::size_t i : with_twins_) next[i] = looks_.kept[i];
    looks_.kept = std::move(next);
  }

  // Rows that are injected among honest ones and whose labels say something else there. Whether there are any.
  bool leave_disagreeing(const mtrl::Options& learner, mtrl::Fit fit) {
    const Rows before = looks_.kept;
    for (int round = 0; round < kMostRounds; ++round) {
      Look look;
      Rows judged = looks_.kept;
      for (std::size_t i = 0; i < judged.size(); ++i) {
        const Eigen::VectorXd w = fit.weights.col(static_cast<Eigen::Index>(i));
        look.push_back(disagreement(tasks()[i], w, judged[i], options_.bias));
        if (look[i].size() == 0) judged[i].clear();
      }
      const Rows next = of_conspicuous_tasks(judged, without_excess(judged, look, Tail::Exponential));
      if (next == judged) break;
      for (std::size_t i = 0; i < judged.size(); ++i)
        if (!judged[i].empty()) leave_all_but(next[i], i, look[i]);
      fit = study_.robust_fit(looks_.kept, learner);
    }
    return looks_.kept != before;
  }

  Look residual_of(const mtrl::Fit& fit) const {
    return residual_look(tasks(), study_.loss(), fit.weights, looks_.kept);
  }

  // A robust fit to the rows that are explained by what explains the core of their task. Injected rows of large
  // leverage bend a robust fit until it explains them. Only where somebody is known to be at work: of honest rows, too,
  // a part may obey a rule of its own, and of few rows one is found by chance.
  mtrl::Fit resistant_fit(const mtrl::Options& learner) const {
    mtrl::Fit fit = study_.robust_fit(looks_.kept, learner);
    if (study_.loss().is_classification()) return fit;
    Rows explained;
    for (std::size_t i = 0; i < tasks().size(); ++i)
      explained.push_back(explained_by_core(i, fit.weights.col(static_cast<Eigen::Index>(i))));
    return explained == looks_.kept ? fit : study_.robust_fit(explained, learner);
  }

  std::vector<Eigen::Index> explained_by_core(std::size_t i, const Eigen::VectorXd& start) const {
    constexpr std::size_t kRowsPerFeature = 10;
    constexpr std::size_t kMostSearched = 2000;  // rows; each of hundreds of steps looks at all of them
    constexpr double kFarthest = 2.5;            // standard deviations
    const Task& task = tasks()[i];
    std::vector<Eigen::Index> rows = looks_.kept[i];
    if (rows.size() < kRowsPerFeature * static_cast<std::size_t>(task.features.cols())) return rows;
    // Whatever their order in the file.
    std::ranges::stable_sort(rows, {}, [&](Eigen::Index j) { return looks_.distance[i][j]; });
    std::vector<Eigen::Index> searched;
    const std::size_t stride = (rows.size() + kMostSearched - 1) / kMostSearched;
    for (std::size_t k = 0; k < rows.size(); k += stride) searched.push_back(rows[k]);
    const auto keep = static_cast<std::size_t>(std::ceil(kCore * static_cast<double>(searched.size())));
    const Eigen::VectorXd w = least_trimmed_squares(task, searched, keep, start);
    const Eigen::VectorXd sizes = (task.labels - task.features * w).cwiseAbs();
    const double farthest = kFarthest * median(sizes(rows)) / kNormalMedian;
    std::erase_if(rows, [&](Eigen::Index j) { return sizes[j] > farthest; });
    std::ranges::sort(rows);
    return rows;
  }

  void leave_out_by_residual(const mtrl::Options& learner, mtrl::Fit fit) {
    const Rows near = looks_.kept;
    for (int round = 0; round < kMostRounds; ++round) {
      looks_.kept = without_excess(near, looks_.residual, Tail::Exponential);
      if (looks_.kept == near) return;
      std::vector<Stratum> strata = strata_of(tasks(), near, false);
      for (Stratum& stratum : strata) stratum.keep = looks_.kept[stratum.task].size();
      fit = trim(tasks(), study_.loss(), learner, strata, fit.weights).fit;
      Look next = residual_look(tasks(), study_.loss(), fit.weights, looks_.kept);
      if (without_excess(near, next, Tail::Exponential) == looks_.kept) return;
      looks_.residual = std::move(next);
    }
  }

  // Rows that stand where rows of other tasks stand, too, as more of the rows of attacked tasks do than of the others.
  // Whether there are any.
  bool leave_shared_places() {
    const Look look = shared_places(tasks(), options_.bias);
    Rows attacked = all_rows(tasks());
    Rows kept = looks_.kept;
    Rows others = looks_.kept;
    for (std::size_t i = 0; i < look.size(); ++i) {
      if (lost_rows(looks_.kept, look, i)) {
        others[i].clear();
      } else {
        attacked[i].clear();
        kept[i].clear();
      }
    }
    const Rows before = looks_.kept;
    const Rows next = up_to(before, look, excess_over(look, attacked, kept, others));
    for (std::size_t i = 0; i < look.size(); ++i) leave_all_but(next[i], i, look[i]);
    return looks_.kept != before;
  }

  // At the tasks that lost rows: they are known to be attacked.
  void look_closer(const mtrl::Options& learner) {
    for (int round = 0; round < kMostRounds; ++round) {
      std::vector<Look> looks = {looks_.distance, looks_.crowded};
      if (!study_.loss().is_classification()) looks.push_back(looks_.residual);
      const Rows usual = untouched(looks_.kept, looks_.crowded);
      Rows next = without_suspects(looks_.kept, p_values(worst_of(looks, usual), usual));
      if (next == looks_.kept) return;
      looks_.kept = std::move(next);
      looks_.distance = distances_from(looks_.kept);
      looks_.residual = residual_of(resistant_fit(learner));
    }
  }

  const Study& study_;
  const Options& options_;
  Look unshared_;
  std::vector<std::size_t> with_twins_;  // tasks without a feature of own values
  Screening looks_;
};

void score(Defended& result, const TaskSet& tasks, const std::vector<Look>& looks, double alpha) {
  const Look scores = worst_of(looks, result.kept);
  const Look p = p_values(scores, result.kept);
  const std::vector<double> of_tasks = task_scores(p, result.kept);
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
    task.score = of_tasks[i];
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
  Screening screening;
  screening.distance = options.method == Method::Screen ? distance_from_mean(tasks, options.bias)
                                                        : robust_distances(tasks, options.bias, kCore, all);
  screening.crowded = crowding(tasks, options.bias);
  const Study study(tasks, loss, options.learner, folds_of(screening.distance));
  Defended result;
  switch (options.method) {
    case Method::Trim: {
      screening = Trimming(study, options, std::move(screening.crowded)).run();
      result.fit = study.fit(screening.kept, options.learner);
      break;
    }
    case Method::Huber: {
      screening.kept = all;
      result.fit = huber(tasks, loss, options.learner, study.fit(all, options.learner)).fit;
      screening.residual = residual_look(tasks, loss, result.fit.weights, all);
      break;
    }
    case Method::Screen: {
      screening.residual = residual_look(tasks, loss, study.fit(all, options.learner).weights, all);
      screening.kept = within_quantiles(tasks, {&screening.distance, &screening.residual}, options.alpha);
      result.fit = study.fit(screening.kept, options.learner);
      break;
    }
  }
  result.weights = result.fit.weights;
  result.kept = std::move(screening.kept);
  score(result, tasks, {screening.distance, screening.residual, screening.crowded}, options.alpha);
  if (options.method == Method::Trim) compare_with_alone(result, study, options);
  return result;
}

}  // namespace crosstalk::defence
