#include "crosstalk/defence/task_influence.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "crosstalk/split.hpp"
#include "injected.hpp"

namespace crosstalk {

namespace {

using defence::LeaveOneOutOptions;
using defence::Rows;
using defence::TaskInfluence;

constexpr mtrl::Options kLearner = {.lambda1 = 0.01, .lambda2 = 0.05};
constexpr std::size_t kAttacked = 1;

TaskSet honest(std::uint64_t seed = 1) {
  return problems::related_regression({.tasks = 6, .rows = 60, .features = 5, .noise = 0.5, .seed = seed});
}

// The honest rows of the tasks, as a screen that makes no mistake would keep them.
std::vector<TaskInfluence> with_injected(const TaskSet& clean, const TaskSet& tasks, const mtrl::Loss& loss,
                                         const LeaveOneOutOptions& options = {.learner = kLearner}) {
  return defence::leave_one_task_out(tasks, loss, defence::all_rows(clean), options);
}

std::string refusal(const TaskSet& tasks, const Rows& trusted, const LeaveOneOutOptions& options) {
  try {
    defence::leave_one_task_out(tasks, mtrl::squared_loss(), trusted, options);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST(LeaveOneTaskOut, FindsTheTaskWhoseInjectedRowsTurnTheOthers) {
  const auto result =
      with_injected(honest(), problems::with_cluster(honest(), kAttacked, 20, -15.0), mtrl::squared_loss());
  EXPECT_GT(result[kAttacked].harm, 0.0);
  EXPECT_GT(result[kAttacked].score, 5.0);
  EXPECT_DOUBLE_EQ(result[kAttacked].p, 1.0 / 25.0);  // 4 honest sets of 6 tasks
  for (std::size_t k = 0; k < result.size(); ++k)
    if (k != kAttacked) {
      EXPECT_GT(result[kAttacked].score, 2.0 * result[k].score) << k;
      EXPECT_GT(result[kAttacked].relation_change, 0.0) << k;
    }
}

TEST(LeaveOneTaskOut, FindsItAmongSignsToo) {
  const TaskSet clean = problems::related_classification({.tasks = 5, .rows = 80, .features = 5, .seed = 3});
  const auto result = with_injected(clean, problems::with_cluster(clean, 0, 20, 1.0), mtrl::squared_hinge_loss());
  for (std::size_t k = 1; k < result.size(); ++k) EXPECT_GT(result[0].score, 2.0 * result[k].score) << k;
}

// 60 honest tasks: 3 in the mean at p <= 0.05, more than 8 in 1 of 500 cases.
TEST(LeaveOneTaskOut, FlagsAsManyHonestTasksAsStated) {
  int flagged = 0;
  double sum = 0.0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed)
    for (const TaskInfluence& task : with_injected(honest(seed), honest(seed), mtrl::squared_loss())) {
      EXPECT_GE(task.p, 1.0 / 25.0);
      EXPECT_LE(task.p, 1.0);
      flagged += task.p <= 0.05 ? 1 : 0;
      sum += task.p;
    }
  EXPECT_LE(flagged, 8);
  EXPECT_NEAR(sum / 60.0, 0.5, 0.15);  // four standard errors of the mean of uniform numbers
}

// Tasks that share nothing cannot harm each other: without the coupling neither loss nor score moves.
TEST(LeaveOneTaskOut, WithoutCouplingNoTaskMatters) {
  const TaskSet tasks = problems::with_cluster(honest(), kAttacked, 20, -15.0);
  for (const TaskInfluence& task :
       with_injected(honest(), tasks, mtrl::squared_loss(), {.learner = {.lambda1 = 0.01, .lambda2 = 0.0}})) {
    EXPECT_NEAR(task.harm, 0.0, 1e-6);  // fits of tolerance 1e-8
    EXPECT_LT(task.score, 2.0);
  }
}

// Cold fits with and without the task, one fold after the other.
TEST(LeaveOneTaskOut, HarmIsThatOfRefitsWithoutTheTask) {
  const TaskSet clean = honest();
  const TaskSet tasks = problems::with_cluster(clean, kAttacked, 20, -15.0);
  const auto folds = assign_folds(tasks, 3, 1);
  double harm = 0.0;
  for (std::size_t fold = 0; fold < 3; ++fold) {
    Rows taught(tasks.size());
    Rows judged(tasks.size());
    for (std::size_t i = 0; i < tasks.size(); ++i)
      for (Eigen::Index j = 0; j < (i == kAttacked ? tasks : clean)[i].rows(); ++j)
        (folds[i][static_cast<std::size_t>(j)] == fold ? judged : taught)[i].push_back(j);
    const auto loss_of_others = [&](TaskSet rows, bool without) {
      if (without) rows.tasks.erase(rows.tasks.begin() + kAttacked);
      const Eigen::MatrixXd W = mtrl::solve(rows, mtrl::squared_loss(), kLearner).weights;
      double sum = 0.0;
      for (std::size_t i = 0; i < tasks.size(); ++i) {
        if (i == kAttacked) continue;
        const auto column = static_cast<Eigen::Index>(without && i > kAttacked ? i - 1 : i);
        sum += defence::row_losses(tasks[i], mtrl::squared_loss(), W.col(column))(judged[i]).mean();
      }
      return sum;
    };
    const TaskSet rows = defence::select(tasks, taught);
    harm += (loss_of_others(rows, false) - loss_of_others(rows, true)) / 3.0;
  }
  const auto result = with_injected(clean, tasks, mtrl::squared_loss(), {.learner = kLearner, .honest_sets = 0});
  EXPECT_NEAR(result[kAttacked].harm, harm, 1e-4 * harm);  // the square root of the fits' tolerance
}

TEST(LeaveOneTaskOut, DrawsOnlySayHowMuchIsUsual) {
  const TaskSet tasks = problems::with_cluster(honest(), kAttacked, 20, -15.0);
  const auto once = with_injected(honest(), tasks, mtrl::squared_loss());
  const auto again =
      with_injected(honest(), tasks, mtrl::squared_loss(), {.learner = kLearner, .draws = 3, .honest_sets = 0});
  for (std::size_t k = 0; k < tasks.size(); ++k) {
    EXPECT_EQ(once[k].harm, again[k].harm);
    EXPECT_EQ(once[k].relation_change, again[k].relation_change);
    EXPECT_EQ(again[k].p, 1.0);  // nothing to count among
  }
}

TEST(LeaveOneTaskOut, SaysHowFarItIs) {
  const TaskSet tasks = honest();
  std::vector<double> seen;
  defence::leave_one_task_out(tasks, mtrl::squared_loss(), defence::all_rows(tasks),
                              {.learner = kLearner, .draws = 2, .honest_sets = 1},
                              [&](double done) { seen.push_back(done); });
  ASSERT_EQ(seen.size(), 2U * 3U * tasks.size());  // sets, folds, tasks
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_EQ(seen.back(), 1.0);
}

// Without one of two tasks the other has a correlation with itself alone, as before.
TEST(LeaveOneTaskOut, OfTwoTasksNoRelationIsLeftToChange) {
  const TaskSet two = {honest()[0], honest()[1]};
  for (const TaskInfluence& task :
       defence::leave_one_task_out(two, mtrl::squared_loss(), defence::all_rows(two), {.learner = kLearner})) {
    EXPECT_NE(task.harm, 0.0);
    EXPECT_NEAR(task.relation_change, 0.0, 1e-12);
  }
}

TEST(LeaveOneTaskOut, RefusesWhatItCannotDo) {
  const TaskSet tasks = honest();
  EXPECT_EQ(refusal({tasks[0]}, {{0}}, {}), "leave_one_task_out: there is 1 task; there must be at least 2");
  EXPECT_EQ(refusal(tasks, defence::all_rows(tasks), {.draws = 1}),
            "leave_one_task_out: draws is 1; it must be at least 2");
  Rows trusted = defence::all_rows(tasks);
  trusted[2].clear();
  EXPECT_EQ(refusal(tasks, trusted, {}), "all 62 rows of task \"task 3\" would be left out; it must keep at least 1");
}

}  // namespace

}  // namespace crosstalk
