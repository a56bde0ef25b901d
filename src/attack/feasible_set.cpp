#include "crosstalk/attack/feasible_set.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

namespace crosstalk::attack {

namespace {

constexpr int kDykstraRounds = 1000;
constexpr double kScreenTolerance = 1e-6;  // of Dykstra's limit

double clipped(double x, const Interval& interval) {
  return std::clamp(x, interval.low, interval.high);
}

// x_k(t) for t in [0, inf) has a norm that only falls (or only rises) with t: the t where it meets the radius.
template <class Norm>
double solve_for_radius(const Norm& norm_at, double radius, double low, double high, bool falls) {
  for (int step = 0; step < 200 && high - low > 1e-15 * high; ++step) {
    const double middle = 0.5 * (low + high);
    if ((norm_at(middle) > radius) == falls)
      low = middle;
    else
      high = middle;
  }
  return falls ? high : low;
}

}  // namespace

void FeasibleSet::require_valid(Eigen::Index features) const {
  const auto fail = [](const std::string& what) { throw std::invalid_argument("feasible set: " + what); };
  if (!(radius > 0.0)) fail(fmt::format("radius is {}; it must be > 0", radius));
  if (box.empty() && !std::isfinite(radius)) fail("there is neither a ball nor a box");
  if (box.empty() && has_jumps()) fail("one-hot and lattice columns need a box");
  if (!box.empty() && static_cast<Eigen::Index>(box.size()) != features)
    fail(fmt::format("the box has {} intervals for {} features", box.size(), features));
  double nearest = 0.0;
  for (std::size_t k = 0; k < box.size(); ++k) {
    if (!(box[k].low <= box[k].high) || !std::isfinite(box[k].low) || !std::isfinite(box[k].high))
      fail(fmt::format("column {} has the empty interval [{}, {}]", k + 1, box[k].low, box[k].high));
    nearest += std::pow(clipped(0.0, box[k]), 2);
  }
  if (std::sqrt(nearest) > radius) fail(fmt::format("the ball of radius {} does not meet the box", radius));
  std::vector<Eigen::Index> named = fixed;
  for (const Lattice& one : lattice) named.push_back(one.feature);
  for (const OneHot& group : one_hot) named.insert(named.end(), group.features.begin(), group.features.end());
  std::sort(named.begin(), named.end());
  if (!named.empty() && (named.front() < 0 || named.back() >= features))
    fail(fmt::format("column {} does not exist; there are {}", named.back() + 1, features));
  if (const auto twice = std::adjacent_find(named.begin(), named.end()); twice != named.end())
    fail(fmt::format("column {} is named twice among one-hot groups, lattice and fixed columns", *twice + 1));
  for (const auto& [feature, step] : lattice) {
    const Interval& interval = box[static_cast<std::size_t>(feature)];
    const double steps = (interval.high - interval.low) / step;
    if (!(step > 0.0) || std::abs(steps - std::round(steps)) > 1e-6)
      fail(fmt::format("column {} in steps of {} from {} does not reach {}", feature + 1, step, interval.low,
                       interval.high));
  }
  if (has_jumps() && std::isfinite(radius)) fail("one-hot and lattice columns cannot be combined with a ball");
  if (has_jumps() && screen) fail("one-hot and lattice columns cannot be combined with a screen");
}

std::vector<bool> FeasibleSet::continuous(Eigen::Index features) const {
  std::vector<bool> result(static_cast<std::size_t>(features), true);
  const auto clear = [&](const std::vector<Eigen::Index>& columns) {
    for (const Eigen::Index k : columns) result[static_cast<std::size_t>(k)] = false;
  };
  for (const Lattice& one : lattice) result[static_cast<std::size_t>(one.feature)] = false;
  clear(fixed);
  for (const OneHot& group : one_hot) clear(group.features);
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
        x[k] = moves[static_cast<std::size_t>(k)] ? clipped(X(j, k) / (1.0 + t), box[static_cast<std::size_t>(k)])
                                                  : X(j, k);
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

void FeasibleSet::project_feasible(std::size_t task, Task& rows, const std::optional<Interval>& free_labels) const {
  if (!screen) {
    project(rows.features);
    return;
  }
  for (Eigen::Index j = 0; j < rows.rows(); ++j) {
    const Interval range = free_labels.value_or(Interval{rows.labels[j], rows.labels[j]});
    rows.features.row(j) = nearest_that_passes(task, rows.features.row(j).transpose(), range).transpose();
    rows.labels[j] = nearest_label(task, rows.features.row(j).transpose(), rows.labels[j], range);
  }
}

void FeasibleSet::project_feasible_from(std::size_t task, const Task& before, Task& rows,
                                        const std::optional<Interval>& free_labels) const {
  project_feasible(task, rows, free_labels);
  if (!screen) return;
  for (Eigen::Index j = 0; j < rows.rows(); ++j) {
    if (passes(task, rows.features.row(j).transpose(), rows.labels[j])) continue;
    rows.features.row(j) = before.features.row(j);
    rows.labels[j] = before.labels[j];
  }
}

// Dykstra's projections (Boyle and Dykstra 1986): one set after the other, each from where the last round left it.
Eigen::VectorXd FeasibleSet::nearest_that_passes(std::size_t task, const Eigen::VectorXd& from,
                                                 const Interval& range) const {
  const std::array<std::function<void(Eigen::VectorXd&)>, 3> sets = {
      [&](Eigen::VectorXd& x) {
        Eigen::MatrixXd row = x.transpose();
        project(row);
        x = row.transpose();
      },
      [&](Eigen::VectorXd& x) { screen->project_distance(task, x); },
      [&](Eigen::VectorXd& x) { screen->project_residual(task, x, range); }};
  std::vector<Eigen::VectorXd> corrections(sets.size(), Eigen::VectorXd::Zero(from.size()));
  Eigen::VectorXd x = from;
  for (int round = 0; round < kDykstraRounds; ++round) {
    const Eigen::VectorXd before = x;
    for (std::size_t k = 0; k < sets.size(); ++k) {
      const Eigen::VectorXd start = x + corrections[k];
      x = start;
      sets[k](x);
      for (const Eigen::Index f : fixed) x[f] = from[f];
      if (bias) x[x.size() - 1] = 1.0;
      corrections[k] = start - x;
    }
    if ((x - before).norm() <= 1e-13 * x.norm()) break;
  }
  return x;
}

double FeasibleSet::nearest_label(std::size_t task, const Eigen::VectorXd& x, double label,
                                  const Interval& range) const {
  return screen ? clipped(screen->nearest_label(task, x, label), range) : label;
}

bool FeasibleSet::passes(std::size_t task, const Eigen::VectorXd& x, double label) const {
  return !screen || screen->passes(task, x, label, kScreenTolerance);
}

Eigen::VectorXd FeasibleSet::support_point(const Eigen::VectorXd& direction, const Eigen::VectorXd& like) const {
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
  for (const auto& [k, step] : lattice)
    x[k] = c[k] > 0.0 ? box[static_cast<std::size_t>(k)].high : box[static_cast<std::size_t>(k)].low;
  for (const OneHot& group : one_hot) {
    std::optional<Eigen::Index> on;
    double most = group.or_none ? 0.0 : -std::numeric_limits<double>::infinity();
    for (const Eigen::Index k : group.features) {
      const Interval& interval = box[static_cast<std::size_t>(k)];
      x[k] = interval.low;
      if (const double gain = c[k] * (interval.high - interval.low); gain > most) {
        most = gain;
        on = k;
      }
    }
    if (on) x[*on] = box[static_cast<std::size_t>(*on)].high;
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
    for (const auto& [k, step] : lattice) {
      const Interval& interval = box[static_cast<std::size_t>(k)];
      const auto steps = static_cast<std::size_t>(std::llround((interval.high - interval.low) / step));
      row(0, k) = interval.low + step * static_cast<double>(rng.below(steps + 1));
    }
    for (const auto& [group, or_none] : one_hot) {
      for (const Eigen::Index k : group) row(0, k) = box[static_cast<std::size_t>(k)].low;
      const std::size_t on = rng.below(group.size() + (or_none ? 1 : 0));
      if (on < group.size()) row(0, group[on]) = box[static_cast<std::size_t>(group[on])].high;
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
  for (const auto& [k, step] : lattice)
    if (!near(k, interval(k).low + step * std::round((row[k] - interval(k).low) / step))) return false;
  for (const OneHot& group : one_hot) {
    int on = 0;
    for (const Eigen::Index k : group.features) {
      if (near(k, interval(k).low)) continue;
      if (!near(k, interval(k).high)) return false;
      ++on;
    }
    if (on > 1 || (on == 0 && !group.or_none)) return false;
  }
  return true;
}

}  // namespace crosstalk::attack
