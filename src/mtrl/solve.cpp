#include "crosstalk/mtrl/solve.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/interruption.hpp"
#include "crosstalk/mtrl/root_iteration.hpp"
#include "crosstalk/mtrl/row_reduction.hpp"
#include "crosstalk/names.hpp"
#include "crosstalk/svd.hpp"

namespace crosstalk::mtrl {

namespace {

void require_valid(const Options& options) {
  Options::table().require_valid(options);
}

double penalty_value(const Penalty& penalty, const Eigen::MatrixXd& W, double tau) {
  return 0.5 * penalty.lambda1 * W.squaredNorm() + 0.5 * penalty.lambda2 * tau * tau;
}

// F, its gradient and all that the Hessian needs, at one W for one smoothing.
struct Point {
  Eigen::MatrixXd W;
  EmpiricalRisk::Evaluation risk;
  Coupling coupling;
  double value;
  Eigen::MatrixXd gradient;

  Point(const EmpiricalRisk& data, const Penalty& penalty, double smoothing, Eigen::MatrixXd weights)
      : W(std::move(weights)), risk(data.evaluate(W)), coupling(W, smoothing, data.population()) {
    value = risk.value + penalty_value(penalty, W, coupling.tau());
    gradient = risk.gradient + penalty.lambda1 * W;
    if (penalty.lambda2 > 0.0) gradient += penalty.lambda2 * coupling.gradient();
  }
};

// The smallest element of the subdifferential at e = 0. With W = U diag(s) V' of rank r the subdifferential of tau^2/2
// is tau (U_r V_r' + Z) for all Z in the complement of both ranges with spectral norm <= 1, so the part of the rest of
// the gradient that lies there is lowered by l2 tau in every singular value, at most to zero.
Eigen::MatrixXd smallest_subgradient(const Point& at, const Penalty& penalty) {
  const Coupling& coupling = at.coupling;
  const Eigen::VectorXd& s = coupling.singular_values();
  Eigen::Index rank = 0;
  while (rank < s.size() && s[rank] > 0.0) ++rank;
  if (penalty.lambda2 == 0.0 || (rank == s.size() && rank > 0)) return at.gradient;
  const Eigen::MatrixXd A_gradient = coupling.task_side() ? Eigen::MatrixXd(at.gradient.transpose()) : at.gradient;
  const Eigen::MatrixXd A = coupling.task_side() ? Eigen::MatrixXd(at.W.transpose()) : at.W;
  const Eigen::MatrixXd U = coupling.basis().leftCols(rank);
  const Eigen::MatrixXd V = A.transpose() * U * s.head(rank).cwiseInverse().asDiagonal();
  Eigen::MatrixXd outside = A_gradient - U * (U.transpose() * A_gradient);
  outside -= (outside * V) * V.transpose();
  const Svd svd = thin_svd(outside);
  const Eigen::VectorXd absorbed = svd.values.cwiseMin(penalty.lambda2 * coupling.tau());
  const Eigen::MatrixXd smallest = A_gradient - svd.U * absorbed.asDiagonal() * svd.V.transpose();
  return coupling.task_side() ? Eigen::MatrixXd(smallest.transpose()) : smallest;
}

// W with the singular values below the cut set to zero.
Eigen::MatrixXd truncate(const Eigen::MatrixXd& W, const Coupling& coupling, double cut) {
  const Eigen::VectorXd& s = coupling.singular_values();
  const Eigen::Index rank = (s.array() > cut).count();
  const Eigen::MatrixXd U = coupling.basis().leftCols(rank);
  return coupling.task_side() ? Eigen::MatrixXd((W * U) * U.transpose()) : Eigen::MatrixXd(U * (U.transpose() * W));
}

struct Outcome {
  Point point;
  Status status;
};

// Newton's method for one smoothing e > 0, until |grad F|^2 <= 2 l1 * tolerance * F.
class Newton {
 public:
  Newton(const EmpiricalRisk& risk, const Options& options, Fit& counts)
      : risk_(risk), options_(options), counts_(counts) {}

