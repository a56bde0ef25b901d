#include "crosstalk/mtrl/row_reduction.hpp"

#include <gtest/gtest.h>

#include "crosstalk/mtrl/newton_system.hpp"
#include "crosstalk/mtrl/solve.hpp"
#include "support/problems.hpp"

namespace crosstalk::mtrl {
namespace {

using problems::normal_matrix;
using Layout = EmpiricalRisk::Layout;

constexpr double kSame = 1e-8;
constexpr double kSmoothings[] = {0.05, 1e-3, 0.0};

double distance(const Eigen::MatrixXd& found, const Eigen::MatrixXd& wanted) {
  return (found - wanted).norm() / wanted.norm();
}

// The same risk for the dense solver and in the row space.
struct Pair {
  EmpiricalRisk dense;
  EmpiricalRisk wide;
};

Pair pair_of(const TaskSet& tasks, const Loss& loss) {
  return {{tasks, loss, Layout::Moments}, {tasks, loss}};
}

// 166 rows of 300 features, the last of them the constant 1.
TaskSet wide_tasks(const Loss& loss) {
  return problems::related_for(loss, {.tasks = 4, .rows = 40, .features = 300});
}

Pair wide_pair(const Loss& loss, bool with_injected) {
  const TaskSet tasks = wide_tasks(loss);
  const Pair pair = pair_of(tasks, loss);
  if (!with_injected) return pair;
  const TaskSet injected = problems::injected_for(tasks, loss, {6, 0, 9, 3}, 5);
  return {pair.dense.with_rows(injected), pair.wide.with_rows(injected)};
}

// With all digits: two answers within the tolerance of a fit are 1e-5 apart.
Fit exact_fit(const EmpiricalRisk& risk, const Options& options) {
  return polish(risk, options, solve(risk, options).weights);
}

void expect_same_answer(const EmpiricalRisk& wide, const EmpiricalRisk& dense, const Options& options,
                        const std::string& what) {
  ASSERT_EQ(wide.layout(), Layout::RowSpace) << what;
  const Fit fit = exact_fit(wide, options);
  const Fit by_features = exact_fit(dense, options);
  EXPECT_LT(distance(fit.weights, by_features.weights), kSame) << what;
  EXPECT_LT(distance(fit.covariance.dense(), by_features.covariance.dense()), kSame) << what;
  EXPECT_NEAR(fit.objective, by_features.objective, 1e-12 * fit.objective) << what;
  // Optimal for the problem in all features, by the gradient of the other risk.
  const double size = dense.evaluate(Eigen::MatrixXd::Zero(fit.weights.rows(), fit.weights.cols())).gradient.norm();
  EXPECT_LT(gradient(dense, options, fit.weights).norm(), 1e-6 * size) << what;
}

std::string named(const Loss& loss, double smoothing, bool with_injected) {
  return std::string(loss.name()) + ", e = " + std::to_string(smoothing) + (with_injected ? ", injected" : "");
}

TEST(RowSpaceLayout, FitsEqualTheDenseSolvers) {
  for (const std::string& name : loss_names())
    for (const double smoothing : kSmoothings)
      for (const bool with_injected : {false, true}) {
        const Loss& loss = loss_named(name);
        const Pair pair = wide_pair(loss, with_injected);
        expect_same_answer(pair.wide, pair.dense, {.lambda1 = 0.05, .lambda2 = 0.1, .smoothing = smoothing},
                           named(loss, smoothing, with_injected));
      }
}

TEST(RowSpaceLayout, CertifiedGapIsThatOfAllFeatures) {
  const Pair pair = wide_pair(squared_hinge_loss(), true);
  const Options options = {.lambda1 = 0.05, .lambda2 = 0.1, .smoothing = 0.05, .tolerance = 1e-6};
  const Fit fit = solve(pair.wide, options);
  EXPECT_EQ(fit.status, Status::Converged);
  EXPECT_NEAR(gradient(pair.dense, options, fit.weights).norm(), fit.gradient_norm, 1e-6 * fit.gradient_norm);
  EXPECT_LT(fit.objective - exact_fit(pair.dense, options).objective, fit.gap);
}

TEST(RowSpaceLayout, AdjointsEqualTheDenseSolversAlsoOutsideTheSpan) {
  const Options options = {.lambda1 = 0.05, .lambda2 = 0.1, .smoothing = 0.05};
  for (const std::string& name : loss_names())
    for (const bool with_injected : {false, true}) {
      const Pair pair = wide_pair(loss_named(name), with_injected);
      const Fit fit = exact_fit(pair.dense, options);
      const Eigen::MatrixXd G = normal_matrix(300, 4, 9);
      EXPECT_LT(distance(adjoint(pair.wide, options, fit.weights, G), adjoint(pair.dense, options, fit.weights, G)),
                kSame)
          << name;
      EXPECT_LT(distance(fixed_covariance_adjoint(pair.wide, options, fit, G),
                         fixed_covariance_adjoint(pair.dense, options, fit, G)),
                kSame)
          << name;
    }
}

TEST(RowSpaceLayout, WeightedTasksKeepTheirWeights) {
  const Pair pair = wide_pair(squared_loss(), true);
  const Eigen::Vector4d weights(1.0, 0.0, 0.3, 2.0);
  expect_same_answer(pair.wide.weighted(weights), pair.dense.weighted(weights), {.smoothing = 0.05}, "weighted");
}

// Rows that repeat, in a task and between tasks; features that no row has; injected rows inside the span, one of them
// zero, and one that is nearly another.
TEST(RowSpaceLayout, DependentRowsAreNoTrouble) {
  for (const std::string& name : loss_names()) {
    const Loss& loss = loss_named(name);
    TaskSet tasks = wide_tasks(loss);
    tasks[0].features.row(3) = tasks[0].features.row(4);
    tasks[1].features.topRows(40) = tasks[0].features.colwise().reverse();
    tasks[2].features.row(5) = 0.5 * (tasks[2].features.row(6) + tasks[3].features.row(7));
    tasks[3].features.row(8) = tasks[3].features.row(9);
    tasks[3].features(8, 17) += 1e-9;
    for (Task& task : tasks) task.features.middleCols(200, 50).setZero();
    TaskSet injected = problems::injected_for(tasks, loss, {6, 0, 9, 3}, 5);
    injected[0].features.row(0) = tasks[2].features.row(1);
    injected[0].features.row(1).setZero();
    injected[2].features.row(1) = injected[2].features.row(0);
    injected[2].features(1, 4) += 1e-5;
    const Pair pair = pair_of(tasks, loss);
    const Options options = {.lambda1 = 0.05, .lambda2 = 0.1, .smoothing = 0.05};
    expect_same_answer(pair.wide, pair.dense, options, name + ", clean");
    expect_same_answer(pair.wide.with_rows(injected), pair.dense.with_rows(injected), options, name + ", injected");
  }
}

// All rows in three directions: the row space has fewer coordinates than there are tasks, and many more rows.
TEST(RowSpaceLayout, LowRankRowsAreLearnedByTheirFewCoordinates) {
  const Eigen::MatrixXd directions = normal_matrix(3, 300, 3) / 10.0;
  TaskSet tasks = problems::related_regression({.tasks = 8, .rows = 20, .features = 300});
  for (std::size_t i = 0; i < tasks.size(); ++i)
    tasks[i].features = normal_matrix(tasks[i].rows(), 3, 50 + i) * directions;
  const Pair pair = pair_of(tasks, squared_loss());
  EXPECT_EQ(pair.wide.reduced().features(), 3);
  EXPECT_EQ(pair.wide.reduced().layout(), Layout::Moments);
  expect_same_answer(pair.wide, pair.dense, {.lambda1 = 0.05, .lambda2 = 0.1, .smoothing = 0.05}, "rank 3");
}

// As many tasks as rows: no more coordinates than tasks.
TEST(RowSpaceLayout, ARowATaskIsEnough) {
  TaskSet tasks = problems::related_regression({.tasks = 20, .rows = 1, .features = 100});
  for (Task& task : tasks) task = select_rows(task, {0});
  const Pair pair = pair_of(tasks, squared_loss());
  EXPECT_EQ(pair.wide.reduced().features(), 20);
  expect_same_answer(pair.wide, pair.dense, {.lambda1 = 0.05, .lambda2 = 0.1, .smoothing = 0.05}, "20 rows");
}

TEST(RowSpaceLayout, RowsThatAreAllZeroGiveZeroWeights) {
  TaskSet tasks = wide_tasks(squared_loss());
  for (Task& task : tasks) task.features.setZero();
  EXPECT_EQ(solve(tasks, squared_loss(), {}).weights, Eigen::MatrixXd::Zero(300, 4));
}

TEST(RowSpaceLayout, IsForMoreFeaturesThanRowsAlone) {
  const auto layout = [](Eigen::Index rows, Eigen::Index features) {
    return EmpiricalRisk(problems::related_regression({.tasks = 2, .rows = rows, .features = features}), squared_loss())
        .layout();
  };
  EXPECT_EQ(layout(60, 122), Layout::RowSpace);  // 60 + 61 rows
  EXPECT_EQ(layout(60, 121), Layout::Moments);
  EXPECT_EQ(layout(10, 99), Layout::Moments);
}

// H with T held fixed, from its definition.
TEST(RowPreconditioner, InvertsTheHessianWithTheRootHeldFixed) {
  for (const std::string& name : loss_names()) {
    const Loss& loss = loss_named(name);
    const TaskSet tasks = problems::related_for(loss, {.tasks = 4, .rows = 8, .features = 30});
    const EmpiricalRisk risk = EmpiricalRisk(tasks, loss, Layout::Rows)
                                   .with_rows(problems::injected_for(tasks, loss, {2, 0, 3, 1}, 5))
                                   .weighted(Eigen::Vector4d(1.0, 2.0, 0.5, 1.0));
    const Penalty penalty = {0.05, 0.2};
    const Eigen::MatrixXd W = 0.5 * normal_matrix(30, 4, 41);
    const auto at = risk.evaluate(W);
    const Coupling coupling(W, 0.1);
    const NewtonSystem system(risk, at, coupling, penalty);
    const Eigen::MatrixXd V = normal_matrix(30, 4, 42);
    const Eigen::MatrixXd R = risk.hessian_times(at, V) + penalty.lambda1 * V +
                              penalty.lambda2 * coupling.tau() * V * coupling.inverse_root();
    EXPECT_LT(distance(system.precondition(R), V), 1e-12) << name;
  }
}

}  // namespace
}  // namespace crosstalk::mtrl
