#include "crosstalk/attack/threat.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gmock/gmock.h>

#include "support/problems.hpp"

namespace crosstalk::attack {
namespace {

using testing::ThrowsMessage;

TEST(KindOf, ComparesTargetsAndAttackersAsSets) {
  EXPECT_EQ(kind_of({{0, 1}, {0, 1}}), Kind::Direct);
  EXPECT_EQ(kind_of({{0, 1}, {1, 0}}), Kind::Direct);
  EXPECT_EQ(kind_of({{0, 1}, {2, 3}}), Kind::Indirect);
  EXPECT_EQ(kind_of({{0, 1}, {1, 2}}), Kind::Hybrid);
  EXPECT_EQ(kind_of({{0, 1}, {0, 1, 2}}), Kind::Hybrid);
  EXPECT_EQ(kind_of({{0, 1}, {0}}), Kind::Hybrid);
  EXPECT_EQ(to_string(Kind::Direct), "direct");
  EXPECT_EQ(to_string(Kind::Indirect), "indirect");
  EXPECT_EQ(to_string(Kind::Hybrid), "hybrid");
}

TEST(InjectedRows, AreTheRoundedShareOfTheCleanRows) {
  TaskSet tasks;
  for (const Eigen::Index n : {1, 2, 10, 15})
    tasks.tasks.push_back({"task", Eigen::MatrixXd::Zero(n, 2), Eigen::VectorXd::Zero(n)});
  const Threat threat = {{0}, {0, 1, 3}, 0.3};
  EXPECT_EQ(injected_rows(threat, tasks, 0), 0);  // 0.3
  EXPECT_EQ(injected_rows(threat, tasks, 1), 1);  // 0.6
  EXPECT_EQ(injected_rows(threat, tasks, 2), 0);  // does not attack
  EXPECT_EQ(injected_rows(threat, tasks, 3), 5);  // 4.5
  EXPECT_EQ(injected_rows({{0}, {3}, 2.0}, tasks, 3), 30);
  EXPECT_EQ(injected_rows({{0}, {3}, 0.0}, tasks, 3), 0);
}

TEST(Threat, IsRefusedWhenItBreaksARule) {
  const TaskSet tasks = problems::related_regression({.tasks = 3, .rows = 10, .features = 2});
  const auto expect = [&](const Threat& threat, const std::string& message) {
    EXPECT_THAT([&] { require_valid(threat, tasks); }, ThrowsMessage<std::invalid_argument>(message));
  };
  EXPECT_NO_THROW(require_valid({{0, 2}, {1}}, tasks));
  EXPECT_NO_THROW(require_valid({{0}, {1}, 0.0}, tasks));
  expect({{}, {1}}, "attack: there are no target tasks");
  expect({{0}, {}}, "attack: there are no attacking tasks");
  expect({{3}, {1}}, "attack: target task 4 does not exist; there are 3 tasks");
  expect({{0}, {1, 5}}, "attack: attacking task 6 does not exist; there are 3 tasks");
  expect({{1, 0, 1}, {2}}, "attack: target task \"task 2\" is named twice");
  expect({{0}, {2, 2}}, "attack: attacking task \"task 3\" is named twice");
  expect({{0}, {1}, -0.1}, "attack: budget is -0.1; it must be from 0 to 100");
  expect({{0}, {1}, 101.0}, "attack: budget is 101; it must be from 0 to 100");
  expect({{0}, {1}, std::nan("")}, "attack: budget is nan; it must be from 0 to 100");
  expect({{0}, {1}, 0.3, {1}}, "attack: 1 numbers of rows for 3 tasks");
  expect({{0}, {0, 1}, 0.01}, "attack: a budget of 0.01 of the clean rows buys no row in any attacking task");
}

TEST(RandomHalves, SplitTheTasksInTwo) {
  for (const std::size_t m : {1U, 2U, 7U, 10U}) {
    const Halves halves = random_halves(m, 3);
    EXPECT_EQ(halves.first.size(), (m + 1) / 2);
    EXPECT_TRUE(std::is_sorted(halves.first.begin(), halves.first.end()));
    EXPECT_TRUE(std::is_sorted(halves.second.begin(), halves.second.end()));
    std::vector<std::size_t> all = halves.first;
    all.insert(all.end(), halves.second.begin(), halves.second.end());
    std::sort(all.begin(), all.end());
    ASSERT_EQ(all.size(), m);
    for (std::size_t i = 0; i < m; ++i) EXPECT_EQ(all[i], i);
  }
  EXPECT_EQ(random_halves(10, 3).first, random_halves(10, 3).first);
  EXPECT_NE(random_halves(10, 3).first, random_halves(10, 4).first);
}

TEST(LabelRule, IsFoundByItsName) {
  for (const LabelRule rule : {LabelRule::Clean, LabelRule::Uniform, LabelRule::Ends, LabelRule::Free})
    EXPECT_EQ(label_rule_named(std::string(to_string(rule))), rule);
  EXPECT_THAT(
      [] { label_rule_named("random"); },
      ThrowsMessage<std::invalid_argument>("unknown rule for labels \"random\"; there are clean, uniform, ends, free"));
}

class RandomRows : public testing::Test {
 protected:
  const TaskSet regression = problems::related_regression({.tasks = 3, .rows = 40, .features = 5});
  const TaskSet classes = problems::related_classification({.tasks = 3, .rows = 40, .features = 5});
  const Threat threat = {{0}, {0, 2}, 1.5};
  const FeasibleSet feasible = {.radius = 0.7, .bias = true};
  [[nodiscard]] TaskSet draw(const TaskSet& clean, LabelRule rule, std::uint64_t seed = 1) const {
    Rng rng(seed);
    return random_rows(clean, threat, feasible, rule, rng);
  }
};

TEST_F(RandomRows, AreFeasibleAndOnlyInAttackingTasks) {
  const TaskSet rows = draw(regression, LabelRule::Uniform);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].rows(), 60);
  EXPECT_EQ(rows[1].rows(), 0);
  EXPECT_EQ(rows[2].rows(), 63);
  for (const Task& task : rows) {
    EXPECT_EQ(task.features.cols(), 5);
    EXPECT_EQ(task.labels.size(), task.rows());
    if (task.rows() == 0) continue;
    EXPECT_LE(task.features.leftCols(4).rowwise().norm().maxCoeff(), 0.7 * (1.0 + 1e-15));
    EXPECT_GT(task.features.leftCols(4).rowwise().norm().maxCoeff(), 0.6);  // they fill the ball
    EXPECT_TRUE((task.features.col(4).array() == 1.0).all());
  }
  EXPECT_EQ(rows.names(), regression.names());
}

