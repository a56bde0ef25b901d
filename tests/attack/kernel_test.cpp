// Kernel MTRL and attacks on it: the learner is linear in mapped rows, the attacker moves the rows themselves.
#include <cmath>

#include <gmock/gmock.h>
#include <Eigen/Cholesky>

#include "crosstalk/attack/exact_attack.hpp"
#include "crosstalk/attack/gradient_check.hpp"
#include "crosstalk/kernel_map.hpp"
#include "crosstalk/mtrl/metrics.hpp"
#include "support/problems.hpp"

namespace crosstalk::attack {
namespace {

// The last feature of `linear_task` and its like is the bias 1.
KernelMap map_of(const KernelFunction& kernel, const TaskSet& tasks, Eigen::Index most = 1000) {
  return {kernel, tasks, most, true};
}

// Tasks y = +-sin(2 x) + noise, x in [-3, 3], with a bias.
TaskSet sines(Eigen::Index tasks, Eigen::Index rows, std::uint64_t seed, double noise = 0.1) {
  Rng rng(seed);
  TaskSet result;
  for (Eigen::Index i = 0; i < tasks; ++i) {
    Task task{std::to_string(i), Eigen::MatrixXd::Ones(rows, 2), Eigen::VectorXd(rows)};
    for (Eigen::Index j = 0; j < rows; ++j) {
      task.features(j, 0) = rng.uniform(-3.0, 3.0);
      task.labels[j] = (i % 2 == 0 ? 1.0 : -1.0) * std::sin(2.0 * task.features(j, 0)) + noise * rng.normal();
    }
    result.tasks.push_back(std::move(task));
  }
  return result;
}

TEST(KernelMtrl, WithTheLinearKernelIsTheLinearLearner) {
  const TaskSet tasks = problems::related_regression({.tasks = 5, .rows = 20, .features = 6});
  const mtrl::Options learner = {.lambda1 = 0.01, .lambda2 = 0.1};
  const Eigen::MatrixXd W = mtrl::solve(tasks, mtrl::squared_loss(), learner).weights;
  const KernelMap map = map_of({Kernel::Linear, 1.0, 1}, tasks);
  const TaskSet mapped = map.map(tasks);
  const mtrl::Fit fit = mtrl::solve(mapped, mtrl::squared_loss(), learner);
  for (std::size_t i = 0; i < tasks.size(); ++i)
    EXPECT_LT((mapped[i].features * fit.weights - tasks[i].features * W).norm(), 1e-8 * (tasks[i].features * W).norm());
}

// One task: the minimiser of mean squared loss + (l1 + l2)/2 |w|^2 is kernel ridge regression with alpha = n (l1 +
// l2)/2, the bias in the kernel: scikit-learn's KernelRidge(alpha, kernel="precomputed").fit(K + 1, y).
TEST(KernelMtrl, WithOneTaskIsKernelRidgeRegression) {
  const TaskSet one = {sines(1, 40, 3)[0]};
  const Eigen::MatrixXd X = one[0].features.leftCols(1);
  const TaskSet fresh = {sines(1, 25, 4)[0]};
  for (const KernelFunction kernel : {KernelFunction{Kernel::Laplacian, 1.0, 1}, KernelFunction{Kernel::Rbf, 0.1, 1}}) {
    const KernelMap map = map_of(kernel, one);
    const double lambda1 = 0.003;
    const double lambda2 = 0.01;
    const mtrl::Fit fit =
        mtrl::solve(map.map(one), mtrl::squared_loss(), {.lambda1 = lambda1, .lambda2 = lambda2, .smoothing = 0.0});
    const Eigen::MatrixXd K = kernel(X, X).array() + 1.0;
    Eigen::MatrixXd system = K;
    system.diagonal().array() += 40.0 * (lambda1 + lambda2) / 2.0;
    const Eigen::VectorXd dual = system.ldlt().solve(one[0].labels);
    const Eigen::VectorXd expected = (kernel(fresh[0].features.leftCols(1), X).array() + 1.0).matrix() * dual;
    const Eigen::VectorXd predicted = map.map(fresh)[0].features * fit.weights;
    EXPECT_LT((predicted - expected).norm(), 1e-8 * expected.norm()) << to_string(kernel.kernel);
  }
}

TEST(KernelMtrl, LearnsWhatNoLineExplains) {
  const TaskSet train = sines(10, 60, 1);
  const TaskSet test = sines(10, 400, 2);
  const auto rmse = [&](const TaskSet& rows, const Eigen::MatrixXd& W) {
    return mtrl::evaluate(rows, mtrl::squared_loss(), W).mean(1);
  };
  const mtrl::Options learner = {.lambda1 = 1e-5, .lambda2 = 1e-4};
  const KernelMap map = map_of({Kernel::Rbf, 0.7, 1}, train);
  EXPECT_LT(rmse(map.map(test), mtrl::solve(map.map(train), mtrl::squared_loss(), learner).weights), 0.115);
  EXPECT_GT(rmse(test, mtrl::solve(train, mtrl::squared_loss(), learner).weights), 0.6);  // the labels' own: 0.7
}

struct Case {
  KernelFunction kernel;
  const mtrl::Loss* loss;
  Eigen::Index landmarks;
};

TEST(KernelAttack, GradientsInInputSpaceAgreeWithDifferencesWithTheLandmarksHeld) {
  for (const Case& one : {Case{{Kernel::Rbf, 2.0, 1}, &mtrl::squared_loss(), 1000},
                          Case{{Kernel::Polynomial, 3.0, 3}, &mtrl::squared_loss(), 1000},
                          Case{{Kernel::Rbf, 2.0, 1}, &mtrl::logistic_loss(), 20},
                          // Few landmarks, so that no difference reaches over one of its kinks.
                          Case{{Kernel::Laplacian, 4.0, 1}, &mtrl::squared_loss(), 10}}) {
    const TaskSet tasks = problems::related_for(*one.loss, {.tasks = 4, .rows = 15, .features = 4});
    const KernelMap map = map_of(one.kernel, tasks, one.landmarks);
    const TaskSet mapped = map.map(tasks);
    TaskSet injected = problems::injected_for(tasks, *one.loss, {3, 2, 0, 0}, 9);
    for (Task& task : injected)
      if (task.rows() > 0) task.features.col(3).setOnes();
    const InputSpace inputs{map, tasks};
    const GradientComparison exact =
        check_gradients(mtrl::EmpiricalRisk(mapped, *one.loss), LossUtility(mapped, *one.loss, {0, 2}), injected,
                        {.lambda1 = 0.05, .lambda2 = 0.2, .smoothing = 0.1}, {{"exact", exact_row_gradient}},
                        {.entries = 5, .step = 1e-4}, {}, &inputs)
            .gradients.at(0);
    EXPECT_LE(exact.relative_error, 1e-6) << to_string(one.kernel.kernel) << ", " << one.loss->name();
    EXPECT_LE(exact.label_error, 1e-6) << to_string(one.kernel.kernel) << ", " << one.loss->name();
  }
}

// What `crosstalk attack` does with a kernel.
struct Attacked {
  TaskSet clean = sines(4, 15, 1);
  KernelMap map = map_of({Kernel::Rbf, 1.0, 1}, clean);
  TaskSet mapped = map.map(clean);
  mtrl::EmpiricalRisk risk = mtrl::EmpiricalRisk(mapped, mtrl::squared_loss());
  LossUtility utility = LossUtility(mapped, mtrl::squared_loss(), {0, 1});
  FeasibleSet feasible{.radius = 3.0};
  mtrl::Options learner = {.lambda1 = 1e-3, .lambda2 = 1e-2, .smoothing = 0.01};
  mtrl::Fit near = mtrl::solve(risk, learner);
  InputSpace inputs{map, clean, [this](const TaskSet& rows) { return refitted(rows); }};

