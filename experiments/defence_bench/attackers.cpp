#include "attackers.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include <fmt/format.h>
#include <Eigen/Cholesky>

#include "crosstalk/attack/exact_attack.hpp"
#include "crosstalk/attack/fictitious.hpp"
#include "crosstalk/attack/influence.hpp"
#include "crosstalk/evaluate/adaptive_attack.hpp"
#include "crosstalk/problem/fictitious_tasks.hpp"

namespace bench {

using namespace crosstalk;

namespace {

class Attacker {
 public:
  Attacker(const Victim& victim, attack::Threat threat, std::uint64_t seed)
      : victim_(victim),
        clean_(victim.risk.clean()),
        threat_(std::move(threat)),
        utility_(clean_, victim.risk.loss(), threat_.targets),
        ranges_(attack::label_ranges(clean_)),
        rng_(Rng::stream(seed, "bench attack")),
        batches_(Rng::stream(seed, "bench batches")) {}

  Poisoned run(const std::string& name) {
    if (name == "patom") return with(patom());
    if (name == "exact") return with(exact(utility_, ball()));
    if (name == "stealth") {
      attack::FeasibleSet feasible = ball();
      feasible.screen = attack::Screen(clean_, victim_.fit.weights, true, {});
      return with(exact(utility_, feasible));
    }
    if (name == "copies") return with(copies(0.0));
    if (name == "moved-copies") return with(copies(0.1));
    if (name == "hull") return with(hull());
    if (name == "between-tasks") return with(between_tasks());
    if (name == "far") return with(far());
    if (name == "rare-feature") return with(rare_feature());
    if (name == "relation") {
      const attack::RelationUtility relation(threat_.targets[0], other_task(threat_.targets[0]), -1.0, clean_.size(),
                                             victim_.learner.smoothing);
      return with(exact(relation, ball()));
    }
    if (name == "single-task") return with(against_single_tasks());
    if (name == "mimic") return with(mimic());
    if (name == "repeated-far") return with(repeated_far());
    if (name == "flips") return flips(false);
    if (name == "influence-flips") return flips(true);
    if (name == "fictitious-copies") return fictitious_copies();
    if (name == "drift") return drift();
    if (name == "fictitious-opposed") return fictitious(true);
    if (name == "fictitious-random") return fictitious(false);
    if (name == "fictitious-one-label") return fictitious_rows(true);
    if (name == "fictitious-noise") return fictitious_rows(false);
    if (name == "fictitious-patom") return fictitious_optimised(false);
    if (name == "fictitious-exact") return fictitious_optimised(true);
    if (name == "fictitious-slander") return fictitious_slander();
    if (name == "slander") return with(slander());
    if (name == "adaptive") return with(adaptive());
    throw std::invalid_argument(fmt::format("there is no attacker \"{}\"", name));
  }

 private:
  [[nodiscard]] attack::FeasibleSet ball() const { return {.radius = victim_.radius}; }

  [[nodiscard]] std::size_t other_task(std::size_t task) const { return task == 0 ? 1 : 0; }

  TaskSet random(const attack::FeasibleSet& feasible) {
    return attack::random_rows(clean_, threat_, feasible, attack::LabelRule::Uniform, rng_);
  }

  TaskSet patom() {
    const TaskSet start = random(ball());
    return attack::patom({victim_.risk, utility_, ball(), start, victim_.learner, victim_.fit, batches_}).injected;
  }

  TaskSet exact(const attack::Utility& utility, const attack::FeasibleSet& feasible, double moved = 0.0) {
    TaskSet start = random(feasible);
    if (moved > 0.0) attack::move_towards_clean(start, clean_, feasible, moved, rng_);
    return attack::exact_attack({victim_.risk, utility, feasible, start, victim_.learner, victim_.fit, batches_},
                                {.starts = 1, .iterations = 8, .free_labels = true})
        .injected;
  }

  TaskSet copies(double moved) {
    attack::FeasibleSet feasible = ball();
    for (Eigen::Index k = 0; k + 1 < clean_.features(); ++k) feasible.fixed.push_back(k);
    feasible.screen = attack::Screen(clean_, victim_.fit.weights, true, {.distance = false});
    return exact(utility_, feasible, moved);
  }