TEST_F(RandomRows, LabelsFollowTheRule) {
  const Eigen::VectorXd& own = regression[2].labels;
  const double low = own.minCoeff();
  const double high = own.maxCoeff();
  const Eigen::VectorXd drawn = draw(regression, LabelRule::Clean)[2].labels;
  for (const double y : drawn) EXPECT_TRUE((own.array() == y).any());
  const Eigen::VectorXd uniform = draw(regression, LabelRule::Uniform)[2].labels;
  EXPECT_GE(uniform.minCoeff(), low);
  EXPECT_LE(uniform.maxCoeff(), high);
  EXPECT_GT(uniform.maxCoeff() - uniform.minCoeff(), 0.8 * (high - low));  // 63 draws: 0.97 on average
  EXPECT_FALSE((uniform.array() == low).any());
  const Eigen::VectorXd ends = draw(regression, LabelRule::Ends)[2].labels;
  EXPECT_TRUE((ends.array() == low || ends.array() == high).all());
  EXPECT_TRUE((ends.array() == low).any() && (ends.array() == high).any());
}

TEST_F(RandomRows, ClassLabelsAreSignsWhateverTheRule) {
  for (const LabelRule rule : {LabelRule::Clean, LabelRule::Uniform, LabelRule::Ends}) {
    const Eigen::VectorXd labels = draw(classes, rule)[0].labels;
    EXPECT_TRUE((labels.array().abs() == 1.0).all());
    EXPECT_LT(std::abs(labels.mean()), 1.0);
  }
  EXPECT_EQ(draw(classes, LabelRule::Uniform)[0].labels, draw(classes, LabelRule::Ends)[0].labels);
}

TEST_F(RandomRows, ATaskOfOneClassGetsBothSigns) {
  TaskSet tasks = classes;
  tasks[0].labels.setOnes();
  EXPECT_TRUE((draw(tasks, LabelRule::Ends)[0].labels.array() < 0.0).any());
}

TEST_F(RandomRows, TheSeedDecides) {
  EXPECT_EQ(draw(regression, LabelRule::Uniform, 1)[0].features, draw(regression, LabelRule::Uniform, 1)[0].features);
  EXPECT_NE(draw(regression, LabelRule::Uniform, 1)[0].features, draw(regression, LabelRule::Uniform, 2)[0].features);
}

TEST(MoveTowardsClean, RowsLieBetweenTwoCleanOnesAndPassTheScreen) {
  const TaskSet clean = problems::related_regression({.tasks = 3, .rows = 20, .features = 4});
  FeasibleSet feasible = {.radius = 10.0, .bias = true, .fixed = {0, 1, 2}};
  feasible.screen = Screen(clean, Eigen::MatrixXd::Zero(4, 3), true, {.distance = false, .quantile = 0.5});
  Rng rng(1);
  const TaskSet copies = random_rows(clean, {{0}, {0, 2}, 1.0}, feasible, LabelRule::Uniform, rng);
  TaskSet rows = copies;
  move_towards_clean(rows, clean, feasible, 0.25, rng);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    ASSERT_EQ(rows[i].rows(), i == 1 ? 0 : clean[i].rows());
    for (Eigen::Index j = 0; j < rows[i].rows(); ++j) {
      const Eigen::RowVectorXd other = 4.0 * rows[i].features.row(j) - 3.0 * copies[i].features.row(j);
      EXPECT_LT((clean[i].features.rowwise() - other).rowwise().norm().minCoeff(), 1e-12) << i << " " << j;
      EXPECT_TRUE(feasible.passes(i, rows[i].features.row(j).transpose(), rows[i].labels[j])) << i << " " << j;
    }
  }
}

}  // namespace
}  // namespace crosstalk::attack
