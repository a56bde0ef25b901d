#include "crosstalk/evaluate/adaptive_attack.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

namespace crosstalk::evaluate {

namespace {

// The clean rows, and the injected ones, that the defence keeps.
struct Kept {
  defence::Rows clean;
  defence::Rows injected;
};

class Attacker {
 public:
  Attacker(const DefendedProblem& problem, const RowPlacement& place, Rng rng)
      : problem_(problem), clean_(problem.clean.clean()), place_(place), rng_(std::move(rng)) {}

  std::pair<DefendedAttack, DefendedAttack> run() {
    const DefendedAttack plain = placed("as without a defence", problem_.feasible);
    best_ = plain;
    best_kept_ = kept_;
    best_feasible_ = problem_.feasible;
    // Ball and screen do not go together with columns that jump.
    if (!problem_.feasible.has_jumps()) {
      for (const double quantile : {0.95, 0.8, 0.5})
        if (quantile < problem_.quantile) consider_screen(quantile);
      if (!problem_.feasible.screen) {
        for (const double quantile : {0.95, 0.8}) consider_copies(quantile, 0.0);
        consider_copies(0.95, 0.1);
      }
    }
    constexpr int kRounds = 3;
    for (int round = 0; round < kRounds && replan(); ++round) {
    }
    return {plain, best_};
  }

 private:
  void consider_screen(double quantile) {
    attack::FeasibleSet feasible = problem_.feasible;
    feasible.screen = attack::Screen(clean_, problem_.fit.weights, feasible.bias, {.quantile = quantile});
    keep_if_better(
        placed(fmt::format("distances and residuals of {:g} % of the clean rows", 100.0 * quantile), feasible),
        feasible);
  }

  // Features of clean rows, moved by a share of the way to other ones; the labels are left to place.
  void consider_copies(double quantile, double moved) {
    attack::FeasibleSet feasible = problem_.feasible;
    feasible.screen =
        attack::Screen(clean_, problem_.fit.weights, feasible.bias, {.distance = false, .quantile = quantile});
    feasible.fixed.clear();
    for (Eigen::Index k = 0; k < clean_.features() - (feasible.bias ? 1 : 0); ++k) feasible.fixed.push_back(k);
    const std::string how = moved > 0.0 ? fmt::format("copied and moved by {:g} %", 100.0 * moved) : "copied";
    keep_if_better(placed(fmt::format("features {}, residuals of {:g} % of the clean rows", how, 100.0 * quantile),
                          feasible, moved),
                   feasible);
  }

  bool keep_if_better(DefendedAttack attack, const attack::FeasibleSet& feasible) {
    if (!(attack.utility > best_.utility)) return false;
    best_ = std::move(attack);
    best_kept_ = kept_;
    best_feasible_ = feasible;
    return true;
  }

  DefendedAttack placed(std::string plan, const attack::FeasibleSet& feasible, double moved = 0.0) {
    TaskSet start = attack::random_rows(clean_, problem_.threat, feasible, problem_.labels, rng_);
    if (moved > 0.0) attack::move_towards_clean(start, clean_, feasible, moved, rng_);
    return answered(std::move(plan), place_(problem_.clean, feasible, std::move(start)));
  }

  // The learner's answer behind the defence; what is kept goes into kept_.
  DefendedAttack answered(std::string plan, TaskSet injected) {
    DefendedAttack attack;
    attack.plan = std::move(plan);
    const defence::Defended defended =
        defence::defend(join_rows(clean_, injected), problem_.clean.loss(), problem_.defence);
    attack.weights = defended.weights;
    attack.utility = problem_.utility.value(defended.weights);
    kept_ = {};
    double clean_left = 0.0;
    double injected_left = 0.0;
    for (std::size_t i = 0; i < clean_.size(); ++i) {
      const Eigen::Index n = clean_[i].rows();
      auto& clean = kept_.clean.emplace_back();
      auto& others = kept_.injected.emplace_back();
      for (const Eigen::Index j : defended.kept[i]) (j < n ? clean : others).push_back(j < n ? j : j - n);
      clean_left += static_cast<double>(clean.size());
      injected_left += static_cast<double>(others.size());
    }
    attack.honest_left_out = 1.0 - clean_left / static_cast<double>(clean_.rows());
    attack.injected_left_out = 1.0 - injected_left / static_cast<double>(injected.rows());
    attack.injected = std::move(injected);
    return attack;
  }

