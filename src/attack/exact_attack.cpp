#include "crosstalk/attack/exact_attack.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/attack/influence.hpp"
#include "crosstalk/attack/span_attack.hpp"
#include "crosstalk/parallel.hpp"

namespace crosstalk::attack {

namespace {

// Injected rows and the learner's answer to them.
struct Point {
  struct Slope {
    Eigen::MatrixXd utility;  // dU/dW
    Eigen::MatrixXd adjoint;
  };
  TaskSet rows;
  std::optional<TaskSet> mapped;  // what the learner sees of them, where that is something else
  mtrl::EmpiricalRisk risk;
  Iterate answer;
  std::optional<Slope> slope = {};  // once it was asked for: both kinds of steps start from it
};

class Ascent {
 public:
  // @param ranges  of free labels; empty when labels stay.
  Ascent(const mtrl::EmpiricalRisk& clean, const Utility& utility, const FeasibleSet& feasible,
         const mtrl::Options& learner, const ExactOptions& options, std::vector<Interval> ranges, double clean_utility,
         const InputSpace* inputs)
      : clean_(clean),
        utility_(utility),
        feasible_(feasible),
        learner_(learner),
        options_(options),
        ranges_(std::move(ranges)),
        clean_utility_(clean_utility),
        inputs_(inputs) {
    extent_ = feasible.radius;
    if (!std::isfinite(extent_)) extent_ = 0.0;
    for (const Interval& interval : feasible.box) extent_ = std::max(extent_, interval.high - interval.low);
  }

  [[nodiscard]] Point evaluate(TaskSet rows, const Eigen::MatrixXd& near) const {
    std::optional<TaskSet> mapped = seen(rows);
    mtrl::EmpiricalRisk risk = clean_.with_rows(mapped ? *mapped : rows);
    mtrl::Fit fit = mtrl::solve_from(risk, learner_, near);
    const double value = utility_.value(fit.weights);
    return {std::move(rows), std::move(mapped), std::move(risk), {value, std::move(fit)}};
  }

  // Rows whose answer is known.
  [[nodiscard]] Point known(TaskSet rows, Iterate answer) const {
    std::optional<TaskSet> mapped = seen(rows);
    mtrl::EmpiricalRisk risk = clean_.with_rows(mapped ? *mapped : rows);
    return {std::move(rows), std::move(mapped), std::move(risk), std::move(answer)};
  }

  // From a start to where no step of either kind is worth its while.
  [[nodiscard]] std::vector<Iterate> climb(Point& at, const std::stop_token& stop) const {
    std::vector<Iterate> iterates = {at.answer};
    const auto accept = [&](std::optional<Point> next) {
      if (!next) return false;
      at = std::move(*next);
      iterates.push_back(at.answer);
      return true;
    };
    const auto spent = [&] { return static_cast<int>(iterates.size()) > options_.iterations || stop.stop_requested(); };
    while (!spent()) {
      const double before = at.answer.utility;
      if (options_.moves != Moves::Replacement) gradient_steps(at, accept, spent);
      if (options_.moves != Moves::Gradient && replaces() && !spent()) accept(replacement(at));
      if (at.answer.utility - before <= worth_while(at)) break;
    }
    return iterates;
  }

 private:
  static constexpr double kArmijo = 1e-4;

  [[nodiscard]] std::optional<TaskSet> seen(const TaskSet& rows) const {
    return inputs_ != nullptr ? std::optional(inputs_->map_rows(rows)) : std::nullopt;
  }

  [[nodiscard]] bool replaces() const { return !ranges_.empty() || feasible_.has_jumps(); }

  [[nodiscard]] bool keeps_label(std::size_t task, Eigen::Index row) const {
    return feasible_.keeps_label(clean_.clean()[task], row);
  }

  // In a round; where steps are few, the replacement must have its turn among them.
  [[nodiscard]] int gradient_steps_at_most() const {
    constexpr int kMost = 10;
    return replaces() ? std::clamp(options_.iterations / 2, 1, kMost) : kMost;
  }

  [[nodiscard]] bool labels_move() const { return !ranges_.empty() && !clean_.loss().is_classification(); }

  // The least rise that is worth another round. An attack without any effect must end, too.
  [[nodiscard]] double worth_while(const Point& at) const {
    return options_.tolerance * std::max(0.0, at.answer.utility - clean_utility_);
  }

