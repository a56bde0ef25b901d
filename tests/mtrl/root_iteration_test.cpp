#include "crosstalk/mtrl/root_iteration.hpp"

#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <Eigen/Dense>

#include "crosstalk/mtrl/solve.hpp"
#include "crosstalk/mtrl/task_blocks.hpp"
#include "support/problems.hpp"

namespace crosstalk::mtrl {
namespace {

using problems::normal_matrix;

constexpr Penalty kPenalty = {0.05, 0.2};
constexpr double kSmoothing = 0.1;

// Thousands of small tasks in the given order of kinds: each kind has its own weights, plus a tenth of the task's own.
TaskSet many_tasks(Eigen::Index count, Eigen::Index d, const std::function<int(Eigen::Index)>& kind_of) {
  TaskSet result;
  const Eigen::MatrixXd kinds = normal_matrix(d, 2, 7);
  const Eigen::MatrixXd own = normal_matrix(d, count, 8);
  const Eigen::MatrixXd rows = normal_matrix(count * 6, d, 9);
  const Eigen::VectorXd noise = 0.1 * normal_matrix(count * 6, 1, 10);
  for (Eigen::Index i = 0; i < count; ++i) {
    const Eigen::Index n = 3 + i % 4;
    Task task;
    task.name = fmt::format("t{}", i);
    task.features = rows.middleRows(6 * i, n);
    task.labels = task.features * (kinds.col(kind_of(i)) + 0.1 * own.col(i)) + noise.segment(6 * i, n);
    result.tasks.push_back(std::move(task));
  }
  return result;
}

TaskSet alike(Eigen::Index count, Eigen::Index d) {
  return many_tasks(count, d, [](Eigen::Index) { return 0; });
}

struct Blocks {
  explicit Blocks(Eigen::Index tasks, Eigen::Index d)
      : risk(alike(tasks, d), loss_named("squared")), at(risk.evaluate(Eigen::MatrixXd::Zero(d, tasks))) {
    const Eigen::MatrixXd A = normal_matrix(d, d, 11);
    M = A * A.transpose() + Eigen::MatrixXd::Identity(d, d);
  }
  EmpiricalRisk risk;
  EmpiricalRisk::Evaluation at;
  Eigen::MatrixXd M;
};

TEST(TaskBlocks, InversesAreThoseOfTheBlocks) {
  const Eigen::Index d = 5;
  const Eigen::Index m = 11;  // a full group and a part of one
  const Blocks problem(m, d);
  const TaskBlocks blocks(problem.risk, problem.at, problem.M);
  const Eigen::MatrixXd R = normal_matrix(d, m, 12);
  Eigen::MatrixXd product(d, m);
  TaskBlocks::Group inverses;
  for (Eigen::Index first = 0; first < m; first += TaskBlocks::kGroup) {
    blocks.inverses(first, inverses);
    multiply(inverses, blocks.packing(), R, first, product);
  }
  for (Eigen::Index i = 0; i < m; ++i) {
    const Eigen::MatrixXd B = problem.risk.hessian_block(problem.at, i) + problem.M;
    EXPECT_LT((B * product.col(i) - R.col(i)).norm(), 1e-13 * B.norm() * product.col(i).norm()) << i;
  }
}

TEST(CurvatureSum, IsTheLiteralSum) {
  const Eigen::Index d = 3;
  const Eigen::Index m = 300;  // more than are gathered at a time
  const Blocks problem(m, d);
  const TaskBlocks blocks(problem.risk, problem.at, problem.M);
  const Packing& packing = blocks.packing();
  const Eigen::MatrixXd W = normal_matrix(d, m, 13);
  CurvatureSum sum(packing);
  TaskBlocks::Group inverses;
  for (Eigen::Index first = 0; first < m; first += TaskBlocks::kGroup) {
    blocks.inverses(first, inverses);
    sum.add(inverses, W, first);
  }
  const Eigen::MatrixXd total = sum.total(W * W.transpose(), m);
  std::vector<Eigen::MatrixXd> C;
  for (Eigen::Index i = 0; i < m; ++i) C.push_back((problem.risk.hessian_block(problem.at, i) + problem.M).inverse());
  for (Eigen::Index a = 0; a < d; ++a)
    for (Eigen::Index c = 0; c < d; ++c)
      for (Eigen::Index b = 0; b < d; ++b)
        for (Eigen::Index e = 0; e < d; ++e) {
          double expected = 0.0;
          for (Eigen::Index i = 0; i < m; ++i) expected += C[static_cast<std::size_t>(i)](a, c) * W(b, i) * W(e, i);
          EXPECT_NEAR(total(packing.position(a, c), packing.position(b, e)), expected, 1e-11 * static_cast<double>(m));
        }
}

// The same Newton step as by conjugate gradients on all of W.
TEST(CoupledSystem, RespondsAsTheHessianDoes) {
  const Eigen::Index d = 4;
  const Eigen::Index m = 60;
  const Blocks problem(m, d);
  const Eigen::MatrixXd W = normal_matrix(d, m, 14);
  const Coupling coupling(W, kSmoothing);
  Eigen::MatrixXd M = kPenalty.lambda2 * coupling.tau() * coupling.inverse_root();
  M.diagonal().array() += kPenalty.lambda1;
  const TaskBlocks blocks(problem.risk, problem.at, M);
  CurvatureSum sum(blocks.packing());
  TaskBlocks::Group inverses;
  const Eigen::MatrixXd rotated = coupling.basis().transpose() * W;
  for (Eigen::Index first = 0; first < m; first += TaskBlocks::kGroup) {
    blocks.inverses(first, inverses);
    sum.add(inverses, rotated, first);
  }
  const CoupledSystem system(sum.total(rotated * rotated.transpose(), m), coupling.basis(), coupling.spectrum(),
                             coupling.tau(), kPenalty.lambda2);
  Eigen::MatrixXd Y = normal_matrix(d, d, 15);
  Y = (Y + Y.transpose()).eval();
  const auto at = problem.risk.evaluate(W);
  const Eigen::MatrixXd V = NewtonSystem(problem.risk, at, coupling, kPenalty).solve(Y * W, 1e-13, 500).X;
  const Eigen::MatrixXd& U = coupling.basis();
  const Eigen::MatrixXd expected = U.transpose() * (V * W.transpose() + W * V.transpose()) * U;
  EXPECT_LT((system.respond(U.transpose() * Y * U) - expected).norm(), 1e-10 * expected.norm());
}

TEST(RootIteration, EndsAtAStationaryPoint) {
  const Options options = {.lambda1 = kPenalty.lambda1, .lambda2 = kPenalty.lambda2, .smoothing = kSmoothing};
  const EmpiricalRisk risk(alike(4000, 4), loss_named("squared"));
  ASSERT_TRUE(RootIteration::suits(risk, options.penalty()));
  Eigen::MatrixXd root = 10.0 * Eigen::MatrixXd::Identity(4, 4);
  int passes = 0;
  const auto W = RootIteration(risk, options.penalty(), kSmoothing).run(root, 1e-12, passes, 100);
  ASSERT_TRUE(W);
  EXPECT_LE(passes, 12);
  const double slope = gradient(risk, options, *W).squaredNorm();
  EXPECT_LE(slope, 1.01e-12 * 2.0 * options.lambda1 * objective(risk, options, *W));
}

TEST(RootIteration, IsNotForAnotherLossFewTasksOrManyFeatures) {
  EXPECT_FALSE(RootIteration::suits(EmpiricalRisk(alike(100, 4), loss_named("squared")), kPenalty));
  EXPECT_FALSE(RootIteration::suits(EmpiricalRisk(alike(800, 20), loss_named("squared")), kPenalty));
  EXPECT_FALSE(RootIteration::suits(EmpiricalRisk(alike(3000, 41), loss_named("squared")), kPenalty));
  EXPECT_FALSE(RootIteration::suits(EmpiricalRisk(alike(3000, 4), loss_named("squared")), {0.1, 0.0}));
}

// A sample of every stride-th task can be anything but typical; the answer must be right all the same.
TEST(SolveManyTasks, TheSampleNeedNotBeTypical) {
  const auto every_fourth_is_another = [](Eigen::Index i) { return i % 4 == 0 ? 1 : 0; };
  const EmpiricalRisk risk(many_tasks(4000, 4, every_fourth_is_another), loss_named("squared"));
  const Options options = {.lambda1 = 0.05, .lambda2 = 0.2, .smoothing = 0.01};
  const Fit fit = solve(risk, options);
  EXPECT_EQ(fit.status, Status::Converged);
  EXPECT_LE(gradient(risk, options, fit.weights).squaredNorm(),
            1.01 * options.tolerance * 2.0 * options.lambda1 * fit.objective);
}

// F_0 <= F_e everywhere, so its minimum cannot lie above that of F_e. So many tasks with such small features have
// weights of nearly zero where the continuation starts.
TEST(SolveManyTasks, WithoutSmoothingIsTheLimitOfSmallSmoothing) {
  TaskSet tasks = alike(3000, 3);
  for (Task& task : tasks.tasks) task.features *= 0.3;
  const EmpiricalRisk risk(tasks, loss_named("squared"));
  Options options = {.lambda1 = 1e-3, .lambda2 = 1e-2, .smoothing = 1e-4};
  const Fit smooth = solve(risk, options);
  options.smoothing = 0.0;
  const Fit exact = solve(risk, options);
  EXPECT_EQ(exact.status, Status::Converged);
  EXPECT_LE(exact.objective, smooth.objective);
  EXPECT_NEAR(exact.objective, smooth.objective, 1e-2 * smooth.objective);
}

// From the fit before an attack: a pass or two of the root, and no samples.
TEST(SolveManyTasks, AWarmStartGivesTheSameAnswerInFewerSteps) {
  const EmpiricalRisk clean(alike(1000, 4), loss_named("squared"));
  const Options options = {.lambda1 = 0.05, .lambda2 = 0.2, .smoothing = 0.01};
  ASSERT_TRUE(RootIteration::suits(clean, options.penalty()));
  const Fit before = solve(clean, options);
  TaskSet injected;
  for (const Task& task : clean.clean()) injected.tasks.push_back({task.name, Eigen::MatrixXd(0, 4), {}});
  injected[3] = {"t3", normal_matrix(2, 4, 21), Eigen::Vector2d(5.0, -5.0)};
  const EmpiricalRisk risk = clean.with_rows(injected);
  const Fit cold = solve(risk, options);
  const Fit warm = solve_from(risk, options, before.weights);
  EXPECT_EQ(warm.status, Status::Converged);
  EXPECT_LT(warm.steps, cold.steps);
  const double rounding = 16 * std::numeric_limits<double>::epsilon() * cold.objective;
  EXPECT_NEAR(warm.objective, cold.objective, warm.gap + cold.gap + rounding);
}

// With k of m tasks standing for all, W W' is m/k times as large; all else of the problem stays.
TEST(EmpiricalRisk, ASampleStandsForAll) {
  const EmpiricalRisk risk(alike(10, 3), loss_named("squared"));
  const EmpiricalRisk sample = risk.sample(3);
  EXPECT_EQ(sample.tasks(), 4);
  EXPECT_EQ(sample.population(), 10);
  EXPECT_EQ(sample.clean()[1].name, "t3");
  const Eigen::MatrixXd W = normal_matrix(3, 4, 16);
  EXPECT_NEAR(Coupling(W, 0.5, 10).tau(), Coupling(W, 0.5).tau() + 6 * 0.5, 1e-12);
  EXPECT_EQ(sample.standing_for(40).population(), 40);
  EXPECT_THROW(static_cast<void>(sample.standing_for(3)), std::invalid_argument);
}

}  // namespace
}  // namespace crosstalk::mtrl