  // @param patience  steps before giving up.
  Outcome run(Eigen::MatrixXd start, double smoothing, double tolerance, int patience) const {
    const Penalty penalty = options_.penalty();
    Point at(risk_, penalty, smoothing, std::move(start));
    const auto converged = [&](const Point& point) {
      return point.gradient.squaredNorm() <= 2.0 * options_.lambda1 * tolerance * std::abs(point.value);
    };
    int dual_steps = 0;  // to come
    for (int step = 0; !converged(at); ++step) {
      end_if_interrupted();
      if (step == patience || counts_.steps == options_.max_steps) return {std::move(at), Status::OutOfSteps};
      // At the solution l2 tau T^-1 W = -(grad R + l1 W): the right-hand side estimates T^-1 W even where W is still
      // far.
      Eigen::MatrixXd dual;
      if (dual_steps > 0)
        dual = at.coupling.clip((at.risk.gradient + penalty.lambda1 * at.W) / (-penalty.lambda2 * at.coupling.tau()));
      const NewtonSystem system(risk_, at.risk, at.coupling, penalty, std::move(dual));
      const double size = at.gradient.norm();
      const double target = std::sqrt(2.0 * options_.lambda1 * tolerance * std::abs(at.value));
      // Inexact Newton: exact enough for a superlinear rate, never beyond the target.
      const double relative_gap = size * size / (2.0 * options_.lambda1 * std::abs(at.value));
      const double forcing = std::max({0.3 * target / size, std::min(0.1, std::sqrt(relative_gap)), 1e-12});
      const auto solution = system.solve(-at.gradient, forcing, 1000);
      ++counts_.steps;
      counts_.products += solution.products;
      const double slope = at.gradient.cwiseProduct(solution.X).sum();
      bool lowered = false;
      for (double length = 1.0; length > 1e-10; length *= 0.5) {
        Point next(risk_, penalty, smoothing, at.W + length * solution.X);
        // Near the solution F no longer resolves the step: then a smaller gradient at an equal F is progress, too.
        const double rounding = 1e-14 * std::abs(at.value);
        const bool descends = next.value < at.value && next.value <= at.value + 1e-4 * length * slope;
        const bool level = next.value <= at.value + rounding && next.gradient.norm() < 0.9 * size;
        if (descends || level) {
          at = std::move(next);
          lowered = true;
          dual_steps = dual_steps > 0 ? dual_steps - 1 : (length < 0.5 && penalty.lambda2 > 0.0 ? kDualSteps : 0);
          break;
        }
      }
      if (!lowered) return {std::move(at), Status::OutOfPrecision};
    }
    return {std::move(at), Status::Converged};
  }

