#include "crosstalk/defence/screens.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <gtest/gtest.h>

#include "crosstalk/defence/robust_distance.hpp"
#include "crosstalk/rng.hpp"
#include "injected.hpp"

namespace crosstalk {

namespace {

using defence::Look;
using defence::Tail;

Eigen::VectorXd normal_sizes(Eigen::Index count, std::uint64_t seed) {
  return problems::normal_matrix(count, 1, seed).cwiseAbs();
}

// A third of the rows far away and close together, where ordinary distances are pulled most.
TEST(RobustDistance, AnInjectedClusterIsFartherThanAnyHonestRow) {
  Eigen::MatrixXd X = problems::normal_matrix(130, 5, 1);
  X.bottomRows(30) = 0.01 * problems::normal_matrix(30, 5, 2);
  X.bottomRows(30).array() += 6.0;
  const Eigen::VectorXd distances = defence::robust_distances(X, 0.7, X);
  EXPECT_GT(distances.tail(30).minCoeff(), distances.head(100).maxCoeff());
}

TEST(RobustDistance, DoesNotDependOnTheUnitsOfAFeature) {
  const Eigen::MatrixXd X = problems::normal_matrix(60, 4, 3);
  Eigen::MatrixXd scaled = X;
  scaled.col(2) *= 1000.0;
  scaled.col(1).array() += 50.0;
  const Eigen::VectorXd a = defence::robust_distances(X, 0.7, X);
  EXPECT_LT((a - defence::robust_distances(scaled, 0.7, scaled)).norm(), 1e-8 * a.norm());
}

TEST(RobustDistance, OfRowsThatAreAllTheSameIsFinite) {
  const Eigen::MatrixXd X = Eigen::MatrixXd::Ones(5, 3);
  EXPECT_TRUE(defence::robust_distances(X, 0.7, X).allFinite());
}

// Five features of three values each, and one that is measured.
TaskSet lattice(Eigen::Index rows) {
  TaskSet tasks = problems::related_regression({.tasks = 3, .rows = rows, .features = 7, .seed = 6});
  for (Task& task : tasks)
    task.features.leftCols(5) = task.features.leftCols(5).array().round().cwiseMax(-1.0).cwiseMin(1.0).matrix();
  return tasks;
}

TEST(UnsharedValues, CountFeaturesOffTheLatticeOnly) {
  TaskSet tasks = lattice(100);
  tasks[1].features.row(7).head(4) << 0.1, 0.2, 0.3, 0.4;
  const Look look = defence::unshared_values(tasks, true);
  for (std::size_t i = 0; i < look.size(); ++i)
    for (Eigen::Index j = 0; j < look[i].size(); ++j) EXPECT_EQ(look[i][j], i == 1 && j == 7 ? 0.8 : 0.0);
  for (Task& task : tasks) task.features = task.features.rightCols(4).eval();  // two that recur
  for (const Eigen::VectorXd& task : defence::unshared_values(tasks, true)) EXPECT_TRUE(task.isZero(0.0));
}

TEST(UnsharedValues, DoNotCountWhatIsTheSameAllOverATask) {
  TaskSet tasks = lattice(100);
  tasks.tasks.push_back(select_rows(tasks[0], {0, 1, 2}));
  tasks[3].features.col(0).setConstant(5.0);
  EXPECT_TRUE(defence::unshared_values(tasks, true)[3].isZero(0.0));
  tasks[3].features(0, 0) = 6.0;
  EXPECT_EQ(defence::unshared_values(tasks, true)[3], Eigen::Vector3d(0.2, 0.0, 0.0));
}

TEST(BelowChance, OnlyRowsBeyondChanceGo) {
  Eigen::VectorXd p(50);
  for (Eigen::Index j = 0; j < 50; ++j) p[j] = (static_cast<double>(j) + 0.5) / 50.0;
  const std::vector<Eigen::Index> all = defence::all_rows({Task{"", Eigen::MatrixXd(50, 1), p}})[0];
  EXPECT_EQ(defence::below_chance(all, p), all);
  p.head(10).setConstant(0.02);
  const auto kept = defence::below_chance(all, p);
  EXPECT_EQ(kept, std::vector<Eigen::Index>(all.begin() + 10, all.end()));
  p.head(40).setConstant(0.001);  // half of the task stays
  EXPECT_EQ(defence::below_chance(all, p).size(), 25U);
  EXPECT_EQ(defence::below_chance({30, 48, 49}, p).size(), 3U);
}

TEST(PValues, AreTheRanksAmongTheKeptRows) {
  Look look(2);
  look[0] = Eigen::Vector3d(1.0, 2.0, 9.0);
  look[1] = Eigen::Vector2d(3.0, 2.0);
  const Look p = defence::p_values(look, {{0, 1}, {0, 1}});
  EXPECT_DOUBLE_EQ(p[0][0], 1.0);
  EXPECT_DOUBLE_EQ(p[0][1], 4.0 / 5.0);
  EXPECT_DOUBLE_EQ(p[0][2], 1.0 / 5.0);
  EXPECT_DOUBLE_EQ(p[1][0], 2.0 / 5.0);
}

// Tails that thin out as assumed, and such that thin out faster, have no excess.
TEST(Excess, HonestTailsHaveNone) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Rng rng(seed);
    Eigen::VectorXd exponential(500);
    for (double& value : exponential) value = -std::log(1.0 - rng.uniform());
    EXPECT_EQ(defence::excess_threshold(exponential, Tail::Exponential), std::numeric_limits<double>::infinity())
        << seed;
    EXPECT_EQ(defence::excess_threshold(exponential.array().exp(), Tail::Power),
              std::numeric_limits<double>::infinity())
        << seed;
    EXPECT_EQ(defence::excess_threshold(normal_sizes(500, seed), Tail::Exponential),
              std::numeric_limits<double>::infinity())
        << seed;
  }
}

