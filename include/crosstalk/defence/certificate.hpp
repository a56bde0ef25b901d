#pragma once

#include <cstddef>
#include <limits>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/mtrl/empirical_risk.hpp"
#include "crosstalk/mtrl/solve.hpp"

namespace crosstalk::defence {

/// Where injected rows of a task may be: features (without the bias) in a ball or box, labels in an interval and, where
/// there is a slab, within a residual of given weights u:  |y - u'x| <= width for numbers, -y u'x <= width for signs.
struct Admitted {
  Eigen::VectorXd centre;  ///< d - 1 with a bias, d without
  double radius = std::numeric_limits<double>::infinity();
  Eigen::VectorXd half_widths = {};  ///< of the box around the centre, which then counts in place of the ball
  double low = -1.0;                 ///< of the labels; -1 and 1 for signs
  double high = 1.0;
  Eigen::VectorXd weights = {};  ///< u, d; empty for no slab
  double width = std::numeric_limits<double>::infinity();
};

struct Certificate {
  /// No set of so many admitted rows can bring the summed loss of the targets' clean rows above this.
  double most = std::numeric_limits<double>::infinity();
  /// The objective of the poisoned learner is at most this, wherever the rows are.
  double objective = std::numeric_limits<double>::infinity();
};

/// An upper bound on the summed loss U of the targets' clean rows after any planting of p_i admitted rows in task i,
/// for the learner (2) as it is, Omega learned with W. With a_i = p_i / (n_i + p_i), L_i the mean loss of the clean
/// rows and R the penalties, the learner minimises  H(W) + sum_i a_i (mean loss of the injected rows),
///   H(W) = sum_i (1 - a_i) L_i(W) + R(W),
/// and losses are not negative, so for its answer W'
///   H(W') <= M = min over V of  H(V) + sum_i a_i max over admitted rows of their loss under V,
///   U(W') <= c M - c H(W') + U(W') <= c M - min over W of  c H(W) - U(W)      for every c > 0.
/// From c = max over the targets of n_i + p_i on the last problem is convex, the learner's own with other weights of
/// the tasks; the smallest of these bounds is taken. M is what a game of the learner against the worst rows finds, as
/// in [Steinhardt, Koh and Liang 2017]; any V proves it, and the gaps of the fits count.
/// @param clean     risk over the clean rows.
/// @param fit       of them; where the game begins.
/// @param admitted  m entries; those of tasks without injected rows do not count.
/// @param injected   p_i, m entries.
/// @param bias      the last feature is the constant 1.
/// @return infinite numbers when some injected row is not bounded.
/// @throws std::invalid_argument when sizes do not fit.
Certificate certify(const mtrl::EmpiricalRisk& clean, const mtrl::Options& learner, const mtrl::Fit& fit,
                    const std::vector<Admitted>& admitted, const std::vector<Eigen::Index>& injected,
                    const std::vector<std::size_t>& targets, bool bias);

}  // namespace crosstalk::defence