  // A step of ascent needs no more digits than these.
  [[nodiscard]] const Point::Slope& slope_at(Point& at) const {
    if (!at.slope) {
      const Eigen::MatrixXd& W = at.answer.fit.weights;
      Eigen::MatrixXd utility = utility_.gradient(W);
      Eigen::MatrixXd adjoint = mtrl::adjoint(at.risk, learner_, W, utility, 1e-5);
      at.slope = {std::move(utility), std::move(adjoint)};
    }
    return *at.slope;
  }

  [[nodiscard]] AttackState situation_at(Point& at) const {
    return {at.risk, at.mapped ? *at.mapped : at.rows, at.answer.fit, learner_, slope_at(at).utility};
  }

  // Labels are measured in half their range, so that a unit means as much as in the features.
  [[nodiscard]] double label_unit(std::size_t task) const {
    const double half = 0.5 * (ranges_[task].high - ranges_[task].low);
    return half > 0.0 ? half : 1.0;
  }

  // The step of a conditional gradient: the rows that gain most become the best row of their task.
  [[nodiscard]] std::optional<Point> replacement(Point& at) const {
    const Influence influence(situation_at(at), slope_at(at).adjoint);
    struct Move {
      std::size_t task;
      Eigen::Index row;
      Influence::Row to;
      double gain;
    };
    std::vector<Move> moves;
    for (std::size_t i = 0; i < at.rows.size(); ++i) {
      const Task& task = at.rows[i];
      if (task.rows() == 0) continue;
      const Eigen::VectorXd now = influence.of_rows(at.mapped ? *at.mapped : at.rows, i);
      const auto n = static_cast<double>(at.risk.rows(static_cast<Eigen::Index>(i)));
      Influence::Row to;
      Interval last;
      for (Eigen::Index j = 0; j < task.rows(); ++j) {
        const bool stays = ranges_.empty() || keeps_label(i, j);
        const Interval labels = stays ? Interval{task.labels[j], task.labels[j]} : ranges_[i];
        const bool same_choice = j > 0 && feasible_.fixed.empty() && labels.low == last.low && labels.high == last.high;
        last = labels;
        const Eigen::VectorXd like = task.features.row(j).transpose();
        if (!same_choice)
          to = inputs_ != nullptr ? influence.best_row(*inputs_, feasible_, i, labels, like, task.features)
                                  : influence.best_row(feasible_, i, labels, like);
        if (to.influence > now[j]) moves.push_back({i, j, to, (to.influence - now[j]) / n});
      }
    }
    std::stable_sort(moves.begin(), moves.end(), [](const Move& a, const Move& b) { return a.gain > b.gain; });
    for (std::size_t count = moves.size(); count > 0; count /= 2) {
      TaskSet rows = at.rows;
      for (std::size_t k = 0; k < count; ++k) {
        rows[moves[k].task].features.row(moves[k].row) = moves[k].to.features.transpose();
        rows[moves[k].task].labels[moves[k].row] = moves[k].to.label;
      }
      Point next = evaluate(std::move(rows), at.answer.fit.weights);
      if (next.answer.utility > at.answer.utility) return next;
    }
    return std::nullopt;
  }

  // All that the gradient moves in one vector: features, then labels in units of half their range.
  [[nodiscard]] Eigen::VectorXd flatten(const std::vector<Eigen::MatrixXd>& features,
                                        const std::vector<Eigen::VectorXd>& labels, bool of_gradient) const {
    Eigen::Index size = 0;
    for (const auto& task : features) size += task.size() + (labels_move() ? task.rows() : 0);
    Eigen::VectorXd all(size);
    Eigen::Index offset = 0;
    for (std::size_t i = 0; i < features.size(); ++i) {
      all.segment(offset, features[i].size()) = features[i].reshaped();
      offset += features[i].size();
      if (!labels_move() || features[i].size() == 0) continue;
      const double unit = label_unit(i);
      all.segment(offset, labels[i].size()) = labels[i] * (of_gradient ? unit : 1.0 / unit);
      offset += labels[i].size();
    }
    return all;
  }

  [[nodiscard]] Eigen::VectorXd flatten(const TaskSet& rows) const {
    std::vector<Eigen::MatrixXd> features;
    std::vector<Eigen::VectorXd> labels;
    for (const Task& task : rows) {
      features.push_back(task.features);
      labels.push_back(task.labels);
    }
    return flatten(features, labels, false);
  }

