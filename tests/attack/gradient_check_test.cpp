#include "crosstalk/attack/gradient_check.hpp"

#include <gmock/gmock.h>

#include "crosstalk/attack/threat.hpp"
#include "crosstalk/data/dataset.hpp"
#include "crosstalk/preparation.hpp"
#include "support/problems.hpp"

namespace crosstalk::attack {
namespace {

using testing::ThrowsMessage;

constexpr double kExact = 1e-6;

struct Setting {
  TaskSet tasks;
  const mtrl::Loss& loss;
  mtrl::Options learner;
  std::vector<std::size_t> targets = {0, 2};
  TaskSet injected = rows_for(tasks, loss);

  static TaskSet rows_for(const TaskSet& tasks, const mtrl::Loss& loss) {
    std::vector<Eigen::Index> rows(tasks.size(), 0);
    rows[0] = 3;
    rows[1] = 2;
    return problems::injected_for(tasks, loss, rows, 9);
  }
  [[nodiscard]] GradientCheck check(const std::vector<NamedGradient>& gradients, double step = 1e-4) const {
    const GradientCheckOptions options = {.entries = 25, .step = step, .bias = false};
    return check_gradients(mtrl::EmpiricalRisk(tasks, loss), LossUtility(tasks, loss, targets), injected, learner,
                           gradients, options);
  }
  [[nodiscard]] GradientComparison check_exact(double step = 1e-4) const {
    return check({{"exact", exact_row_gradient}}, step).gradients.at(0);
  }
};

Setting setting_of(const problems::Named& problem, double smoothing, double lambda2 = 0.2) {
  return {problem.tasks, *problem.loss, {.lambda1 = 0.07, .lambda2 = lambda2, .smoothing = smoothing}};
}

TEST(ExactRowGradient, AgreesWithDifferencesOfRefits) {
  for (const auto& problem : problems::battery())
    for (const double smoothing : {0.3, 0.05}) {
      const GradientComparison exact = setting_of(problem, smoothing).check_exact();
      EXPECT_LE(exact.relative_error, kExact) << problem.name << ", e = " << smoothing;
      EXPECT_LE(exact.label_error, kExact) << problem.name << ", e = " << smoothing;
      EXPECT_GT(exact.cosine, 1.0 - kExact) << problem.name << ", e = " << smoothing;
      EXPECT_NEAR(exact.length, 1.0, kExact) << problem.name << ", e = " << smoothing;
    }
}

// A singular Omega: the solution has rank 1, and keeps it when a row moves.
TEST(ExactRowGradient, HoldsForASingularOmega) {
  Setting setting = {problems::rank_one({.tasks = 5, .rows = 20, .features = 4}),
                     mtrl::squared_loss(),
                     {.lambda1 = 0.01, .lambda2 = 1.0, .smoothing = 0.0}};
  const auto fit =
      mtrl::solve(mtrl::EmpiricalRisk(setting.tasks, setting.loss).with_rows(setting.injected), setting.learner);
  ASSERT_EQ(mtrl::Coupling(fit.weights, 0.0).singular_values()[1], 0.0);
  EXPECT_LE(setting.check_exact(0.03).relative_error, 1e-3);  // cutting to rank 1 leaves W six digits
  setting.learner.smoothing = 1e-6;
  EXPECT_LE(setting.check_exact().relative_error, 1e-4);
  setting.learner.smoothing = 1e-3;
  EXPECT_LE(setting.check_exact().relative_error, kExact);
}

TEST(FixedCovarianceRowGradient, IsExactWithoutCoupling) {
  for (const auto& problem : problems::battery()) {
    const auto check = setting_of(problem, 0.1, 0.0).check({{"fixed-covariance", fixed_covariance_row_gradient}});
    EXPECT_LE(check.gradients[0].relative_error, kExact) << problem.name;
  }
}

// With the coupling each is off, and in this order: all, Omega alone, nothing held fixed.
TEST(AllRowGradients, LessHeldFixedIsNearer) {
  const auto check = setting_of(problems::battery().front(), 0.1).check(all_row_gradients());
  ASSERT_EQ(check.gradients.size(), 3U);
  EXPECT_GT(check.gradients[0].relative_error, check.gradients[1].relative_error);
  EXPECT_GT(check.gradients[1].relative_error, 1e-3);
  EXPECT_LE(check.gradients[2].relative_error, kExact);
  EXPECT_EQ(check.gradients[0].label_error, 1.0);  // it claims zero
}

// The checker must see what is wrong.
TEST(GradientCheck, RefusesAWrongSignLengthAndIndex) {
  const Setting setting = setting_of(problems::battery().front(), 0.1);
  const auto wrong = [](auto change) {
    return RowGradient([change](const AttackState& state) {
      RowDerivatives slopes = exact_row_gradient(state);
      for (Eigen::MatrixXd& task : slopes.features)
        if (task.size() > 0) change(task);
      for (Eigen::VectorXd& task : slopes.labels) task *= -1.0;
      return slopes;
    });
  };
  const auto check = setting.check({{"sign", wrong([](Eigen::MatrixXd& g) { g = -g; })},
                                    {"length", wrong([](Eigen::MatrixXd& g) { g *= 1.001; })},
                                    {"index", wrong([](Eigen::MatrixXd& g) {
                                       const Eigen::MatrixXd transposed = g.transpose();
                                       g = transposed.reshaped(g.rows(), g.cols());
                                     })}});
  EXPECT_NEAR(check.gradients[0].cosine, -1.0, 1e-6);
  EXPECT_NEAR(check.gradients[0].relative_error, 2.0, 1e-5);
  EXPECT_NEAR(check.gradients[1].relative_error, 1e-3, 1e-5);
  EXPECT_NEAR(check.gradients[1].length, 1.001, 1e-5);
  EXPECT_GT(check.gradients[2].relative_error, 0.1);
  EXPECT_NEAR(check.gradients[0].label_error, 2.0, 1e-5);
}

TEST(GradientCheck, LeavesTheBiasAloneAndStopsWhenAsked) {
  const Setting setting = setting_of(problems::battery().front(), 0.1);
  const mtrl::EmpiricalRisk risk(setting.tasks, setting.loss);
  const LossUtility utility(setting.tasks, setting.loss, setting.targets);
  GradientCheckOptions options;
  options.entries = 1000;
  const auto check = check_gradients(risk, utility, setting.injected, setting.learner, {}, options);
  EXPECT_EQ(check.entries, static_cast<std::size_t>(5 * (risk.features() - 1)));
  std::stop_source source;
  source.request_stop();
  RunControl control;
  control.stop = source.get_token();
  const auto stopped =
      check_gradients(risk, utility, setting.injected, setting.learner, all_row_gradients(), options, control);
  EXPECT_TRUE(stopped.stopped);
  EXPECT_TRUE(stopped.gradients.empty());
}

TEST(GradientCheck, NamesWhatCannotBe) {
  const Setting setting = setting_of(problems::battery().front(), 0.1);
  const mtrl::EmpiricalRisk risk(setting.tasks, setting.loss);
  const LossUtility utility(setting.tasks, setting.loss, setting.targets);
  TaskSet none = setting.injected;
  for (Task& task : none.tasks) {
    task.features.resize(0, task.features.cols());
    task.labels.resize(0);
  }
  const auto check = [&](const TaskSet& rows, GradientCheckOptions options) {
    return [&risk, &utility, &setting, &rows, options] {
      check_gradients(risk, utility, rows, setting.learner, {}, options);
    };
  };
  EXPECT_THAT(check(none, {}), ThrowsMessage<std::invalid_argument>("gradient check: there is no injected row"));
  EXPECT_THAT(check(setting.injected, {.entries = 0}),
              ThrowsMessage<std::invalid_argument>("gradient check: entries is 0; it must be >= 1"));
  EXPECT_THAT(check(setting.injected, {.step = -1.0}),
              ThrowsMessage<std::invalid_argument>("gradient check: step is -1; it must be > 0"));
}

class OnRealRows : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(RealData, OnRealRows, testing::Values("sarcos", "landmine"));

TEST_P(OnRealRows, ExactAgreesWithDifferences) {
  if (!data::locate(*data::find_known_set(GetParam()), data::default_search_path()))
    GTEST_SKIP() << GetParam() << " is not on this machine; set CROSSTALK_DATA to the folder with it";
  const data::Dataset set = data::load(GetParam(), {.seed = 1});
  const TaskSet train = Preparation::fit(set.train, {}).apply(set.train);
  const mtrl::Loss& loss = GetParam() == "sarcos" ? mtrl::squared_loss() : mtrl::squared_hinge_loss();
  const Threat threat = {{0, 1, 2}, {0, 1, 3}, 0.1};
  Rng rng = Rng::stream(1, "rows");
  const TaskSet injected = random_rows(train, threat, {1.0, true}, LabelRule::Uniform, rng);
  const mtrl::Options learner = {.lambda1 = 0.1, .lambda2 = 0.1, .smoothing = 0.1};
  GradientCheckOptions options;
  options.entries = 40;
  const auto check = check_gradients(mtrl::EmpiricalRisk(train, loss), LossUtility(train, loss, threat.targets),
                                     injected, learner, all_row_gradients(), options);
  EXPECT_LE(check.gradients[2].relative_error, kExact);
  EXPECT_LE(check.gradients[2].label_error, kExact);
  EXPECT_GT(check.gradients[0].relative_error, 0.1);
}

}  // namespace
}  // namespace crosstalk::attack
