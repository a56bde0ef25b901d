#include "crosstalk/defence/twins.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "injected.hpp"

namespace crosstalk {

namespace {

using defence::Look;
using defence::Rows;

// The first `count` rows of the first task again, behind its rows, moved by about `move`.
TaskSet with_copies(TaskSet tasks, Eigen::Index count, double move) {
  Task& task = tasks[0];
  const Eigen::Index n = task.rows();
  const Eigen::Index d = task.features.cols();
  task.features.conservativeResize(n + count, Eigen::NoChange);
  task.labels.conservativeResize(n + count);
  task.features.bottomRows(count) = task.features.topRows(count);
  task.features.bottomRows(count).leftCols(d - 1) += move * problems::normal_matrix(count, d - 1, 4);
  task.labels.tail(count) = task.labels.head(count);
  return tasks;
}

TEST(Twins, AreRowsAndTheirCopies) {
  constexpr Eigen::Index kRows = 120;
  const TaskSet honest = problems::related_regression({.tasks = 2, .rows = kRows, .features = 6, .seed = 1});
  for (const double move : {0.0, 1e-4}) {
    const TaskSet tasks = with_copies(honest, 15, move);
    const auto groups = defence::twins(tasks, true, defence::all_rows(tasks));
    ASSERT_EQ(groups[0].size(), 15U) << move;
    for (Eigen::Index j = 0; j < 15; ++j) {
      const auto& [rows, closeness] = groups[0][static_cast<std::size_t>(j)];
      EXPECT_EQ(rows, (std::vector<Eigen::Index>{j, kRows + j}));
      EXPECT_GT(closeness, 100.0);
    }
    EXPECT_TRUE(groups[1].empty());
  }
}

// In a task of many rows the nearest is sought among some of them.
TEST(Twins, AreFoundInLargeTasks) {
  const TaskSet tasks =
      with_copies(problems::related_regression({.tasks = 1, .rows = 4100, .features = 4, .seed = 1}), 200, 0.0);
  EXPECT_EQ(defence::twins(tasks, true, defence::all_rows(tasks))[0].size(), 200U);
}

TEST(Twins, HonestRowsAreNone) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed)
    for (const Eigen::Index features : {3, 6, 20}) {
      const TaskSet tasks = problems::related_regression({.tasks = 3, .rows = 150, .features = features, .seed = seed});
      for (const auto& groups : defence::twins(tasks, true, defence::all_rows(tasks)))
        EXPECT_TRUE(groups.empty()) << seed << ", " << features << " features";
    }
}

TEST(Twins, AreAmongTheRowsThatAreLookedAt) {
  const TaskSet tasks =
      with_copies(problems::related_regression({.tasks = 1, .rows = 120, .features = 6, .seed = 1}), 15, 0.0);
  Rows rows = defence::all_rows(tasks);
  rows[0].erase(rows[0].begin());
  const auto groups = defence::twins(tasks, true, rows);
  ASSERT_EQ(groups[0].size(), 14U);
  EXPECT_EQ(groups[0][0].rows, (std::vector<Eigen::Index>{1, 121}));
}

// The first `tasks` of eight with two rows each in the same place.
TaskSet with_shared_place(std::size_t tasks) {
  TaskSet set = problems::related_regression({.tasks = 8, .rows = 60, .features = 5, .seed = 2});
  for (std::size_t i = 0; i < tasks; ++i) set = problems::with_cluster(std::move(set), i, 2, 1.0);
  return set;
}

TEST(SharedPlaces, AreThoseOfAFewTasks) {
  const TaskSet tasks = with_shared_place(4);
  const Look look = defence::shared_places(tasks, true);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const Eigen::Index honest = 60 + static_cast<Eigen::Index>(i);
    EXPECT_LT(look[i].head(honest).maxCoeff(), 20.0);
    if (i < 4) {
      EXPECT_GT(look[i].tail(2).minCoeff(), 1e5);
    }
  }
}

TEST(SharedPlaces, SayNothingOfRowsThatAllTasksShare) {
  for (const Eigen::VectorXd& task :
       defence::shared_places(problems::shared_rows({.tasks = 6, .rows = 40, .features = 4, .seed = 3}), true))
    EXPECT_EQ(task, Eigen::VectorXd::Ones(task.size()));
}

// Four attacked tasks, then four others, 50 rows each; the first rows of a task have a larger number.
struct Excess {
  explicit Excess(const std::vector<Eigen::Index>& large, double value = 100.0) {
    for (std::size_t i = 0; i < large.size(); ++i) {
      look.emplace_back(Eigen::VectorXd::LinSpaced(50, 1.0, 2.0));
      look.back().head(large[i]).setConstant(value);
      (i < 4 ? attacked : others).resize(large.size());
      (i < 4 ? others : attacked).resize(large.size());
      for (Eigen::Index j = 0; j < 50; ++j) (i < 4 ? attacked : others)[i].push_back(j);
    }
  }
  [[nodiscard]] double threshold() const { return defence::excess_over(look, attacked, attacked, others); }
  Look look;
  Rows attacked;
  Rows others;
};

TEST(ExcessOver, IsWhereAttackedTasksHaveMore) {
  const double threshold = Excess({10, 10, 10, 10, 0, 0, 0, 0}).threshold();
  EXPECT_GE(threshold, 1.9);
  EXPECT_LT(threshold, 100.0);
}

// Within the tail that honest rows may have.
TEST(ExcessOver, IsSeenInTheTailWhereOthersHaveNone) {
  EXPECT_LT(Excess({6, 6, 6, 6, 0, 0, 0, 0}, 2.5).threshold(), 2.5);
  EXPECT_EQ(Excess({6, 6, 6, 6, 2, 2, 2, 2}, 2.5).threshold(), std::numeric_limits<double>::infinity());
}

TEST(ExcessOver, IsNotSeenWhereOthersHaveAsMany) {
  EXPECT_EQ(Excess({10, 10, 10, 10, 10, 10, 10, 10}).threshold(), std::numeric_limits<double>::infinity());
  EXPECT_EQ(Excess({10, 10, 10, 10, 7, 7, 7, 7}).threshold(), std::numeric_limits<double>::infinity());
}

TEST(ExcessOver, IsSeenWhereOneOfTheOthersIsAttackedToo) {
  EXPECT_LT(Excess({10, 10, 10, 10, 10, 0, 0, 0}).threshold(), 100.0);
}

// The threshold when of each attacked task the first rows are not kept.
double threshold_without(const Excess& excess, std::ptrdiff_t count) {
  Rows kept = excess.attacked;
  for (auto& rows : kept)
    if (!rows.empty()) rows.erase(rows.begin(), rows.begin() + count);
  return defence::excess_over(excess.look, excess.attacked, kept, excess.others);
}

// What is kept of the attacked tasks is as that of the others: there is nothing to gain.
TEST(ExcessOver, CountsWhatIsKept) {
  const Excess excess({12, 12, 12, 12, 3, 3, 3, 3});
  EXPECT_LT(excess.threshold(), 100.0);
  EXPECT_EQ(threshold_without(excess, 9), std::numeric_limits<double>::infinity());
}

// One of the others, attacked, has as many as are kept of all.
TEST(ExcessOver, DoesNotCountWhatFewOthersHave) {
  EXPECT_LT(threshold_without(Excess({10, 10, 10, 10, 10, 0, 0, 0}), 8), 100.0);
  EXPECT_EQ(threshold_without(Excess({10, 10, 10, 10, 4, 3, 3, 0}), 8), std::numeric_limits<double>::infinity());
}

}  // namespace

}  // namespace crosstalk
