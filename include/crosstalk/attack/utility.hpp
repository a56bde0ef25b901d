#pragma once

#include <cstddef>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/mtrl/empirical_risk.hpp"
#include "crosstalk/rng.hpp"

namespace crosstalk::attack {

/// What the attacker maximises: U(W) = sum over target tasks of the summed loss on their clean training rows
/// [Zhao18, Eq. 2].
class Utility {
 public:
  /// @param clean  the tasks in the learner's units.  @param targets  positions in it.
  Utility(const TaskSet& clean, const mtrl::Loss& loss, std::vector<std::size_t> targets);

  [[nodiscard]] double value(const Eigen::MatrixXd& W) const;
  /// dU/dW, d x m; columns of tasks that are not targets are zero.
  [[nodiscard]] Eigen::MatrixXd gradient(const Eigen::MatrixXd& W) const;
  /// The gradient of the loss summed over a batch of the target rows, drawn with replacement: line 4 of Algorithm 1.
  [[nodiscard]] Eigen::MatrixXd batch_gradient(const Eigen::MatrixXd& W, std::size_t batch, Rng& rng) const;

  [[nodiscard]] const std::vector<std::size_t>& targets() const { return targets_; }
  /// Clean rows of all targets.
  [[nodiscard]] Eigen::Index rows() const { return risk_.clean().rows(); }

 private:
  [[nodiscard]] Eigen::MatrixXd target_columns(const Eigen::MatrixXd& W) const;

  std::vector<std::size_t> targets_;
  mtrl::EmpiricalRisk risk_;  // of the targets alone
};

}  // namespace crosstalk::attack