  // U with landmarks of the clean and the injected rows.
  [[nodiscard]] double refitted(const TaskSet& rows) const {
    const KernelMap anew = map_of(map.kernel(), join_rows(clean, rows));
    const mtrl::Fit fit = mtrl::solve(anew.map(join_rows(clean, rows)), mtrl::squared_loss(), learner);
    return LossUtility(anew.map(clean), mtrl::squared_loss(), {0, 1}).value(fit.weights);
  }
};

TEST(KernelAttack, TheExactAttackIsNoWeakerThanPatomOnAnySeed) {
  const Attacked attacked;
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    Rng rng(seed);
    const TaskSet start =
        random_rows(attacked.clean, {{0, 1}, {0, 1}, 0.2}, attacked.feasible, LabelRule::Uniform, rng);
    const AttackProblem problem = {attacked.risk,    attacked.utility, attacked.feasible, start,
                                   attacked.learner, attacked.near,    Rng(seed),         &attacked.inputs};
    const PatomOptions patom_options = {.step = 0.1, .iterations = 5};
    const AttackResult by_patom = patom(problem, patom_options);
    const AttackResult exact =
        exact_attack(problem, {.starts = 2, .iterations = 8, .free_labels = true, .patom = patom_options});
    EXPECT_GE(attacked.refitted(exact.injected), attacked.refitted(by_patom.injected)) << seed;
    EXPECT_GT(attacked.refitted(exact.injected), 1.5 * attacked.utility.value(attacked.near.weights)) << seed;
    EXPECT_EQ(exact.injected.features(), 2);
    for (const Task& task : exact.injected)
      for (Eigen::Index j = 0; j < task.rows(); ++j)
        EXPECT_TRUE(attacked.feasible.contains(task.features.row(j).transpose(), 1e-9)) << seed;
  }
}

TEST(KernelAttack, RanksByTheRefit) {
  Attacked attacked;
  Rng rng(1);
  const TaskSet start = random_rows(attacked.clean, {{0, 1}, {0, 1}, 0.2}, attacked.feasible, LabelRule::Uniform, rng);
  int calls = 0;
  attacked.inputs.refitted = [&](const TaskSet&) { return static_cast<double>(-calls++); };  // the first is the best
  const AttackProblem problem = {attacked.risk, attacked.utility, attacked.feasible, start, attacked.learner,
                                 attacked.near, Rng(1),           &attacked.inputs};
  const AttackResult result = exact_attack(problem, {.starts = 2, .iterations = 2});
  EXPECT_EQ(calls, 3);  // two starts and the end of PATOM
  EXPECT_THAT(result.optima, testing::ElementsAre(0.0, -1.0));
}

}  // namespace
}  // namespace crosstalk::attack
