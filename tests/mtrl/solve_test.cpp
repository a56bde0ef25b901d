#include "crosstalk/mtrl/solve.hpp"

#include <array>
#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <Eigen/Dense>

#include "reference/naive_mtrl.hpp"
#include "support/gradient_check.hpp"
#include "support/problems.hpp"

namespace crosstalk::mtrl {
namespace {

using testing::ThrowsMessage;

// 1/n |Xw - y|^2 + lambda/2 |w|^2
Eigen::VectorXd ridge(const Task& task, double lambda) {
  const double n = static_cast<double>(task.rows());
  Eigen::MatrixXd normal = 2.0 / n * task.features.transpose() * task.features;
  normal.diagonal().array() += lambda;
  return normal.ldlt().solve(2.0 / n * task.features.transpose() * task.labels);
}

// F lies at most `gap` above its minimum, so W within sqrt(2 gap / l1) of the minimiser, by strong convexity.
double distance_bound(const Fit& fit, const Options& options) {
  return std::sqrt(2.0 * fit.gap / options.lambda1);
}

TEST(Objective, IsFormulaTwoWrittenOut) {
  for (const auto& problem : problems::battery()) {
    const EmpiricalRisk risk(problem.tasks, *problem.loss);
    const Eigen::MatrixXd W = problems::normal_matrix(risk.features(), risk.tasks(), 3);
    for (const double smoothing : {0.0, 1e-3, 0.5}) {
      const Options options = {.lambda1 = 0.3, .lambda2 = 0.7, .smoothing = smoothing};
      const reference::Problem naive = {problem.tasks, std::string(problem.loss->name()), 0.3, 0.7, smoothing};
      const double expected = reference::objective(naive, W);
      EXPECT_NEAR(objective(risk, options, W), expected, 1e-13 * expected) << problem.name;
      const Eigen::MatrixXd slope = reference::gradient(naive, W);
      EXPECT_LT((gradient(risk, options, W) - slope).norm(), 1e-10 * slope.norm()) << problem.name;
    }
  }
}

TEST(Gradient, IsThatOfTheObjective) {
  for (const auto& problem : problems::battery()) {
    const EmpiricalRisk risk(problem.tasks, *problem.loss);
    const Eigen::MatrixXd W = problems::normal_matrix(risk.features(), risk.tasks(), 3);
    const Options options = {.lambda1 = 0.3, .lambda2 = 0.7, .smoothing = 0.1};
    EXPECT_TRUE(test_support::is_gradient([&](const Eigen::MatrixXd& at) { return objective(risk, options, at); }, W,
                                          gradient(risk, options, W)))
        << problem.name;
  }
}

// The start, the method and the code of the two solvers have nothing in common.
TEST(Solve, AgreesWithAnIndependentSolver) {
  for (const auto& problem : problems::battery())
    for (const auto& [lambda1, lambda2, smoothing] :
         {std::array{0.1, 0.1, 0.1}, std::array{0.01, 0.3, 0.1}, std::array{0.02, 0.05, 0.02}}) {
      const reference::Problem naive = {problem.tasks, std::string(problem.loss->name()), lambda1, lambda2, smoothing};
      const auto expected = reference::minimise(naive, 1e-10);
      ASSERT_LT(expected.gap, 1e-9 * expected.objective) << problem.name;
      const Fit fit = solve(problem.tasks, *problem.loss,
                            {.lambda1 = lambda1, .lambda2 = lambda2, .smoothing = smoothing, .tolerance = 1e-12});
      EXPECT_EQ(fit.status, Status::Converged) << problem.name;
      EXPECT_NEAR(fit.objective, expected.objective, 1e-8 * expected.objective) << problem.name;
      // Never above it but for the tolerance and the rounding of two different sums.
      EXPECT_LE(fit.objective, expected.objective * (1.0 + 2e-12)) << problem.name;
      EXPECT_NEAR(reference::objective(naive, fit.weights), fit.objective, 1e-12 * fit.objective) << problem.name;
    }
}

TEST(Solve, GradientVanishesAtTheSolution) {
  for (const auto& problem : problems::battery()) {
    const EmpiricalRisk risk(problem.tasks, *problem.loss);
    const Options options = {.smoothing = 0.05, .tolerance = 1e-13};
    const Fit fit = solve(risk, options);
    ASSERT_EQ(fit.status, Status::Converged) << problem.name;
    const double norm = gradient(risk, options, fit.weights).norm();
    EXPECT_NEAR(fit.gradient_norm, norm, 1e-9) << problem.name;
    EXPECT_LE(norm, std::sqrt(2.0 * options.lambda1 * 1e-13 * fit.objective) * (1.0 + 1e-6)) << problem.name;
    EXPECT_NEAR(fit.gap, fit.gradient_norm * fit.gradient_norm / (2.0 * options.lambda1), 1e-18) << problem.name;
    EXPECT_NEAR(fit.objective, objective(risk, options, fit.weights), 1e-14 * fit.objective) << problem.name;
  }
}

TEST(Solve, TheCertifiedGapBoundsTheDistanceFromTheMinimum) {
  for (const auto& problem : problems::battery())
    for (const double smoothing : {0.1, 1e-3, 0.0}) {
      const EmpiricalRisk risk(problem.tasks, *problem.loss);
      const Options tight = {.smoothing = smoothing, .tolerance = smoothing > 0.0 ? 1e-12 : 1e-10};
      const Fit minimum = solve(risk, tight);
      ASSERT_EQ(minimum.status, Status::Converged) << problem.name << ", e = " << smoothing;
      for (const double tolerance : {1e-1, 1e-3, 1e-6}) {
        Options loose = tight;
        loose.tolerance = tolerance;
        const Fit fit = solve(risk, loose);
        EXPECT_LE(fit.objective - minimum.objective, fit.gap + 1e-13 * fit.objective) << problem.name;
        EXPECT_GE(fit.objective, minimum.objective - minimum.gap - 1e-13 * fit.objective) << problem.name;
        EXPECT_LE((fit.weights - minimum.weights).norm(),
                  distance_bound(fit, loose) + distance_bound(minimum, tight) + 1e-7)
            << problem.name;
      }
    }
}

// With one task there is nothing to relate: MTRL is ridge regression with l1 + l2.
TEST(Solve, OneTaskIsRidgeRegression) {
  for (const double smoothing : {0.0, 1e-9}) {
    const TaskSet one = {problems::linear_task({.rows = 30, .features = 6})};
    const Fit fit =
        solve(one, squared_loss(), {.lambda1 = 0.05, .lambda2 = 0.5, .smoothing = smoothing, .tolerance = 1e-14});
    ASSERT_EQ(fit.status, Status::Converged);
    EXPECT_LT((fit.weights.col(0) - ridge(one[0], 0.55)).norm(), 1e-7);  // sqrt(2 gap / l1)
    EXPECT_NEAR(fit.covariance.dense()(0, 0), 1.0, 1e-12);
  }
}

TEST(Solve, WithoutLambda2EveryTaskIsOnItsOwn) {
  for (const auto& problem : problems::battery()) {
    if (!problem.loss->is_squared()) continue;
    const Fit fit = solve(problem.tasks, *problem.loss, {.lambda1 = 0.2, .lambda2 = 0.0, .tolerance = 1e-14});
    ASSERT_EQ(fit.status, Status::Converged);
    for (std::size_t i = 0; i < problem.tasks.size(); ++i)
      EXPECT_LT((fit.weights.col(static_cast<Eigen::Index>(i)) - ridge(problem.tasks[i], 0.2)).norm(), 1e-6)
          << problem.name;
  }
}

TEST(Solve, PermutingTheTasksPermutesWeightsAndCovariance) {
  for (const Eigen::Index features : {4, 9}) {
    const TaskSet tasks = problems::related_regression({.tasks = 5, .rows = 12, .features = features});
    const std::vector<std::size_t> order = {3, 0, 4, 2, 1};
    TaskSet permuted;
    for (const std::size_t i : order) permuted.tasks.push_back(tasks[i]);
    const Options options = {.smoothing = 0.01, .tolerance = 1e-14};
    const Fit a = solve(tasks, squared_loss(), options);
    const Fit b = solve(permuted, squared_loss(), options);
    const Eigen::MatrixXd Omega = a.covariance.dense();
    EXPECT_NEAR(a.objective, b.objective, 1e-12 * a.objective);
    const double tolerance = distance_bound(a, options) + distance_bound(b, options) + 1e-9;
    for (std::size_t k = 0; k < order.size(); ++k) {
      const auto i = static_cast<Eigen::Index>(order[k]);
      EXPECT_LT((b.weights.col(static_cast<Eigen::Index>(k)) - a.weights.col(i)).norm(), tolerance);
      for (std::size_t l = 0; l < order.size(); ++l)
        EXPECT_NEAR(b.covariance.dense()(static_cast<Eigen::Index>(k), static_cast<Eigen::Index>(l)),
                    Omega(i, static_cast<Eigen::Index>(order[l])), 10.0 * tolerance);
    }
  }
}

TEST(Solve, FindsTheSignsOfTheRelations) {
  const TaskSet tasks = problems::related_regression({.tasks = 6, .rows = 40, .features = 5});
  const Eigen::MatrixXd correlation = solve(tasks, squared_loss(), {.lambda1 = 0.01}).covariance.correlation();
  for (Eigen::Index i = 0; i < 6; ++i)
    for (Eigen::Index j = 0; j < 6; ++j) {
      const bool same = (i % 4 < 2) == (j % 4 < 2);
      EXPECT_GT(same ? correlation(i, j) : -correlation(i, j), 0.9) << i << ", " << j;
    }
}

TEST(Solve, CovarianceMinimisesTheJointObjective) {
  const TaskSet tasks = problems::related_regression({.tasks = 4, .rows = 12, .features = 6});
  const Fit fit = solve(tasks, squared_loss(), {.smoothing = 0.1});
  const Eigen::MatrixXd Omega = fit.covariance.dense();
  Eigen::MatrixXd M = fit.weights.transpose() * fit.weights;
  M.diagonal().array() += 0.01;
  const double least = (M * Omega.inverse()).trace();
  EXPECT_NEAR(least, std::pow(Coupling(fit.weights, 0.1).tau(), 2), 1e-10 * least);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Eigen::MatrixXd half = problems::normal_matrix(4, 4, seed);
    Eigen::MatrixXd other = Omega + 0.01 * half * half.transpose();
    other /= other.trace();
    EXPECT_GE((M * other.inverse()).trace(), least);
  }
}

// e = 0: the solution of these problems has exact zeros among its singular values, and the objective a kink there.
struct Kinked {
  TaskSet tasks;
  std::string loss;
  double lambda1;
  double lambda2;
};
std::vector<Kinked> kinked() {
  return {{problems::rank_one({.tasks = 5, .rows = 20, .features = 4}), "squared", 0.01, 1.0},
          {problems::rank_one({.tasks = 3, .rows = 20, .features = 8}), "squared", 0.01, 1.0},
          {problems::related_classification({.tasks = 5, .rows = 20, .features = 4}), "squared-hinge", 0.05, 0.5},
          {problems::related_classification({.tasks = 3, .rows = 20, .features = 6}), "logistic", 0.02, 0.1}};
}

TEST(Solve, WithoutSmoothingAgreesWithProximalGradient) {
  for (const Kinked& problem : kinked()) {
    const Options options = {.lambda1 = problem.lambda1, .lambda2 = problem.lambda2, .smoothing = 0.0};
    const EmpiricalRisk risk(problem.tasks, loss_named(problem.loss));
    const Fit fit = solve(risk, options);
    ASSERT_EQ(fit.status, Status::Converged) << problem.loss;
    const Eigen::MatrixXd expected = reference::minimise_without_smoothing(
        {problem.tasks, problem.loss, problem.lambda1, problem.lambda2, 0.0}, 5000);
    const Eigen::Index full = std::min(expected.rows(), expected.cols());
    const Eigen::VectorXd s = Eigen::JacobiSVD<Eigen::MatrixXd>(expected).singularValues();
    ASSERT_LT(s[full - 1], 1e-12) << "the problem has a solution of full rank";
    EXPECT_NEAR(fit.objective, objective(risk, options, expected), 1e-9 * fit.objective) << problem.loss;
    EXPECT_LE(fit.objective, objective(risk, options, expected) + fit.gap + 1e-14) << problem.loss;
    EXPECT_LT((fit.weights - expected).norm(), distance_bound(fit, options) + 1e-7) << problem.loss;
    // The certificate is small at the one point and not at the other's neighbours.
    EXPECT_LE(fit.gap, options.tolerance * fit.objective);
  }
}

TEST(Solve, WithoutSmoothingNoPerturbationIsBetter) {
  for (const Kinked& problem : kinked()) {
    const Options options = {.lambda1 = problem.lambda1, .lambda2 = problem.lambda2, .smoothing = 0.0};
    const EmpiricalRisk risk(problem.tasks, loss_named(problem.loss));
    const Fit fit = solve(risk, options);
    for (std::uint64_t seed = 0; seed < 10; ++seed)
      for (const double length : {1e-1, 1e-3, 1e-5}) {
        const Eigen::MatrixXd V = problems::normal_matrix(fit.weights.rows(), fit.weights.cols(), seed).normalized();
        EXPECT_GE(objective(risk, options, fit.weights + length * V), fit.objective - fit.gap) << problem.loss;
      }
  }
}

// The smallest subgradient g satisfies F(V) >= F(W) + <g, V - W> + l1/2 |V - W|^2 for every V, and -g is a descent
// direction with slope -|g|^2 (it is the smallest one): both hold for no other matrix.
TEST(Gradient, WithoutSmoothingIsTheSmallestSubgradient) {
  for (const auto& [d, m] : {std::pair<Eigen::Index, Eigen::Index>{4, 6}, {6, 4}, {5, 5}}) {
    const TaskSet tasks = problems::related_regression({.tasks = m, .rows = 10, .features = d});
    const EmpiricalRisk risk(tasks, squared_loss());
    for (const Eigen::Index rank : {0, 1, 2}) {
      const Eigen::MatrixXd W = problems::normal_matrix(d, rank, 1) * problems::normal_matrix(rank, m, 2);
      const Options options = {.lambda1 = 0.1, .lambda2 = 0.3, .smoothing = 0.0};
      const Eigen::MatrixXd g = gradient(risk, options, W);
      const double F = objective(risk, options, W);
      for (std::uint64_t seed = 0; seed < 20; ++seed)
        for (const double length : {3.0, 0.1, 1e-3}) {
          const Eigen::MatrixXd V = length * problems::normal_matrix(d, m, seed);
          EXPECT_GE(objective(risk, options, W + V), F + g.cwiseProduct(V).sum() + 0.05 * V.squaredNorm() - 1e-12 * F)
              << d << " x " << m << ", rank " << rank;
        }
      const double step = 1e-6 / g.norm();
      const double slope = (objective(risk, options, W - step * g) - F) / step;
      EXPECT_NEAR(slope, -g.squaredNorm(), 1e-4 * g.squaredNorm()) << d << " x " << m << ", rank " << rank;
    }
  }
}

TEST(Solve, TinyAndLargeSmoothing) {
  for (const auto& problem : problems::battery()) {
    const EmpiricalRisk risk(problem.tasks, *problem.loss);
    const Fit exact = solve(risk, {.smoothing = 0.0});
    // For e far below the weights the certificate is that of e = 0, so no better than l2 tau m e.
    const Fit tiny = solve(risk, {.smoothing = 1e-8, .tolerance = 1e-6});
    EXPECT_EQ(tiny.status, Status::Converged) << problem.name;
    // F_e lies between F_0 and F_0 + l2/2 ((tau + m e)^2 - tau^2)
    EXPECT_NEAR(tiny.objective, exact.objective, 1e-6 * exact.objective) << problem.name;
    // With a smoothing far above all weights tau^2 = (m e)^2 + m |W|^2 + ...: ridge with l1 + m l2, and Omega = I / m.
    const Fit large = solve(risk, {.smoothing = 1e4, .tolerance = 1e-14});
    EXPECT_EQ(large.status, Status::Converged) << problem.name;
    const auto m = static_cast<double>(risk.tasks());
    const Eigen::MatrixXd equal = Eigen::MatrixXd::Identity(risk.tasks(), risk.tasks()) / m;
    EXPECT_LT((large.covariance.dense() - equal).norm(), 1e-6) << problem.name;
  }
}

TEST(SolveFrom, GivesTheSameAnswerFromAnyStart) {
  for (const auto& problem : problems::battery())
    for (const double smoothing : {0.1, 1e-3, 0.0}) {
      const EmpiricalRisk risk(problem.tasks, *problem.loss);
      const Options options = {.smoothing = smoothing, .tolerance = smoothing > 0.0 ? 1e-12 : 1e-10};
      const Fit cold = solve(risk, options);
      const Eigen::MatrixXd random = problems::normal_matrix(risk.features(), risk.tasks(), 77);
      for (const Eigen::MatrixXd& start :
           {Eigen::MatrixXd(cold.weights), Eigen::MatrixXd(cold.weights + 1e-3 * random),
            Eigen::MatrixXd(100.0 * random), Eigen::MatrixXd(1e-9 * random), Eigen::MatrixXd(0.0 * random)}) {
        const Fit warm = solve_from(risk, options, start);
        EXPECT_EQ(warm.status, Status::Converged) << problem.name << ", e = " << smoothing;
        EXPECT_NEAR(warm.objective, cold.objective, warm.gap + cold.gap + 1e-13 * cold.objective)
            << problem.name << ", e = " << smoothing;
        EXPECT_LE((warm.weights - cold.weights).norm(),
                  distance_bound(warm, options) + distance_bound(cold, options) + 1e-9)
            << problem.name << ", e = " << smoothing;
      }
    }
}

TEST(SolveFrom, TheSolutionNeedsNoStep) {
  const TaskSet tasks = problems::related_regression({});
  const EmpiricalRisk risk(tasks, squared_loss());
  const Fit cold = solve(risk, {.smoothing = 0.1});
  const Fit warm = solve_from(risk, {.smoothing = 0.1}, cold.weights);
  EXPECT_EQ(warm.steps, 0);
  EXPECT_EQ(warm.products, 0);
  EXPECT_EQ(warm.weights, cold.weights);
  EXPECT_GT(cold.steps, 0);
  EXPECT_GE(cold.products, cold.steps);
}

TEST(Improve, TakesSoManyStepsAndCertifiesWhatIsLeft) {
  const EmpiricalRisk risk(problems::related_classification({}), logistic_loss());
  const Options options = {.smoothing = 0.01, .tolerance = 1e-12};
  const Eigen::MatrixXd start = 10.0 * problems::normal_matrix(risk.features(), risk.tasks(), 77);
  const Fit best = solve(risk, options);
  double last = objective(risk, options, start);
  for (const int steps : {1, 3}) {
    const Fit fit = improve(risk, options, start, steps);
    EXPECT_EQ(fit.steps, steps);
    EXPECT_EQ(fit.status, Status::OutOfSteps);
    EXPECT_LT(fit.objective, last);
    EXPECT_GE(fit.gap, fit.objective - best.objective);
    last = fit.objective;
  }
  EXPECT_NEAR(improve(risk, options, start, 100).objective, best.objective, 1e-10 * best.objective);
}

TEST(Solve, LabelsThatAreAllZeroGiveZeroWeights) {
  TaskSet tasks = problems::related_regression({});
  for (Task& task : tasks) task.labels.setZero();
  for (const double smoothing : {0.0, 1e-3}) {
    const Fit fit = solve(tasks, squared_loss(), {.smoothing = smoothing});
    EXPECT_EQ(fit.status, Status::Converged);
    EXPECT_EQ(fit.weights.norm(), 0.0);
    EXPECT_TRUE(fit.covariance.dense().allFinite());
  }
}

TEST(Status, ConvergedWhenTheCertificateHolds) {
  const Fit fit = solve(problems::related_regression({}), squared_loss(), {.tolerance = 1e-9});
  EXPECT_EQ(fit.status, Status::Converged);
  EXPECT_LE(fit.gap, 1e-9 * fit.objective);
  EXPECT_EQ(to_string(fit.status), "converged");
}

TEST(Status, OutOfStepsAfterMaxSteps) {
  const EmpiricalRisk risk(problems::related_classification({}), logistic_loss());
  const Fit fit = solve(risk, {.tolerance = 1e-12, .max_steps = 1});
  EXPECT_EQ(fit.status, Status::OutOfSteps);
  EXPECT_EQ(fit.steps, 1);
  EXPECT_TRUE(fit.weights.allFinite());
  EXPECT_GT(fit.gap, 1e-12 * fit.objective);  // and still a bound
  EXPECT_GE(fit.gap, fit.objective - solve(risk, {.tolerance = 1e-12}).objective);
  EXPECT_EQ(to_string(fit.status), "out of steps");
}

TEST(Status, OutOfPrecisionWhenRoundingHidesTheCertificate) {
  const EmpiricalRisk risk(problems::related_classification({}), logistic_loss());
  const Fit fit = solve(risk, {.tolerance = 1e-40});
  EXPECT_EQ(fit.status, Status::OutOfPrecision);
  EXPECT_LT(fit.gap, 1e-14 * fit.objective);  // as good as double allows
  EXPECT_EQ(to_string(fit.status), "out of precision");
}

TEST(Options, AreRefusedOutsideTheirRange) {
  const TaskSet tasks = problems::related_regression({});
  const EmpiricalRisk risk(tasks, squared_loss());
  const double nan = std::nan("");
  const double inf = std::numeric_limits<double>::infinity();
  const auto expect = [&](const Options& options, const std::string& message) {
    EXPECT_THAT([&] { solve(risk, options); }, ThrowsMessage<std::invalid_argument>(message));
    EXPECT_THAT([&] { solve(tasks, squared_loss(), options); }, ThrowsMessage<std::invalid_argument>(message));
    EXPECT_THAT([&] { solve_from(risk, options, Eigen::MatrixXd::Zero(6, 4)); },
                ThrowsMessage<std::invalid_argument>(message));
  };
  expect({.lambda1 = 0.0}, "solve: lambda1 is 0; it must be > 0");
  expect({.lambda1 = -0.1}, "solve: lambda1 is -0.1; it must be > 0");
  expect({.lambda1 = nan}, "solve: lambda1 is nan; it must be > 0");
  expect({.lambda1 = inf}, "solve: lambda1 is inf; it must be > 0");
  expect({.lambda2 = -1.0}, "solve: lambda2 is -1; it must be >= 0");
  expect({.lambda2 = nan}, "solve: lambda2 is nan; it must be >= 0");
  expect({.smoothing = -1e-3}, "solve: smoothing is -0.001; it must be >= 0");
  expect({.smoothing = inf}, "solve: smoothing is inf; it must be >= 0");
  expect({.tolerance = 0.0}, "solve: tolerance is 0; it must be > 0");
  expect({.tolerance = nan}, "solve: tolerance is nan; it must be > 0");
  expect({.max_steps = 0}, "solve: max_steps is 0; it must be >= 1");
}

}  // namespace
}  // namespace crosstalk::mtrl
