// Attacks on tasks with more features than rows: in the row space the same as in all features.
#include <gtest/gtest.h>

#include "crosstalk/attack/exact_attack.hpp"
#include "crosstalk/attack/gradient_check.hpp"
#include "crosstalk/attack/span_attack.hpp"
#include "support/problems.hpp"

namespace crosstalk::attack {
namespace {

using Layout = mtrl::EmpiricalRisk::Layout;

// 94 rows.
struct Setting {
  explicit Setting(const mtrl::Loss& of, Layout layout = Layout::Automatic, Eigen::Index features = 120)
      : loss(of),
        tasks(problems::related_for(of, {.tasks = 4, .rows = 22, .features = features})),
        risk(tasks, loss, layout) {}

  [[nodiscard]] TaskSet start() const {
    Rng rng(5);
    return random_rows(tasks, threat, feasible, LabelRule::Uniform, rng);
  }
  [[nodiscard]] AttackResult run(ExactOptions options) const {
    options.patom.iterations = 3;
    return exact_attack({risk, utility, feasible, start(), learner, near, Rng::stream(3, "batches")}, options);
  }

  const mtrl::Loss& loss;
  TaskSet tasks;
  Threat threat = {{0, 1}, {1, 2}, 0.3};
  FeasibleSet feasible = {.radius = 1.0, .bias = true};
  mtrl::Options learner = {.lambda1 = 0.05, .lambda2 = 0.1, .smoothing = 0.05, .tolerance = 1e-16};
  mtrl::EmpiricalRisk risk;
  LossUtility utility{tasks, loss, threat.targets};
  mtrl::Fit near = mtrl::solve(risk, learner);
};

TEST(WideAttack, ExactGradientIsThatOfRefits) {
  for (const mtrl::Loss* loss : {&mtrl::squared_loss(), &mtrl::logistic_loss()}) {
    const Setting setting(*loss);
    ASSERT_EQ(setting.risk.layout(), Layout::RowSpace);
    const GradientCheck check = check_gradients(setting.risk, setting.utility, setting.start(), setting.learner,
                                                {{"exact", exact_row_gradient}}, {.entries = 6});
    EXPECT_LT(check.gradients[0].relative_error, 1e-6) << loss->name();
    if (!loss->is_classification()) {
      EXPECT_LT(check.gradients[0].label_error, 1e-6);
    }
  }
}

TEST(WideAttack, GradientsEqualThoseInAllFeatures) {
  for (const std::string& name : mtrl::loss_names()) {
    const Setting wide(mtrl::loss_named(name), Layout::Automatic, 300);
    const Setting dense(mtrl::loss_named(name), Layout::Moments, 300);
    const TaskSet rows = wide.start();
    const mtrl::EmpiricalRisk poisoned = dense.risk.with_rows(rows);
    const mtrl::Fit fit = mtrl::polish(poisoned, dense.learner, mtrl::solve(poisoned, dense.learner).weights);
    const Eigen::MatrixXd slope = dense.utility.gradient(fit.weights);
    const RowDerivatives found = exact_row_gradient({wide.risk.with_rows(rows), rows, fit, wide.learner, slope});
    const RowDerivatives wanted = exact_row_gradient({poisoned, rows, fit, dense.learner, slope});
    for (const std::size_t i : wide.threat.attackers)
      EXPECT_LT((found.features[i] - wanted.features[i]).norm(), 1e-8 * wanted.features[i].norm()) << name;
  }
}

void expect_same_way(const AttackResult& found, const AttackResult& wanted, const std::string& what) {
  ASSERT_EQ(found.iterates.size(), wanted.iterates.size()) << what;
  for (std::size_t k = 0; k < found.iterates.size(); ++k) {
    // The adjoint of a step is exact to 1e-5.
    EXPECT_NEAR(found.iterates[k].utility, wanted.iterates[k].utility, 1e-5 * wanted.iterates[k].utility) << what;
    const Eigen::MatrixXd& W = wanted.iterates[k].fit.weights;
    EXPECT_LT((found.iterates[k].fit.weights - W).norm(), 1e-4 * W.norm()) << what << ", step " << k;
  }
  for (std::size_t i = 0; i < found.injected.size(); ++i) {
    const Eigen::MatrixXd& X = wanted.injected[i].features;
    EXPECT_LE((found.injected[i].features - X).norm(), 1e-4 * X.norm()) << what;
    EXPECT_LE((found.injected[i].labels - wanted.injected[i].labels).norm(), 1e-12) << what;
  }
}

TEST(WideAttack, PatomTakesTheStepsOfTheOneInAllFeatures) {
  for (const std::string& name : mtrl::loss_names()) {
    const Setting wide(mtrl::loss_named(name));
    const Setting dense(mtrl::loss_named(name), Layout::Moments);
    ASSERT_TRUE(SpanAttack::suits(wide.risk, wide.feasible));
    const auto run = [](const Setting& setting) {
      return patom({setting.risk, setting.utility, setting.feasible, setting.start(), setting.learner, setting.near,
                    Rng::stream(3, "batches")},
                   {.iterations = 5});
    };
    expect_same_way(run(wide), run(dense), name);
  }
}

// Of the squared loss: with signs a row and its negative are equally good, and rounding chooses.
TEST(WideAttack, ReplacementsAreThoseInAllFeatures) {
  const ExactOptions options = {.starts = 2, .iterations = 4, .free_labels = true, .moves = Moves::Replacement};
  expect_same_way(Setting(mtrl::squared_loss()).run(options),
                  Setting(mtrl::squared_loss(), Layout::Moments).run(options), "squared");
}

// The first length of a step of ascent is by the largest entry of the gradient, so that the ways part; the ends are as
// good, feasible, and what they are said to be.
TEST(WideAttack, ExactAttackEndsAsHighAsInAllFeatures) {
  for (const std::string& name : mtrl::loss_names())
    for (const bool free : {false, true}) {
      const Setting wide(mtrl::loss_named(name));
      const Setting dense(mtrl::loss_named(name), Layout::Moments);
      const ExactOptions options = {.starts = 2, .iterations = 8, .free_labels = free};
      const AttackResult found = wide.run(options);
      const double reached = found.iterates.back().utility;
      EXPECT_GT(reached, 0.95 * dense.run(options).iterates.back().utility) << name;
      const mtrl::Fit refit = mtrl::solve(dense.risk.with_rows(found.injected), dense.learner);
      EXPECT_NEAR(dense.utility.value(refit.weights), reached, 1e-6 * reached) << name;
      EXPECT_LT((found.iterates.back().fit.weights - refit.weights).norm(), 1e-6 * refit.weights.norm()) << name;
      for (const Task& rows : found.injected)
        for (Eigen::Index j = 0; j < rows.rows(); ++j)
          EXPECT_TRUE(wide.feasible.contains(rows.features.row(j).transpose(), 1e-12)) << name;
    }
}

// A box keeps no span: rows move in all features, and the learner's span is extended by them.
TEST(WideAttack, RowsInABoxMoveInAllFeatures) {
  Setting wide(mtrl::squared_loss());
  Setting dense(mtrl::squared_loss(), Layout::Moments);
  for (Setting* setting : {&wide, &dense}) {
    setting->feasible.radius = std::numeric_limits<double>::infinity();
    setting->feasible.box.assign(119, {-0.05, 0.1});
  }
  ASSERT_FALSE(SpanAttack::suits(wide.risk, wide.feasible));
  const AttackResult found = wide.run({.starts = 1, .iterations = 4});
  const AttackResult wanted = dense.run({.starts = 1, .iterations = 4});
  expect_same_way(found, wanted, "box");
  EXPECT_GT(found.iterates.back().utility, found.iterates.front().utility);
}

TEST(WideAttack, RelationUtilityIsTheSameInCoordinates) {
  const Setting setting(mtrl::squared_loss());
  const RelationUtility utility(0, 2, -1.0, 4, setting.learner.smoothing);
  const SpanAttack span(SpanAttack::clean_space(setting.risk, setting.feasible), setting.risk, utility, setting.start(),
                        setting.near);
  EXPECT_NEAR(span.utility().value(span.near().weights), utility.value(setting.near.weights), 1e-12);
}

}  // namespace
}  // namespace crosstalk::attack
