#include "crosstalk/attack/screen.hpp"

#include <limits>

#include <gmock/gmock.h>

#include "crosstalk/attack/feasible_set.hpp"
#include "crosstalk/attack/patom.hpp"
#include "crosstalk/attack/threat.hpp"
#include "crosstalk/attack/utility.hpp"
#include "crosstalk/mtrl/solve.hpp"
#include "support/problems.hpp"

namespace crosstalk::attack {
namespace {

using testing::ThrowsMessage;

const mtrl::Options kLearner = {.lambda1 = 0.05, .lambda2 = 0.1, .smoothing = 0.05};

TEST(Screen, LetsTheStatedShareOfEachTasksCleanRowsPass) {
  for (const auto& [distance, residual] : {std::pair(true, false), std::pair(false, true)})
    for (const auto& problem : problems::battery()) {
      const Eigen::MatrixXd W = mtrl::solve(mtrl::EmpiricalRisk(problem.tasks, *problem.loss), kLearner).weights;
      const Screen screen(problem.tasks, W, false, {.distance = distance, .residual = residual, .quantile = 0.8});
      for (std::size_t i = 0; i < problem.tasks.size(); ++i) {
        const Task& task = problem.tasks[i];
        Eigen::Index passed = 0;
        for (Eigen::Index j = 0; j < task.rows(); ++j)
          passed += screen.passes(i, task.features.row(j).transpose(), task.labels[j], 1e-12) ? 1 : 0;
        EXPECT_EQ(passed, static_cast<Eigen::Index>(std::ceil(0.8 * static_cast<double>(task.rows())))) << task.name;
      }
    }
}

// Two looks, a ball and a box: the admitted point is feasible, and no feasible point is nearer.
TEST(Screen, RowsAreAdmittedAtTheNearestPointThatPasses) {
  const Eigen::Index d = 4;
  const TaskSet clean = {{"a", 0.5 * problems::normal_matrix(40, d, 1), problems::normal_matrix(40, 1, 2)}};
  const Eigen::MatrixXd W = problems::normal_matrix(d, 1, 3);
  FeasibleSet set = {.radius = 1.0, .bias = false};
  set.box.assign(static_cast<std::size_t>(d), {-0.7, 0.6});
  set.screen = Screen(clean, W, false, {.quantile = 0.6});
  Rng rng(4);
  int moved = 0;
  for (std::uint64_t draw = 0; draw < 20; ++draw) {
    const Eigen::VectorXd from = problems::normal_matrix(d, 1, 50 + draw);
    Task row{"", from.transpose(), Eigen::VectorXd::Constant(1, W.col(0).dot(set.random_row(clean[0], rng)))};
    set.project_feasible(0, row);
    const Eigen::VectorXd x = row.features.row(0).transpose();
    EXPECT_TRUE(set.contains(x, 1e-6));
    EXPECT_TRUE(set.passes(0, x, row.labels[0]));
    moved += (x - from).norm() > 1e-3 ? 1 : 0;
    for (int other = 0; other < 2000; ++other) {
      const Eigen::VectorXd y = set.random_row(clean[0], rng);
      EXPECT_TRUE(!set.passes(0, y, row.labels[0]) || (x - from).norm() <= (y - from).norm() + 1e-5);
    }
  }
  EXPECT_GT(moved, 10);
}

TEST(Screen, FreeLabelsMoveToTheNearestThatPasses) {
  const TaskSet clean = {{"a", 0.5 * problems::normal_matrix(40, 3, 1), problems::normal_matrix(40, 1, 2)}};
  const Eigen::MatrixXd W = problems::normal_matrix(3, 1, 3);
  FeasibleSet set = {.radius = 1.0, .bias = false};
  set.screen = Screen(clean, W, false, {.distance = false, .quantile = 0.5});
  Task row{"", problems::normal_matrix(1, 3, 7), Eigen::VectorXd::Constant(1, 3.0)};
  set.project_feasible(0, row, Interval{-3.0, 3.0});
  const Eigen::VectorXd x = row.features.row(0).transpose();
  EXPECT_TRUE(set.passes(0, x, row.labels[0]));
  EXPECT_FALSE(set.passes(0, x, row.labels[0] + 1e-3));
}

TEST(Screen, RandomRowsPassAndSignsFlipWhereTheyMust) {
  for (const auto& problem : problems::battery()) {
    const Eigen::MatrixXd W = mtrl::solve(mtrl::EmpiricalRisk(problem.tasks, *problem.loss), kLearner).weights;
    FeasibleSet set = {.radius = 1.0, .bias = false};
    set.screen = Screen(problem.tasks, W, false, {.quantile = 0.9});
    Rng rng(1);
    const TaskSet rows = random_rows(problem.tasks, {{0}, {0}, 1.0}, set, LabelRule::Ends, rng);
    for (Eigen::Index j = 0; j < rows[0].rows(); ++j)
      EXPECT_TRUE(set.passes(0, rows[0].features.row(j).transpose(), rows[0].labels[j]))
          << problem.name << " row " << j;
  }
}

// Classes so far apart that the screen asks for a margin: a row has hardly anywhere to go, or nowhere at all.
TEST(Screen, RowsThatFindNoPlaceStayWhereTheyPassed) {
  Task task{"a", problems::normal_matrix(40, 2, 1), Eigen::VectorXd(40)};
  for (Eigen::Index j = 0; j < 40; ++j) {
    task.labels[j] = j < 4 ? 1.0 : -1.0;
    task.features(j, 0) = 5.0 * task.labels[j] + 0.1 * task.features(j, 0);
  }
  const TaskSet clean = {task};
  const mtrl::Loss& loss = mtrl::squared_hinge_loss();
  const mtrl::EmpiricalRisk risk(clean, loss);
  const mtrl::Fit fit = mtrl::solve(risk, kLearner);
  FeasibleSet set = {.radius = 6.0, .bias = false};
  set.screen = Screen(clean, fit.weights, false, {.quantile = 0.8});
  ASSERT_LT(set.screen->limits(0).residual, 0.0);
  Rng rng(1);
  const TaskSet rows = random_rows(clean, {{0}, {0}, 0.5}, set, LabelRule::Ends, rng);
  const LossUtility utility(clean, loss, {0});
  const AttackResult attacked = patom({risk, utility, set, rows, kLearner, fit, rng}, {.step = 10.0, .iterations = 5});
  for (const TaskSet* const all : {&rows, &attacked.injected})
    for (Eigen::Index j = 0; j < rows[0].rows(); ++j)
      EXPECT_TRUE(set.passes(0, (*all)[0].features.row(j).transpose(), (*all)[0].labels[j])) << j;
}

TEST(Screen, NamesWhatIsWrong) {
  const TaskSet clean = {{"a", Eigen::MatrixXd::Ones(2, 1), Eigen::VectorXd::Ones(2)}};
  EXPECT_THAT([&] { Screen(clean, Eigen::MatrixXd::Ones(1, 1), false, {.quantile = 0.0}); },
              ThrowsMessage<std::invalid_argument>("screen: quantile is 0; it must be in (0, 1]"));
  EXPECT_THAT([&] { Screen(clean, Eigen::MatrixXd::Ones(1, 1), false, {.distance = false, .residual = false}); },
              ThrowsMessage<std::invalid_argument>("screen: there is nothing to look at"));
  EXPECT_THAT([] { screen_named("distance,colour"); },
              ThrowsMessage<std::invalid_argument>("unknown screen \"colour\"; there are distance, residual"));
  EXPECT_THAT([] { screen_named(""); }, ThrowsMessage<std::invalid_argument>("there is no screen in \"\""));
  EXPECT_TRUE(screen_named("residual").residual);
  EXPECT_FALSE(screen_named("residual").distance);
}

}  // namespace
}  // namespace crosstalk::attack
