#include "crosstalk/defence/defend.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include <gtest/gtest.h>
#include <Eigen/QR>

#include "crosstalk/rng.hpp"
#include "injected.hpp"

namespace crosstalk {

namespace {

using defence::Defended;
using defence::Method;
using defence::Options;

constexpr mtrl::Options kLearner = {.lambda1 = 0.01, .lambda2 = 0.02};

TaskSet honest() {
  return problems::related_regression({.tasks = 6, .rows = 80, .features = 5, .seed = 1});
}

// 20 rows behind the 81 of the second task.
TaskSet attacked() {
  return problems::with_cluster(honest(), 1, 20, -15.0);
}

Defended defended(const TaskSet& tasks, Options options = {.learner = kLearner}) {
  return defence::defend(tasks, mtrl::squared_loss(), options);
}

std::string refusal(const TaskSet& tasks, const Options& options) {
  try {
    defence::defend(tasks, mtrl::squared_loss(), options);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

// Of the rows of a task from `first` on, and of those before, how many are kept.
struct Kept {
  std::ptrdiff_t honest = 0;
  std::ptrdiff_t injected = 0;
};

Kept kept_of(const Defended& result, std::size_t task, Eigen::Index first) {
  const auto& rows = result.kept[task];
  const auto injected = std::ranges::count_if(rows, [&](Eigen::Index j) { return j >= first; });
  return {static_cast<std::ptrdiff_t>(rows.size()) - injected, injected};
}

TEST(Defend, InjectedRowsAreLeftOutAndFlagged) {
  const Defended result = defended(attacked());
  EXPECT_EQ(kept_of(result, 1, 81).injected, 0);
  EXPECT_GE(kept_of(result, 1, 81).honest, 75);
  for (std::size_t j = 81; j < 101; ++j) EXPECT_TRUE(result.rows[1].flagged[j]) << j;
  EXPECT_TRUE(result.tasks[1].flagged);
  for (std::size_t i = 0; i < result.tasks.size(); ++i)
    if (i != 1) {
      EXPECT_LT(result.tasks[i].score, result.tasks[1].score);
    }
}

// The injected rows change the model by a fifth at least.
TEST(Defend, ModelIsThatOfTheHonestRows) {
  const Eigen::MatrixXd wanted = mtrl::solve(honest(), mtrl::squared_loss(), kLearner).weights;
  const Eigen::MatrixXd plain = mtrl::solve(attacked(), mtrl::squared_loss(), kLearner).weights;
  EXPECT_GT((plain - wanted).norm(), 0.2 * wanted.norm());
  EXPECT_LT((defended(attacked()).fit.weights - wanted).norm(), 0.03 * wanted.norm());
}

TEST(Defend, EveryRowLeftOutSaysWhy) {
  const Defended result = defended(attacked());
  for (std::size_t i = 0; i < result.rows.size(); ++i)
    for (std::size_t j = 0; j < result.rows[i].reasons.size(); ++j) {
      const bool is_kept = std::ranges::binary_search(result.kept[i], static_cast<Eigen::Index>(j));
      EXPECT_EQ(result.rows[i].reasons[j].empty(), is_kept) << i << ' ' << j;
      for (const defence::Reason& reason : result.rows[i].reasons[j]) {
        EXPECT_NE(std::ranges::find(result.statistics, reason.detector), result.statistics.end()) << reason.detector;
        EXPECT_GT(reason.p, 0.0);
        EXPECT_LE(reason.p, 1.0);
      }
    }
  ASSERT_FALSE(result.decisions.empty());
  EXPECT_TRUE(result.decisions[0].accepted);
  EXPECT_LE(result.decisions[0].p, 0.01);
  EXPECT_FALSE(result.decisions.back().accepted);
}

TaskSet first_rows(TaskSet tasks, Eigen::Index rows) {
  for (Task& task : tasks) {
    task.features.conservativeResize(rows, Eigen::NoChange);
    task.labels.conservativeResize(rows);
  }
  return tasks;
}

TEST(Defend, GaussianTasksOfAnySizeLoseNoRow) {
  for (const Eigen::Index rows : {4, 6, 10, 20})
    for (const std::uint64_t seed : {1U, 2U, 3U}) {
      TaskSet tasks =
          problems::related_regression({.tasks = 40, .rows = rows, .features = 7, .noise = 0.5, .seed = seed});
      EXPECT_EQ(defended(first_rows(std::move(tasks), rows)).left_out, 0.0) << rows << " rows, seed " << seed;
    }
}

// Small tasks of which half get two rows at the rim, as an attack on the tasks' own model places them.
TEST(Defend, InjectedRowsOfSmallTasksAreLeftOut) {
  constexpr Eigen::Index kRows = 15;
  TaskSet tasks = first_rows(
      problems::related_regression({.tasks = 20, .rows = kRows, .features = 6, .noise = 0.3, .seed = 4}), kRows);
  const Eigen::MatrixXd wanted = mtrl::solve(tasks, mtrl::squared_loss(), kLearner).weights;
  for (std::size_t i = 0; i < 10; ++i) {
    Task& task = tasks[i];
    task.features.conservativeResize(kRows + 2, Eigen::NoChange);
    task.labels.conservativeResize(kRows + 2);
    for (const Eigen::Index j : {kRows, kRows + 1}) {
      const Eigen::VectorXd w = wanted.col(static_cast<Eigen::Index>(i));
      task.features.row(j) = 6.0 * w.transpose() / w.norm();
      task.features(j, 5) = 1.0;
      task.labels[j] = -10.0;
    }
  }
  const Defended result = defended(tasks);
  double injected = 0.0;
  double honest = 0.0;
  for (std::size_t i = 0; i < 10; ++i) {
    injected += static_cast<double>(kept_of(result, i, kRows).injected);
    honest += static_cast<double>(kept_of(result, i, kRows).honest);
  }
  EXPECT_LE(injected, 1.0);
  EXPECT_GE(honest, 10.0 * kRows - 8.0);
}

TEST(Defend, RowsAThousandTimesAsFarAreLeftOut) {
  TaskSet tasks = honest();
  for (Eigen::Index j = 0; j < 4; ++j) {
    tasks[2].features.row(j).head(4) *= 1000.0;
    tasks[2].labels[j] = 3.0;
  }
  const Defended result = defended(tasks);
  EXPECT_EQ(result.kept[2].front(), 4);
}

// Three times as far as others, with the labels that honest rows would have there.
TaskSet with_leverage() {
  TaskSet tasks = honest();
  for (Task& task : tasks) {
    const Eigen::VectorXd w = task.features.householderQr().solve(task.labels);
    for (Eigen::Index j = 0; j < 6; ++j) {
      const Eigen::VectorXd before = task.features.row(j).transpose();
      task.features.row(j).head(4) *= 3.0;
      task.labels[j] += (task.features.row(j).transpose() - before).dot(w);
    }
  }
  return tasks;
}

TEST(Defend, RowsThatStandOutAndAgreeStay) {
  EXPECT_EQ(defended(with_leverage()).left_out, 0.0);
  defence::Calibration credulous;
  credulous.level = 1.0;
  credulous.least_gain = -1.0;
  EXPECT_GT(defended(with_leverage(), {.learner = kLearner, .calibration = credulous}).left_out, 0.0)
      << "without the test of the gain they would go";
}

TEST(Defend, OfHonestRowsNoneAreLeftOutAndTheStatedShareIsFlagged) {
  for (const double alpha : {0.05, 0.2}) {
    const Defended result = defended(honest(), {.learner = kLearner, .alpha = alpha});
    EXPECT_EQ(result.left_out, 0.0);
    double flagged = 0.0;
    for (const auto& rows : result.rows)
      flagged += static_cast<double>(std::count(rows.flagged.begin(), rows.flagged.end(), true));
    const double share = flagged / static_cast<double>(honest().rows());
    EXPECT_LE(share, alpha);  // ranks: exact but for the steps of one row and ties
    EXPECT_GT(share, alpha - 0.02);
    for (const auto& task : result.tasks) EXPECT_FALSE(task.flagged);
  }
}

// Two categories as indicators, of which one task has as many of each as the other; or three, where none has the half.
TEST(Defend, NoCategoryMakesATaskSuspicious) {
  for (const Eigen::Index categories : {2, 3}) {
    TaskSet tasks = problems::related_regression({.tasks = 6, .rows = 90, .features = 6, .seed = 1});
    Rng rng(2);
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      Task& task = tasks[i];
      const Eigen::VectorXd w = task.features.householderQr().solve(task.labels);
      const Eigen::VectorXd noise = task.labels - task.features * w;
      task.features.leftCols(3).setZero();
      for (Eigen::Index j = 0; j < task.rows(); ++j)
        task.features(j, i == 0 || rng.uniform() > 0.7 ? j % categories : 1) = 1.0;
      task.labels = task.features * w + noise;
    }
    EXPECT_EQ(defended(tasks).left_out, 0.0) << categories;
  }
}

// Rows of the second task again, behind it, their labels further off by this many standard deviations of the noise.
TaskSet with_repeated_rows(double off) {
  constexpr Eigen::Index kCount = 24;
  constexpr double kNoise = 0.1;
  TaskSet tasks = honest();
  Task& task = tasks[1];
  const Eigen::Index n = task.rows();
  const Eigen::VectorXd w = task.features.householderQr().solve(task.labels);
  task.features.conservativeResize(n + kCount, Eigen::NoChange);
  task.labels.conservativeResize(n + kCount);
  task.features.bottomRows(kCount) = task.features.topRows(kCount);
  Eigen::VectorXd residual = problems::normal_matrix(kCount, 1, 12);
  if (off > 0.0) residual.setConstant(off);
  task.labels.tail(kCount) = task.features.bottomRows(kCount) * w + kNoise * residual;
  return tasks;
}

TEST(Defend, WhatWasMeasuredTwiceStays) {
  EXPECT_EQ(defended(with_repeated_rows(0.0)).left_out, 0.0);
}

// Three of the others lie further out, all of their rows.
TEST(Defend, TasksThatDifferFromOthersAreNotMoreSuspiciousThanAnAttackedOne) {
  TaskSet tasks = problems::with_cluster(honest(), 1, 6, -15.0);
  for (const std::size_t i : {3U, 4U, 5U}) tasks[i].features.leftCols(4) *= 1.5;
  const Defended result = defended(tasks);
  for (std::size_t i = 0; i < result.tasks.size(); ++i)
    if (i != 1) {
      EXPECT_LT(result.tasks[i].score, result.tasks[1].score) << i;
    }
  EXPECT_TRUE(result.tasks[1].flagged);
}

TEST(Defend, PermutingTheRowsPermutesTheFlags) {
  const TaskSet tasks = attacked();
  TaskSet reversed = tasks;
  for (Task& task : reversed) {
    task.features = task.features.colwise().reverse().eval();
    task.labels = task.labels.reverse().eval();
  }
  const Defended a = defended(tasks);
  const Defended b = defended(reversed);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    auto flags = b.rows[i].flagged;
    std::reverse(flags.begin(), flags.end());
    EXPECT_EQ(a.rows[i].flagged, flags) << tasks[i].name;
  }
}

TEST(Defend, LearnsATaskAloneThatTheOthersHarm) {
  // One task that is nothing like the others, under a pull that allows one direction only.
  TaskSet tasks = problems::rank_one({.tasks = 5, .rows = 60, .features = 5, .seed = 2});
  const Eigen::VectorXd own = problems::normal_matrix(5, 1, 99);
  tasks[4].labels = 3.0 * (tasks[4].features * own);
  const mtrl::Options strong = {.lambda1 = 1e-4, .lambda2 = 0.1};
  const Defended result = defended(tasks, {.learner = strong, .margin = 0.1});
  EXPECT_TRUE(result.tasks[4].alone);
  EXPECT_GT(result.tasks[4].joint_loss, 1.1 * result.tasks[4].alone_loss);
  const TaskSet one = {select_rows(tasks[4], result.kept[4])};
  EXPECT_LT((result.weights.col(4) - mtrl::solve(one, mtrl::squared_loss(), strong).weights).norm(), 1e-6);
  const Defended never = defended(tasks, {.learner = strong, .margin = 1e9});
  EXPECT_FALSE(never.tasks[4].alone);
  EXPECT_EQ(never.weights, never.fit.weights);
}

// Of tasks with few rows some look harmed by the others by chance.
TEST(Defend, FewRowsAreNoReasonToLearnATaskAlone) {
  const TaskSet tasks = problems::related_regression({.tasks = 40, .rows = 12, .features = 3, .seed = 3});
  const Defended result = defended(tasks);
  Eigen::Index look_harmed = 0;
  for (const defence::TaskScreen& task : result.tasks) {
    look_harmed += task.joint_loss > 1.1 * task.alone_loss ? 1 : 0;
    EXPECT_FALSE(task.alone);
  }
  EXPECT_GE(look_harmed, 4);
}

TEST(Defend, LeavesOutTheShareItIsTold) {
  const Defended none = defended(attacked(), {.learner = kLearner, .share = 0.0});
  EXPECT_EQ(none.left_out, 0.0);
  const Defended tenth = defended(attacked(), {.learner = kLearner, .share = 0.1});
  EXPECT_NEAR(tenth.left_out, 0.1, 0.01);
}

TEST(Defend, TasksWithTwoRowsAreScreenedWithTheOthers) {
  TaskSet tasks = honest();
  tasks[3] = select_rows(tasks[3], {0, 1});
  for (const Method method : {Method::Trim, Method::Huber, Method::Screen}) {
    const Defended result = defended(tasks, {.learner = kLearner, .method = method});
    EXPECT_EQ(result.rows[3].flagged.size(), 2U);
    EXPECT_GE(result.kept[3].size(), 1U);
    EXPECT_TRUE(result.weights.allFinite());
  }
}

// Rows far along the weights of two tasks, with the sign that turns these round.
TEST(Defend, InjectedSignsAreLeftOut) {
  constexpr Eigen::Index kInjected = 25;
  TaskSet tasks = problems::related_classification({.tasks = 4, .rows = 80, .features = 5, .seed = 3});
  const Eigen::MatrixXd W = mtrl::solve(tasks, mtrl::squared_hinge_loss(), kLearner).weights;
  for (const std::size_t i : {0U, 1U}) {
    Task& task = tasks[i];
    const Eigen::Index n = task.rows();
    Eigen::VectorXd place = W.col(static_cast<Eigen::Index>(i));
    place *= 5.0 / place.norm();
    place[4] = 1.0;
    task.features.conservativeResize(n + kInjected, Eigen::NoChange);
    task.features.bottomRows(kInjected).rowwise() = place.transpose();
    task.labels.conservativeResize(n + kInjected);
    task.labels.tail(kInjected).setConstant(-1.0);
  }
  const Defended result = defence::defend(tasks, mtrl::squared_hinge_loss(), {.learner = kLearner});
  for (const std::size_t i : {0U, 1U}) {
    const Eigen::Index honest_rows = tasks[i].rows() - kInjected;
    EXPECT_EQ(kept_of(result, i, honest_rows).injected, 0) << i;
    EXPECT_GE(kept_of(result, i, honest_rows).honest, honest_rows - 20) << i;
  }
}

TEST(Defend, HuberLeavesNothingOutAndScreenTheSameShareOfEveryTask) {
  EXPECT_EQ(defended(attacked(), {.learner = kLearner, .method = Method::Huber}).left_out, 0.0);
  const Defended screened = defended(attacked(), {.learner = kLearner, .method = Method::Screen, .alpha = 0.1});
  for (const auto& task : screened.tasks) {
    EXPECT_GE(task.left_out, 0.1 - 0.02);
    EXPECT_LE(task.left_out, 0.2 + 0.02);
  }
}

TEST(Defend, RefusesWhatItCannotDo) {
  EXPECT_EQ(refusal(honest(), {.alpha = 0.5}), "alpha is 0.5; it must be in (0, 0.5)");
  EXPECT_EQ(refusal(honest(), {.share = 0.5}), "share is 0.5; it must be in [0, 0.5)");
  EXPECT_EQ(refusal(honest(), {.margin = -1.0}), "margin is -1; it must be >= 0");
  TaskSet tasks = honest();
  tasks[2] = select_rows(tasks[2], {0});
  EXPECT_EQ(refusal(tasks, {}), "defend: task \"task 3\" has 1 row; it must have at least 2 to be screened");
  EXPECT_THROW(defence::method_named("trimm"), std::invalid_argument);
}

constexpr std::size_t kHonestTasks = 20;

// Small tasks with nearly the same weights, that gain by the others.
TaskSet alike() {
  TaskSet tasks =
      problems::related_regression({.tasks = kHonestTasks, .rows = 8, .features = 6, .noise = 1.0, .seed = 5});
  for (Task& task : tasks)
    if (task.features.householderQr().solve(task.labels)[0] < 0.0) task.labels *= -1.0;
  return tasks;
}

// And tasks with more rows and with large weights of their own, that take most of the covariance.
TaskSet with_fictitious_tasks() {
  constexpr Eigen::Index kRows = 40;
  TaskSet tasks = alike();
  for (std::uint64_t k = 0; k < 3; ++k) {
    Task task{"fictitious " + std::to_string(k), problems::normal_matrix(kRows, tasks.features(), 40 + k), {}};
    task.labels = 30.0 * task.features * problems::normal_matrix(tasks.features(), 1, 50 + k);
    tasks.tasks.push_back(task);
  }
  return tasks;
}

TEST(Defend, FictitiousTasksThatHarmTheOthersAreLeftOutWhole) {
  const TaskSet tasks = with_fictitious_tasks();
  const Defended result = defended(tasks);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    EXPECT_EQ(result.tasks[i].left_out_whole, i >= kHonestTasks) << i;
    EXPECT_EQ(result.tasks[i].left_out == 1.0, i >= kHonestTasks) << i;
  }
  // The others are learned without them, they alone.
  const Eigen::MatrixXd wanted = mtrl::solve(alike(), mtrl::squared_loss(), kLearner).weights;
  EXPECT_LT((result.fit.weights.leftCols(kHonestTasks) - wanted).norm(), 1e-6 * wanted.norm());
  EXPECT_EQ(result.fit.weights.rightCols(3).norm(), 0.0);
  const Eigen::MatrixXd alone = mtrl::solve({tasks[21]}, mtrl::squared_loss(), kLearner).weights;
  EXPECT_LT((result.weights.col(21) - alone).norm(), 1e-6 * alone.norm());
}

TEST(Defend, HonestTasksShare) {
  const Defended result = defended(alike());
  for (const defence::TaskScreen& task : result.tasks) EXPECT_FALSE(task.left_out_whole);
}

}  // namespace

}  // namespace crosstalk