  // The nearest feasible rows; what does not move is as in `like`.
  [[nodiscard]] TaskSet project(const Eigen::VectorXd& all, const TaskSet& like) const {
    TaskSet rows = like;
    Eigen::Index offset = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      Task& task = rows[i];
      if (task.rows() == 0) continue;
      task.features.reshaped() = all.segment(offset, task.features.size());
      offset += task.features.size();
      if (labels_move()) {
        task.labels =
            (all.segment(offset, task.rows()) * label_unit(i)).cwiseMax(ranges_[i].low).cwiseMin(ranges_[i].high);
        offset += task.rows();
        for (Eigen::Index j = 0; j < task.rows(); ++j)
          if (keeps_label(i, j)) task.labels[j] = like[i].labels[j];
        feasible_.project_feasible_from(i, like[i], task, ranges_[i]);
      } else {
        feasible_.project_feasible_from(i, like[i], task);
      }
    }
    return rows;
  }

  [[nodiscard]] Eigen::VectorXd row_slope(Point& at) const {
    RowDerivatives slopes = row_gradient_from(situation_at(at), slope_at(at).adjoint);
    if (inputs_ != nullptr) inputs_->pull_back(at.rows, slopes);
    for (Eigen::MatrixXd& task : slopes.features)
      if (task.size() > 0) feasible_.clear_immovable(task);
    return flatten(slopes.features, slopes.labels, true);
  }

  template <class Accept, class Spent>
  void gradient_steps(Point& at, const Accept& accept, const Spent& spent) const {
    Eigen::VectorXd x = flatten(at.rows);
    if (x.size() == 0) return;
    Eigen::VectorXd g = row_slope(at);
    double length = extent_ / std::max(g.cwiseAbs().maxCoeff(), 1e-300);
    for (int step = 0; step < gradient_steps_at_most() && !spent(); ++step) {
      const Eigen::VectorXd direction = flatten(project(x + length * g, at.rows)) - x;
      const double rise = g.dot(direction);
      if (!(rise > 0.0)) return;
      std::optional<Point> next;
      for (double share = 1.0; share > 1e-6; share *= 0.5) {
        Point trial = evaluate(project(x + share * direction, at.rows), at.answer.fit.weights);
        if (trial.answer.utility >= at.answer.utility + kArmijo * share * rise) {
          next = std::move(trial);
          break;
        }
      }
      const double before = at.answer.utility;
      if (!accept(std::move(next))) return;
      const Eigen::VectorXd moved = flatten(at.rows);
      const Eigen::VectorXd slope_there = row_slope(at);
      // Where U is convex along the step no finite length is too long.
      const double curvature = (moved - x).dot(g - slope_there);
      const double longest = 1e3 * extent_ / std::max(slope_there.cwiseAbs().maxCoeff(), 1e-300);
      length = curvature > 0.0 ? std::min((moved - x).squaredNorm() / curvature, longest) : longest;
      x = moved;
      g = slope_there;
      if (at.answer.utility - before <= 0.1 * worth_while(at)) return;
    }
  }

  const mtrl::EmpiricalRisk& clean_;
  const Utility& utility_;
  FeasibleSet feasible_;
  const mtrl::Options& learner_;
  const ExactOptions& options_;
  std::vector<Interval> ranges_;
  double clean_utility_;
  const InputSpace* inputs_;
  double extent_;  // the size of the feasible set
};

// Random features; labels at a random end each task when they are free.
TaskSet another_start(const TaskSet& like, const TaskSet& clean, const FeasibleSet& feasible,
                      const std::vector<Interval>& ranges, Rng rng) {
  TaskSet rows = like;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Task& task = rows[i];
    if (task.rows() == 0) continue;
    const bool high = rng.below(2) == 1;
    if (!ranges.empty()) task.labels.setConstant(high ? ranges[i].high : ranges[i].low);
    const bool is_fictitious = clean[i].rows() == 0;
    for (Eigen::Index j = 0; j < task.rows(); ++j) {
      task.features.row(j) = feasible.random_row(is_fictitious ? like[i] : clean[i], rng).transpose();
      if (feasible.keeps_label(clean[i], j)) task.labels[j] = like[i].labels[j];
      if (!ranges.empty())
        task.labels[j] = feasible.nearest_label(i, task.features.row(j).transpose(), task.labels[j], ranges[i]);
    }
    feasible.project_feasible(i, task);
  }
  return rows;
}

}  // namespace

const OptionTable<ExactOptions>& ExactOptions::table() {
  static const auto table =
      OptionTable<ExactOptions>("exact")
          .add(&ExactOptions::starts,
               {.key = "starts", .meaning = "Exact: starts; PATOM's end, then random rows", .range = at_least(1)})
          .add(&ExactOptions::iterations, {.key = "exact-steps",
                                           .meaning = "Exact: steps from every start",
                                           .range = at_least(0),
                                           .field = "iterations"})
          .add(&ExactOptions::tolerance,
               {.key = "exact-tolerance",
                .meaning = "Exact: a start ends when a round raises the utility's gain by less than this share",
                .range = above(0),
                .field = "tolerance"});
  return table;
}

