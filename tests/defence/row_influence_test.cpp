#include "crosstalk/defence/row_influence.hpp"

#include <cmath>
#include <string>

#include <gtest/gtest.h>

#include "crosstalk/split.hpp"
#include "injected.hpp"

namespace crosstalk {

namespace {

using defence::Rows;
using defence::RowScores;

constexpr mtrl::Options kLearner = {.lambda1 = 0.01, .lambda2 = 0.05};
constexpr std::size_t kTask = 1;

TaskSet honest() {
  return problems::related_regression({.tasks = 4, .rows = 30, .features = 5, .noise = 0.5, .seed = 2});
}

// The sum of the other tasks' mean losses in one fold, with rows of task kTask to learn from instead of its own.
double loss_of_others(const TaskSet& tasks, const mtrl::Loss& loss, std::size_t fold, const Task& instead) {
  const auto folds = assign_folds(tasks, 3, 1);
  Rows taught(tasks.size());
  Rows judged(tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i)
    for (std::size_t j = 0; j < folds[i].size(); ++j)
      (folds[i][j] == fold ? judged : taught)[i].push_back(static_cast<Eigen::Index>(j));
  TaskSet rows = defence::select(tasks, taught);
  rows[kTask] = instead;
  const Eigen::MatrixXd W = mtrl::solve(rows, loss, kLearner).weights;
  double sum = 0.0;
  for (std::size_t i = 0; i < tasks.size(); ++i)
    if (i != kTask) sum += defence::row_losses(tasks[i], loss, W.col(static_cast<Eigen::Index>(i)))(judged[i]).mean();
  return sum;
}

// The squared loss of a row is (1 + h) times as large where row and label are sqrt(1 + h) times as large.
TEST(InfluenceOnOthers, IsTheDerivativeInTheWeightOfARow) {
  const TaskSet tasks = honest();
  const RowScores scores =
      defence::influence_on_others(tasks, mtrl::squared_loss(), kLearner, defence::all_rows(tasks));
  const auto folds = assign_folds(tasks, 3, 1);
  constexpr double kStep = 1e-3;
  for (const Eigen::Index row : {0, 7, 30}) {
    double derivative = 0.0;
    for (std::size_t fold = 0; fold < 3; ++fold) {
      if (folds[kTask][static_cast<std::size_t>(row)] == fold) continue;
      std::vector<Eigen::Index> taught;
      for (Eigen::Index j = 0; j < tasks[kTask].rows(); ++j)
        if (folds[kTask][static_cast<std::size_t>(j)] != fold) taught.push_back(j);
      const auto with_weight = [&](double weight) {
        Task task = tasks[kTask];
        task.features.row(row) *= std::sqrt(weight);
        task.labels[row] *= std::sqrt(weight);
        return loss_of_others(tasks, mtrl::squared_loss(), fold, select_rows(task, taught));
      };
      derivative += 0.5 * (with_weight(1.0 + kStep) - with_weight(1.0 - kStep)) / (2.0 * kStep);
    }
    // Central differences: second order in the step.
    EXPECT_NEAR(scores[kTask][row], derivative, 1e-4 * scores[kTask].cwiseAbs().maxCoeff()) << row;
  }
}

// Signs cannot be scaled: every row 400 times, one of them 401 times. The rows then share the weight, which takes the
// mean influence from each.
TEST(InfluenceOnOthers, IsTheEffectOfRepeatingARowWithSigns) {
  const TaskSet tasks = problems::related_classification({.tasks = 4, .rows = 30, .features = 4, .seed = 5});
  const mtrl::Loss& loss = mtrl::logistic_loss();
  const RowScores scores = defence::influence_on_others(tasks, loss, kLearner, defence::all_rows(tasks));
  const auto folds = assign_folds(tasks, 3, 1);
  constexpr std::size_t kTimes = 400;
  // The mean over a fold's rows needs the influence in that fold, so two rows are compared: the mean cancels.
  const auto effect = [&](Eigen::Index row) {
    double sum = 0.0;
    for (std::size_t fold = 0; fold < 3; ++fold) {
      if (folds[kTask][static_cast<std::size_t>(row)] == fold) continue;
      std::vector<Eigen::Index> taught;
      for (Eigen::Index j = 0; j < tasks[kTask].rows(); ++j)
        if (folds[kTask][static_cast<std::size_t>(j)] != fold) taught.insert(taught.end(), kTimes, j);
      taught.push_back(row);
      sum += 0.5 * static_cast<double>(kTimes) * loss_of_others(tasks, loss, fold, select_rows(tasks[kTask], taught));
    }
    return sum;
  };
  // Two rows of one fold.
  Eigen::Index first = 0;
  Eigen::Index second = 1;
  while (folds[kTask][static_cast<std::size_t>(second)] != folds[kTask][0]) ++second;
  EXPECT_NEAR(scores[kTask][first] - scores[kTask][second], effect(first) - effect(second),
              0.01 * scores[kTask].cwiseAbs().maxCoeff());  // first order in 1/400
}

TEST(InfluenceOnOthers, IsNoneWithoutCoupling) {
  const TaskSet tasks = honest();
  for (const Eigen::VectorXd& task : defence::influence_on_others(
           tasks, mtrl::squared_loss(), {.lambda1 = 0.01, .lambda2 = 0.0}, defence::all_rows(tasks)))
    EXPECT_LT(task.cwiseAbs().maxCoeff(), 1e-12);
}

// 12 rows behind the 31 of the second task.
TaskSet attacked() {
  return problems::with_cluster(honest(), kTask, 12, -15.0);
}

Rows first_rows(const TaskSet& tasks, Eigen::Index count) {
  Rows rows(tasks.size());
  for (auto& of_task : rows)
    for (Eigen::Index j = 0; j < count; ++j) of_task.push_back(j);
  return rows;
}

TEST(Roni, InjectedRowsMakeJudgedLossesWorse) {
  const RowScores scores =
      defence::roni(attacked(), mtrl::squared_loss(), first_rows(honest(), 16), {.learner = kLearner, .blocks = 3});
  EXPECT_GT(scores[kTask].tail(12).minCoeff(), 2.0);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    EXPECT_EQ(scores[i].head(16), Eigen::VectorXd::Zero(16));  // trusted
    if (i != kTask) {
      EXPECT_LT(scores[i].maxCoeff(), scores[kTask].maxCoeff());
    }
  }
}

TEST(Roni, RowsOfABlockShareItsNumberAndBlocksAreNoMoreThanRows) {
  const RowScores coarse =
      defence::roni(honest(), mtrl::squared_loss(), first_rows(honest(), 28), {.learner = kLearner, .blocks = 1});
  EXPECT_EQ(coarse[0][28], coarse[0][29]);
  EXPECT_NE(coarse[0][28], 0.0);
  const RowScores fine =
      defence::roni(honest(), mtrl::squared_loss(), first_rows(honest(), 28), {.learner = kLearner, .blocks = 50});
  EXPECT_NE(fine[0][28], fine[0][29]);
}

TEST(Roni, RefusesWhatItCannotDo) {
  const auto refusal = [](const Rows& trusted, std::size_t blocks) -> std::string {
    try {
      defence::roni(honest(), mtrl::squared_loss(), trusted, {.learner = kLearner, .blocks = blocks});
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(refusal(first_rows(honest(), 5), 0), "roni: blocks is 0; it must be at least 1");
  Rows trusted = first_rows(honest(), 5);
  trusted[0].clear();
  EXPECT_EQ(refusal(trusted, 5), "all 30 rows of task \"task 1\" would be left out; it must keep at least 1");
}

}  // namespace

}  // namespace crosstalk
