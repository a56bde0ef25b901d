#include "crosstalk/mtrl/root_iteration.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "crosstalk/interruption.hpp"
#include "crosstalk/symmetric_eigen.hpp"

namespace crosstalk::mtrl {

namespace {

constexpr Eigen::Index kMostFeatures = 40;  // the matrix of a CoupledSystem has (d^2 / 2)^2 entries
// From so many tasks on. An audit of 1,000 tasks with 11 features takes half the time of Newton's method on W
// (benchmarks/README.md); the least number, and tasks for each of T's d (d + 1) / 2 unknowns, whose dense system must
// not cost more than the tasks, are guesses on the safe side.
constexpr Eigen::Index kManyTasks = 300;
constexpr Eigen::Index kTasksPerUnknown = 4;
constexpr Eigen::Index kTasksForCurvature = 4000;
constexpr int kMostPasses = 25;

// U f(t) U'
template <class Derived>
Eigen::MatrixXd compose(const Eigen::MatrixXd& U, const Eigen::MatrixBase<Derived>& values) {
  return U * values.asDiagonal() * U.transpose();
}

// T -> (I + a X) T (I + a X)' for T = U diag(t) U', X in the basis U.
struct Step {
  Eigen::MatrixXd U;
  Eigen::VectorXd t;
  Eigen::MatrixXd X;

  [[nodiscard]] Eigen::MatrixXd taken(double length) const {
    Eigen::MatrixXd factor = length * X;
    factor.diagonal().array() += 1.0;
    return U * factor * t.asDiagonal() * factor.transpose() * U.transpose();
  }
};

}  // namespace

bool RootIteration::suits(const EmpiricalRisk& risk, const Penalty& penalty) {
  const Packing unknowns{risk.features()};
  return risk.loss().is_squared() && penalty.lambda2 > 0.0 && risk.features() <= kMostFeatures &&
         risk.tasks() >= std::max(kManyTasks, kTasksPerUnknown * unknowns.size());
}

RootIteration::RootIteration(const EmpiricalRisk& risk, const Penalty& penalty, double smoothing)
    : risk_(risk),
      penalty_(penalty),
      smoothing_(smoothing),
      at_zero_(risk.evaluate(Eigen::MatrixXd::Zero(risk.features(), risk.tasks()))) {}

Eigen::MatrixXd RootIteration::weights(const Eigen::MatrixXd& M) const {
  const TaskBlocks blocks(risk_, at_zero_, M);
  TaskBlocks::Group inverses;
  Eigen::MatrixXd W(risk_.features(), risk_.tasks());
  for (Eigen::Index first = 0; first < W.cols(); first += TaskBlocks::kGroup) {
    blocks.inverses(first, inverses);
    multiply(inverses, blocks.packing(), at_zero_.gradient, first, W);
  }
  return -W;
}

CoupledSystem RootIteration::couple(const Eigen::MatrixXd& M, const Coupling& at) const {
  const TaskBlocks blocks(risk_, at_zero_, M);
  CurvatureSum sum(blocks.packing());
  TaskBlocks::Group inverses;
  const Eigen::MatrixXd W = at.basis().transpose() * at.weights();
  const Eigen::Index stride = std::max<Eigen::Index>(1, risk_.tasks() / kTasksForCurvature) * TaskBlocks::kGroup;
  for (Eigen::Index first = 0; first < risk_.tasks(); first += stride) {
    blocks.inverses(first, inverses);
    sum.add(inverses, W, first);
  }
  return {sum.total(W * W.transpose(), risk_.tasks()), at.basis(), at.spectrum(), at.tau(), penalty_.lambda2};
}

std::optional<Eigen::MatrixXd> RootIteration::run(Eigen::MatrixXd& root, double tolerance, int& steps,
                                                  int most_steps) const {
  const double idle = static_cast<double>(risk_.population() - risk_.features()) * smoothing_;
  double last_value = std::numeric_limits<double>::infinity();
  double last_gap = std::numeric_limits<double>::infinity();
  Step next;
  double length = 1.0;
  for (int pass = 0; pass < kMostPasses && steps < most_steps && root.allFinite(); ++pass, ++steps) {
    end_if_interrupted();
    SymmetricEigen T = symmetric_eigen(root);
    T.values = T.values.cwiseMax(smoothing_);  // Newton's step overshoots where a singular value goes to zero
    const Eigen::MatrixXd coupled =
        compose(T.vectors, (penalty_.lambda2 * (T.values.sum() + idle)) * T.values.cwiseInverse());
    Eigen::MatrixXd M = coupled;
    M.diagonal().array() += penalty_.lambda1;
    Eigen::MatrixXd W = weights(M);
    if (!W.allFinite()) return std::nullopt;
    const Coupling own(W, smoothing_, risk_.population());

    // grad R + l1 W = -l2 tau T^-1 W, which leaves grad F = change W.
    const Eigen::MatrixXd change = penalty_.lambda2 * own.tau() * own.inverse_root() - coupled;
    const double gap = (change * W).squaredNorm() / (2.0 * penalty_.lambda1);
    // R is quadratic: R(W) = R(0) + <grad R(0) + grad R(W), W> / 2, and l1/2 |W|^2 cancels.
    const double value = at_zero_.value + 0.5 * at_zero_.gradient.cwiseProduct(W).sum() -
                         0.5 * W.cwiseProduct(coupled * W).sum() + 0.5 * penalty_.lambda2 * own.tau() * own.tau();
    if (gap <= tolerance * value) return W;
    if (!std::isfinite(value) || !std::isfinite(gap)) return std::nullopt;
    if (!(value <= last_value || gap <= 0.5 * last_gap)) {
      length *= 0.5;
      root = next.taken(length);
      continue;
    }
    last_value = value;
    last_gap = gap;

    // dT = Z / (t_a + t_b), and X with X t + t X' = dT and only zeros where t_a > t_b. The step taken is the congruence
    // T -> (I + X) T (I + X)': to first order T + dT, and it turns the large directions without touching the small
    // eigenvalues, to which the second order of a turn would be anything but small.
    const Eigen::MatrixXd& U = own.basis();
    const Eigen::VectorXd& t = own.spectrum();
    next = {U, t, couple(M + change, own).respond(-(U.transpose() * change * U))};
    for (Eigen::Index b = 0; b < t.size(); ++b)
      for (Eigen::Index a = 0; a < t.size(); ++a)
        next.X(a, b) = t[a] > t[b] ? 0.0 : next.X(a, b) / (t[a] + t[b]) / (a == b ? 2.0 * t[b] : t[b]);
    length = 1.0;
    root = next.taken(length);
  }
  return std::nullopt;
}

}  // namespace crosstalk::mtrl
