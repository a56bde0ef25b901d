#include "crosstalk/defence/local_density.hpp"

#include <gtest/gtest.h>

#include "injected.hpp"

namespace crosstalk {

namespace {

using defence::RowScores;

TEST(LocalDensity, OfRowsInOnePlaceIsLargerThanThatOfOthers) {
  const TaskSet tasks = problems::with_cluster(
      problems::related_regression({.tasks = 2, .rows = 60, .features = 4, .seed = 5}), 0, 10, 1.0);
  const defence::Rows all = defence::all_rows(tasks);
  for (const RowScores& scores :
       {defence::local_density(tasks, true, all), defence::pooled_density(tasks, true, all)}) {
    EXPECT_GT(scores[0].tail(10).minCoeff(), 1000.0);
    EXPECT_LT(scores[0].head(60).maxCoeff(), 10.0);
  }
}

TEST(LocalDensity, IsOneWhereHonestRowsRepeat) {
  TaskSet tasks = problems::related_regression({.tasks = 1, .rows = 40, .features = 3, .seed = 6});
  tasks[0].features = tasks[0].features.array().round().cwiseMax(-1.0).cwiseMin(1.0).matrix();
  EXPECT_EQ(defence::local_density(tasks, true, defence::all_rows(tasks))[0], Eigen::VectorXd::Ones(40));
}

TEST(LocalDensity, OfATaskWithoutKthNeighboursIsOne) {
  const TaskSet tasks = problems::related_regression({.tasks = 1, .rows = 3, .features = 3, .seed = 6});
  EXPECT_EQ(defence::local_density(tasks, true, defence::all_rows(tasks))[0], Eigen::VectorXd::Ones(3));
}

// Four rows of each of five tasks in one place: too few in a task to be its k-th neighbours.
TEST(PooledDensity, FindsAPlaceThatTasksShare) {
  TaskSet tasks = problems::related_regression({.tasks = 10, .rows = 60, .features = 5, .seed = 3});
  for (std::size_t i = 0; i < 5; ++i) tasks = problems::with_cluster(std::move(tasks), i, 2, -1.0);
  const RowScores scores = defence::pooled_density(tasks, true, defence::all_rows(tasks));
  for (std::size_t i = 0; i < 5; ++i) EXPECT_GT(scores[i].tail(2).minCoeff(), 100.0) << i;
}

}  // namespace

}  // namespace crosstalk
