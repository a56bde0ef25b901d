#include "crosstalk/defence/certificate.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

#include "crosstalk/attack/exact_attack.hpp"
#include "support/problems.hpp"

using namespace crosstalk;
using defence::Admitted;
using defence::Certificate;

namespace {

const mtrl::Options kLearner = {.lambda1 = 0.05, .lambda2 = 0.05};

struct Case {
  TaskSet clean;
  const mtrl::Loss& loss;
  mtrl::EmpiricalRisk risk{clean, loss};
  mtrl::Fit fit = mtrl::solve(risk, kLearner);

  [[nodiscard]] std::vector<Admitted> in_the_ball(double radius) const {
    std::vector<Admitted> admitted;
    for (const attack::Interval& labels : attack::label_ranges(clean)) {
      Admitted row;
      row.centre = Eigen::VectorXd::Zero(clean.features() - 1);
      row.radius = radius;
      row.low = labels.low;
      row.high = labels.high;
      admitted.push_back(row);
    }
    return admitted;
  }
  [[nodiscard]] std::vector<Eigen::Index> injected(const attack::Threat& threat) const {
    std::vector<Eigen::Index> rows;
    for (std::size_t i = 0; i < clean.size(); ++i) rows.push_back(attack::injected_rows(threat, clean, i));
    return rows;
  }
  [[nodiscard]] double objective_with(const TaskSet& injected) const {
    return mtrl::solve(risk.with_rows(injected), kLearner).objective;
  }
};

Case case_of(const mtrl::Loss& loss) {
  return {problems::related_for(loss, {.tasks = 4, .rows = 40, .features = 4, .noise = 0.3, .seed = 3}), loss};
}

// Against the strongest attacks found: nothing may pass a bound, and the learner's own objective neither.
TEST(Certificate, HoldsAgainstTheExactAttack) {
  for (const auto* const loss : {&mtrl::squared_loss(), &mtrl::squared_hinge_loss(), &mtrl::logistic_loss()}) {
    const Case one = case_of(*loss);
    for (const double budget : {0.05, 0.3})
      for (const std::vector<std::size_t>& attackers : {std::vector<std::size_t>{0, 1}, {2, 3}}) {
        const attack::Threat threat{{0, 1}, attackers, budget};
        attack::FeasibleSet feasible;
        feasible.radius = 2.0;
        const attack::LossUtility utility(one.clean, *loss, threat.targets);
        Rng rng = Rng::stream(1, "rows");
        const TaskSet start = attack::random_rows(one.clean, threat, feasible, attack::LabelRule::Uniform, rng);
        const auto found = attack::exact_attack({one.risk, utility, feasible, start, kLearner, one.fit, rng},
                                                {.starts = 3, .iterations = 20, .free_labels = true});
        const Certificate certificate = defence::certify(one.risk, kLearner, one.fit, one.in_the_ball(2.0),
                                                         one.injected(threat), threat.targets, true);
        const double clean = utility.value(one.fit.weights);
        EXPECT_GT(found.iterates.back().utility, 1.001 * clean);  // or there is nothing to hold against
        EXPECT_GE(certificate.most, found.iterates.back().utility) << loss->name() << " " << budget;
        EXPECT_GE(certificate.objective, one.objective_with(found.injected));
      }
  }
}

// One row of one feature: all that can be injected is tried.
TEST(Certificate, IsCloseToTheWorstOfAllRows) {
  TaskSet tasks = {{"one", problems::normal_matrix(9, 1, 5), {}}};
  tasks[0].labels = 0.7 * tasks[0].features.col(0);
  const Case one{tasks, mtrl::squared_loss()};
  Admitted row;
  row.centre = Eigen::VectorXd::Constant(1, 0.5);
  row.radius = 1.5;
  row.low = -2.0;
  row.high = 1.0;
  double most = 0.0;
  double objective = 0.0;
  const attack::LossUtility utility(tasks, mtrl::squared_loss(), {0});
  for (double x = -1.0; x <= 2.0; x += 0.02)
    for (const double y : {-2.0, 1.0}) {
      const TaskSet injected = {{"one", Eigen::MatrixXd::Constant(1, 1, x), Eigen::VectorXd::Constant(1, y)}};
      const mtrl::Fit fit = mtrl::solve(one.risk.with_rows(injected), kLearner);
      most = std::max(most, utility.value(fit.weights));
      objective = std::max(objective, fit.objective);
    }
  const Certificate certificate = defence::certify(one.risk, kLearner, one.fit, {row}, {1}, {0}, false);
  EXPECT_GE(certificate.objective, objective);
  EXPECT_LE(certificate.objective, 1.05 * objective);
  EXPECT_GE(certificate.most, most);
  EXPECT_LE(certificate.most, 6.0 * most);
}

TEST(Certificate, ASlabLowersTheBoundAndHoldsInsideIt) {
  for (const auto* const loss : {&mtrl::squared_loss(), &mtrl::squared_hinge_loss()}) {
    const Case one = case_of(*loss);
    const attack::Threat threat{{0, 1}, {0, 1}, 0.2};
    attack::FeasibleSet feasible;
    feasible.radius = 10.0;
    const attack::Screen screen(one.clean, one.fit.weights, true, {});
    feasible.screen = screen;
    std::vector<Admitted> admitted = one.in_the_ball(10.0);
    for (std::size_t i = 0; i < admitted.size(); ++i) {
      const attack::Screen::Limits limits = screen.limits(i);
      admitted[i].centre = limits.centre;
      admitted[i].radius = limits.distance;
      admitted[i].weights = limits.weights;
      admitted[i].width = limits.residual;
    }
    const attack::LossUtility utility(one.clean, *loss, threat.targets);
    Rng rng = Rng::stream(1, "rows");
    const TaskSet start = attack::random_rows(one.clean, threat, feasible, attack::LabelRule::Uniform, rng);
    const auto found = attack::exact_attack({one.risk, utility, feasible, start, kLearner, one.fit, rng},
                                            {.starts = 3, .iterations = 20, .free_labels = true});
    const auto injected = one.injected(threat);
    const Certificate inside = defence::certify(one.risk, kLearner, one.fit, admitted, injected, {0, 1}, true);
    const Certificate ball =
        defence::certify(one.risk, kLearner, one.fit, one.in_the_ball(10.0), injected, {0, 1}, true);
    EXPECT_GE(inside.most, found.iterates.back().utility);
    EXPECT_GE(inside.objective, one.objective_with(found.injected));
    EXPECT_LT(inside.most, ball.most) << loss->name();
  }
}

TEST(Certificate, ABoxIsSmallerThanTheBallAroundIt) {
  const Case one = case_of(mtrl::squared_loss());
  std::vector<Admitted> ball = one.in_the_ball(std::sqrt(3.0));
  std::vector<Admitted> box = ball;
  for (Admitted& row : box) row.half_widths = Eigen::VectorXd::Ones(3);
  const std::vector<Eigen::Index> injected = {4, 4, 0, 0};
  const auto bound = [&](const std::vector<Admitted>& admitted) {
    return defence::certify(one.risk, kLearner, one.fit, admitted, injected, {0, 1}, true);
  };
  EXPECT_LT(bound(box).objective, bound(ball).objective);
}

// Nothing is injected, so nothing moves; what is left is the gap of the bound itself.
TEST(Certificate, WithoutRowsItIsTheCleanLoss) {
  const Case one = case_of(mtrl::squared_loss());
  const double clean = attack::LossUtility(one.clean, one.loss, {0, 2}).value(one.fit.weights);
  const Certificate none =
      defence::certify(one.risk, kLearner, one.fit, one.in_the_ball(1.0), {0, 0, 0, 0}, {0, 2}, true);
  EXPECT_GE(none.most, clean);
  EXPECT_LT(none.most, 1.02 * clean);
}

// The model of zeros has a bounded loss on the wildest row.
TEST(Certificate, HoldsForFeaturesWithoutLimits) {
  const Case one = case_of(mtrl::squared_loss());
  const Certificate any = defence::certify(
      one.risk, kLearner, one.fit, one.in_the_ball(std::numeric_limits<double>::infinity()), {2, 2, 0, 0}, {0}, true);
  EXPECT_TRUE(std::isfinite(any.most));
  auto unlimited = one.in_the_ball(1.0);
  unlimited[0].high = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(std::isinf(defence::certify(one.risk, kLearner, one.fit, unlimited, {2, 2, 0, 0}, {0}, true).most));
}

TEST(Certificate, RefusesRowsOfOtherTasks) {
  const Case one = case_of(mtrl::squared_loss());
  const auto refusal = [&](const std::vector<Admitted>& admitted, const std::vector<Eigen::Index>& injected,
                           const std::vector<std::size_t>& targets) -> std::string {
    try {
      defence::certify(one.risk, kLearner, one.fit, admitted, injected, targets, true);
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "no error";
  };
  const auto ball = one.in_the_ball(1.0);
  const std::string others = "certify: the rows or targets are not those of the tasks";
  EXPECT_EQ(refusal({ball[0]}, {1, 0, 0, 0}, {0}), others);
  EXPECT_EQ(refusal(ball, {1, 0, 0}, {0}), others);
  EXPECT_EQ(refusal(ball, {1, 0, 0, 0}, {4}), others);
  EXPECT_EQ(refusal(ball, {1, 0, 0, 0}, {}), others);
  auto wide = ball;
  wide[0].centre = Eigen::VectorXd::Zero(7);
  EXPECT_EQ(refusal(wide, {1, 0, 0, 0}, {0}), "certify: the centre of admitted rows has not the tasks' features");
}

}  // namespace
