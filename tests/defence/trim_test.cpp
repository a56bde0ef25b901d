#include "crosstalk/defence/trim.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reference/naive_mtrl.hpp"
#include "support/problems.hpp"

namespace crosstalk {

namespace {

using defence::Rows;
using defence::Stratum;

constexpr mtrl::Options kLearner = {.lambda1 = 0.01, .lambda2 = 0.05};

// One label in five of every task moved far away.
TaskSet with_wrong_labels() {
  TaskSet tasks = problems::related_regression({.tasks = 4, .rows = 30, .features = 5, .seed = 3});
  for (Task& task : tasks)
    for (Eigen::Index j = 0; j < task.rows(); j += 5) task.labels[j] += 10.0;
  return tasks;
}

std::vector<Stratum> keeping(const TaskSet& tasks, double share) {
  auto strata = defence::strata_of(tasks, defence::all_rows(tasks), false);
  for (Stratum& stratum : strata)
    stratum.keep = static_cast<std::size_t>(share * static_cast<double>(stratum.rows.size()));
  return strata;
}

defence::Trimmed trimmed(const TaskSet& tasks) {
  const mtrl::Fit start = mtrl::solve(tasks, mtrl::squared_loss(), kLearner);
  return defence::trim(tasks, mtrl::squared_loss(), kLearner, keeping(tasks, 0.75), start.weights);
}

TEST(Trim, LeavesOutTheRowsWithWrongLabels) {
  const TaskSet tasks = with_wrong_labels();
  const auto result = trimmed(tasks);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    EXPECT_EQ(result.kept[i].size(), static_cast<std::size_t>(0.75 * static_cast<double>(tasks[i].rows())));
    for (const Eigen::Index j : result.kept[i]) EXPECT_NE(j % 5, 0) << tasks[i].name << ", row " << j;
  }
}

TEST(Trim, ObjectiveNeverRises) {
  const auto result = trimmed(with_wrong_labels());
  ASSERT_GE(result.objectives.size(), 2U);
  for (std::size_t k = 1; k < result.objectives.size(); ++k) EXPECT_LT(result.objectives[k], result.objectives[k - 1]);
}

// The slow second implementation, on the kept rows.
TEST(Trim, FitIsTheMinimumOverTheKeptRows) {
  const TaskSet tasks = with_wrong_labels();
  const auto result = trimmed(tasks);
  const reference::Problem problem{defence::select(tasks, result.kept), "squared", kLearner.lambda1, kLearner.lambda2,
                                   kLearner.smoothing};
  const auto minimum = reference::minimise(problem, 1e-8);
  EXPECT_NEAR(result.fit.objective, minimum.objective, 1e-6 * minimum.objective);
}

// Nothing that is kept has a larger loss than what is not: otherwise another turn would have lowered the objective.
TEST(Trim, EndsWhereTheKeptRowsAreThoseOfLeastLoss) {
  const TaskSet tasks = with_wrong_labels();
  const auto result = trimmed(tasks);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const Eigen::VectorXd losses =
        defence::row_losses(tasks[i], mtrl::squared_loss(), result.fit.weights.col(static_cast<Eigen::Index>(i)));
    double largest_kept = 0.0;
    double smallest_left = 1e300;
    for (Eigen::Index j = 0; j < tasks[i].rows(); ++j) {
      const bool kept = std::binary_search(result.kept[i].begin(), result.kept[i].end(), j);
      (kept ? largest_kept : smallest_left) =
          kept ? std::max(largest_kept, losses[j]) : std::min(smallest_left, losses[j]);
    }
    EXPECT_LE(largest_kept, smallest_left) << tasks[i].name;
  }
}

TEST(Strata, OfClassesHoldTheRowsOfOneSign) {
  const TaskSet tasks = problems::related_classification({.tasks = 2, .rows = 12, .features = 3, .seed = 5});
  const auto strata = defence::strata_of(tasks, defence::all_rows(tasks), true);
  ASSERT_EQ(strata.size(), 4U);
  for (const Stratum& stratum : strata) {
    EXPECT_EQ(stratum.keep, stratum.rows.size());
    for (const Eigen::Index j : stratum.rows)
      EXPECT_EQ(tasks[stratum.task].labels[j], tasks[stratum.task].labels[stratum.rows[0]]);
  }
}

TEST(Select, NamesATaskOfWhichNothingIsLeft) {
  const TaskSet tasks = problems::related_regression({.tasks = 2, .rows = 3, .features = 3});
  try {
    defence::select(tasks, {{0, 1}, {}});
    FAIL() << "an empty task passed";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "all 4 rows of task \"task 2\" would be left out; it must keep at least 1");
  }
}

}  // namespace

}  // namespace crosstalk
