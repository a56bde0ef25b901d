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

}  // namespace crosstalk::attack
