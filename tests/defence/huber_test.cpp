#include "crosstalk/defence/huber.hpp"

#include <utility>

#include <gtest/gtest.h>

#include "support/problems.hpp"

namespace crosstalk {

namespace {

constexpr mtrl::Options kLearner = {.lambda1 = 0.01, .lambda2 = 0.05};

// At the solution the pull of every row, cut to the threshold, balances the penalty: the gradient of the Huber
// objective, written out, is zero.
TEST(Huber, GradientOfItsObjectiveIsZero) {
  TaskSet tasks = problems::related_regression({.tasks = 3, .rows = 40, .features = 4, .noise = 0.3, .seed = 2});
  tasks[1].labels.head(5).array() += 4.0;
  const auto result =
      defence::huber(tasks, mtrl::squared_loss(), kLearner, mtrl::solve(tasks, mtrl::squared_loss(), kLearner));
  const Eigen::MatrixXd& W = result.fit.weights;
  Eigen::MatrixXd gradient = kLearner.lambda1 * W + kLearner.lambda2 * mtrl::Coupling(W, kLearner.smoothing).gradient();
  bool cut = false;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const auto column = static_cast<Eigen::Index>(i);
    const double t = result.thresholds[column];
    const Eigen::VectorXd r = tasks[i].features * W.col(column) - tasks[i].labels;
    cut = cut || r.cwiseAbs().maxCoeff() > t;
    gradient.col(column) +=
        2.0 / static_cast<double>(tasks[i].rows()) * tasks[i].features.transpose() * r.cwiseMax(-t).cwiseMin(t);
  }
  EXPECT_TRUE(cut);
  // The turns end at a relative change of 1e-6.
  EXPECT_LT(gradient.norm(), 1e-4 * W.norm());
}

TEST(Huber, FarLabelsPullLessThanUnderTheSquaredLoss) {
  const TaskSet honest = problems::related_regression({.tasks = 3, .rows = 40, .features = 4, .seed = 4});
  TaskSet tasks = honest;
  for (Task& task : tasks) task.labels.head(4).array() += 20.0;
  const mtrl::Fit wanted = mtrl::solve(honest, mtrl::squared_loss(), kLearner);
  const mtrl::Fit plain = mtrl::solve(tasks, mtrl::squared_loss(), kLearner);
  const mtrl::Fit robust = defence::huber(tasks, mtrl::squared_loss(), kLearner, plain).fit;
  EXPECT_LT((robust.weights - wanted.weights).norm(), 0.1 * (plain.weights - wanted.weights).norm());
}

// With all margins in [0, 1] the two losses are the same; a strong pull to zero sees to that.
TEST(Huber, OfSignsIsTheHingeWhereNoMarginIsNegative) {
  Task one{"one", Eigen::MatrixXd(4, 2), Eigen::VectorXd(4)};
  one.features << 1, 1, 2, 1, -1, 1, -2, 1;
  one.labels << 1, 1, -1, -1;
  TaskSet tasks;
  tasks.tasks.push_back(std::move(one));
  const mtrl::Options learner = {.lambda1 = 1.0, .lambda2 = 0.0};
  const mtrl::Fit plain = mtrl::solve(tasks, mtrl::squared_hinge_loss(), learner);
  const mtrl::Fit robust = defence::huber(tasks, mtrl::squared_hinge_loss(), learner, plain).fit;
  EXPECT_LT((plain.weights - robust.weights).norm(), 1e-6);
}

}  // namespace

}  // namespace crosstalk
