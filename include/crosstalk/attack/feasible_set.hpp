#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/attack/screen.hpp"
#include "crosstalk/rng.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::attack {

/// A feature that takes the values low, low + step, ..., high of its interval: binary when step = high - low.
struct Lattice {
  Eigen::Index feature = 0;
  double step = 1.0;
};

/// Features of which one is high and the others are low.
struct OneHot {
  std::vector<Eigen::Index> features{};
  bool or_none = false;  ///< all may be low: the coding of categories that leaves one out
};

/// Where an injected row may be, in the learner's units: an l2 ball, a box, or both, with columns that take few values
/// or none but their own, and a screen that the row must pass. A constant bias entry, last, stays 1 and does not count.
struct FeasibleSet {
  double radius = 1.0;  ///< > 0; infinite for no ball
  bool bias = true;
  std::vector<Interval> box{};        ///< an interval a feature, or none at all for no box
  std::vector<OneHot> one_hot{};      ///< groups of features, each in its interval's ends
  std::vector<Lattice> lattice{};     ///< features that take few values
  std::vector<Eigen::Index> fixed{};  ///< features that stay as they are
  std::vector<Interval> labels{};     ///< a range of labels a task; empty: what the task's clean rows have
  std::optional<Screen> screen{};     ///< of looks at the row and its label
  /// Of a task without clean rows, the first two injected rows keep the labels that they have at the start, so that a
  /// learner that needs two classes, or two different labels, takes the task.
  bool keep_two_labels = false;

  /// Whether an injected row of a task keeps its label for that reason.
  [[nodiscard]] bool keeps_label(const Task& clean, Eigen::Index row) const {
    return keep_two_labels && row < 2 && clean.rows() == 0;
  }

  /// @param features  d without the bias.
  /// @throws std::invalid_argument when the set is empty or contradicts itself: a radius that is not positive, an
  ///   interval with low > high, a column that does not exist or is named twice, one-hot or lattice columns without a
  ///   box, a lattice that misses the end of its interval, a ball that does not meet the box, one-hot or lattice
  ///   columns together with a ball or screen.
  void require_valid(Eigen::Index features) const;

  /// Moves every row of X (k x d) to the nearest point of ball and box, columns on a lattice, one-hot or fixed
  /// excepted.
  void project(Eigen::MatrixXd& X) const;
  /// Moves rows of a task to where they are feasible and pass the screen. Labels stay, or are free in an interval: then
  /// the features move to the nearest point at which one of them passes, and the label to the nearest of these.
  void project_feasible(std::size_t task, Task& rows, const std::optional<Interval>& free_labels = {}) const;
  /// The same after a step from `before`: a row for which no point that passes was found stays where it was.
  void project_feasible_from(std::size_t task, const Task& before, Task& rows,
                             const std::optional<Interval>& free_labels = {}) const;
  /// The label nearest to this one that passes the screen at a point, within the interval.
  [[nodiscard]] double nearest_label(std::size_t task, const Eigen::VectorXd& x, double label,
                                     const Interval& range) const;
  /// Whether the screen lets the row pass; true without one.
  [[nodiscard]] bool passes(std::size_t task, const Eigen::VectorXd& x, double label) const;
  /// The feasible point with the largest c'x; fixed columns as in `like`.
  /// @param direction  c without the bias.
  [[nodiscard]] Eigen::VectorXd support_point(const Eigen::VectorXd& direction, const Eigen::VectorXd& like) const;
  /// A random feasible row: uniform in the ball or the box; fixed columns are those of a random row of the task.
  [[nodiscard]] Eigen::VectorXd random_row(const Task& clean, Rng& rng) const;
  /// Whether a row is feasible up to the tolerance, fixed columns and the screen excepted.
  [[nodiscard]] bool contains(const Eigen::VectorXd& row, double tolerance) const;
  /// Whether there are columns that only a jump can move.
  [[nodiscard]] bool has_jumps() const { return !(lattice.empty() && one_hot.empty()); }
  /// Zeroes the columns of a gradient (k x d) in which no small move is feasible: the bias, lattice, one-hot and fixed
  /// ones.
  void clear_immovable(Eigen::MatrixXd& gradient) const;

 private:
  [[nodiscard]] Eigen::VectorXd nearest_that_passes(std::size_t task, const Eigen::VectorXd& from,
                                                    const Interval& range) const;
  /// Per feature, without the bias: whether a small move of it is feasible.
  [[nodiscard]] std::vector<bool> continuous(Eigen::Index features) const;
};

}  // namespace crosstalk::attack