  // Labels at the end of the range that the influence prefers, for rows where they are.
  void choose_labels(TaskSet& injected, const mtrl::Fit& fit) {
    const Eigen::MatrixXd L =
        mtrl::adjoint(victim_.risk, victim_.learner, fit.weights, utility_.gradient(fit.weights), 1e-6);
    for (std::size_t i = 0; i < injected.size(); ++i) {
      const auto column = static_cast<Eigen::Index>(i);
      for (Eigen::Index j = 0; j < injected[i].rows(); ++j) {
        const double z = injected[i].features.row(j).dot(fit.weights.col(column));
        const double l = injected[i].features.row(j).dot(L.col(column));
        const auto gain = [&](double y) { return -victim_.risk.loss().at(z, y).first * l; };
        injected[i].labels[j] = gain(ranges_[i].low) > gain(ranges_[i].high) ? ranges_[i].low : ranges_[i].high;
      }
    }
  }

  // Frank and Wolfe's steps towards the honest row of the task that the gradient points at most.
  TaskSet hull() {
    constexpr int kSteps = 8;
    TaskSet rows = random(ball());
    for (std::size_t i = 0; i < rows.size(); ++i)
      for (Eigen::Index j = 0; j < rows[i].rows(); ++j)
        rows[i].features.row(j) = (honest_row(i) + honest_row(i) + honest_row(i)) / 3.0;
    choose_labels(rows, victim_.fit);
    mtrl::Options coarse = victim_.learner;
    coarse.tolerance = 1e-7;
    mtrl::Fit fit = victim_.fit;
    for (int step = 0; step < kSteps; ++step) {
      const mtrl::EmpiricalRisk risk = victim_.risk.with_rows(rows);
      fit = mtrl::solve_from(risk, coarse, fit.weights);
      const Eigen::MatrixXd G = utility_.gradient(fit.weights);
      const attack::RowDerivatives slope =
          attack::row_gradient_from({risk, rows, fit, coarse, G}, mtrl::adjoint(risk, coarse, fit.weights, G, 1e-6));
      for (std::size_t i = 0; i < rows.size(); ++i)
        for (Eigen::Index j = 0; j < rows[i].rows(); ++j) {
          Eigen::Index best = 0;
          (clean_[i].features * slope.features[i].row(j).transpose()).maxCoeff(&best);
          const double share = 2.0 / static_cast<double>(step + 4);
          rows[i].features.row(j) = (1.0 - share) * rows[i].features.row(j) + share * clean_[i].features.row(best);
        }
    }
    return rows;
  }

  // By an attacker who takes the victim for one that learns each task alone.
  TaskSet against_single_tasks() {
    mtrl::Options learner = victim_.learner;
    learner.lambda2 = 0.0;
    const mtrl::Fit fit = mtrl::solve(victim_.risk, learner);
    const TaskSet start = random(ball());
    return attack::exact_attack({victim_.risk, utility_, ball(), start, learner, fit, batches_},
                                {.starts = 1, .iterations = 8, .free_labels = true})
        .injected;
  }

  // Features from the normal law of the task's features; labels off the prediction by two standard deviations of the
  // residuals, to the side that the influence prefers.
  TaskSet mimic() {
    TaskSet rows = random(ball());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const Eigen::RowVectorXd mean = clean_[i].features.colwise().mean();
      const Eigen::MatrixXd centred = clean_[i].features.rowwise() - mean;
      const double root = std::sqrt(static_cast<double>(clean_[i].rows()));
      for (Eigen::Index j = 0; j < rows[i].rows(); ++j) {
        Eigen::RowVectorXd weights(clean_[i].rows());
        for (double& value : weights) value = rng_.normal() / root;
        rows[i].features.row(j) = mean + weights * centred;
      }
    }
    choose_labels(rows, victim_.fit);
    if (victim_.risk.loss().is_classification()) return rows;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const Eigen::VectorXd w = victim_.fit.weights.col(static_cast<Eigen::Index>(i));
      const double deviation =
          std::sqrt((clean_[i].labels - clean_[i].features * w).squaredNorm() / static_cast<double>(clean_[i].rows()));
      const Eigen::VectorXd z = rows[i].features * w;
      for (Eigen::Index j = 0; j < z.size(); ++j)
        rows[i].labels[j] = z[j] + std::copysign(2.0 * deviation, rows[i].labels[j] - z[j]);
    }
    return rows;
  }

  // In three tasks, one row of the largest norm many times.
  TaskSet repeated_far() {
    if (threat_.attackers.size() > 3) threat_.attackers.resize(3);
    TaskSet rows = random(ball());
    for (Task& task : rows) {
      if (task.rows() == 0) continue;
      auto x = task.features.row(0).head(task.features.cols() - 1);
      x *= victim_.radius / x.norm();
      for (Eigen::Index j = 1; j < task.rows(); ++j) task.features.row(j) = task.features.row(0);
    }
    choose_labels(rows, victim_.fit);
    return rows;
  }