 private:
  static constexpr int kDualSteps = 4;
  const EmpiricalRisk& risk_;
  const Options& options_;
  Fit& counts_;
};

// The smallest e, relative to the largest singular value of W, that a fit starts by solving for. Below it F_e is ill
// conditioned, and F_e at this e is nearly always close enough.
constexpr double kSmallestSmoothing = 1e-7;
constexpr int kWarmSteps = 12;  // from a start that should be near

Fit finish(const EmpiricalRisk& risk, const Options& options, Outcome outcome, double smoothing, Fit fit) {
  const Penalty penalty = options.penalty();
  const bool is_as_asked = smoothing == options.smoothing;
  fit.status = outcome.status;
  fit.weights =
      is_as_asked ? std::move(outcome.point.W) : truncate(outcome.point.W, outcome.point.coupling, 30.0 * smoothing);
  const Coupling coupling = is_as_asked ? std::move(outcome.point.coupling) : Coupling(fit.weights, options.smoothing);
  if (is_as_asked) {
    fit.gradient_norm = outcome.point.gradient.norm();
    fit.gap = fit.gradient_norm * fit.gradient_norm / (2.0 * options.lambda1);
  } else {
    // Solved for a larger e than asked. Singular values of the size of that e are zero for e = 0; the certificate is
    // that of F_0 plus what F_e lies above F_0 at W.
    const Point exact(risk, penalty, 0.0, fit.weights);
    const double tau = coupling.tau();
    fit.gradient_norm = smallest_subgradient(exact, penalty).norm();
    fit.gap = fit.gradient_norm * fit.gradient_norm / (2.0 * options.lambda1) +
              0.5 * penalty.lambda2 * (tau * tau - exact.coupling.tau() * exact.coupling.tau());
  }
  fit.covariance = coupling.covariance();
  fit.objective = risk.accurate_value(fit.weights) + penalty_value(penalty, fit.weights, coupling.tau());
  if (std::isfinite(fit.objective) && fit.gap <= options.tolerance * fit.objective)
    fit.status = Status::Converged;
  else if (fit.status == Status::Converged)
    fit.status = Status::OutOfPrecision;
  return fit;
}

// One Newton step beyond the certificate. The certificate bounds F, but predictions are wrong by the root of what F is
// wrong by: with a gap of 1e-12 F and l1 = 1e-5 they were off by up to 2e-5 of their scale. The step squares the error.
Outcome refined(const EmpiricalRisk& risk, const Options& options, double smoothing, Outcome outcome, Fit& counts) {
  constexpr double kBeyond = 1e-8;
  if (outcome.status != Status::Converged) return outcome;
  Outcome next = Newton(risk, options, counts).run(outcome.point.W, smoothing, kBeyond * options.tolerance, 1);
  if (next.point.gradient.norm() < outcome.point.gradient.norm()) outcome.point = std::move(next.point);
  return outcome;
}

// F at one smoothing, from tasks that do not know of each other.
struct Stage {
  Outcome outcome;
  double smoothing;  // that the outcome is for, >= the one asked for
};

double largest_singular_value(const Eigen::MatrixXd& W) {
  return Coupling(W, 0.0).singular_values()[0];
}

Stage continuation(const EmpiricalRisk& risk, const Options& options, double tolerance, Fit& counts) {
  const Newton newton(risk, options, counts);
  // With a smoothing far above all singular values T = e I and tau = m e: every task on its own. From there the
  // smoothing falls to the one asked for, each stage starting where the last ended.
  Options alone = options;
  alone.lambda1 = options.lambda1 + options.lambda2 * static_cast<double>(risk.population());
  alone.lambda2 = 0.0;
  const Eigen::MatrixXd zero = Eigen::MatrixXd::Zero(risk.features(), risk.tasks());
  Eigen::MatrixXd W = Newton(risk, alone, counts).run(zero, 1.0, 1e-8, options.max_steps).point.W;
  double smoothing = std::max(options.smoothing, 0.1 * largest_singular_value(W));
  for (;;) {
    const double last = std::max(options.smoothing, kSmallestSmoothing * largest_singular_value(W));
    const bool final_stage = smoothing <= last || options.lambda2 == 0.0;
    if (final_stage) smoothing = options.lambda2 == 0.0 ? options.smoothing : last;
    Outcome outcome =
        newton.run(W, smoothing > 0.0 ? smoothing : 1.0, final_stage ? tolerance : 1e-3, options.max_steps);
    if (final_stage || outcome.status != Status::Converged) return {std::move(outcome), smoothing};
    W = outcome.point.W;
    smoothing = std::max(0.1 * smoothing, options.smoothing);
  }
}

// The smoothing falls on, towards the one asked for, until the certificate holds.
Fit finish_lowering(const EmpiricalRisk& risk, const Options& options, Stage stage, Fit counts) {
  Fit best = finish(risk, options, stage.outcome, stage.smoothing, counts);
  const double floor = kSmallestSmoothing * kSmallestSmoothing * largest_singular_value(best.weights);
  while (best.status == Status::OutOfPrecision && stage.smoothing > std::max(options.smoothing, floor)) {
    stage.smoothing = std::max(0.1 * stage.smoothing, options.smoothing);
    const Newton newton(risk, options, counts);
    stage.outcome = newton.run(std::move(stage.outcome.point.W), stage.smoothing, 0.5 * options.tolerance, kWarmSteps);
    Fit next = finish(risk, options, stage.outcome, stage.smoothing, counts);
    if (next.gap < best.gap) best = std::move(next);
  }
  return best;
}

// T of all tasks from some of them, a tenth where that is enough. With k tasks standing for m, W W' is m/k times that
// of the k, and so (2) is m/k times
//   sum over the k tasks + l1/2 |W_k|^2 + l2/2 tau_k^2,   tau_k with e sqrt(k/m) for e and m - d idle singular values.
std::optional<Eigen::MatrixXd> root_from_sample(const EmpiricalRisk& risk, const Options& options, Fit& counts) {
  constexpr double kTolerance = 1e-4;
  const EmpiricalRisk sample = risk.sample(std::clamp<Eigen::Index>(risk.tasks() / 1000, 2, 10));
  const double ratio = std::sqrt(static_cast<double>(sample.tasks()) / static_cast<double>(risk.tasks()));
  Options of_sample = options;
  of_sample.smoothing *= ratio;
  if (RootIteration::suits(sample, options.penalty())) {
    std::optional<Eigen::MatrixXd> root = root_from_sample(sample, of_sample, counts);
    if (!root || !RootIteration(sample, options.penalty(), of_sample.smoothing)
                      .run(*root, kTolerance, counts.steps, options.max_steps))
      return std::nullopt;
    return *root / ratio;
  }
  const Stage stage = continuation(sample, of_sample, kTolerance, counts);
  if (stage.outcome.status != Status::Converged || stage.smoothing != of_sample.smoothing) return std::nullopt;
  return stage.outcome.point.coupling.root() / ratio;
}

// T of a start, and from it the weights.
std::optional<Eigen::MatrixXd> start_from_root(const EmpiricalRisk& risk, const Options& options, Eigen::MatrixXd root,
                                               Fit& counts) {
  return RootIteration(risk, options.penalty(), options.smoothing)
      .run(root, 0.25 * options.tolerance, counts.steps, options.max_steps);
}

std::optional<Eigen::MatrixXd> start_from_sample(const EmpiricalRisk& risk, const Options& options, Fit& counts) {
  std::optional<Eigen::MatrixXd> root = root_from_sample(risk, options, counts);
  if (!root) return std::nullopt;
  return start_from_root(risk, options, std::move(*root), counts);
}

}  // namespace

namespace {

bool iterates_root(const EmpiricalRisk& risk, const Options& options) {
  constexpr int kStepsForSamples = 100;  // with fewer the continuation makes better use of them
  return RootIteration::suits(risk, options.penalty()) && options.smoothing > 0.0 &&
         options.max_steps >= kStepsForSamples;
}

bool in_row_space(const EmpiricalRisk& risk) {
  return risk.layout() == EmpiricalRisk::Layout::RowSpace;
}

// A fit in coordinates of the row space: W'W is the same, and with it all but the weights.
Fit from_row_space(const EmpiricalRisk& risk, Fit fit) {
  fit.weights = risk.reduction().weights(fit.weights);
  return fit;
}

}  // namespace

std::string_view to_string(Status status) {
  static constexpr auto names = name_table<Status>("status", {{Status::Converged, "converged"},
                                                              {Status::OutOfSteps, "out of steps"},
                                                              {Status::OutOfPrecision, "out of precision"}});
  return names.name_of(status);
}

const OptionTable<Options>& Options::table() {
  static const auto table =
      OptionTable<Options>("solve")
          .add(&Options::lambda1,
               {.key = "lambda1", .meaning = "Penalty on the weights (l1 of Eq. 1)", .range = above(0)})
          .add(&Options::lambda2,
               {.key = "lambda2", .meaning = "Penalty that couples related tasks (l2 of Eq. 1)", .range = at_least(0)})
          .add(&Options::smoothing, {.key = "smoothing",
                                     .meaning = "e of the smoothed covariance, in units of W; 0 as in the paper",
                                     .range = at_least(0)})
          .add(&Options::tolerance, {.key = "tolerance",
                                     .meaning = "Certified gap at which a fit has converged, relative to the objective",
                                     .range = above(0)})
          .add(&Options::max_steps, {.key = "max-steps", .meaning = "Newton steps of a fit", .range = at_least(1)});
  return table;
}

double objective(const EmpiricalRisk& risk, const Options& options, const Eigen::MatrixXd& W) {
  return risk.accurate_value(W) + penalty_value(options.penalty(), W, Coupling(W, options.smoothing).tau());
}

Eigen::MatrixXd gradient(const EmpiricalRisk& risk, const Options& options, const Eigen::MatrixXd& W) {
  const Point at(risk, options.penalty(), options.smoothing, W);
  return options.smoothing > 0.0 ? at.gradient : smallest_subgradient(at, options.penalty());
}

Fit solve(const TaskSet& tasks, const Loss& loss, const Options& options) {
  return solve(EmpiricalRisk(tasks, loss), options);
}

Fit solve(const EmpiricalRisk& risk, const Options& options) {
  require_valid(options);
  if (in_row_space(risk)) return from_row_space(risk, solve(risk.reduced(), options));
  Fit fit;
  if (iterates_root(risk, options)) {
    if (std::optional<Eigen::MatrixXd> start = start_from_sample(risk, options, fit)) {
      Outcome outcome =
          Newton(risk, options, fit).run(std::move(*start), options.smoothing, 0.5 * options.tolerance, kWarmSteps);
      if (outcome.status == Status::Converged) {
        outcome = refined(risk, options, options.smoothing, std::move(outcome), fit);
        return finish(risk, options, std::move(outcome), options.smoothing, fit);
      }
    }
  }
  Stage stage = continuation(risk, options, 0.5 * options.tolerance, fit);
  const double smoothing = stage.smoothing > 0.0 ? stage.smoothing : 1.0;  // without coupling it plays no part
  stage.outcome = refined(risk, options, smoothing, std::move(stage.outcome), fit);
  return finish_lowering(risk, options, std::move(stage), fit);
}

namespace {

// The smoothing that a fit from a near start begins with.
double warm_smoothing(const Options& options, const Eigen::MatrixXd& start) {
  return std::max(options.smoothing, kSmallestSmoothing * largest_singular_value(start));
}

constexpr int kAdjointProducts = 5000;

}  // namespace

Fit solve_from(const EmpiricalRisk& risk, const Options& options, const Eigen::MatrixXd& start) {
  require_valid(options);
  if (in_row_space(risk))
    return from_row_space(risk, solve_from(risk.reduced(), options, risk.reduction().coordinates(start)));
  Fit fit;
  const double smoothing = warm_smoothing(options, start);
  std::optional<Eigen::MatrixXd> nearer;
  if (iterates_root(risk, options) && smoothing == options.smoothing)
    nearer = start_from_root(risk, options, Coupling(start, smoothing, risk.population()).root(), fit);
  Outcome outcome = Newton(risk, options, fit)
                        .run(nearer ? std::move(*nearer) : start, smoothing, 0.5 * options.tolerance, kWarmSteps);
  if (outcome.status != Status::OutOfSteps) {
    const Fit warm = finish(risk, options, std::move(outcome), smoothing, fit);
    if (warm.status == Status::Converged) return warm;
  }
  Fit cold = solve(risk, options);
  cold.steps += fit.steps;
  cold.products += fit.products;
  return cold;
}

namespace {

Fit steps_from(const EmpiricalRisk& risk, const Options& options, const Eigen::MatrixXd& start, double tolerance,
               int most_steps) {
  require_valid(options);
  if (in_row_space(risk))
    return from_row_space(
        risk, steps_from(risk.reduced(), options, risk.reduction().coordinates(start), tolerance, most_steps));
  Fit fit;
  const double smoothing = warm_smoothing(options, start);
  Outcome outcome = Newton(risk, options, fit).run(start, smoothing, tolerance, most_steps);
  return finish(risk, options, std::move(outcome), smoothing, fit);
}

}  // namespace

Fit improve(const EmpiricalRisk& risk, const Options& options, const Eigen::MatrixXd& start, int steps) {
  return steps_from(risk, options, start, 0.5 * options.tolerance, steps);
}

Fit polish(const EmpiricalRisk& risk, const Options& options, const Eigen::MatrixXd& start) {
  return steps_from(risk, options, start, 0.0, options.max_steps);
}

namespace {

// (l1 I + l2 tau S^-1)^-1, m x m.
Eigen::MatrixXd inverse_task_penalties(const Eigen::MatrixXd& W, const Options& options) {
  // Of W padded to more rows than columns: then it is on the task side.
  Eigen::MatrixXd padded = Eigen::MatrixXd::Zero(std::max(W.rows(), W.cols() + 1), W.cols());
  padded.topRows(W.rows()) = W;
  return inverse_penalties(Coupling(padded, options.smoothing), options.penalty());
}

}  // namespace

Eigen::MatrixXd adjoint(const EmpiricalRisk& risk, const Options& options, const Eigen::MatrixXd& W,
                        const Eigen::MatrixXd& G, double tolerance) {
  if (in_row_space(risk)) {
    // Off the span of W and the rows H is V -> V (l1 I + l2 tau S^-1): no row sees V, and neither does W'W.
    const RowReduction& span = risk.reduction();
    const Eigen::MatrixXd C = span.coordinates(W);
    const Eigen::MatrixXd G_in = span.coordinates(G);
    const Eigen::MatrixXd L = span.weights(adjoint(risk.reduced(), options, C, G_in, tolerance));
    return L + (G - span.weights(G_in)) * inverse_task_penalties(C, options);
  }
  const double smoothing = warm_smoothing(options, W);
  const auto solve_at = [&](const Point& at) {
    return NewtonSystem(risk, at.risk, at.coupling, options.penalty()).solve(G, tolerance, kAdjointProducts).X;
  };
  const Eigen::VectorXd s = Coupling(W, 0.0).singular_values();
  if (options.lambda2 == 0.0 || s[0] == 0.0)
    return solve_at(Point(risk, options.penalty(), 1.0, W));  // e plays no part
  if (s[s.size() - 1] > 0.0 || smoothing == options.smoothing)
    return solve_at(Point(risk, options.penalty(), options.smoothing, W));
  // The singular values that were cut to zero bend the rest all the same: T^-1 W tends to the dual solution, not to
  // zero.
  Fit counts;
  return solve_at(Newton(risk, options, counts).run(W, smoothing, 0.0, kWarmSteps).point);
}

Eigen::MatrixXd fixed_covariance_adjoint(const EmpiricalRisk& risk, const Options& options, const Fit& fit,
                                         const Eigen::MatrixXd& G) {
  if (in_row_space(risk)) {
    const RowReduction& span = risk.reduction();
    Fit inside = fit;
    inside.weights = span.coordinates(fit.weights);
    const Eigen::MatrixXd G_in = span.coordinates(G);
    const Eigen::MatrixXd L = span.weights(fixed_covariance_adjoint(risk.reduced(), options, inside, G_in));
    return L + (G - span.weights(G_in)) * inverse_task_penalties(inside.weights, options);
  }
  // With L = Y R, R = Omega^1/2, no inverse is left and the spectrum starts at l2:
  //   [H_i (Y R)_i] R + l1 Y Omega + l2 Y = G R
  const auto at = risk.evaluate(fit.weights);
  const auto root = [&](const Eigen::MatrixXd& V) {
    return fit.covariance.apply_on_right(V, [](double omega) { return std::sqrt(omega); });
  };
  const auto times = [&](const Eigen::MatrixXd& Y) {
    const Eigen::MatrixXd L = root(Y);
    return Eigen::MatrixXd(root(risk.hessian_times(at, L) + options.lambda1 * L) + options.lambda2 * Y);
  };
  if (options.lambda2 == 0.0) return adjoint(risk, options, fit.weights, G);  // Omega plays no part
  const auto identity = [](const Eigen::MatrixXd& R) { return R; };
  return root(conjugate_gradients(root(G), 1e-11, kAdjointProducts, times, identity).X);
}

}  // namespace crosstalk::mtrl
