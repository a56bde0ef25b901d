#include "crosstalk/defence/isolation_forest.hpp"

#include <gtest/gtest.h>

#include "injected.hpp"

namespace crosstalk {

namespace {

TEST(IsolationForest, FarRowsAreAloneSoonest) {
  TaskSet tasks = problems::related_regression({.tasks = 3, .rows = 60, .features = 5, .seed = 5});
  tasks[1].features.topRows(5).leftCols(4) *= 20.0;
  const defence::RowScores scores = defence::isolation_scores(tasks, true, defence::all_rows(tasks));
  for (std::size_t i = 0; i < tasks.size(); ++i)
    EXPECT_LT(scores[i].tail(50).maxCoeff(), scores[1].head(5).minCoeff()) << i;
}

TEST(IsolationForest, TheOrderOfRowsAndTasksPlaysNoPart) {
  const TaskSet tasks = problems::related_regression({.tasks = 2, .rows = 40, .features = 4, .seed = 7});
  TaskSet turned = {tasks[1], tasks[0]};
  turned[0].features = tasks[1].features.colwise().reverse();
  const defence::RowScores a = defence::isolation_scores(tasks, true, defence::all_rows(tasks));
  const defence::RowScores b = defence::isolation_scores(turned, true, defence::all_rows(turned));
  EXPECT_EQ(a[0], b[1]);
  EXPECT_EQ(a[1], b[0].reverse());
}

TEST(IsolationForest, OfRowsThatAreAllTheSameIsTheSame) {
  const TaskSet tasks = {Task{"a", Eigen::MatrixXd::Ones(6, 3), Eigen::VectorXd::Zero(6)}};
  const Eigen::VectorXd scores = defence::isolation_scores(tasks, true, defence::all_rows(tasks))[0];
  EXPECT_TRUE((scores.array() == scores[0]).all());
}

}  // namespace

}  // namespace crosstalk
