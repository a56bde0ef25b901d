#include "crosstalk/attack/influence.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>
#include <vector>

#include "crosstalk/brent_minimum.hpp"

namespace crosstalk::attack {

Influence::Influence(const AttackState& state, const Eigen::MatrixXd& adjoint) : state_(state), adjoint_(adjoint) {}

Eigen::VectorXd Influence::of_rows(const TaskSet& rows, std::size_t task) const {
  if (rows[task].rows() == 0) return {};
  const auto column = static_cast<Eigen::Index>(task);
  Eigen::VectorXd phi = rows[task].features * state_.fit.weights.col(column);
  const Eigen::VectorXd on_l = rows[task].features * adjoint_.col(column);
  for (Eigen::Index j = 0; j < phi.size(); ++j)
    phi[j] = -state_.risk.loss().at(phi[j], rows[task].labels[j]).first * on_l[j];
  return phi;
}

double Influence::mean(std::size_t task) const {
  const double sum = of_rows(state_.risk.clean(), task).sum() + of_rows(state_.injected, task).sum();
  return sum / static_cast<double>(state_.risk.rows(static_cast<Eigen::Index>(task)));
}

Influence::Row Influence::best_row(const FeasibleSet& feasible, std::size_t task, Interval labels,
                                   const Eigen::VectorXd& like) const {
  const auto column = static_cast<Eigen::Index>(task);
  const Eigen::VectorXd w = state_.fit.weights.col(column);
  const Eigen::VectorXd l = adjoint_.col(column);
  const Eigen::Index d = w.size() - (feasible.bias ? 1 : 0);
  const auto direction = [&, scale_w = 1.0 / std::max(w.head(d).norm(), 1e-300),
                          scale_l = 1.0 / std::max(l.head(d).norm(), 1e-300)](double angle) {
    return Eigen::VectorXd(std::cos(angle) * scale_l * l.head(d) + std::sin(angle) * scale_w * w.head(d));
  };
  const auto support_point = [&](double angle) { return feasible.support_point(direction(angle), like.head(d)); };
  Row best{like, labels.low, -std::numeric_limits<double>::infinity()};
  Eigen::VectorXd x = like;
  const bool signs = state_.risk.loss().is_classification();
  const auto consider = [&](const Eigen::VectorXd& point, double label) {
    x.head(d) = point;
    if (feasible.screen) {
      Task row{"", x.transpose(), Eigen::VectorXd::Constant(1, label)};
      feasible.project_feasible(task, row, signs ? std::nullopt : std::optional(labels));
      x = row.features.row(0).transpose();
      label = row.labels[0];
      if (!feasible.passes(task, x, label)) return -std::numeric_limits<double>::infinity();
    }
    const double influence = -state_.risk.loss().at(w.dot(x), label).first * l.dot(x);
    if (influence > best.influence) best = {x, label, influence};
    return influence;
  };
  constexpr std::size_t kAngles = 96;
  constexpr double kSpacing = 2.0 * std::numbers::pi / kAngles;
  std::vector<Eigen::VectorXd> rim;
  for (std::size_t k = 0; k < kAngles; ++k) rim.push_back(support_point(static_cast<double>(k) * kSpacing));
  const bool ball_only = feasible.box.empty() && feasible.fixed.empty();
  std::vector<double> ends = {labels.low};
  if (labels.high > labels.low) ends.push_back(labels.high);
  for (const double label : ends) {
    double top = -std::numeric_limits<double>::infinity();
    double angle = 0.0;
    for (std::size_t k = 0; k < kAngles; ++k)
      if (const double value = consider(rim[k], label); value > top) {
        top = value;
        angle = static_cast<double>(k) * kSpacing;
      }
    brent_minimum([&](double at) { return -consider(support_point(at), label); }, angle - kSpacing, angle + kSpacing,
                  1e-6);
    if (ball_only)
      for (const double share : {0.1, 0.4, 0.7})
        for (const Eigen::VectorXd& point : rim) consider(share * point, label);
  }
  return best;
}

namespace {

// Evenly spaced rows, at most so many.
Eigen::MatrixXd some_rows(const Eigen::MatrixXd& X, Eigen::Index most) {
  if (X.rows() <= most) return X;
  Eigen::MatrixXd some(most, X.cols());
  for (Eigen::Index j = 0; j < most; ++j) some.row(j) = X.row(j * X.rows() / most);
  return some;
}

}  // namespace

Influence::Row Influence::best_row(const InputSpace& inputs, const FeasibleSet& feasible, std::size_t task,
                                   Interval labels, const Eigen::VectorXd& like, const Eigen::MatrixXd& own) const {
  constexpr Eigen::Index kOfAKind = 8;  // own rows, clean rows, random rows
  constexpr std::size_t kClimbers = 6;
  constexpr int kSteps = 10;
  constexpr double kLengths[] = {1.0, 0.2, 0.04};  // of a step, in units of the norm of the row of the largest norm
  const Eigen::Index d = like.size() - (feasible.bias ? 1 : 0);
  const Task& clean = inputs.clean[task];
  const Eigen::MatrixXd first = some_rows(own, kOfAKind);
  const Eigen::MatrixXd second = some_rows(clean.features, kOfAKind);
  const bool draws = clean.rows() > 0 || feasible.fixed.empty();
  Eigen::MatrixXd starts(first.rows() + second.rows() + (draws ? kOfAKind : 0), like.size());
  starts.topRows(first.rows()) = first;
  starts.middleRows(first.rows(), second.rows()) = second;
  Rng rng = Rng::stream(task, "starts of a best row");
  for (Eigen::Index j = first.rows() + second.rows(); j < starts.rows(); ++j)
    starts.row(j) = feasible.random_row(clean.rows() > 0 ? clean : Task{"", like.transpose(), {}}, rng).transpose();
  for (const Eigen::Index k : feasible.fixed) starts.col(k).setConstant(like[k]);
  feasible.project(starts);

  const auto column = static_cast<Eigen::Index>(task);
  const Eigen::VectorXd w = state_.fit.weights.col(column);
  const Eigen::VectorXd l = adjoint_.col(column);
  struct Climber {
    Eigen::VectorXd x;
    double label;
    double on_w = 0.0;  // w'phi(x)
    double on_l = 0.0;
    double influence = 0.0;
  };
  const mtrl::Loss& loss = state_.risk.loss();
  const auto measure = [&](std::vector<Climber>& all) {
    Eigen::MatrixXd X(static_cast<Eigen::Index>(all.size()), like.size());
    for (std::size_t k = 0; k < all.size(); ++k) X.row(static_cast<Eigen::Index>(k)) = all[k].x.transpose();
    const Eigen::MatrixXd Z = inputs.map.map(X);
    const Eigen::VectorXd on_w = Z * w;
    const Eigen::VectorXd on_l = Z * l;
    for (std::size_t k = 0; k < all.size(); ++k) {
      Climber& one = all[k];
      one.on_w = on_w[static_cast<Eigen::Index>(k)];
      one.on_l = on_l[static_cast<Eigen::Index>(k)];
      one.influence = -loss.at(one.on_w, one.label).first * one.on_l;
    }
  };
  const auto more = [](const Climber& a, const Climber& b) { return a.influence > b.influence; };
  std::vector<Climber> climbers;
  for (Eigen::Index j = 0; j < starts.rows(); ++j) {
    climbers.push_back({starts.row(j).transpose(), labels.low});
    if (labels.high > labels.low) climbers.push_back({starts.row(j).transpose(), labels.high});
  }
  measure(climbers);
  std::stable_sort(climbers.begin(), climbers.end(), more);
  climbers.resize(std::min(climbers.size(), kClimbers));

  const double size = std::max(starts.leftCols(d).rowwise().norm().maxCoeff(), 1e-300);
  for (int step = 0; step < kSteps; ++step) {
    // d/dx of -loss'(z, y) l'phi(x)
    const auto count = static_cast<Eigen::Index>(climbers.size());
    Eigen::MatrixXd X(count, like.size());
    Eigen::MatrixXd G(count, w.size());
    for (Eigen::Index k = 0; k < count; ++k) {
      const Climber& one = climbers[static_cast<std::size_t>(k)];
      const mtrl::Loss::Jet jet = loss.at(one.on_w, one.label);
      X.row(k) = one.x.transpose();
      G.row(k) = -(jet.first * l + jet.second * one.on_l * w).transpose();
    }
    const Eigen::MatrixXd slopes = inputs.map.pullback(X, G);
    Eigen::MatrixXd movable = slopes;
    feasible.clear_immovable(movable);
    std::vector<Climber> trials;
    for (Eigen::Index k = 0; k < count; ++k) {
      const Climber& one = climbers[static_cast<std::size_t>(k)];
      Eigen::VectorXd furthest = one.x;
      furthest.head(d) = feasible.support_point(slopes.row(k).head(d).transpose(), one.x.head(d));
      trials.push_back({furthest, one.label});
      const double length = std::max(movable.row(k).norm(), 1e-300);
      for (const double share : kLengths) {
        Eigen::MatrixXd moved = one.x.transpose() + share * size / length * movable.row(k);
        feasible.project(moved);
        trials.push_back({moved.transpose(), one.label});
      }
    }
    measure(trials);
    bool rose = false;
    for (std::size_t k = 0; k < trials.size(); ++k) {
      Climber& from = climbers[k / (1 + std::size(kLengths))];
      if (!(trials[k].influence > from.influence)) continue;
      from = trials[k];
      rose = true;
    }
    if (!rose) break;
  }
  const Climber& best = *std::max_element(climbers.begin(), climbers.end(),
                                          [](const Climber& a, const Climber& b) { return a.influence < b.influence; });
  return {best.x, best.label, best.influence};
}

}  // namespace crosstalk::attack