  Eigen::RowVectorXd honest_row(std::size_t task) {
    const auto n = static_cast<std::size_t>(clean_[task].rows());
    return clean_[task].features.row(static_cast<Eigen::Index>(rng_.below(n)));
  }

  TaskSet between_tasks() {
    TaskSet rows = random(ball());
    for (std::size_t i = 0; i < rows.size(); ++i)
      for (Eigen::Index j = 0; j < rows[i].rows(); ++j)
        rows[i].features.row(j) = 0.5 * (honest_row(i) + honest_row(rng_.below(clean_.size())));
    choose_labels(rows, victim_.fit);
    return rows;
  }

  // 2 % of the rows, one at least, at 1,000 times the usual norm.
  TaskSet far() {
    threat_.budget = 0.02;
    for (std::size_t i = 0; i < clean_.size(); ++i) threat_.rows.push_back(0);
    for (const std::size_t i : threat_.attackers) threat_.rows[i] = std::max<Eigen::Index>(1, clean_[i].rows() / 50);
    TaskSet rows = random(ball());
    for (Task& task : rows)
      for (Eigen::Index j = 0; j < task.rows(); ++j) {
        auto x = task.features.row(j).head(task.features.cols() - 1);
        x *= 1000.0 / x.norm();
      }
    return rows;
  }

  // 2 % of the rows (two at least) that share a value of one feature which no honest row has.
  TaskSet rare_feature() {
    for (std::size_t i = 0; i < clean_.size(); ++i) threat_.rows.push_back(0);
    for (const std::size_t i : threat_.attackers) threat_.rows[i] = std::max<Eigen::Index>(2, clean_[i].rows() / 50);
    TaskSet rows = random(ball());
    double largest = 0.0;
    for (const Task& task : clean_) largest = std::max(largest, task.features.col(0).cwiseAbs().maxCoeff());
    for (std::size_t i = 0; i < rows.size(); ++i)
      for (Eigen::Index j = 0; j < rows[i].rows(); ++j) {
        rows[i].features.row(j) = honest_row(i);
        rows[i].features(j, 0) = 3.0 * largest;
      }
    choose_labels(rows, victim_.fit);
    return rows;
  }

  [[nodiscard]] Poisoned with(const TaskSet& injected) const {
    Poisoned result{join_rows(clean_, injected), {}};
    for (std::size_t i = 0; i < clean_.size(); ++i) {
      result.injected.emplace_back(static_cast<std::size_t>(clean_[i].rows()), false);
      result.injected.back().resize(static_cast<std::size_t>(result.rows[i].rows()), true);
    }
    return result;
  }

  [[nodiscard]] double flipped(double label, std::size_t task) const {
    return victim_.risk.loss().is_classification() ? -label : 2.0 * clean_[task].labels.mean() - label;
  }

  // Of the rows with the largest leverage, or with the largest influence of a flip on the utility.
  Poisoned flips(bool by_influence) {
    Poisoned result = with(no_rows());
    Eigen::MatrixXd L;
    if (by_influence)
      L = mtrl::adjoint(victim_.risk, victim_.learner, victim_.fit.weights, utility_.gradient(victim_.fit.weights),
                        1e-6);
    for (const std::size_t i : threat_.attackers) {
      const Task& task = clean_[i];
      Eigen::MatrixXd C = task.features.transpose() * task.features;
      C.diagonal().array() += 1e-6 * (1.0 + C.trace());
      Eigen::VectorXd leverage = (task.features * C.llt().solve(task.features.transpose())).diagonal();
      const Eigen::VectorXd w = victim_.fit.weights.col(static_cast<Eigen::Index>(i));
      for (Eigen::Index j = 0; by_influence && j < task.rows(); ++j) {
        const double z = task.features.row(j).dot(w);
        const mtrl::Loss& loss = victim_.risk.loss();
        leverage[j] = (loss.at(z, task.labels[j]).first - loss.at(z, flipped(task.labels[j], i)).first) *
                      task.features.row(j).dot(L.col(static_cast<Eigen::Index>(i)));
      }
      std::vector<Eigen::Index> order(static_cast<std::size_t>(task.rows()));
      std::iota(order.begin(), order.end(), Eigen::Index{0});
      std::ranges::stable_sort(order, [&](Eigen::Index a, Eigen::Index b) { return leverage[a] > leverage[b]; });
      order.resize(static_cast<std::size_t>(std::lround(threat_.budget * static_cast<double>(task.rows()))));
      for (const Eigen::Index j : order) {
        result.rows[i].labels[j] = flipped(task.labels[j], i);
        result.injected[i][static_cast<std::size_t>(j)] = true;
      }
    }
    return result;
  }

