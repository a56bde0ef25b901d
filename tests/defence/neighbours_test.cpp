#include "crosstalk/defence/neighbours.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <Eigen/QR>

#include "crosstalk/quantile.hpp"
#include "injected.hpp"

namespace crosstalk {

namespace {

using defence::Look;

TEST(Crowding, RowsInOnePlaceAreMoreCrowdedThanOthers) {
  const TaskSet tasks = problems::with_cluster(
      problems::related_regression({.tasks = 2, .rows = 60, .features = 4, .seed = 5}), 0, 10, 1.0);
  const Look look = defence::crowding(tasks, true);
  EXPECT_GT(look[0].tail(10).minCoeff(), 1000.0);
  EXPECT_LT(look[0].head(60).maxCoeff(), 10.0);
}

TEST(Crowding, SaysNothingWhereHonestRowsHaveTwins) {
  TaskSet tasks = problems::related_regression({.tasks = 1, .rows = 40, .features = 3, .seed = 6});
  tasks[0].features = tasks[0].features.array().round().cwiseMax(-1.0).cwiseMin(1.0).matrix();
  EXPECT_EQ(defence::crowding(tasks, true)[0], Eigen::VectorXd::Ones(40));
}

TEST(Disagreement, IsOfLabelsThatAreOffWhateverTheModel) {
  Task task = problems::wavy(1)[0];
  const Eigen::Index n = task.rows();
  problems::add_moved_copies(task, 40, -0.8);
  const std::vector<Eigen::Index> all = defence::all_rows({task})[0];
  for (const Eigen::Index rows : {n + 40, Eigen::Index{40}}) {  // the second fit explains the injected ones
    const Eigen::VectorXd w = task.features.bottomRows(rows).householderQr().solve(task.labels.tail(rows));
    const Eigen::VectorXd look = defence::disagreement(task, w, all, true);
    EXPECT_LT((look.head(n).array() > median(look.tail(40))).count(), n / 20) << rows;
    EXPECT_NEAR(median(look), 1.0, 1e-12);
  }
}

TEST(Disagreement, IsTheDistanceFromTheMedianOfTheNearest) {
  const Task task = problems::wavy(1)[0];
  std::vector<Eigen::Index> kept = defence::all_rows({task})[0];
  std::erase_if(kept, [](Eigen::Index j) { return j % 7 == 3; });
  const Eigen::Vector3d w(0.5, -0.5, 1.0);
  const Eigen::VectorXd residuals = task.labels - task.features * w;
  const auto by_hand = [&](Eigen::Index j) {
    std::vector<std::pair<double, double>> others;
    for (const Eigen::Index other : kept)
      if (other != j) others.emplace_back((task.features.row(other) - task.features.row(j)).norm(), residuals[other]);
    std::ranges::sort(others);
    Eigen::VectorXd near(16);
    for (std::size_t k = 0; k < 16; ++k) near[static_cast<Eigen::Index>(k)] = others[k].second;
    return std::abs(residuals[j] - median(near));
  };
  const Eigen::VectorXd look = defence::disagreement(task, w, kept, true);
  Eigen::VectorXd of_kept(static_cast<Eigen::Index>(kept.size()));
  for (std::size_t k = 0; k < kept.size(); ++k) of_kept[static_cast<Eigen::Index>(k)] = by_hand(kept[k]);
  for (const Eigen::Index j : {0, 3, 100, 199}) EXPECT_NEAR(look[j], by_hand(j) / median(of_kept), 1e-12) << j;
}

TEST(Disagreement, IsEmptyWhereNoRowHasNearOnes) {
  Task task = problems::wavy(1)[0];
  const Eigen::Vector3d w = Eigen::Vector3d::Zero();
  std::vector<Eigen::Index> kept = defence::all_rows({task})[0];
  EXPECT_EQ(defence::disagreement(task, w, kept, true).size(), task.rows());
  kept.resize(29);  // of three features
  EXPECT_EQ(defence::disagreement(task, w, kept, true).size(), 0);
  kept = defence::all_rows({task})[0];
  task.features = task.features.array().round().cwiseMax(-1.0).cwiseMin(1.0).matrix();
  EXPECT_EQ(defence::disagreement(task, w, kept, true).size(), 0);
}

}  // namespace

}  // namespace crosstalk
