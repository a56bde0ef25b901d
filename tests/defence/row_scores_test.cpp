#include "crosstalk/defence/row_scores.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "crosstalk/defence/mcd_distances.hpp"
#include "crosstalk/rng.hpp"
#include "injected.hpp"

namespace crosstalk {

namespace {

using defence::RowScores;

Eigen::VectorXd normal_sizes(Eigen::Index count, std::uint64_t seed) {
  return problems::normal_matrix(count, 1, seed).cwiseAbs();
}

// A third of the rows far away and close together, where ordinary distances are pulled most.
TEST(McdDistances, AnInjectedClusterIsFartherThanAnyHonestRow) {
  Eigen::MatrixXd X = problems::normal_matrix(130, 5, 1);
  X.bottomRows(30) = 0.01 * problems::normal_matrix(30, 5, 2);
  X.bottomRows(30).array() += 6.0;
  const Eigen::VectorXd distances = defence::mcd_distances(X, 0.7, X);
  EXPECT_GT(distances.tail(30).minCoeff(), distances.head(100).maxCoeff());
}

TEST(McdDistances, DoesNotDependOnTheUnitsOfAFeature) {
  const Eigen::MatrixXd X = problems::normal_matrix(60, 4, 3);
  Eigen::MatrixXd scaled = X;
  scaled.col(2) *= 1000.0;
  scaled.col(1).array() += 50.0;
  const Eigen::VectorXd a = defence::mcd_distances(X, 0.7, X);
  EXPECT_LT((a - defence::mcd_distances(scaled, 0.7, scaled)).norm(), 1e-8 * a.norm());
}

TEST(McdDistances, OfRowsThatAreAllTheSameIsFinite) {
  const Eigen::MatrixXd X = Eigen::MatrixXd::Ones(5, 3);
  EXPECT_TRUE(defence::mcd_distances(X, 0.7, X).allFinite());
}

// Five features of three values each, and one that is measured.
TaskSet lattice(Eigen::Index rows) {
  TaskSet tasks = problems::related_regression({.tasks = 3, .rows = rows, .features = 7, .seed = 6});
  for (Task& task : tasks)
    task.features.leftCols(5) = task.features.leftCols(5).array().round().cwiseMax(-1.0).cwiseMin(1.0).matrix();
  return tasks;
}

TEST(RareValueFraction, CountsFeaturesOffTheLatticeOnly) {
  TaskSet tasks = lattice(100);
  tasks[1].features.row(7).head(4) << 0.1, 0.2, 0.3, 0.4;
  const RowScores scores = defence::rare_value_fraction(tasks, true, defence::all_rows(tasks));
  for (std::size_t i = 0; i < scores.size(); ++i)
    for (Eigen::Index j = 0; j < scores[i].size(); ++j) EXPECT_EQ(scores[i][j], i == 1 && j == 7 ? 0.8 : 0.0);
  for (Task& task : tasks) task.features = task.features.rightCols(4).eval();  // two that recur
  for (const Eigen::VectorXd& task : defence::rare_value_fraction(tasks, true, defence::all_rows(tasks)))
    EXPECT_TRUE(task.isZero(0.0));
}

TEST(RareValueFraction, DoesNotCountWhatIsTheSameAllOverATask) {
  TaskSet tasks = lattice(100);
  tasks.tasks.push_back(select_rows(tasks[0], {0, 1, 2}));
  tasks[3].features.col(0).setConstant(5.0);
  EXPECT_TRUE(defence::rare_value_fraction(tasks, true, defence::all_rows(tasks))[3].isZero(0.0));
  tasks[3].features(0, 0) = 6.0;
  EXPECT_EQ(defence::rare_value_fraction(tasks, true, defence::all_rows(tasks))[3], Eigen::Vector3d(0.2, 0.0, 0.0));
}

TEST(PValues, AreTheRanksAmongTheKeptRows) {
  RowScores scores(2);
  scores[0] = Eigen::Vector3d(1.0, 2.0, 9.0);
  scores[1] = Eigen::Vector2d(3.0, 2.0);
  const RowScores p = defence::p_values(scores, {{0, 1}, {0, 1}});
  EXPECT_DOUBLE_EQ(p[0][0], 1.0);
  EXPECT_DOUBLE_EQ(p[0][1], 4.0 / 5.0);
  EXPECT_DOUBLE_EQ(p[0][2], 1.0 / 5.0);
  EXPECT_DOUBLE_EQ(p[1][0], 2.0 / 5.0);
}

TEST(HarmonicMeanScore, IsTheMeanOfOneOverP) {
  const defence::Rows kept = {{0, 1, 2}};
  const RowScores first = {Eigen::Vector3d(3.0, 2.0, 1.0)};
  const RowScores second = {Eigen::Vector3d(1.0, 2.0, 3.0)};
  const Eigen::VectorXd score = defence::harmonic_mean_score({first, second}, kept)[0];
  EXPECT_DOUBLE_EQ(score[0], (4.0 / 2.0 + 4.0 / 4.0) / 2.0);
  EXPECT_DOUBLE_EQ(score[1], 4.0 / 3.0);
}

TEST(TrimFraction, NoTaskLosesMoreThanHalfOfItsRows) {
  const Eigen::VectorXd usual = normal_sizes(200, 2);
  RowScores scores(2);
  scores[0] = usual;
  scores[1] = Eigen::VectorXd::Constant(5, 100.0);
  defence::Rows rows = {{}, {0, 1, 2, 3, 4}};
  for (Eigen::Index j = 0; j < 200; ++j) rows[0].push_back(j);
  const defence::Rows kept = defence::trim_fraction(rows, scores, 0.1);
  EXPECT_EQ(kept[1].size(), 3U);
}

TEST(ResidualScores, IsOneInTheMiddleOfEveryTask) {
  const TaskSet tasks = problems::related_regression({.tasks = 3, .rows = 21, .features = 4, .seed = 8});
  const Eigen::MatrixXd W = Eigen::MatrixXd::Zero(4, 3);
  for (const Eigen::VectorXd& scores :
       defence::residual_scores(tasks, mtrl::squared_loss(), W, defence::all_rows(tasks))) {
    Eigen::VectorXd sorted = scores;
    std::sort(sorted.begin(), sorted.end());
    EXPECT_DOUBLE_EQ(sorted[(sorted.size() + 1) / 2 - 1], 1.0);
  }
}

}  // namespace

}  // namespace crosstalk
