#include "crosstalk/mtrl/metrics.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "crosstalk/mtrl/empirical_risk.hpp"
#include "crosstalk/rng.hpp"
#include "support/problems.hpp"

namespace crosstalk::mtrl {
namespace {

double auc_by_counting(const Eigen::VectorXd& scores, const Eigen::VectorXd& labels) {
  double right = 0.0;
  double pairs = 0.0;
  for (Eigen::Index i = 0; i < scores.size(); ++i)
    for (Eigen::Index j = 0; j < scores.size(); ++j) {
      if (!(labels[i] > 0.0 && labels[j] < 0.0)) continue;
      pairs += 1.0;
      right += scores[i] > scores[j] ? 1.0 : scores[i] == scores[j] ? 0.5 : 0.0;
    }
  return right / pairs;
}

TEST(Auc, CountsPairsAndHalfOfTheTies) {
  Rng rng(1);
  for (const std::size_t levels : {2U, 5U, 1000U})  // few levels: many ties
    for (int draw = 0; draw < 20; ++draw) {
      Eigen::VectorXd scores(40);
      Eigen::VectorXd labels(40);
      for (Eigen::Index j = 0; j < 40; ++j) {
        scores[j] = static_cast<double>(rng.below(levels));
        labels[j] = j == 0 || (j > 1 && rng.below(3) == 0) ? 1.0 : -1.0;
      }
      EXPECT_NEAR(auc(scores, labels), auc_by_counting(scores, labels), 1e-14);
    }
}

TEST(Auc, OfOrderedReversedAndConstantScores) {
  const Eigen::Vector4d labels(-1, -1, 1, 1);
  EXPECT_EQ(auc(Eigen::Vector4d(1, 2, 3, 4), labels), 1.0);
  EXPECT_EQ(auc(Eigen::Vector4d(4, 3, 2, 1), labels), 0.0);
  EXPECT_EQ(auc(Eigen::Vector4d(1, 1, 1, 1), labels), 0.5);
}

// A sort by scores with NaN among them has no order, and a search for ties no end.
TEST(Auc, AndAccuracyAreUndefinedWhereAScoreIsNaN) {
  const double nan = std::nan("");
  for (const Eigen::Vector4d& scores :
       {Eigen::Vector4d(nan, 1, 2, 3), Eigen::Vector4d(1, nan, 3, nan), Eigen::Vector4d(nan, nan, nan, nan)}) {
    EXPECT_TRUE(std::isnan(auc(scores, Eigen::Vector4d(1, -1, 1, -1))));
    EXPECT_TRUE(std::isnan(accuracy(scores, Eigen::Vector4d(1, -1, 1, -1))));
  }
}

TEST(Auc, IsUndefinedWithOneClass) {
  EXPECT_TRUE(std::isnan(auc(Eigen::Vector2d(1, 2), Eigen::Vector2d(1, 1))));
  EXPECT_TRUE(std::isnan(auc(Eigen::Vector2d(1, 2), Eigen::Vector2d(-1, -1))));
}

TEST(RegressionMetrics, ByHand) {
  const Eigen::Vector4d labels(1, 2, 3, 6);     // mean 3, variance 14 / 4
  const Eigen::Vector4d predicted(2, 2, 5, 5);  // residuals -1, 0, -2, 1: mean -1/2, mean square 6 / 4
  EXPECT_DOUBLE_EQ(nmse(predicted, labels), 6.0 / 14.0);
  EXPECT_DOUBLE_EQ(rmse(predicted, labels), std::sqrt(1.5));
  EXPECT_DOUBLE_EQ(explained_variance(predicted, labels), 1.0 - (6.0 / 4.0 - 0.25) / 3.5);
  EXPECT_EQ(nmse(Eigen::Vector4d::Constant(3.0), labels), 1.0);
  EXPECT_EQ(explained_variance(labels.array() + 7.0, labels), 1.0);
}

TEST(RegressionMetrics, AreUndefinedForConstantLabels) {
  const Eigen::Vector2d labels(2, 2);
  EXPECT_TRUE(std::isnan(nmse(Eigen::Vector2d(1, 2), labels)));
  EXPECT_TRUE(std::isnan(explained_variance(Eigen::Vector2d(1, 2), labels)));
  EXPECT_EQ(rmse(Eigen::Vector2d(1, 3), labels), 1.0);
}

TEST(Accuracy, CountsEqualSignsAndZeroAsPlus) {
  EXPECT_EQ(accuracy(Eigen::Vector4d(0.5, -2, 0, 0), Eigen::Vector4d(1, 1, 1, -1)), 0.5);
  EXPECT_EQ(accuracy(Eigen::Vector2d(-1, -1), Eigen::Vector2d(-1, -1)), 1.0);
}

TEST(Evaluate, GivesARowATaskAndAColumnAMetric) {
  const Eigen::MatrixXd W = problems::normal_matrix(3, 2, 2);
  const TaskSet regression = problems::related_regression({.tasks = 2, .rows = 6, .features = 3});
  const Metrics numbers = evaluate(regression, squared_loss(), W);
  EXPECT_EQ(numbers.names, (std::vector<std::string>{"nmse", "rmse", "explained_variance"}));
  const Eigen::VectorXd z = regression[1].features * W.col(1);
  EXPECT_EQ(numbers.values(1, 0), nmse(z, regression[1].labels));
  EXPECT_EQ(numbers.values(1, 1), rmse(z, regression[1].labels));
  // A unit of the labels that is 3 in the file's: errors are three times as large, shares stay.
  const Metrics in_file_units = evaluate(regression, squared_loss(), W, Eigen::Vector2d(1.0, 3.0));
  EXPECT_EQ(in_file_units.values(1, 1), 3.0 * numbers.values(1, 1));
  EXPECT_EQ(in_file_units.values(0, 1), numbers.values(0, 1));
  EXPECT_EQ(in_file_units.values.col(0), numbers.values.col(0));
  EXPECT_EQ(numbers.values(1, 2), explained_variance(z, regression[1].labels));

  const TaskSet classes = problems::related_classification({.tasks = 2, .rows = 20, .features = 3});
  for (const char* loss : {"squared-hinge", "logistic"}) {
    const Metrics shares = evaluate(classes, loss_named(loss), W);
    EXPECT_EQ(shares.names, (std::vector<std::string>{"auc", "accuracy"}));
    EXPECT_EQ(shares.values(0, 0), auc(classes[0].features * W.col(0), classes[0].labels));
    EXPECT_EQ(shares.values(0, 1), accuracy(classes[0].features * W.col(0), classes[0].labels));
  }
}

TEST(Evaluate, ATaskWithoutRowsHasNoMetrics) {
  TaskSet tasks = problems::related_regression({.tasks = 2, .rows = 6, .features = 3});
  tasks[0] = select_rows(tasks[0], {});
  const Metrics metrics = evaluate(tasks, squared_loss(), problems::normal_matrix(3, 2, 2));
  EXPECT_TRUE(metrics.values.row(0).array().isNaN().all());
  EXPECT_FALSE(metrics.values.row(1).array().isNaN().any());
  EXPECT_EQ(metrics.mean(0), metrics.values(1, 0));
}

TEST(MeanLosses, AreThoseOfTheRiskAndNaNWithoutRows) {
  TaskSet tasks = problems::related_classification({.tasks = 3, .rows = 20, .features = 3});
  const Eigen::MatrixXd W = problems::normal_matrix(3, 3, 2);
  for (const char* loss : {"squared-hinge", "logistic"}) {
    const Eigen::VectorXd losses = mean_losses(tasks, loss_named(loss), W);
    EXPECT_LT((losses - EmpiricalRisk(tasks, loss_named(loss)).evaluate(W).values).norm(), 1e-13);
  }
  tasks[1] = select_rows(tasks[1], {});
  EXPECT_TRUE(std::isnan(mean_losses(tasks, logistic_loss(), W)[1]));
}

// What is divided by the variance of five labels or fewer has no variance of its own.
TEST(Evaluate, TheSpreadOfFewLabelsIsNoMeasure) {
  TaskSet tasks = problems::related_regression({.tasks = 2, .rows = 6, .features = 3});
  tasks[0] = select_rows(tasks[0], {0, 1, 2, 3, 4});
  const Eigen::MatrixXd W = problems::normal_matrix(3, 2, 2);
  const Metrics metrics = evaluate(tasks, squared_loss(), W);
  EXPECT_TRUE(std::isnan(metrics.values(0, 0)));
  EXPECT_TRUE(std::isnan(metrics.values(0, 2)));
  EXPECT_EQ(metrics.values(0, 1), rmse(tasks[0].features * W.col(0), tasks[0].labels));
  EXPECT_FALSE(metrics.values.row(1).array().isNaN().any());
}

TEST(Metrics, MeanIsOverTheGivenTasksWhereTheMetricIsDefined) {
  const double nan = std::nan("");
  Metrics metrics{{"auc", "accuracy"}, Eigen::MatrixXd(3, 2)};
  metrics.values << 0.5, 1.0, nan, 0.25, 0.75, 0.25;
  EXPECT_EQ(metrics.mean(0), 0.625);
  EXPECT_EQ(metrics.mean(1), 0.5);
  EXPECT_EQ(metrics.mean(1, {1, 2}), 0.25);
  EXPECT_EQ(metrics.mean(0, {0, 1}), 0.5);
  EXPECT_TRUE(std::isnan(metrics.mean(0, {1})));
}

TEST(Metrics, KnowWhichDirectionIsBetter) {
  EXPECT_FALSE(larger_is_better("nmse"));
  EXPECT_FALSE(larger_is_better("rmse"));
  for (const char* name : {"explained_variance", "auc", "accuracy"}) EXPECT_TRUE(larger_is_better(name));
}

}  // namespace
}  // namespace crosstalk::mtrl
