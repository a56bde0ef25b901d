#include "crosstalk/attack/patom.hpp"

#include <cmath>
#include <limits>
#include <stop_token>

#include <gmock/gmock.h>

#include "support/problems.hpp"

namespace crosstalk::attack {
namespace {

using testing::ThrowsMessage;

struct Setting {
  explicit Setting(const mtrl::Loss& loss = mtrl::squared_loss(), std::vector<std::size_t> attackers = {0, 1})
      : clean(problems::related_for(loss, {.tasks = 4, .rows = 30, .features = 5})),
        threat{{0, 1}, std::move(attackers), 0.3},
        risk(clean, loss),
        utility(clean, loss, threat.targets),
        near(mtrl::solve(risk, learner)) {}

  [[nodiscard]] TaskSet start(LabelRule rule = LabelRule::Uniform) const {
    Rng rng(5);
    return random_rows(clean, threat, feasible, rule, rng);
  }
  [[nodiscard]] AttackResult run(const PatomOptions& options, std::uint64_t seed = 1,
                                 const RunControl& control = {}) const {
    return patom({risk, utility, feasible, start(), learner, near, Rng(seed)}, options, control);
  }

  TaskSet clean;
  Threat threat;
  FeasibleSet feasible = {1.0, true};
  mtrl::Options learner = {.lambda1 = 0.01, .lambda2 = 0.05, .smoothing = 0.05};
  mtrl::EmpiricalRisk risk;
  LossUtility utility;
  mtrl::Fit near;
};

TEST(Patom, KeepsTheStartAndEveryIteration) {
  const Setting setting;
  const AttackResult result = setting.run({.iterations = 4});
  EXPECT_FALSE(result.stopped);
  ASSERT_EQ(result.iterates.size(), 5U);
  // The first is the learner's answer to the random rows, the last to the rows that are returned.
  const mtrl::EmpiricalRisk start = setting.risk.with_rows(setting.start());
  const mtrl::EmpiricalRisk end = setting.risk.with_rows(result.injected);
  for (const auto& [risk, iterate] : {std::pair{&start, &result.iterates.front()}, {&end, &result.iterates.back()}}) {
    const mtrl::Fit fit = mtrl::solve(*risk, setting.learner);
    EXPECT_NEAR(iterate->fit.objective, fit.objective, 2e-10 * fit.objective);
    EXPECT_NEAR(iterate->utility, setting.utility.value(fit.weights), 1e-3 * iterate->utility);
  }
  for (const Iterate& iterate : result.iterates) {
    EXPECT_EQ(iterate.fit.status, mtrl::Status::Converged);
    EXPECT_EQ(iterate.utility, setting.utility.value(iterate.fit.weights));
  }
}

TEST(Patom, WithoutIterationsReturnsTheStart) {
  const Setting setting;
  const AttackResult result = setting.run({.iterations = 0});
  ASSERT_EQ(result.iterates.size(), 1U);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(result.injected[i].features, setting.start()[i].features);
}

TEST(Patom, RowsStayFeasibleAndLabelsStay) {
  for (const char* loss : {"squared", "squared-hinge", "logistic"}) {
    const Setting setting(mtrl::loss_named(loss), {1, 3});
    const AttackResult result = setting.run({.step = 100.0, .iterations = 3});
    const TaskSet start = setting.start();
    bool moved = false;
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_EQ(result.injected[i].labels, start[i].labels) << loss;
      EXPECT_EQ(result.injected[i].rows(), injected_rows(setting.threat, setting.clean, i)) << loss;
      if (result.injected[i].rows() == 0) continue;
      EXPECT_LE(result.injected[i].features.leftCols(4).rowwise().norm().maxCoeff(), 1.0 + 1e-15) << loss;
      EXPECT_TRUE((result.injected[i].features.col(4).array() == 1.0).all()) << loss;
      moved = moved || result.injected[i].features != start[i].features;
    }
    EXPECT_TRUE(moved) << loss;
  }
}

TEST(Patom, RaisesTheUtilityOfADirectAttack) {
  for (const char* loss : {"squared", "squared-hinge", "logistic"}) {
    const Setting setting(mtrl::loss_named(loss));
    const double clean = setting.utility.value(setting.near.weights);
    const AttackResult result = setting.run({.iterations = 10});
    EXPECT_GT(result.iterates.front().utility, clean) << loss;
    EXPECT_GT(result.iterates.back().utility, 1.05 * result.iterates.front().utility) << loss;
  }
}

TEST(Patom, OneStepIsProjectedAscentAlongTheGivenGradient) {
  const Setting setting;
  const TaskSet start = setting.start();
  RowDerivatives slopes;
  const RowGradient gradient = [&](const AttackState& state) {
    EXPECT_EQ(state.utility_gradient, setting.utility.gradient(state.fit.weights));
    EXPECT_EQ(state.injected[0].features, start[0].features);
    slopes = patom_row_gradient(state);
    return slopes;
  };
  const AttackResult result =
      patom({setting.risk, setting.utility, setting.feasible, start, setting.learner, setting.near, Rng(1)},
            {.step = 0.5, .iterations = 1, .full_batch = true, .gradient = gradient});
  for (const std::size_t i : {0U, 1U}) {
    Eigen::MatrixXd expected = start[i].features + 0.5 * slopes.features[i];
    setting.feasible.project(expected);
    EXPECT_EQ(result.injected[i].features, expected);
  }
}

TEST(Patom, BatchIsTheShareOfTheTargetRows) {
  // The expectation of the batch gradient is batch_share times the full gradient: with many rows they are close.
  const Setting setting;
  Eigen::MatrixXd batch_gradient;
  Eigen::MatrixXd full_gradient;
  const auto keep = [](Eigen::MatrixXd& where) {
    return RowGradient([&where](const AttackState& state) {
      where = state.utility_gradient;
      return patom_row_gradient(state);
    });
  };
  patom({setting.risk, setting.utility, setting.feasible, setting.start(), setting.learner, setting.near, Rng(1)},
        {.iterations = 1, .batch_share = 900.0, .gradient = keep(batch_gradient)});
  patom({setting.risk, setting.utility, setting.feasible, setting.start(), setting.learner, setting.near, Rng(1)},
        {.iterations = 1, .full_batch = true, .gradient = keep(full_gradient)});
  // 61 rows times 900 draws: relative error about 1 / sqrt(55,000) times the rows' spread.
  EXPECT_LT((batch_gradient / 900.0 - full_gradient).norm(), 0.1 * full_gradient.norm());
}

TEST(Patom, TheSeedDecides) {
  const Setting setting;
  const AttackResult a = setting.run({.iterations = 3}, 1);
  const AttackResult b = setting.run({.iterations = 3}, 1);
  const AttackResult c = setting.run({.iterations = 3}, 2);
  for (const std::size_t i : {0U, 1U}) EXPECT_EQ(a.injected[i].features, b.injected[i].features);
  EXPECT_EQ(a.iterates.back().utility, b.iterates.back().utility);
  EXPECT_NE(a.injected[0].features, c.injected[0].features);
  // Without batches there is nothing random left.
  EXPECT_EQ(setting.run({.iterations = 3, .full_batch = true}, 1).injected[0].features,
            setting.run({.iterations = 3, .full_batch = true}, 2).injected[0].features);
}

TEST(Patom, EndsWhenAskedToAndSaysSo) {
  const Setting setting;
  std::stop_source source;
  RunControl control;
  control.stop = source.get_token();
  std::vector<double> shares;
  control.progress = [&](double done, const std::string&) {
    shares.push_back(done);
    if (shares.size() == 2) source.request_stop();
  };
  const AttackResult result = setting.run({.iterations = 10}, 1, control);
  EXPECT_TRUE(result.stopped);
  EXPECT_EQ(result.iterates.size(), 3U);  // the start, one iteration, and the one during which the stop came
  EXPECT_EQ(shares, (std::vector<double>{0.0, 0.1}));
}

TEST(Patom, RefusesOptionsOutsideTheirRange) {
  const Setting setting;
  const auto expect = [&](const PatomOptions& options, const std::string& message) {
    EXPECT_THAT([&] { static_cast<void>(setting.run(options)); }, ThrowsMessage<std::invalid_argument>(message));
  };
  expect({.step = 0.0}, "patom: step is 0; it must be > 0");
  expect({.step = std::nan("")}, "patom: step is nan; it must be > 0");
  expect({.step = std::numeric_limits<double>::infinity()}, "patom: step is inf; it must be > 0");
  expect({.iterations = -1}, "patom: iterations is -1; it must be >= 0");
  expect({.batch_share = 0.0}, "patom: batch_share is 0; it must be in (0, 1000]");
  expect({.batch_share = 1001.0}, "patom: batch_share is 1001; it must be in (0, 1000]");
}

}  // namespace
}  // namespace crosstalk::attack
