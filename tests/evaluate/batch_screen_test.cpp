#include "crosstalk/evaluate/batch_screen.hpp"

#include <cmath>
#include <vector>

#include <gmock/gmock.h>

#include "crosstalk/rng.hpp"
#include "support/problems.hpp"

namespace crosstalk::evaluate {
namespace {

using testing::ElementsAre;
using testing::ThrowsMessage;

// Tasks under one law; the last feature is the constant 1.
TaskSet drawn(std::size_t tasks, Eigen::Index rows, std::uint64_t seed, bool classes = false) {
  TaskSet set;
  for (std::size_t i = 0; i < tasks; ++i) {
    Rng law = Rng::stream(1, "law", i);
    Eigen::VectorXd w(4);
    for (double& x : w) x = 1.0 + 0.3 * law.normal();
    Rng rng = Rng::stream(seed, "rows", i);
    Task task{"task " + std::to_string(i), Eigen::MatrixXd::Ones(rows, 4), {}};
    for (double& x : task.features.leftCols(3).reshaped()) x = rng.normal();
    task.labels = rows > 0 ? Eigen::VectorXd(task.features * w) : Eigen::VectorXd(0);
    for (double& y : task.labels) {
      y += 0.5 * rng.normal();
      if (classes) y = y > 1.0 ? 1.0 : -1.0;
    }
    set.tasks.push_back(std::move(task));
  }
  return set;
}

Task nobody(Eigen::Index features) {
  return {"", Eigen::MatrixXd(0, features), Eigen::VectorXd(0)};
}

TEST(RejectedAt, StepsUp) {
  // Benjamini and Hochberg 1995, Sec. 4: at 0.05 the first four of these fifteen.
  const std::vector<double> p = {0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
                                 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000};
  const std::vector<bool> rejected = rejected_at(p, 0.05, false);
  EXPECT_EQ(std::count(rejected.begin(), rejected.end(), true), 4);
  EXPECT_TRUE(rejected[3]);
  // c = 1 + 1/2 + ... + 1/15 = 3.318: three.
  const std::vector<bool> strict = rejected_at(p, 0.05, true);
  EXPECT_EQ(std::count(strict.begin(), strict.end(), true), 3);
  EXPECT_THAT(rejected_at({0.04, 0.04}, 0.05, false), ElementsAre(true, true));  // ties, and the step is up
  EXPECT_THAT(rejected_at({}, 0.05, false), ElementsAre());
}

TEST(RejectedAt, SaysHowManyItTakes) {
  EXPECT_EQ(fewest_rejections(100, 1.0 / 51.0, 0.05, false), 40U);
  EXPECT_EQ(fewest_rejections(100, 1.0 / 2001.0, 0.05, false), 1U);
  EXPECT_EQ(fewest_rejections(10, 0.2, 0.05, false), 11U);
  std::vector<double> p(100, 1.0);
  std::fill_n(p.begin(), 39, 1.0 / 51.0);
  EXPECT_FALSE(rejected_at(p, 0.05, false)[0]);
  p[39] = 1.0 / 51.0;
  EXPECT_TRUE(rejected_at(p, 0.05, false)[0]);
}

TEST(ScreenBatch, PValuesOfHonestRowsAreNoSmallerThanChanceGives) {
  for (const bool classes : {false, true})
    for (const Reference reference : {Reference::Task, Reference::All}) {
      double below = 0.0;
      double rows = 0.0;
      for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        const TaskSet trusted = drawn(4, 40, seed, classes);
        const BatchScreen screen =
            screen_batch(trusted, drawn(4, 50, 100 + seed, classes), nobody(4),
                         classes ? mtrl::logistic_loss() : mtrl::squared_loss(),
                         {.learner = {.lambda1 = 0.01, .lambda2 = 0.01}, .reference = reference, .seed = seed});
        for (const ScreenedTask& task : screen.tasks) {
          rows += static_cast<double>(task.p.size());
          below += static_cast<double>((task.p.array() <= 0.2).count());
          if (task.p.size() == 0) continue;
          EXPECT_GE(task.p.minCoeff(), 1.0 / (1.0 + static_cast<double>(task.references)));
        }
      }
      EXPECT_EQ(rows, 1200.0);
      EXPECT_NEAR(below / rows, 0.2, 0.05) << classes;
    }
}

// Nothing of the batch is learned from: a row's p does not depend on the other new rows.
TEST(ScreenBatch, LearnsNothingFromTheNewRows) {
  const TaskSet trusted = drawn(3, 40, 1);
  TaskSet batch = drawn(3, 20, 2);
  const BatchScreenOptions options = {.learner = {.lambda1 = 0.01, .lambda2 = 0.01}};
  const BatchScreen before = screen_batch(trusted, batch, nobody(4), mtrl::squared_loss(), options);
  for (std::size_t i = 0; i < 3; ++i) {
    batch[i].labels.tail(10).array() += 100.0;
    batch[i].features.bottomRows(10).leftCols(3).array() *= 50.0;
  }
  const BatchScreen after = screen_batch(trusted, batch, nobody(4), mtrl::squared_loss(), options);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(before.tasks[i].p.head(10), after.tasks[i].p.head(10));
    EXPECT_EQ(after.tasks[i].p.tail(10).maxCoeff(), 1.0 / 121.0);
    EXPECT_TRUE(after.tasks[i].task_rejected);
    EXPECT_TRUE(after.tasks[i].rejected[15]);
  }
  EXPECT_GE(after.rejected, 30U);
  EXPECT_EQ(after.rows, 60U);
}

TEST(ScreenBatch, HoldsStrangersAgainstAllTasks) {
  const TaskSet trusted = drawn(4, 40, 1);
  Task strangers = drawn(5, 30, 2)[4];
  const TaskSet none = drawn(4, 0, 1);
  const BatchScreenOptions options = {.learner = {.lambda1 = 0.01, .lambda2 = 0.01}};
  const auto screened = [&] { return screen_batch(trusted, none, strangers, mtrl::squared_loss(), options); };
  const BatchScreen honest = screened();
  EXPECT_EQ(honest.tasks.back().references, 160U);
  EXPECT_LE(honest.rejected, 3U);
  strangers.labels.tail(15).array() += 20.0;
  const BatchScreen attacked = screened();
  for (std::size_t j = 15; j < 30; ++j) {
    EXPECT_TRUE(attacked.tasks.back().rejected[j]);
    EXPECT_TRUE(attacked.tasks.back().residual_decides[j]);
  }
  EXPECT_EQ(honest.tasks.back().p.head(15), attacked.tasks.back().p.head(15));
}

TEST(ScreenBatch, IsRefusedWhenItBreaksARule) {
  EXPECT_THAT([] { require_valid(BatchScreenOptions{.alpha = 0.5}); },
              ThrowsMessage<std::invalid_argument>("alpha is 0.5; it must be in (0, 0.5)"));
  EXPECT_THAT([] { screen_batch(drawn(2, 5, 1), drawn(3, 5, 1), nobody(4), mtrl::squared_loss(), {}); },
              ThrowsMessage<std::invalid_argument>("screen: new rows of 3 tasks for 2"));
  EXPECT_THAT(
      [] { screen_batch(drawn(2, 1, 1), drawn(2, 5, 1), nobody(4), mtrl::squared_loss(), {}); },
      ThrowsMessage<std::invalid_argument>("screen: task \"task 0\" has 1 trusted row; it must have at least 2"));
}

}  // namespace
}  // namespace crosstalk::evaluate
