#include "crosstalk/defence/defend.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include <gtest/gtest.h>
#include <Eigen/QR>

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

TEST(Defend, InjectedRowsAreLeftOutAndFlagged) {
  const Defended result = defended(attacked());
  EXPECT_EQ(result.kept[1].size(), 81U);
  EXPECT_EQ(result.kept[1].back(), 80);
  for (std::size_t j = 81; j < 101; ++j) EXPECT_TRUE(result.rows[1].flagged[j]) << j;
  EXPECT_TRUE(result.tasks[1].flagged);
  for (std::size_t i = 0; i < result.tasks.size(); ++i)
    if (i != 1) {
      EXPECT_LT(result.tasks[i].score, result.tasks[1].score);
      EXPECT_FALSE(result.tasks[i].flagged) << i;
    }
}

// The model of the attacked data is that of the honest data, nearly: the injected rows change it by a fifth at least.
TEST(Defend, ModelIsThatOfTheHonestRows) {
  const Eigen::MatrixXd wanted = mtrl::solve(honest(), mtrl::squared_loss(), kLearner).weights;
  const Eigen::MatrixXd plain = mtrl::solve(attacked(), mtrl::squared_loss(), kLearner).weights;
  EXPECT_GT((plain - wanted).norm(), 0.2 * wanted.norm());
  EXPECT_LT((defended(attacked()).fit.weights - wanted).norm(), 1e-6 * wanted.norm());
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

// Four features of three values each; injected rows that lie between them, neither far nor crowded.
TEST(Defend, RowsOffTheLatticeAreLeftOut) {
  TaskSet tasks = honest();
  for (Task& task : tasks)
    task.features.leftCols(4) = task.features.leftCols(4).array().round().cwiseMax(-1.0).cwiseMin(1.0).matrix();
  const Defended clean = defended(tasks);
  EXPECT_EQ(clean.left_out, 0.0);
  tasks[2].features.topRows(8).leftCols(4) = problems::normal_matrix(8, 4, 3);
  const Defended result = defended(tasks);
  ASSERT_FALSE(result.kept[2].empty());
  EXPECT_EQ(result.kept[2].front(), 8);
  EXPECT_EQ(result.kept[2].size(), static_cast<std::size_t>(tasks[2].rows()) - 8);
}

// Distances that thin out slowly; four rows, too few to be too many, far beyond, with the labels that honest rows would
// have there.
TEST(Defend, RowsBeyondAGapAreLeftOut) {
  constexpr Eigen::Index kInjected = 4;
  TaskSet tasks = honest();
  Rng rng(1);
  const auto move = [](Task& task, Eigen::Index j, double times) {
    const Eigen::VectorXd w = task.features.householderQr().solve(task.labels);
    const Eigen::VectorXd before = task.features.row(j).transpose();
    task.features.row(j).head(4) *= times;
    task.labels[j] += (task.features.row(j).transpose() - before).dot(w);
  };
  for (Task& task : tasks)
    for (Eigen::Index j = 0; j < task.rows(); ++j) move(task, j, std::pow(1.0 - rng.uniform(), -0.5));
  EXPECT_EQ(defended(tasks).left_out, 0.0);
  for (Eigen::Index j = 0; j < kInjected; ++j) move(tasks[2], j, 1000.0);
  const Defended result = defended(tasks);
  EXPECT_EQ(result.kept[2].front(), kInjected);
  EXPECT_EQ(result.kept[2].size(), static_cast<std::size_t>(tasks[2].rows() - kInjected));
}

// Beside rows that give the task away, others whose labels are off by no more than some honest ones.
TEST(Defend, LooksMoreCloselyAtATaskThatIsKnownToBeAttacked) {
  TaskSet tasks = attacked();
  const Eigen::VectorXd w = mtrl::solve(honest(), mtrl::squared_loss(), kLearner).weights.col(1);
  const Eigen::VectorXd residual = honest()[1].labels - honest()[1].features * w;
  const double large = 2.6 * std::sqrt(residual.squaredNorm() / static_cast<double>(residual.size()));
  for (Eigen::Index j = 0; j < 15; ++j) tasks[1].labels[j] = tasks[1].features.row(j).dot(w) + large;
  const auto left_out_of = [](const Defended& result, Eigen::Index end) {
    return end - std::count_if(result.kept[1].begin(), result.kept[1].end(), [&](Eigen::Index j) { return j < end; });
  };
  EXPECT_GE(left_out_of(defended(tasks), 15), 12);
  TaskSet others = tasks;  // the same labels where nothing gives them away
  others[1] = defence::select(tasks, [&] {
    defence::Rows rows = defence::all_rows(tasks);
    rows[1].resize(81);
    return rows;
  }())[1];
  EXPECT_EQ(left_out_of(defended(others), 15), 0);
}

// Rows of task 3 with the leverage to turn a robust fit until it explains them, neither crowded nor far. Another task
// is attacked for all to see.
TEST(Defend, RowsThatBendARobustFitAreLeftOutOnceSomebodyIsAtWork) {
  constexpr Eigen::Index kHonest = 83;
  constexpr Eigen::Index kInjected = 20;
  const auto injected_kept = [](const TaskSet& tasks) {
    const auto kept = defended(tasks).kept[3];
    return std::count_if(kept.begin(), kept.end(), [](Eigen::Index j) { return j >= kHonest; });
  };
  const auto bend = [](TaskSet tasks) {
    Task& task = tasks[3];
    task.features.conservativeResize(kHonest + kInjected, Eigen::NoChange);
    task.labels.conservativeResize(kHonest + kInjected);
    Eigen::MatrixXd X = problems::normal_matrix(kInjected, 5, 8);
    X.col(0) *= 0.1;
    X.col(0).array() += 2.5;
    X.col(4).setOnes();
    task.features.bottomRows(kInjected) = X;
    task.labels.tail(kInjected) = honest()[3].features.topRows(kInjected) * Eigen::VectorXd::Ones(5);
    task.labels.tail(kInjected).array() += 8.0;
    return tasks;
  };
  EXPECT_EQ(injected_kept(bend(attacked())), 0);
  EXPECT_EQ(injected_kept(bend(honest())), kInjected) << "honest rows, too, may obey a rule of their own";
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

// Labels no farther off than some honest ones, where honest rows stand.
TEST(Defend, CopiesWithOtherLabelsAreLeftOutAndFlagged) {
  const TaskSet tasks = with_repeated_rows(2.0);
  const Defended result = defended(tasks);
  Eigen::Index injected_kept = 0;
  Eigen::Index honest_kept = 0;
  for (const Eigen::Index j : result.kept[1]) (j < 81 ? honest_kept : injected_kept) += 1;
  EXPECT_LE(injected_kept, 2);
  EXPECT_GE(honest_kept, 79);
  for (Eigen::Index j = 0; j < tasks[1].rows(); ++j)
    if (!std::ranges::binary_search(result.kept[1], j)) {
      EXPECT_TRUE(result.rows[1].flagged[static_cast<std::size_t>(j)]) << j;
    }
  EXPECT_TRUE(result.tasks[1].flagged);
}

TEST(Defend, WhatWasMeasuredTwiceStays) {
  EXPECT_EQ(defended(with_repeated_rows(0.0)).left_out, 0.0);
}

// Neither far, nor crowded, nor copies, their residuals no larger than those of many honest rows.
TEST(Defend, RowsThatDisagreeWithTheirNeighboursAreLeftOut) {
  constexpr Eigen::Index kInjected = 40;
  TaskSet tasks = problems::wavy(5);
  EXPECT_EQ(defended(tasks).left_out, 0.0);
  for (const std::size_t i : {0U, 3U}) problems::add_moved_copies(tasks[i], kInjected, -0.8);
  const Defended result = defended(tasks);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const Eigen::Index n = tasks[i].rows() - (i == 0 || i == 3 ? kInjected : 0);
    const auto injected = std::ranges::count_if(result.kept[i], [&](Eigen::Index j) { return j >= n; });
    EXPECT_LE(injected, kInjected / 4) << i;
    EXPECT_GE(static_cast<Eigen::Index>(result.kept[i].size()) - injected, n - n / 20) << i;
    EXPECT_EQ(result.tasks[i].flagged, i == 0 || i == 3) << i;
  }
}

// Signs of ten tasks; three rows of each of the first five in a place that is theirs, too few to be crowded.
TEST(Defend, AFewRowsInAPlaceThatTasksShareAreLeftOut) {
  TaskSet tasks = problems::related_classification({.tasks = 10, .rows = 120, .features = 5, .seed = 3});
  EXPECT_EQ(defence::defend(tasks, mtrl::squared_hinge_loss(), {.learner = kLearner}).left_out, 0.0);
  for (std::size_t i = 0; i < 5; ++i) tasks = problems::with_cluster(std::move(tasks), i, 3, -1.0);
  const Defended result = defence::defend(tasks, mtrl::squared_hinge_loss(), {.learner = kLearner});
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const Eigen::Index n = 120 + static_cast<Eigen::Index>(i);
    EXPECT_EQ(std::ranges::count_if(result.kept[i], [&](Eigen::Index j) { return j >= n; }), 0) << i;
    EXPECT_GE(result.kept[i].size(), static_cast<std::size_t>(n) - 2) << i;
  }
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

TEST(Defend, SignsAreScreenedByWhereTheyStand) {
  const TaskSet tasks = problems::with_cluster(
      problems::related_classification({.tasks = 4, .rows = 80, .features = 5, .seed = 3}), 0, 15, -1.0);
  const Defended result = defence::defend(tasks, mtrl::squared_hinge_loss(), {.learner = kLearner});
  ASSERT_EQ(result.kept[0].size(), 80U);
  EXPECT_EQ(result.kept[0].back(), 79);
  EXPECT_NEAR(result.left_out, 15.0 / static_cast<double>(tasks.rows()), 1e-12);
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

}  // namespace

}  // namespace crosstalk
