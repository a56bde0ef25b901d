#include "crosstalk/task_set.hpp"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crosstalk/names.hpp"
#include "support/problems.hpp"

namespace crosstalk {
namespace {

using testing::ThrowsMessage;

TEST(TaskSet, CountsTasksRowsAndFeatures) {
  const TaskSet tasks = problems::related_regression({.tasks = 3, .rows = 10, .features = 5});
  EXPECT_EQ(tasks.size(), 3U);
  EXPECT_EQ(tasks.rows(), 10 + 11 + 12);
  EXPECT_EQ(tasks.features(), 5);
  EXPECT_EQ(tasks.names(), (std::vector<std::string>{"task 1", "task 2", "task 3"}));
  EXPECT_EQ(TaskSet().features(), 0);
  EXPECT_EQ(TaskSet().rows(), 0);
}

void expect_rejected(const TaskSet& tasks, const std::string& message) {
  EXPECT_THAT([&] { require_valid(tasks, "who"); }, ThrowsMessage<std::invalid_argument>(message));
}

TEST(TaskSet, RequireValidNamesTheTaskThatBreaksARule) {
  const TaskSet good = problems::related_regression({.tasks = 3, .rows = 4, .features = 2});
  EXPECT_NO_THROW(require_valid(good, "who"));
  expect_rejected({}, "who: there are no tasks");
  TaskSet bad = good;
  bad[1].features.resize(0, 2);
  bad[1].labels.resize(0);
  expect_rejected(bad, "who: task 2 (\"task 2\") has no rows");
  bad = good;
  bad[2].labels.conservativeResize(3);
  expect_rejected(bad, "who: task 3 (\"task 3\") has 3 labels for 6 rows of features");
  bad = good;
  bad[1].features.conservativeResize(Eigen::NoChange, 1);
  expect_rejected(bad, "who: task 2 (\"task 2\") has 1 features where the first task has 2");
  for (const double wrong : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    bad = good;
    bad[0].features(3, 1) = wrong;
    expect_rejected(bad, "who: task 1 (\"task 1\") has a feature that is not a finite number");
    bad = good;
    bad[0].labels[3] = -wrong;
    expect_rejected(bad, "who: task 1 (\"task 1\") has a label that is not a finite number");
  }
}

TEST(TaskSet, SelectRowsKeepsTheGivenOrder) {
  const Task task = problems::linear_task({.rows = 5, .features = 2});
  const Task picked = select_rows(task, {4, 0, 4});
  ASSERT_EQ(picked.rows(), 3);
  EXPECT_EQ(picked.name, task.name);
  EXPECT_EQ(picked.features.row(0), task.features.row(4));
  EXPECT_EQ(picked.features.row(1), task.features.row(0));
  EXPECT_EQ(picked.labels[2], task.labels[4]);
}

TEST(TaskSet, JoinRowsPutsTheOtherRowsBehind) {
  const TaskSet tasks = problems::related_regression({.tasks = 2, .rows = 4, .features = 3});
  TaskSet more = problems::related_regression({.tasks = 2, .rows = 2, .features = 3});
  more[0] = {"another name", Eigen::MatrixXd(0, 3), Eigen::VectorXd(0)};
  const TaskSet joined = join_rows(tasks, more);
  EXPECT_EQ(joined.names(), tasks.names());
  EXPECT_EQ(joined[0].features, tasks[0].features);
  EXPECT_EQ(joined[0].labels, tasks[0].labels);
  const Eigen::Index own = tasks[1].rows();
  ASSERT_EQ(joined[1].rows(), own + more[1].rows());
  EXPECT_EQ(joined[1].features.topRows(own), tasks[1].features);
  EXPECT_EQ(joined[1].features.bottomRows(more[1].rows()), more[1].features);
  EXPECT_EQ(joined[1].labels.head(own), tasks[1].labels);
  EXPECT_EQ(joined[1].labels.tail(more[1].rows()), more[1].labels);
  EXPECT_THAT([&] { join_rows(tasks, {}); }, ThrowsMessage<std::invalid_argument>("join_rows: 2 tasks and 0"));
}

TEST(TaskSet, TaskIndexSuggestsTheNearestName) {
  TaskSet tasks;
  for (const char* name : {"kitchen", "books", "dvd"}) tasks.tasks.push_back({name, {}, {}});
  EXPECT_EQ(task_index(tasks, "books"), 1U);
  EXPECT_THAT([&] { task_index(tasks, "boks"); },
              ThrowsMessage<std::invalid_argument>("unknown task \"boks\"; did you mean \"books\"?"));
  EXPECT_THAT([&] { task_index(tasks, "electronics"); },
              ThrowsMessage<std::invalid_argument>(
                  "unknown task \"electronics\"; the tasks are \"kitchen\", \"books\", \"dvd\""));
}

TEST(NearestName, IsTheOneOfLeastEditDistance) {
  const std::vector<std::string> names = {"lambda1", "lambda2", "budget", "seed"};
  EXPECT_EQ(nearest_name("bugdet", names), "budget");   // two substitutions
  EXPECT_EQ(nearest_name("lamda2", names), "lambda2");  // an insertion
  EXPECT_EQ(nearest_name("seeed", names), "seed");      // a deletion
  EXPECT_EQ(nearest_name("zzzzzz", names), "");
  EXPECT_EQ(nearest_name("x", {}), "");
  EXPECT_EQ(nearest_name("", names), "");
  EXPECT_EQ(nearest_name("ab", {"ac", "ab"}), "ab");
}

}  // namespace
}  // namespace crosstalk
