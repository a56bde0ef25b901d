#include "crosstalk/evaluate/adaptive_attack.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crosstalk/attack/exact_attack.hpp"
#include "support/problems.hpp"

using namespace crosstalk;
using namespace crosstalk::evaluate;

namespace {

const mtrl::Options kLearner = {.lambda1 = 0.01, .lambda2 = 0.05};

struct Case {
  TaskSet clean =
      problems::related_for(mtrl::squared_loss(), {.tasks = 4, .rows = 60, .features = 5, .noise = 0.3, .seed = 2});
  mtrl::EmpiricalRisk risk{clean, mtrl::squared_loss()};
  attack::Threat threat{{0, 1}, {0, 1}, 0.2};
  attack::LossUtility utility{clean, mtrl::squared_loss(), threat.targets};
  DefendedProblem problem{
      risk, utility, {}, 1.0, threat, attack::LabelRule::Free, mtrl::solve(risk, kLearner), {.learner = kLearner}};
  std::vector<attack::FeasibleSet> limits;  // that rows were placed within
  std::vector<TaskSet> starts;

  RowPlacement placement() {
    return [this](const mtrl::EmpiricalRisk& rows, const attack::FeasibleSet& feasible, TaskSet start) {
      limits.push_back(feasible);
      starts.push_back(start);
      return attack::exact_attack({rows, utility, feasible, start, kLearner, problem.fit, Rng(5)},
                                  {.starts = 1, .iterations = 6, .free_labels = true})
          .injected;
    };
  }
};

// Far rows are seen; those who know that come closer and do more harm.
TEST(DefendedAttack, TheAttackerWhoKnowsFindsAWay) {
  Case one;
  one.problem.feasible.radius = 6.0;
  one.problem.defence.method = defence::Method::Screen;  // the quarter of a task's rows that is farthest is left out
  one.problem.defence.alpha = 0.25;
  const auto [same, adaptive] = adaptive_attack(one.problem, one.placement(), Rng(1));
  EXPECT_EQ(same.plan, "as without a defence");
  EXPECT_GT(same.injected_left_out, 0.9);
  EXPECT_GT(adaptive.utility, 1.05 * same.utility);
  EXPECT_NE(adaptive.plan, same.plan);
  EXPECT_EQ(adaptive.utility, one.utility.value(adaptive.weights));
}

// Whoever must pass a screen passes it in every plan.
TEST(DefendedAttack, KeepsToTheScreenThatRowsMustPass) {
  Case one;
  one.problem.feasible.screen = attack::Screen(one.clean, one.problem.fit.weights, true, {.quantile = 0.8});
  one.problem.quantile = 0.8;
  const auto [same, adaptive] = adaptive_attack(one.problem, one.placement(), Rng(1));
  for (const DefendedAttack* attack : {&same, &adaptive})
    for (const std::size_t i : {0U, 1U})
      for (Eigen::Index j = 0; j < attack->injected[i].rows(); ++j)
        EXPECT_TRUE(one.problem.feasible.screen->passes(i, attack->injected[i].features.row(j).transpose(),
                                                        attack->injected[i].labels[j], 1e-9));
  for (const attack::FeasibleSet& limits : one.limits) EXPECT_TRUE(limits.screen && limits.fixed.empty());
  EXPECT_GE(one.limits.size(), 2U);
}

// Near duplicates of clean rows are looked for, so some plans have their features close by.
TEST(DefendedAttack, CopiesCleanRowsAndMovesCopies) {
  Case one;
  one.problem.feasible.radius = 10.0;
  adaptive_attack(one.problem, one.placement(), Rng(1));
  int copied = 0;
  int moved = 0;
  for (std::size_t k = 0; k < one.limits.size(); ++k) {
    if (one.limits[k].fixed.empty()) continue;
    double farthest = 0.0;
    for (const auto& row : one.starts[k][0].features.rowwise())
      farthest = std::max(farthest, (one.clean[0].features.rowwise() - row).rowwise().norm().minCoeff());
    (farthest == 0.0 ? copied : moved) += 1;
  }
  EXPECT_GE(copied, 2);
  EXPECT_GE(moved, 1);
}

TEST(DefendedAttack, ColumnsThatJumpStayInTheirBox) {
  Case one;
  for (Task& task : one.clean) task.features.col(0) = (task.features.col(0).array() > 0.0).cast<double>();
  one.risk = mtrl::EmpiricalRisk(one.clean, mtrl::squared_loss());
  one.problem.fit = mtrl::solve(one.risk, kLearner);
  one.problem.feasible.radius = std::numeric_limits<double>::infinity();
  one.problem.feasible.box = {{0.0, 1.0}, {-2.0, 2.0}, {-2.0, 2.0}, {-2.0, 2.0}};
  one.problem.feasible.lattice = {{0, 1.0}};
  const auto [same, adaptive] = adaptive_attack(one.problem, one.placement(), Rng(1));
  for (const attack::FeasibleSet& limits : one.limits) EXPECT_FALSE(limits.screen);
  for (const Task& task : adaptive.injected)
    for (Eigen::Index j = 0; j < task.rows(); ++j)
      EXPECT_TRUE(one.problem.feasible.contains(task.features.row(j).transpose(), 1e-9));
  EXPECT_GE(adaptive.utility, same.utility);
}

TEST(AdmittedRows, HoldEveryFeasibleRow) {
  const Case one;
  attack::FeasibleSet ball;
  ball.radius = 2.5;
  auto admitted = admitted_rows(one.clean, ball);
  ASSERT_EQ(admitted.size(), one.clean.size());
  EXPECT_TRUE(admitted[0].centre.isZero(0.0));
  EXPECT_EQ(admitted[0].radius, 2.5);
  EXPECT_EQ(admitted[1].low, one.clean[1].labels.minCoeff());
  EXPECT_EQ(admitted[1].high, one.clean[1].labels.maxCoeff());
  EXPECT_EQ(admitted[0].weights.size(), 0);

  attack::FeasibleSet box;
  box.radius = std::numeric_limits<double>::infinity();
  box.box = {{0.0, 1.0}, {-2.0, 2.0}, {1.0, 3.0}, {-1.0, 0.0}};
  admitted = admitted_rows(one.clean, box);
  EXPECT_TRUE(admitted[0].centre.isApprox(Eigen::Vector4d(0.5, 0.0, 2.0, -0.5)));
  EXPECT_TRUE(admitted[0].half_widths.isApprox(Eigen::Vector4d(0.5, 2.0, 1.0, 0.5)));

  box.screen = attack::Screen(one.clean, one.problem.fit.weights, true, {});
  const auto limits = box.screen->limits(2);
  admitted = admitted_rows(one.clean, box);
  EXPECT_EQ(admitted[2].centre, limits.centre);
  EXPECT_EQ(admitted[2].radius, limits.distance);
  EXPECT_EQ(admitted[2].half_widths.size(), 0);
  EXPECT_EQ(admitted[2].weights, limits.weights);
  EXPECT_EQ(admitted[2].width, limits.residual);

  attack::FeasibleSet copied;
  copied.radius = 0.1;
  copied.fixed = {0, 1, 2, 3};
  admitted = admitted_rows(one.clean, copied);
  EXPECT_EQ(admitted[0].radius, one.clean[0].features.leftCols(4).rowwise().norm().maxCoeff());
}

}  // namespace
