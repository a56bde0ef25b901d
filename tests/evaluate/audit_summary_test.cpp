#include "crosstalk/evaluate/audit_summary.hpp"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "evaluate/small_audit.hpp"
#include "src/evaluate/audit_json.hpp"

using namespace crosstalk;
using namespace crosstalk::evaluate;
using testing::ElementsAre;

namespace {

constexpr double kTight = 1e-12;  // sums of a few numbers near 1

TEST(AuditSummary, CountsTheTargetsAlone) {
  AuditResult result = small_audit::told({.tasks = 4});
  Outcome& direct = result.outcomes[3];  // scenario 1, planned, 30 %
  ASSERT_EQ(direct.method, Method::Patom);
  direct.loss = Eigen::Vector4d(3.0, 4.0, 100.0, 100.0);  // clean 1, 4/3, 5/3, 2; targets are the first two
  direct.metrics.col(0) = Eigen::Vector4d(0.5, 0.7, 0.0, 0.0);
  direct.utility = 25.0;
  direct.refit_loss = Eigen::Vector4d(2.0, 3.0, 100.0, 100.0);

  const AuditSummary summary = summarise(result);

  const Exposure* const exposure = summary.find(attack::Kind::Direct, Method::Patom, 0.3);
  ASSERT_NE(exposure, nullptr);
  EXPECT_NEAR(exposure->loss_rise, (3.0 + 4.0) / (1.0 + 4.0 / 3.0) - 1.0, kTight);
  EXPECT_NEAR(exposure->refit_rise, (2.0 + 3.0) / (1.0 + 4.0 / 3.0) - 1.0, kTight);
  EXPECT_TRUE(std::isnan(summary.find(attack::Kind::Direct, Method::Patom, 0.15)->refit_rise));
  EXPECT_NEAR(exposure->metric, 0.6, kTight);
  EXPECT_NEAR(exposure->clean_metric, 0.9, kTight);
  EXPECT_NEAR(exposure->utility_rise, 1.5, kTight);
  EXPECT_EQ(summary.metric, "auc");
  EXPECT_THAT(summary.budgets, ElementsAre(0.15, 0.3));
}

TEST(AuditSummary, PoolsTheTargetsOfAllScenariosOfAKind) {
  const AuditResult result = small_audit::run(small_audit::options());
  const AuditSummary summary = summarise(result);
  for (std::size_t kind = 0; kind < 3; ++kind) {
    double sum = 0.0;
    for (const std::size_t s : {kind, kind + 3})
      for (const std::size_t i : result.scenarios[s].targets)
        sum += result.find(s, Method::Patom, 0.3)->loss[static_cast<Eigen::Index>(i)];
    const double rise = sum / result.clean_loss.sum() - 1.0;
    EXPECT_NEAR(summary.find(result.scenarios[kind].kind, Method::Patom, 0.3)->loss_rise, rise, kTight);
  }
  EXPECT_EQ(summary.tasks.size(), 4U);
}

// The second task's clean loss is near 0 and so is what the attack adds to it: no large number, not the first place.
TEST(AuditSummary, ATaskWithNextToNoCleanLossDoesNotLead) {
  AuditResult result = small_audit::told({.tasks = 4, .direct = 0.0, .indirect = 0.0, .hybrid = 0.0, .random = 0.0});
  result.clean_loss[1] = 1e-9;
  for (Outcome& outcome : result.outcomes) outcome.loss[1] = 1e-3;
  result.outcomes[3].loss[0] = 1.5;  // scenario 1, planned, 30 %

  const AuditSummary summary = summarise(result);

  EXPECT_NEAR(summary.worst->loss_rise, 0.501, 1e-8);
  ASSERT_EQ(summary.tasks.size(), 2U);
  EXPECT_EQ(summary.tasks[0].task, 0U);
  EXPECT_NEAR(summary.tasks[0].attacks[summary.tasks[0].worst].added_loss, 0.5 / 0.5, 1e-8);
  EXPECT_NEAR(summary.tasks[1].attacks[summary.tasks[1].worst].added_loss, 1e-3 / 0.5, 1e-8);
}

TEST(AuditSummary, TheMeanOfTheTargetsAddedLossesIsTheRise) {
  const AuditResult result = small_audit::run(small_audit::options());
  const AuditSummary summary = summarise(result);
  for (const attack::Kind kind : summary.kinds) {
    double sum = 0.0;
    for (const TaskExposure& task : summary.tasks) sum += task.find(kind, Method::Patom)->added_loss;
    EXPECT_NEAR(sum / 4.0, summary.find(kind, Method::Patom, 0.3)->loss_rise, kTight);
  }
}

TEST(AuditSummary, TheWorstIsAPlannedAttackAtTheLargestBudget) {
  AuditResult result = small_audit::told({.direct = 0.2, .indirect = 0.1, .hybrid = 0.4, .random = 5.0});
  const AuditSummary summary = summarise(result);
  EXPECT_EQ(summary.budget, 0.3);
  ASSERT_TRUE(summary.worst);
  EXPECT_EQ(summary.worst->kind, attack::Kind::Hybrid);
  EXPECT_EQ(summary.worst->method, Method::Patom);
  EXPECT_EQ(summary.worst->budget, 0.3);
}

TEST(AuditSummary, TasksAreSortedByTheirWorstAttack) {
  AuditResult result = small_audit::told({.tasks = 6});
  for (Outcome& outcome : result.outcomes)
    if (outcome.method == Method::Patom && outcome.scenario == 1) outcome.loss[1] = 50.0;
  const AuditSummary summary = summarise(result);
  ASSERT_EQ(summary.tasks.size(), 3U);  // the targets alone
  EXPECT_EQ(summary.tasks[0].task, 1U);
  const TaskExposure::Under& worst = summary.tasks[0].attacks[summary.tasks[0].worst];
  EXPECT_EQ(worst.kind, attack::Kind::Indirect);
  EXPECT_EQ(worst.method, Method::Patom);
  EXPECT_EQ(worst.loss, 50.0);
  EXPECT_EQ(summary.tasks[0].attacks.size(), 6U);
}

TEST(AuditSummary, LeavesOutWhatIsNotDefined) {
  AuditResult result = small_audit::told({.tasks = 4, .direct = 1.0});
  result.clean_loss.head(2).setZero();  // of the targets
  result.clean.values(1, 0) = std::numeric_limits<double>::quiet_NaN();
  for (Outcome& outcome : result.outcomes) outcome.metrics(1, 0) = result.clean.values(1, 0);

  const AuditSummary summary = summarise(result);

  const Exposure* const direct = summary.find(attack::Kind::Direct, Method::Patom, 0.3);
  EXPECT_TRUE(std::isnan(direct->loss_rise));
  EXPECT_NEAR(direct->metric, 0.5, kTight);
  ASSERT_EQ(summary.tasks.size(), 2U);
  EXPECT_TRUE(std::isnan(summary.tasks[0].attacks[0].added_loss));
  const nlohmann::json record = to_json(summary, result.task_names);
  EXPECT_TRUE(record.at("tasks").at(0).at("added_loss").is_null());
  EXPECT_TRUE(record.at("worst").at("loss_rise").is_null());
  EXPECT_TRUE(record.at("tasks").at(1).at("attacks").at(0).at("metric").is_null());
}

TEST(AuditSummary, FindsTheStrongestChangeOfACorrelation) {
  AuditResult result = small_audit::told({.tasks = 4});
  Outcome& hybrid = result.outcomes[11];
  ASSERT_EQ(hybrid.scenario, 2U);
  hybrid.correlation(1, 3) = hybrid.correlation(3, 1) = 0.75;
  result.outcomes[9].correlation(0, 2) = -1.0;  // random rows do not count
  const AuditSummary summary = summarise(result);
  ASSERT_FALSE(summary.correlation_changes.empty());
  const CorrelationChange& change = summary.correlation_changes.front();
  EXPECT_EQ(change.scenario, 2U);
  EXPECT_EQ(change.first, 1U);
  EXPECT_EQ(change.second, 3U);
  EXPECT_EQ(change.clean, 0.0);
  EXPECT_EQ(change.attacked, 0.75);
}

TEST(AuditSummary, CountsWhatRanAndWhatDidNotConverge) {
  AuditResult result = small_audit::told({});
  result.outcomes[3].loss.resize(0);
  result.harms[0].loss.resize(0);
  result.harms[1].converged = false;
  result.outcomes[0].converged = false;
  result.clean_fit.status = mtrl::Status::OutOfSteps;
  const AuditSummary summary = summarise(result);
  EXPECT_EQ(summary.planned_attacks, 12U);
  EXPECT_EQ(summary.finished_attacks, 11U);
  EXPECT_EQ(summary.planned_harms, 4U);
  EXPECT_EQ(summary.finished_harms, 3U);
  EXPECT_EQ(summary.most_harmful, 1U);
  EXPECT_EQ(summary.unconverged, 3U);
  EXPECT_EQ(summary.find(attack::Kind::Direct, Method::Patom, 0.3), nullptr);
  EXPECT_EQ(summary.worst->kind, attack::Kind::Hybrid);
}

TEST(AuditSummary, HasNoAnswerWhenNothingRan) {
  AuditResult result = small_audit::told({});
  for (Outcome& outcome : result.outcomes) outcome.loss.resize(0);
  const AuditSummary summary = summarise(result);
  EXPECT_FALSE(summary.budget);
  EXPECT_FALSE(summary.worst);
  EXPECT_TRUE(summary.tasks.empty());
  EXPECT_TRUE(to_json(summary, result.task_names).at("worst").is_null());
}

}  // namespace