TEST(Excess, ABumpInTheTailIsCutOff) {
  Eigen::VectorXd values(560);
  values << normal_sizes(500, 1), Eigen::VectorXd::Constant(60, 6.0);
  const double threshold = defence::excess_threshold(values, Tail::Exponential);
  EXPECT_LT(threshold, 6.0);
  EXPECT_GT(threshold, 2.0);
}

// Numbers that thin out as a power, of five tasks with 100 rows each.
Look power_tails(std::uint64_t seed) {
  Rng rng(seed);
  Look look;
  for (int i = 0; i < 5; ++i) {
    Eigen::VectorXd& values = look.emplace_back(100);
    for (double& value : values) value = 1.0 / (1.0 - rng.uniform());
  }
  return look;
}

defence::Rows rows_of(const Look& look) {
  defence::Rows rows;
  for (const Eigen::VectorXd& values : look) {
    rows.emplace_back(static_cast<std::size_t>(values.size()));
    std::iota(rows.back().begin(), rows.back().end(), Eigen::Index{0});
  }
  return rows;
}

TEST(Islands, HonestTailsHaveNone) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Look look = power_tails(seed);
    EXPECT_EQ(defence::without_islands(rows_of(look), look, Tail::Power), rows_of(look)) << seed;
    for (Eigen::VectorXd& values : look) values = values.array().log();
    EXPECT_EQ(defence::without_islands(rows_of(look), look, Tail::Exponential), rows_of(look)) << seed;
  }
}

// Too few to be too many of what the tail has there.
TEST(Islands, RowsFarBeyondTheOthersOfTheirTaskGo) {
  Look look = power_tails(1);
  look[2].head(6) = 30.0 * look[2].tail(94).maxCoeff() * Eigen::VectorXd::LinSpaced(6, 1.0, 3.0);
  defence::Rows wanted = rows_of(look);
  EXPECT_EQ(defence::without_excess(wanted, look, Tail::Power), wanted);
  wanted[2].erase(wanted[2].begin(), wanted[2].begin() + 6);
  EXPECT_EQ(defence::without_islands(rows_of(look), look, Tail::Power), wanted);
  look[2].head(5) = look[2].segment(20, 5);  // one of them may be honest
  EXPECT_EQ(defence::without_islands(rows_of(look), look, Tail::Power), rows_of(look));
}

TEST(Islands, NumbersThatAreAllTheSameHaveNone) {
  const Look look(3, Eigen::VectorXd::Ones(50));
  EXPECT_EQ(defence::without_islands(rows_of(look), look, Tail::Power), rows_of(look));
}

TEST(Excess, NoTaskLosesMoreThanHalfOfItsRows) {
  const Eigen::VectorXd usual = normal_sizes(200, 2);
  Look look(2);
  look[0] = usual;
  look[1] = Eigen::VectorXd::Constant(5, 100.0);
  defence::Rows rows = {{}, {0, 1, 2, 3, 4}};
  for (Eigen::Index j = 0; j < 200; ++j) rows[0].push_back(j);
  const defence::Rows kept = defence::without_worst(rows, look, 0.1);
  EXPECT_EQ(kept[1].size(), 3U);
}

TEST(ResidualLook, IsOneInTheMiddleOfEveryTask) {
  const TaskSet tasks = problems::related_regression({.tasks = 3, .rows = 21, .features = 4, .seed = 8});
  const Eigen::MatrixXd W = Eigen::MatrixXd::Zero(4, 3);
  for (const Eigen::VectorXd& look : defence::residual_look(tasks, mtrl::squared_loss(), W, defence::all_rows(tasks))) {
    Eigen::VectorXd sorted = look;
    std::sort(sorted.begin(), sorted.end());
    EXPECT_DOUBLE_EQ(sorted[(sorted.size() + 1) / 2 - 1], 1.0);
  }
}

}  // namespace

}  // namespace crosstalk
