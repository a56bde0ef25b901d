#pragma once

#include <string>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/rng.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::attack {

struct Interval {
  double low = 0.0;
  double high = 0.0;
};

/// Where an injected row may be, in the learner's units: an l2 ball, a box, or both, with columns that take few values or none but
/// their own. A constant bias entry, last, stays 1 and does not count.
struct FeasibleSet {
  double radius = 1.0;  ///< > 0; infinite for no ball
  bool bias = true;
  std::vector<Interval> box{};                       ///< an interval a feature, or none at all for no box
  std::vector<std::vector<Eigen::Index>> one_hot{};  ///< groups of features: at most one is high, the others are low
  std::vector<Eigen::Index> discrete{};              ///< features that are low or high, nothing between
  std::vector<Eigen::Index> fixed{};                 ///< features that stay as they are

  /// @param features  d without the bias.
  /// @throws std::invalid_argument when the set is empty or contradicts itself: a radius that is not positive, an interval with
  ///   low > high, a column that does not exist or is named twice, one-hot or discrete columns without a box, a ball that
  ///   does not meet the box or cuts off a value of a discrete column.
  void require_valid(Eigen::Index features) const;

  /// Moves every row of X (k x d) to the nearest feasible point, columns that are discrete, one-hot or fixed excepted.
  void project(Eigen::MatrixXd& X) const;
  /// The feasible point with the largest c'x; fixed columns as in `like`.
  /// @param direction  c without the bias.
  [[nodiscard]] Eigen::VectorXd furthest(const Eigen::VectorXd& direction, const Eigen::VectorXd& like) const;
  /// A random feasible row: uniform in the ball or the box; fixed columns are those of a random row of the task.
  [[nodiscard]] Eigen::VectorXd random_row(const Task& clean, Rng& rng) const;
  /// Whether a row is feasible up to the tolerance, fixed columns excepted.
  [[nodiscard]] bool contains(const Eigen::VectorXd& row, double tolerance) const;
  /// Zeroes the columns of a gradient (k x d) in which no small move is feasible: the bias, discrete, one-hot and fixed ones.
  void clear_immovable(Eigen::MatrixXd& gradient) const;

 private:
  /// Per feature, without the bias: whether a small move of it is feasible.
  [[nodiscard]] std::vector<bool> continuous(Eigen::Index features) const;
};

}  // namespace crosstalk::attack
