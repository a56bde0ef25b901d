#pragma once

#include <optional>

#include <Eigen/Core>

#include "crosstalk/mtrl/coupling.hpp"
#include "crosstalk/mtrl/empirical_risk.hpp"
#include "crosstalk/mtrl/newton_system.hpp"
#include "crosstalk/mtrl/task_blocks.hpp"

namespace crosstalk::mtrl {

/// Newton's method for (2) on the d x d matrix T = (WW' + e^2 I)^(1/2) alone: for the squared loss, many tasks and few
/// features, from a start near the solution.
///
/// Given T the tasks decouple (7): with tau = tr T + (m - d) e and M = l1 I + l2 tau T^-1 every w_i solves (H_i + M)
/// w_i = c_i, one pass over the tasks. At this W, with its own tau_W and T_W, grad F = Y W, Y = l2 (tau_W T_W^-1 - tau
/// T^-1), and Newton's step V on W enters the next T through Z = S V only, which CoupledSystem gives. It takes sums
/// over the tasks of which a few thousand tell enough, so a step costs little more than one solution of d x d a task.
class RootIteration {
 public:
  /// Whether it is applicable and worth its while.
  [[nodiscard]] static bool suits(const EmpiricalRisk& risk, const Penalty& penalty);

  /// @param smoothing  > 0.  The risk must outlive this object.
  RootIteration(const EmpiricalRisk& risk, const Penalty& penalty, double smoothing);

  /// @param root  T, d x d positive semidefinite: the start, and the last iterate afterwards.
  /// @param tolerance  stops when |grad F|^2 <= 2 l1 * tolerance * F.
  /// @param steps  increased by the passes made.
  /// @return the last W, d x m; nothing when it has not stopped before steps reached most_steps, or after 25 passes.
  [[nodiscard]] std::optional<Eigen::MatrixXd> run(Eigen::MatrixXd& root, double tolerance, int& steps,
                                                   int most_steps) const;

 private:
  /// W given M, d x m.
  [[nodiscard]] Eigen::MatrixXd weights(const Eigen::MatrixXd& M) const;
  [[nodiscard]] CoupledSystem couple(const Eigen::MatrixXd& M, const Coupling& at) const;

  const EmpiricalRisk& risk_;
  Penalty penalty_;
  double smoothing_;
  EmpiricalRisk::Evaluation at_zero_;
};

}  // namespace crosstalk::mtrl