  // One standard deviation of the labels added to a share of them; signs are set to +1.
  Poisoned drift() {
    Poisoned result = with(no_rows());
    for (const std::size_t i : threat_.attackers) {
      Task& task = result.rows[i];
      const double deviation = std::sqrt((task.labels.array() - task.labels.mean()).square().mean());
      auto order = rng_.permutation(static_cast<std::size_t>(task.rows()));
      order.resize(static_cast<std::size_t>(std::lround(threat_.budget * static_cast<double>(task.rows()))));
      for (const std::size_t j : order) {
        double& label = task.labels[static_cast<Eigen::Index>(j)];
        label = victim_.risk.loss().is_classification() ? 1.0 : label + deviation;
        result.injected[i][j] = true;
      }
    }
    return result;
  }

  [[nodiscard]] TaskSet no_rows() const {
    TaskSet none;
    for (const Task& task : clean_)
      none.tasks.push_back({task.name, Eigen::MatrixXd(0, task.features.cols()), Eigen::VectorXd(0)});
    return none;
  }

  [[nodiscard]] std::size_t fictitious_count() const {
    return static_cast<std::size_t>(std::max(1.0, std::round(threat_.budget * static_cast<double>(clean_.size()))));
  }

  [[nodiscard]] Eigen::Index fictitious_rows_each() const {
    return std::max<Eigen::Index>(2, clean_.rows() / static_cast<Eigen::Index>(clean_.size()));
  }

  Poisoned with_tasks(std::vector<Task> tasks) const {
    Poisoned result = with(no_rows());
    for (Task& task : tasks) {
      task.name = fmt::format("fictitious {}", result.rows.size() - clean_.size() + 1);
      result.injected.emplace_back(static_cast<std::size_t>(task.rows()), true);
      result.rows.tasks.push_back(std::move(task));
    }
    return result;
  }

  // What a task with these weights answers.
  [[nodiscard]] double label_of(const Eigen::VectorXd& row, const Eigen::VectorXd& w) const {
    const double z = row.dot(w);
    if (!victim_.risk.loss().is_classification()) return z;
    return z >= 0.0 ? 1.0 : -1.0;
  }

  // Tasks of honest features whose weights are three times the mean weights, turned round, or random of that length.
  Poisoned fictitious(bool opposed) {
    const Eigen::VectorXd mean = victim_.fit.weights.rowwise().mean();
    const Eigen::Index n = clean_.rows() / static_cast<Eigen::Index>(clean_.size());
    std::vector<Task> tasks;
    for (std::size_t k = 0; k < fictitious_count(); ++k) {
      Task& task = tasks.emplace_back(Task{"", Eigen::MatrixXd(n, clean_.features()), Eigen::VectorXd(n)});
      Eigen::VectorXd w = -3.0 * mean;
      if (!opposed) {
        for (double& value : w) value = rng_.normal();
        w *= 3.0 * mean.norm() / w.norm();
      }
      for (Eigen::Index j = 0; j < n; ++j) {
        task.features.row(j) = honest_row(rng_.below(clean_.size()));
        task.labels[j] = label_of(task.features.row(j), w);
      }
    }
    return with_tasks(std::move(tasks));
  }

  // Tasks of rows copied from one honest task each, their labels turned round at its mean.
  Poisoned fictitious_copies() {
    std::vector<Task> tasks;
    for (std::size_t k = 0; k < fictitious_count(); ++k) {
      const std::size_t i = rng_.below(clean_.size());
      for (double& label : tasks.emplace_back(clean_[i]).labels) label = flipped(label, i);
    }
    return with_tasks(std::move(tasks));
  }

  // Rows of one honest task, all with the end of its labels that lies farther from their mean; or rows anywhere in the
  // ball with labels anywhere in the range.
  Poisoned fictitious_rows(bool one_label) {
    std::vector<Task> tasks;
    for (std::size_t k = 0; k < fictitious_count(); ++k) {
      const std::size_t host = rng_.below(clean_.size());
      const attack::Interval range = ranges_[host];
      Task& task = tasks.emplace_back(clean_[host]);
      const double mean = task.labels.mean();
      for (Eigen::Index j = 0; j < task.rows(); ++j) {
        task.labels[j] = range.high - mean > mean - range.low ? range.high : range.low;
        if (one_label) continue;
        task.features.row(j) = ball().random_row(clean_[host], rng_).transpose();
        const double share = rng_.uniform();
        task.labels[j] = victim_.risk.loss().is_classification() ? (share < 0.5 ? -1.0 : 1.0)
                                                                 : range.low + share * (range.high - range.low);
      }
    }
    return with_tasks(std::move(tasks));
  }

