#pragma once

#include <cstddef>
#include <string>

#include <Eigen/Core>

#include "crosstalk/option_table.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::attack {

struct Interval {
  double low = 0.0;
  double high = 0.0;
};

struct ScreenOptions {
  bool distance = true;    ///< to the mean of the task's clean rows
  bool residual = true;    ///< under the model of the clean rows
  double quantile = 0.95;  ///< in (0, 1]: the share of each task's clean rows that passes each of the looks

  /// Keys, ranges and meanings.
  static const OptionTable<ScreenOptions>& table();
};

/// @throws std::invalid_argument for a quantile outside (0, 1], or when there is nothing to look at.
void require_valid(const ScreenOptions& options);

/// What a careful owner looks at before a row is taken in: whether it lies among the task's rows and whether its label
/// is one that the clean model would give. An attacker who wants to stay unseen keeps the rows where, with q the
/// quantile over the task's clean rows, (18) holds:
///   |x - c_i| <= q of |x_ij - c_i|,           c_i the mean of the task's rows,
///   |y - w_i'x| <= q of |y_ij - w_i'x_ij|     for labels that are numbers,
///   -y w_i'x <= q of -y_ij w_i'x_ij           for signs (a margin).
/// The first is the sphere of [Steinhardt, Koh and Liang 2017], the second the residual of a regression diagnosis.
class Screen {
 public:
  /// @param clean    m tasks in the learner's units.
  /// @param weights  d x m, learned from them.
  /// @param bias     the last feature is the constant 1 and has no distance.
  /// @throws std::invalid_argument as require_valid.
  Screen(const TaskSet& clean, const Eigen::MatrixXd& weights, bool bias, const ScreenOptions& options);

  struct Limits {
    Eigen::VectorXd centre;   ///< without the bias
    double distance;          ///< from it; infinite when nobody looks at distances
    Eigen::VectorXd weights;  ///< d
    double residual;          ///< under them; infinite when nobody looks at residuals
  };
  [[nodiscard]] Limits limits(std::size_t task) const;

  [[nodiscard]] bool passes(std::size_t task, const Eigen::VectorXd& x, double label, double tolerance) const;
  /// The nearest point that the distance lets pass.
  void project_distance(std::size_t task, Eigen::VectorXd& x) const;
  /// The nearest point at which some label of an interval passes; signs have intervals of one label.
  void project_residual(std::size_t task, Eigen::VectorXd& x, Interval labels) const;
  /// The nearest label that passes at this point; a sign that does not pass becomes the other one.
  [[nodiscard]] double nearest_label(std::size_t task, const Eigen::VectorXd& x, double label) const;

 private:
  ScreenOptions options_;
  bool signs_;
  Eigen::MatrixXd centres_;    ///< features without the bias x m
  Eigen::VectorXd distances_;  ///< m
  Eigen::MatrixXd weights_;    ///< d x m
  Eigen::VectorXd residuals_;  ///< m
};

/// Of words "distance" and "residual", separated by commas.
/// @throws std::invalid_argument for another word, or none.
ScreenOptions screen_named(const std::string& words);

}  // namespace crosstalk::attack