  bool replan() {
    if (best_.injected_left_out == 0.0 || best_.injected_left_out == 1.0) return false;
    for (const auto& rows : best_kept_.clean)
      if (rows.empty()) return false;
    const std::string again = ", placed again among the rows that are kept";
    const std::string plan = best_.plan.ends_with(again) ? best_.plan : best_.plan + again;
    const attack::FeasibleSet feasible = best_feasible_;
    const mtrl::EmpiricalRisk risk(defence::select(clean_, best_kept_.clean), problem_.clean.loss());
    return keep_if_better(answered(plan, place_(risk, feasible, between_kept(feasible))), feasible);
  }

  // Rows that are left out move to between two kept ones of their task; where none is kept they stay.
  TaskSet between_kept(const attack::FeasibleSet& feasible) {
    TaskSet rows = best_.injected;
    const auto ranges = attack::label_ranges(clean_, feasible);
    const bool signs = problem_.clean.loss().is_classification();
    const bool as_is = signs || feasible.has_jumps() || !feasible.fixed.empty();  // nothing lies between two values
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto& kept = best_kept_.injected[i];
      if (kept.empty() || rows[i].rows() == 0) continue;
      for (Eigen::Index j = 0; j < rows[i].rows(); ++j) {
        if (std::binary_search(kept.begin(), kept.end(), j)) continue;
        const Eigen::Index a = kept[rng_.below(kept.size())];
        const Eigen::Index b = kept[rng_.below(kept.size())];
        const double share = as_is ? 0.0 : rng_.uniform();
        rows[i].features.row(j) =
            (1.0 - share) * best_.injected[i].features.row(a) + share * best_.injected[i].features.row(b);
        rows[i].labels[j] = (1.0 - share) * best_.injected[i].labels[a] + share * best_.injected[i].labels[b];
      }
      if (problem_.labels == attack::LabelRule::Free && !signs)
        feasible.project_feasible(i, rows[i], ranges[i]);
      else
        feasible.project_feasible(i, rows[i]);
    }
    return rows;
  }

  const DefendedProblem& problem_;
  const TaskSet& clean_;
  const RowPlacement& place_;
  Rng rng_;
  Kept kept_;  // of the last answer
  DefendedAttack best_;
  Kept best_kept_;
  attack::FeasibleSet best_feasible_;
};

}  // namespace

std::pair<DefendedAttack, DefendedAttack> adaptive_attack(const DefendedProblem& problem, const RowPlacement& place,
                                                          Rng rng) {
  return Attacker(problem, place, std::move(rng)).run();
}

std::vector<defence::Admitted> admitted_rows(const TaskSet& clean, const attack::FeasibleSet& feasible) {
  const Eigen::Index d = clean.features() - (feasible.bias ? 1 : 0);
  const auto labels = attack::label_ranges(clean, feasible);
  std::vector<defence::Admitted> admitted;
  for (std::size_t i = 0; i < clean.size(); ++i) {
    defence::Admitted rows;
    rows.centre = Eigen::VectorXd::Zero(d);
    rows.radius = feasible.radius;
    // Columns that are copied from clean rows lie where these are.
    if (!feasible.fixed.empty())
      rows.radius = std::max(rows.radius, clean[i].features.leftCols(d).rowwise().norm().maxCoeff());
    if (!feasible.box.empty() && !std::isfinite(feasible.radius)) {
      rows.half_widths.resize(d);
      for (Eigen::Index k = 0; k < d; ++k) {
        const attack::Interval& side = feasible.box[static_cast<std::size_t>(k)];
        rows.centre[k] = 0.5 * (side.low + side.high);
        rows.half_widths[k] = 0.5 * (side.high - side.low);
      }
    }
    rows.low = labels[i].low;
    rows.high = labels[i].high;
    if (feasible.screen) {
      const attack::Screen::Limits limits = feasible.screen->limits(i);
      if (limits.distance < rows.radius) {
        rows.centre = limits.centre;
        rows.radius = limits.distance;
        rows.half_widths.resize(0);
      }
      if (std::isfinite(limits.residual)) {
        rows.weights = limits.weights;
        rows.width = limits.residual;
      }
    }
    admitted.push_back(std::move(rows));
  }
  return admitted;
}

}  // namespace crosstalk::evaluate
