#include "crosstalk/attack/row_gradient.hpp"

#include <cmath>

#include <gtest/gtest.h>
#include <Eigen/Dense>

#include "crosstalk/attack/utility.hpp"
#include "support/gradient_check.hpp"
#include "support/problems.hpp"

namespace crosstalk::attack {
namespace {

struct Attacked {
  Attacked(const TaskSet& tasks, const mtrl::Loss& loss, double smoothing, double lambda2 = 0.2)
      : clean(tasks),
        learner{.lambda1 = 0.07, .lambda2 = lambda2, .smoothing = smoothing},
        injected(rows_for(tasks, loss)),
        risk(mtrl::EmpiricalRisk(tasks, loss).with_rows(injected)),
        fit(mtrl::solve(risk, learner)),
        utility(tasks, loss, {0, 2}),
        utility_gradient(utility.gradient(fit.weights)) {}

  static TaskSet rows_for(const TaskSet& tasks, const mtrl::Loss& loss) {
    std::vector<Eigen::Index> rows(tasks.size(), 0);
    rows[0] = 3;
    rows[1] = 2;
    return problems::injected_for(tasks, loss, rows, 9);
  }
  [[nodiscard]] AttackState state() const { return {risk, injected, fit, learner, utility_gradient}; }

  TaskSet clean;
  mtrl::Options learner;
  TaskSet injected;
  mtrl::EmpiricalRisk risk;
  mtrl::Fit fit;
  LossUtility utility;
  Eigen::MatrixXd utility_gradient;
};

// Algorithm 1 of the paper as it is printed: for every injected row and every row of the batch
//   dU/dx_i += dloss/dw_p (Eqs. 15, 16) = loss'(z_p, y_p) alpha_i Phi_ip x_p,
// with Phi = Omega (l1 Omega + l2 I)^-1 from dense matrices.
std::vector<Eigen::MatrixXd> double_loop(const Attacked& a, const std::string& loss,
                                         const std::vector<std::size_t>& targets) {
  const auto m = static_cast<Eigen::Index>(a.clean.size());
  Eigen::MatrixXd square = a.fit.weights.transpose() * a.fit.weights;
  square.diagonal().array() += a.learner.smoothing * a.learner.smoothing;
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen(square);
  const Eigen::VectorXd root = eigen.eigenvalues().cwiseMax(0.0).cwiseSqrt();
  const Eigen::MatrixXd Omega =
      eigen.eigenvectors() * (root / root.sum()).asDiagonal() * eigen.eigenvectors().transpose();
  const Eigen::MatrixXd Phi =
      Omega * (a.learner.lambda1 * Omega + a.learner.lambda2 * Eigen::MatrixXd::Identity(m, m)).inverse();
  std::vector<Eigen::MatrixXd> result(a.clean.size());
  for (std::size_t i = 0; i < a.clean.size(); ++i) {
    const Task& rows = a.injected[i];
    if (rows.rows() == 0) continue;
    const Eigen::VectorXd w = a.fit.weights.col(static_cast<Eigen::Index>(i));
    const auto N = static_cast<double>(a.clean[i].rows() + rows.rows());
    result[i] = Eigen::MatrixXd::Zero(rows.rows(), w.size());
    for (Eigen::Index j = 0; j < rows.rows(); ++j) {
      const double y = rows.labels[j];
      const double z = rows.features.row(j).dot(w);
      double alpha = 0.0;
      if (loss == "squared") alpha = 2.0 / N * (y - z);
      if (loss == "squared-hinge") alpha = 2.0 / N * std::max(0.0, 1.0 - y * z) * y;
      if (loss == "logistic") alpha = y / (1.0 + std::exp(y * z)) / N;
      for (const std::size_t p : targets)
        for (Eigen::Index q = 0; q < a.clean[p].rows(); ++q) {
          const auto column = static_cast<Eigen::Index>(p);
          const Eigen::VectorXd x = a.clean[p].features.row(q);
          const double label = a.clean[p].labels[q];
          const double score = x.dot(a.fit.weights.col(column));
          double slope = 0.0;
          if (loss == "squared") slope = 2.0 * (score - label);
          if (loss == "squared-hinge") slope = -2.0 * label * std::max(0.0, 1.0 - label * score);
          if (loss == "logistic") slope = -label / (1.0 + std::exp(label * score));
          result[i].row(j) += slope * alpha * Phi(static_cast<Eigen::Index>(i), column) * x.transpose();
        }
    }
  }
  return result;
}

TEST(PatomRowGradient, IsTheDoubleLoopOfTheAlgorithm) {
  for (const auto& problem : problems::battery()) {
    const Attacked attacked(problem.tasks, *problem.loss, 0.1);
    const auto gradient = patom_row_gradient(attacked.state()).features;
    const auto expected = double_loop(attacked, std::string(problem.loss->name()), {0, 2});
    ASSERT_EQ(gradient.size(), expected.size());
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      ASSERT_EQ(gradient[i].rows(), expected[i].rows()) << problem.name;
      if (expected[i].rows() == 0) continue;
      EXPECT_GT(expected[i].norm(), 0.0);
      EXPECT_LT((gradient[i] - expected[i]).norm(), 1e-12 * expected[i].norm()) << problem.name << ", task " << i;
    }
  }
}

TEST(PatomRowGradient, NeedsNoInverseOfASingularOmega) {
  const TaskSet tasks = problems::rank_one({.tasks = 5, .rows = 20, .features = 4});
  const Attacked attacked(tasks, mtrl::squared_loss(), 0.0);
  const auto gradient = patom_row_gradient(attacked.state()).features;
  const auto expected = double_loop(attacked, "squared", {0, 2});
  for (const std::size_t i : {0U, 1U}) {
    EXPECT_TRUE(gradient[i].allFinite());
    // The dense root of a singular matrix is right to sqrt(eps) only.
    EXPECT_LT((gradient[i] - expected[i]).norm(), 1e-6 * expected[i].norm());
  }
}

// With l2 = 0 stationarity reads l1 W = sum alpha x e', so Phi = I / l1 whatever Omega is: with e = 0 and d < m it is
// singular.
TEST(PatomRowGradient, WithoutCouplingATaskMovesItselfOnly) {
  const auto problem = problems::battery().front();
  for (const double smoothing : {0.1, 0.0}) {
    const Attacked a(problem.tasks, *problem.loss, smoothing, 0.0);
    const auto gradient = patom_row_gradient(a.state()).features;
    for (const std::size_t i : {0U, 1U}) {
      const auto column = static_cast<Eigen::Index>(i);
      const Eigen::VectorXd residual = a.injected[i].labels - a.injected[i].features * a.fit.weights.col(column);
      const Eigen::MatrixXd expected = 2.0 / static_cast<double>(a.risk.rows(column)) * residual *
                                       a.utility_gradient.col(column).transpose() / a.learner.lambda1;
      EXPECT_LT((gradient[i] - expected).norm(), 1e-11 * a.utility_gradient.norm())
          << "task " << i << ", e = " << smoothing;
    }
  }
}

// W = sum alpha x e' Phi holds at a solution: the formula's starting point, and a check of Phi and alpha together.
TEST(PatomRowGradient, DualVariablesAndPhiGiveTheWeightsBack) {
  for (const auto& problem : problems::battery()) {
    const Attacked attacked(problem.tasks, *problem.loss, 0.1);
    const auto m = attacked.risk.tasks();
    Eigen::MatrixXd sum = -attacked.risk.evaluate(attacked.fit.weights).gradient;  // sum alpha x e'
    const Eigen::MatrixXd Omega = attacked.fit.covariance.dense();
    const Eigen::MatrixXd Phi =
        Omega *
        (attacked.learner.lambda1 * Omega + attacked.learner.lambda2 * Eigen::MatrixXd::Identity(m, m)).inverse();
    EXPECT_LT((sum * Phi - attacked.fit.weights).norm(), 1e-4 * attacked.fit.weights.norm()) << problem.name;
  }
}

// Without coupling in Omega and in alpha the formula is the derivative of U(W(x)), W = (dual part without the row) +
// alpha x e_i' Phi with alpha and Phi held.
TEST(PatomRowGradient, IsTheDerivativeWithOmegaAndAlphaHeld) {
  const auto problem = problems::battery().front();
  const Attacked a(problem.tasks, *problem.loss, 0.1);
  const auto m = a.risk.tasks();
  const Eigen::MatrixXd Omega = a.fit.covariance.dense();
  const Eigen::MatrixXd Phi =
      Omega * (a.learner.lambda1 * Omega + a.learner.lambda2 * Eigen::MatrixXd::Identity(m, m)).inverse();
  const auto gradient = patom_row_gradient(a.state()).features;
  const Eigen::RowVectorXd x = a.injected[1].features.row(0);
  const double z = x.dot(a.fit.weights.col(1));
  const double alpha = 2.0 * (a.injected[1].labels[0] - z) / static_cast<double>(a.risk.rows(1));
  const auto utility_of = [&](const Eigen::MatrixXd& moved) {
    return a.utility.value(a.fit.weights + alpha * (moved - x).transpose() * Phi.row(1));
  };
  EXPECT_TRUE(test_support::is_gradient(utility_of, x, gradient[1].row(0)));
}

}  // namespace
}  // namespace crosstalk::attack