  // What raises the loss of all honest tasks most, by PATOM or by the exact attack.
  Poisoned fictitious_optimised(bool exactly) {
    const std::size_t count = fictitious_count();
    std::vector<std::size_t> all(clean_.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    const attack::LossUtility utility(clean_, victim_.risk.loss(), all);
    const attack::FictitiousAttack plan =
        attack::fictitious_attack(clean_, all, count, fictitious_rows_each(), ball(), victim_.risk.loss(), rng_);
    std::vector<std::string> names;
    for (std::size_t k = 0; k < count; ++k) names.push_back(fmt::format("fictitious {}", k + 1));
    const mtrl::EmpiricalRisk risk(with_empty_tasks(clean_, names), victim_.risk.loss(),
                                   mtrl::EmpiricalRisk::Layout::Automatic, mtrl::EmpiricalRisk::EmptyTasks::Allowed);
    const mtrl::Fit near = attack::with_zero_columns(victim_.fit, count);
    const attack::AttackProblem problem{risk, utility, plan.feasible, plan.start, victim_.learner, near, batches_};
    const TaskSet injected =
        exactly ? attack::exact_attack(problem, {.starts = 1, .iterations = 8, .free_labels = true}).injected
                : attack::patom(problem).injected;
    return with_tasks({injected.begin() + static_cast<std::ptrdiff_t>(clean_.size()), injected.end()});
  }

  // By an attacker who wants an honest task left out: tasks of honest features that obey the mean of the honest tasks
  // less what is special of one of them, so that it stands alone.
  Poisoned fictitious_slander() {
    const Eigen::VectorXd mean = victim_.fit.weights.rowwise().mean();
    const std::size_t victim = rng_.below(clean_.size());
    const Eigen::VectorXd w = 2.0 * mean - victim_.fit.weights.col(static_cast<Eigen::Index>(victim));
    std::vector<Task> tasks;
    for (std::size_t k = 0; k < fictitious_count(); ++k) {
      Task& task = tasks.emplace_back(clean_[victim]);
      for (Eigen::Index j = 0; j < task.rows(); ++j) task.labels[j] = label_of(task.features.row(j), w);
    }
    return with_tasks(std::move(tasks));
  }

  // By an attacker who knows the defence and its calibration.
  TaskSet adaptive() {
    const evaluate::DefendedProblem problem{.clean = victim_.risk,
                                            .utility = utility_,
                                            .feasible = ball(),
                                            .threat = threat_,
                                            .fit = victim_.fit,
                                            .defence = {.learner = victim_.learner}};
    const auto place = [&](const mtrl::EmpiricalRisk& clean, const attack::FeasibleSet& feasible, TaskSet start) {
      const mtrl::Fit fit = mtrl::solve(clean, victim_.learner);
      return attack::exact_attack({clean, utility_, feasible, start, victim_.learner, fit, batches_},
                                  {.starts = 1, .iterations = 8, .free_labels = true})
          .injected;
    };
    return evaluate::adaptive_attack(problem, place, rng_).second.injected;
  }

  // By an attacker who wants honest rows left out: rows among the tenth of each task's rows that lies farthest out,
  // with harmful labels, so that the region goes.
  TaskSet slander() {
    TaskSet rows = random(ball());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const Eigen::RowVectorXd mean = clean_[i].features.colwise().mean();
      const Eigen::VectorXd distance = (clean_[i].features.rowwise() - mean).rowwise().norm();
      std::vector<std::size_t> order(static_cast<std::size_t>(clean_[i].rows()));
      std::iota(order.begin(), order.end(), std::size_t{0});
      std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
        return distance[static_cast<Eigen::Index>(a)] > distance[static_cast<Eigen::Index>(b)];
      });
      order.resize(std::max<std::size_t>(1, order.size() / 10));
      for (Eigen::Index j = 0; j < rows[i].rows(); ++j)
        rows[i].features.row(j) =
            0.95 * clean_[i].features.row(static_cast<Eigen::Index>(order[rng_.below(order.size())])) +
            0.05 * honest_row(i);
    }
    choose_labels(rows, victim_.fit);
    return rows;
  }

  const Victim& victim_;
  const TaskSet& clean_;
  attack::Threat threat_;
  attack::LossUtility utility_;
  std::vector<attack::Interval> ranges_;
  Rng rng_;
  Rng batches_;
};

}  // namespace

Poisoned attacked(const std::string& attacker, const Victim& victim, const attack::Threat& threat, std::uint64_t seed) {
  return Attacker(victim, threat, seed).run(attacker);
}

}  // namespace bench
