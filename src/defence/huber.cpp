#include "crosstalk/defence/huber.hpp"

#include <algorithm>

#include "crosstalk/quantile.hpp"
#include "normal_median.hpp"

namespace crosstalk::defence {

namespace {

class HuberHinge final : public mtrl::Loss {
 public:
  [[nodiscard]] std::string_view name() const override { return "huber-hinge"; }
  [[nodiscard]] Jet at(double z, double y) const override {
    const double margin = y * z;
    if (margin >= 1.0) return {0.0, 0.0, 0.0, 0.0};
    if (margin < 0.0) return {1.0 - 2.0 * margin, -2.0 * y, 0.0, -2.0};
    const double slack = 1.0 - margin;
    return {slack * slack, -2.0 * y * slack, 2.0 * y * y, 2.0 * y * z - 2.0 * slack};
  }
  [[nodiscard]] bool is_classification() const override { return true; }
};

// Minimises the Huber loss through  rho(r) = min over g of (r - g)^2 + 2 t |g|,  whose g cuts r to [-t, t]: fits of the
// squared loss to labels that are moved to within t of the prediction. No turn raises the objective.
HuberFit of_numbers(const TaskSet& tasks, const mtrl::Loss& loss, const mtrl::Options& options, const mtrl::Fit& start,
                    double smallest_change) {
  constexpr int kMostTurns = 300;
  constexpr int kTurnsWithNewThresholds = 30;
  HuberFit result{start, Eigen::VectorXd::Zero(static_cast<Eigen::Index>(tasks.size()))};
  for (int turn = 0; turn < kMostTurns; ++turn) {
    TaskSet moved = tasks;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      const auto column = static_cast<Eigen::Index>(i);
      const Eigen::VectorXd z = tasks[i].features * result.fit.weights.col(column);
      const Eigen::VectorXd residuals = tasks[i].labels - z;
      double& threshold = result.thresholds[column];
      if (turn < kTurnsWithNewThresholds) threshold = 1.345 / kNormalMedian * median(residuals.cwiseAbs());
      moved[i].labels = z + residuals.cwiseMax(-threshold).cwiseMin(threshold);
    }
    const Eigen::MatrixXd before = result.fit.weights;
    result.fit = mtrl::solve_from(mtrl::EmpiricalRisk(std::move(moved), loss), options, before);
    if ((result.fit.weights - before).norm() <= smallest_change * before.norm()) break;
  }
  return result;
}

}  // namespace

HuberFit huber(const TaskSet& tasks, const mtrl::Loss& loss, const mtrl::Options& options, const mtrl::Fit& start,
               double smallest_change) {
  if (!loss.is_classification()) return of_numbers(tasks, loss, options, start, smallest_change);
  static const HuberHinge hinge;
  const bool is_linear_already = loss.name() == "logistic";
  const mtrl::Loss& bounded = is_linear_already ? loss : static_cast<const mtrl::Loss&>(hinge);
  return {mtrl::solve_from(mtrl::EmpiricalRisk(tasks, bounded), options, start.weights),
          Eigen::VectorXd::Ones(static_cast<Eigen::Index>(tasks.size()))};
}

}  // namespace crosstalk::defence