void require_valid(const ExactOptions& options) {
  ExactOptions::table().require_valid(options);
}

AttackResult exact_attack(const AttackProblem& problem, const ExactOptions& options, const RunControl& control) {
  require_valid(options);
  const mtrl::EmpiricalRisk& clean = problem.clean;
  const FeasibleSet& feasible = problem.feasible;
  const std::vector<Interval> ranges =
      options.free_labels ? label_ranges(clean.clean(), feasible) : std::vector<Interval>();
  std::vector<AttackResult> results(static_cast<std::size_t>(options.starts));
  std::vector<std::optional<SpanAttack>> spans(results.size());
  std::optional<RowSpace> clean_space;
  if (problem.inputs == nullptr && SpanAttack::suits(clean, feasible))
    clean_space = SpanAttack::clean_space(clean, feasible);
  const std::uint64_t seed = Rng(problem.rng).bits();  // of the other starts
  std::vector<Iterate> given;
  // What a map held fixed promises may be less with a map chosen anew: then PATOM's own end is a candidate, too.
  const bool refits = problem.inputs != nullptr && problem.inputs->refitted;
  AttackResult end_of_patom;
  std::mutex mutex;  // around the caller's function
  std::size_t done = 0;
  const auto climb = [&](std::size_t k, const mtrl::EmpiricalRisk& risk, const Utility& wanted, const TaskSet& rows,
                         const mtrl::Fit& clean_fit) {
    const Ascent ascent(risk, wanted, feasible, problem.learner, options, ranges, wanted.value(clean_fit.weights),
                        problem.inputs);
    const auto begin = [&] {
      if (k > 0) return ascent.evaluate(rows, clean_fit.weights);
      AttackResult by_patom =
          patom({risk, wanted, feasible, rows, problem.learner, clean_fit, problem.rng, problem.inputs}, options.patom);
      given.push_back(by_patom.iterates.front());
      if (refits) end_of_patom = {by_patom.injected, {by_patom.iterates.back()}};
      if (by_patom.iterates.back().utility < by_patom.iterates.front().utility)
        return ascent.known(rows, std::move(by_patom.iterates.front()));
      return ascent.known(std::move(by_patom.injected), std::move(by_patom.iterates.back()));
    };
    Point at = begin();
    results[k].iterates = ascent.climb(at, control.stop);
    results[k].injected = std::move(at.rows);
  };
  parallel_for(results.size(), options.threads, [&](std::size_t k) {
    if (k > 0 && control.stop.stop_requested()) return;
    const TaskSet rows =
        k == 0 ? problem.start
               : another_start(problem.start, problem.inputs != nullptr ? problem.inputs->clean : clean.clean(),
                               feasible, ranges, Rng::stream(seed, "start", k));
    if (clean_space) {
      const SpanAttack& span = spans[k].emplace(*clean_space, clean, problem.utility, rows, problem.near);
      climb(k, span.clean(), span.utility(), span.start(), span.near());
    } else {
      climb(k, clean, problem.utility, rows, problem.near);
    }
    if (!control.progress) return;
    const std::lock_guard lock(mutex);
    control.progress(static_cast<double>(++done) / static_cast<double>(results.size()), "starts");
  });
  if (refits) results.push_back(std::move(end_of_patom));
  std::vector<double> reached(results.size(), -std::numeric_limits<double>::infinity());
  parallel_for(results.size(), refits ? options.threads : 1, [&](std::size_t k) {
    if (results[k].iterates.empty()) return;  // not all were begun when a stop came
    reached[k] = refits ? problem.inputs->refitted(results[k].injected) : results[k].iterates.back().utility;
  });
  const auto best = results.begin() + (std::max_element(reached.begin(), reached.end()) - reached.begin());
  std::vector<double> optima;
  for (std::size_t k = 0; k < static_cast<std::size_t>(options.starts); ++k)
    if (!results[k].iterates.empty()) optima.push_back(reached[k]);
  spans.resize(results.size());
  const auto& span = spans[static_cast<std::size_t>(best - results.begin())];
  AttackResult result = span ? span->in_features(std::move(*best)) : std::move(*best);
  Iterate first = std::move(given.front());
  result.iterates.insert(result.iterates.begin(),
                         span ? spans.front()->in_features(std::move(first)) : std::move(first));
  result.optima = std::move(optima);
  result.stopped = control.stop.stop_requested();
  return result;
}

}  // namespace crosstalk::attack
