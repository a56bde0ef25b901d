#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/mtrl/empirical_risk.hpp"
#include "crosstalk/rng.hpp"
#include "crosstalk/row_space.hpp"

namespace crosstalk::attack {

/// What the attacker maximises, a function of the learned weights.
class Utility {
 public:
  virtual ~Utility() = default;
  [[nodiscard]] virtual double value(const Eigen::MatrixXd& W) const = 0;
  /// dU/dW, d x m.
  [[nodiscard]] virtual Eigen::MatrixXd gradient(const Eigen::MatrixXd& W) const = 0;
  /// An estimate of the gradient from so many rows, drawn with replacement: line 4 of [Zhao18, Algorithm 1]. The
  /// gradient itself where the utility is not a sum over rows.
  [[nodiscard]] virtual Eigen::MatrixXd batch_gradient(const Eigen::MatrixXd& W, std::size_t batch, Rng& rng) const;
  /// Rows that it sums over; 0 when it is no such sum.
  [[nodiscard]] virtual Eigen::Index rows() const { return 0; }
  /// The same as a function of C for weights W = Q C.
  [[nodiscard]] virtual std::unique_ptr<const Utility> in(const RowSpace& space) const = 0;
};

/// Sum over target tasks of the summed loss on given rows: with + on their clean training rows, the paper's objective
/// [Zhao18, Eq. 2]; on held-out rows; or with - on rows that carry the labels which the attacker wants predicted.
class LossUtility : public Utility {
 public:
  enum class Sense { Raise, Lower };

  /// @param rows     m tasks in the learner's units; only those of the targets count.
  /// @param targets  positions in it, each with at least one row.
  /// @param layout   Rows spares what a solver needs, which pays with thousands of features.
  LossUtility(const TaskSet& rows, const mtrl::Loss& loss, std::vector<std::size_t> targets, Sense sense = Sense::Raise,
              mtrl::EmpiricalRisk::Layout layout = mtrl::EmpiricalRisk::Layout::Automatic);

  [[nodiscard]] double value(const Eigen::MatrixXd& W) const override;
  /// Columns of tasks that are not targets are zero.
  [[nodiscard]] Eigen::MatrixXd gradient(const Eigen::MatrixXd& W) const override;
  [[nodiscard]] Eigen::MatrixXd batch_gradient(const Eigen::MatrixXd& W, std::size_t batch, Rng& rng) const override;
  [[nodiscard]] Eigen::Index rows() const override { return risk_.clean().rows(); }
  [[nodiscard]] std::unique_ptr<const Utility> in(const RowSpace& space) const override;

 private:
  LossUtility(mtrl::EmpiricalRisk risk, std::vector<std::size_t> targets, double sign);
  [[nodiscard]] Eigen::MatrixXd target_columns(const Eigen::MatrixXd& W) const;

  std::vector<std::size_t> targets_;
  double sign_;
  mtrl::EmpiricalRisk risk_;  // of the targets alone
};

/// U = -(rho_ij - v)^2, largest where the learned correlation rho_ij = Omega_ij / sqrt(Omega_ii Omega_jj) of two tasks
/// is v. With S = (W'W + e^2 I)^(1/2), to which Omega is proportional, and G = dU/dS,
///   dU/dW = 2 W X,     S X + X S = G                                      (17)
class RelationUtility : public Utility {
 public:
  /// @param tasks      m, at most kMostTasks: S is m x m.
  /// @param smoothing  e of the learner.
  /// @throws std::invalid_argument for a task that does not exist, i = j, a correlation outside [-1, 1], too many
  /// tasks.
  RelationUtility(std::size_t first, std::size_t second, double correlation, std::size_t tasks, double smoothing);

  [[nodiscard]] double value(const Eigen::MatrixXd& W) const override;
  [[nodiscard]] Eigen::MatrixXd gradient(const Eigen::MatrixXd& W) const override;
  [[nodiscard]] std::unique_ptr<const Utility> in(const RowSpace& space) const override;

  static constexpr std::size_t kMostTasks = 1000;

 private:
  Eigen::Index first_;
  Eigen::Index second_;
  double correlation_;
  double smoothing_;
};

}  // namespace crosstalk::attack
