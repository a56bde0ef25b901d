#include "crosstalk/attack/feasible_set.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

namespace crosstalk::attack {

namespace {

double clipped(double x, const Interval& interval) { return std::clamp(x, interval.low, interval.high); }

// x_k(t) for t in [0, inf) has a norm that only falls (or only rises) with t: the t where it meets the radius.
template <class Norm>
double solve_for_radius(const Norm& norm_at, double radius, double low, double high, bool falls) {
  for (int step = 0; step < 200 && high - low > 1e-15 * high; ++step) {
    const double middle = 0.5 * (low + high);
    if ((norm_at(middle) > radius) == falls) low = middle;
    else high = middle;
  }
  return falls ? high : low;
}

}  // namespace

void FeasibleSet::require_valid(Eigen::Index features) const {
  const auto fail = [](const std::string& what) { throw std::invalid_argument("feasible set: " + what); };
  if (!(radius > 0.0)) fail(fmt::format("radius is {}; it must be > 0", radius));
  if (box.empty() && !(one_hot.empty() && discrete.empty())) fail("one-hot and discrete columns need a box");
  if (!box.empty() && static_cast<Eigen::Index>(box.size()) != features)
    fail(fmt::format("the box has {} intervals for {} features", box.size(), features));
  double nearest = 0.0;
  for (std::size_t k = 0; k < box.size(); ++k) {
    if (!(box[k].low <= box[k].high) || !std::isfinite(box[k].low) || !std::isfinite(box[k].high))
      fail(fmt::format("column {} has the empty interval [{}, {}]", k + 1, box[k].low, box[k].high));
    nearest += std::pow(clipped(0.0, box[k]), 2);
  }
  if (std::sqrt(nearest) > radius) fail(fmt::format("the ball of radius {} does not meet the box", radius));
  std::vector<Eigen::Index> named = discrete;
  named.insert(named.end(), fixed.begin(), fixed.end());
  for (const auto& group : one_hot) named.insert(named.end(), group.begin(), group.end());
  std::sort(named.begin(), named.end());
  if (!named.empty() && (named.front() < 0 || named.back() >= features))
    fail(fmt::format("column {} does not exist; there are {}", named.back() + 1, features));
  if (const auto twice = std::adjacent_find(named.begin(), named.end()); twice != named.end())
    fail(fmt::format("column {} is named twice among one-hot groups, discrete and fixed columns", *twice + 1));
  if (std::isfinite(radius) && !(one_hot.empty() && discrete.empty()))
    fail("one-hot and discrete columns cannot be combined with a ball");
}

std::vector<bool> FeasibleSet::continuous(Eigen::Index features) const {
  std::vector<bool> result(static_cast<std::size_t>(features), true);
  const auto clear = [&](const std::vector<Eigen::Index>& columns) {
    for (const Eigen::Index k : columns) result[static_cast<std::size_t>(k)] = false;
  };
  clear(discrete);
  clear(fixed);
  for (const auto& group : one_hot) clear(group);
  return result;
}

void FeasibleSet::clear_immovable(Eigen::MatrixXd& gradient) const {
  const Eigen::Index d = gradient.cols() - (bias ? 1 : 0);
  const std::vector<bool> moves = continuous(d);
  for (Eigen::Index k = 0; k < gradient.cols(); ++k)
    if (k == d || !moves[static_cast<std::size_t>(k)]) gradient.col(k).setZero();
}

void FeasibleSet::project(Eigen::MatrixXd& X) const {
  const Eigen::Index d = X.cols() - (bias ? 1 : 0);
  const std::vector<bool> moves = continuous(d);
  Eigen::VectorXd x(d);
  for (Eigen::Index j = 0; j < X.rows(); ++j) {
    if (box.empty()) {
      const double norm = X.row(j).head(d).norm();
      if (norm > radius) X.row(j).head(d) *= radius / norm;
      continue;
    }
    // The nearest point of box and ball is clip(x / (1 + t)) with the smallest t >= 0 that is in the ball.
    const auto shrunk = [&](double t) {
      for (Eigen::Index k = 0; k < d; ++k)
        x[k] = moves[static_cast<std::size_t>(k)] ? clipped(X(j, k) / (1.0 + t), box[static_cast<std::size_t>(k)]) : X(j, k);
      return x.norm();
    };
    if (shrunk(0.0) > radius) {
      double high = 1.0;
      while (shrunk(high) > radius && high < 1e15) high *= 2.0;
      shrunk(solve_for_radius(shrunk, radius, 0.0, high, true));
    }
    X.row(j).head(d) = x.transpose();
  }
  if (bias) X.col(d).setOnes();
}

Eigen::VectorXd FeasibleSet::furthest(const Eigen::VectorXd& direction, const Eigen::VectorXd& like) const {
  const Eigen::Index d = direction.size();
  Eigen::VectorXd c = direction;
  for (const Eigen::Index k : fixed) c[k] = 0.0;
  Eigen::VectorXd x = like;
  if (box.empty()) {
    double room = radius * radius;
    for (const Eigen::Index k : fixed) room -= like[k] * like[k];
    const double scale = c.norm() > 0.0 ? std::sqrt(std::max(room, 0.0)) / c.norm() : 0.0;
    for (Eigen::Index k = 0; k < d; ++k)
      if (std::find(fixed.begin(), fixed.end(), k) == fixed.end()) x[k] = scale * c[k];
    return x;
  }
  const std::vector<bool> moves = continuous(d);
  const auto at = [&](double t) {  // clip(t c): the ends of the box for large t
    for (Eigen::Index k = 0; k < d; ++k)
      if (moves[static_cast<std::size_t>(k)]) {
        const Interval& interval = box[static_cast<std::size_t>(k)];
        x[k] = c[k] == 0.0 ? clipped(0.0, interval) : clipped(t * c[k], interval);
      }
    return x.norm();
  };
  for (const Eigen::Index k : discrete) x[k] = c[k] > 0.0 ? box[static_cast<std::size_t>(k)].high : box[static_cast<std::size_t>(k)].low;
  for (const auto& group : one_hot) {
    Eigen::Index on = -1;
    double most = 0.0;
    for (const Eigen::Index k : group) {
      const Interval& interval = box[static_cast<std::size_t>(k)];
      x[k] = interval.low;
      if (const double gain = c[k] * (interval.high - interval.low); gain > most) {
        most = gain;
        on = k;
      }
    }
    if (on >= 0) x[on] = box[static_cast<std::size_t>(on)].high;
  }
  const double far = 1e30;
  const double scale = c.cwiseAbs().maxCoeff() > 0.0 ? 1.0 / c.cwiseAbs().maxCoeff() : 1.0;
  if (at(far * scale) > radius) {
    double high = scale;
    while (at(high) < radius && high < far * scale) high *= 2.0;
    at(solve_for_radius(at, radius, 0.0, high, false));
  }
  return x;
}

Eigen::VectorXd FeasibleSet::random_row(const Task& clean, Rng& rng) const {
  const Eigen::Index d = clean.features.cols() - (bias ? 1 : 0);
  Eigen::MatrixXd row = Eigen::MatrixXd::Ones(1, clean.features.cols());
  if (box.empty()) {
    row.row(0).head(d) = rng.in_ball(d, radius).transpose();
  } else {
    for (Eigen::Index k = 0; k < d; ++k) {
      const Interval& interval = box[static_cast<std::size_t>(k)];
      row(0, k) = rng.uniform(interval.low, interval.high);
    }
    for (const Eigen::Index k : discrete) {
      const Interval& interval = box[static_cast<std::size_t>(k)];
      row(0, k) = rng.below(2) == 0 ? interval.low : interval.high;
    }
    for (const auto& group : one_hot) {
      for (const Eigen::Index k : group) row(0, k) = box[static_cast<std::size_t>(k)].low;
      const Eigen::Index on = group[rng.below(group.size())];
      row(0, on) = box[static_cast<std::size_t>(on)].high;
    }
  }
  if (!fixed.empty()) {
    const auto like = static_cast<Eigen::Index>(rng.below(static_cast<std::size_t>(clean.rows())));
    for (const Eigen::Index k : fixed) row(0, k) = clean.features(like, k);
  }
  project(row);
  return row.row(0).transpose();
}

bool FeasibleSet::contains(const Eigen::VectorXd& row, double tolerance) const {
  const Eigen::Index d = row.size() - (bias ? 1 : 0);
  if (bias && row[d] != 1.0) return false;
  if (row.head(d).norm() > radius * (1.0 + tolerance)) return false;
  const auto near = [&](Eigen::Index k, double value) { return std::abs(row[k] - value) <= tolerance; };
  const auto interval = [&](Eigen::Index k) { return box[static_cast<std::size_t>(k)]; };
  if (!box.empty())
    for (Eigen::Index k = 0; k < d; ++k) {
      if (std::find(fixed.begin(), fixed.end(), k) != fixed.end()) continue;
      if (row[k] < interval(k).low - tolerance || row[k] > interval(k).high + tolerance) return false;
    }
  for (const Eigen::Index k : discrete)
    if (!near(k, interval(k).low) && !near(k, interval(k).high)) return false;
  for (const auto& group : one_hot) {
    int on = 0;
    for (const Eigen::Index k : group) {
      if (near(k, interval(k).low)) continue;
      if (!near(k, interval(k).high)) return false;
      ++on;
    }
    if (on > 1) return false;
  }
  return true;
}

}  // namespace crosstalk::attack
