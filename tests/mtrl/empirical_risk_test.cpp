#include "crosstalk/mtrl/empirical_risk.hpp"

#include <cmath>

#include <gmock/gmock.h>

#include "support/gradient_check.hpp"
#include "support/problems.hpp"

namespace crosstalk::mtrl {
namespace {

using problems::normal_matrix;
using test_support::is_directional_derivative;
using test_support::is_gradient;
using testing::ThrowsMessage;

std::vector<Eigen::Index> some_rows(const TaskSet& tasks) {
  std::vector<Eigen::Index> rows(tasks.size(), 0);
  for (std::size_t i = 0; i < rows.size(); i += 2) rows[i] = static_cast<Eigen::Index>(3 + i);
  return rows;
}

struct Case {
  std::string name;
  EmpiricalRisk risk;
};

// Every problem of the battery as it is and with injected rows.
std::vector<Case> cases() {
  std::vector<Case> result;
  for (const problems::Named& problem : problems::battery()) {
    EmpiricalRisk clean(problem.tasks, *problem.loss);
    const TaskSet injected = problems::injected_for(problem.tasks, *problem.loss, some_rows(problem.tasks), 5);
    result.push_back({problem.name + ", injected rows", clean.with_rows(injected)});
    result.push_back({problem.name, std::move(clean)});
  }
  return result;
}

Eigen::MatrixXd weights_for(const EmpiricalRisk& risk) {
  return normal_matrix(risk.features(), risk.tasks(), 9);
}

TEST(EmpiricalRisk, GradientIsThatOfTheValue) {
  for (const auto& [name, risk] : cases()) {
    const Eigen::MatrixXd W = weights_for(risk);
    const auto& r = risk;
    EXPECT_TRUE(is_gradient([&](const auto& at) { return r.evaluate(at).value; }, W, risk.evaluate(W).gradient))
        << name;
  }
}

TEST(EmpiricalRisk, HessianBlocksProductsAndTracesAreThoseOfTheGradient) {
  for (const auto& [name, risk] : cases()) {
    const Eigen::MatrixXd W = weights_for(risk);
    const Eigen::MatrixXd V = normal_matrix(W.rows(), W.cols(), 10);
    const auto at = risk.evaluate(W);
    const Eigen::MatrixXd product = risk.hessian_times(at, V);
    const auto& r = risk;
    // The squared hinge has a corner in its slope; no row of these problems lies within a step of it.
    EXPECT_TRUE(is_directional_derivative([&](const auto& w) { return r.evaluate(w).gradient; }, W, V, product))
        << name;
    const Eigen::VectorXd traces = risk.hessian_traces(at);
    for (Eigen::Index i = 0; i < risk.tasks(); ++i) {
      const Eigen::MatrixXd block = risk.hessian_block(at, i);
      EXPECT_LT((block * V.col(i) - product.col(i)).norm(), 1e-12 * product.norm()) << name;
      EXPECT_NEAR(block.trace(), traces[i], 1e-12 * traces.sum()) << name;
      EXPECT_LT((block - block.transpose()).norm(), 1e-14 * block.norm()) << name;
    }
  }
}

TEST(EmpiricalRisk, ValueOfTheGramMatricesIsTheSumOverTheRows) {
  for (const auto& [name, risk] : cases()) {
    const Eigen::MatrixXd W = weights_for(risk);
    const auto at = risk.evaluate(W);
    EXPECT_NEAR(at.value, risk.accurate_value(W), 1e-12 * at.value) << name;
    EXPECT_NEAR(at.values.sum(), at.value, 1e-12 * at.value) << name;
    EXPECT_EQ(at.second.empty(), risk.loss().is_squared()) << name;
  }
}

TEST(EmpiricalRisk, IsTheMeanLossOfEveryTask) {
  const TaskSet tasks = problems::related_classification({.tasks = 2, .rows = 5, .features = 3});
  const Eigen::MatrixXd W = normal_matrix(3, 2, 4);
  for (const std::string& name : loss_names()) {
    const auto at = EmpiricalRisk(tasks, loss_named(name)).evaluate(W);
    for (Eigen::Index i = 0; i < 2; ++i) {
      const Task& task = tasks[static_cast<std::size_t>(i)];
      double sum = 0.0;
      for (Eigen::Index j = 0; j < task.rows(); ++j)
        sum += loss_named(name).at(task.features.row(j).dot(W.col(i)), task.labels[j]).value;
      EXPECT_NEAR(at.values[i], sum / static_cast<double>(task.rows()), 1e-13 * sum) << name;
    }
  }
}

TEST(EmpiricalRisk, ValueFromRowsIsExactForAPerfectFit) {
  TaskSet tasks = {problems::linear_task({.rows = 10, .features = 3, .noise = 0.0})};
  const Eigen::MatrixXd W = normal_matrix(3, 1, 1);  // the weights that made the labels
  tasks[0].labels = tasks[0].features * W;
  EXPECT_LT(EmpiricalRisk(tasks, squared_loss()).accurate_value(W), 1e-30);
}

TEST(EmpiricalRisk, WithRowsIsTheRiskOfThePoisonedTaskSet) {
  for (const problems::Named& problem : problems::battery()) {
    const TaskSet injected = problems::injected_for(problem.tasks, *problem.loss, some_rows(problem.tasks), 6);
    const EmpiricalRisk clean(problem.tasks, *problem.loss);
    const EmpiricalRisk risk = clean.with_rows(injected);
    const EmpiricalRisk whole(join_rows(problem.tasks, injected), *problem.loss);
    const Eigen::MatrixXd W = weights_for(risk);
    const Eigen::MatrixXd V = normal_matrix(W.rows(), W.cols(), 3);
    const auto a = risk.evaluate(W);
    const auto b = whole.evaluate(W);
    EXPECT_NEAR(a.value, b.value, 1e-12 * b.value) << problem.name;
    EXPECT_LT((a.values - b.values).norm(), 1e-12 * b.values.norm()) << problem.name;
    EXPECT_LT((a.gradient - b.gradient).norm(), 1e-12 * b.gradient.norm()) << problem.name;
    EXPECT_LT((risk.hessian_times(a, V) - whole.hessian_times(b, V)).norm(), 1e-12 * whole.hessian_times(b, V).norm())
        << problem.name;
    EXPECT_LT((risk.hessian_traces(a) - whole.hessian_traces(b)).norm(), 1e-12 * whole.hessian_traces(b).norm())
        << problem.name;
    for (Eigen::Index i = 0; i < risk.tasks(); ++i) EXPECT_EQ(risk.rows(i), whole.rows(i));
    // Adding rows again replaces them, and the clean risk is left as it was.
    EXPECT_EQ(clean.with_rows(injected).with_rows(injected).evaluate(W).value, a.value);
    EXPECT_EQ(clean.rows(0), problem.tasks[0].rows());
    EXPECT_NE(clean.evaluate(W).value, a.value);
  }
}

TEST(EmpiricalRisk, MeanSecondMomentIsThatOfTheCleanRows) {
  for (const std::string& name : loss_names()) {
    const TaskSet tasks = problems::related_for(loss_named(name), {.tasks = 3, .rows = 8, .features = 5});
    const SymmetricEigen eigen = EmpiricalRisk(tasks, loss_named(name)).mean_second_moment();
    Eigen::MatrixXd mean = Eigen::MatrixXd::Zero(5, 5);
    for (const Task& task : tasks)
      mean += task.features.transpose() * task.features / static_cast<double>(3 * task.rows());
    const Eigen::MatrixXd back = eigen.vectors * eigen.values.asDiagonal() * eigen.vectors.transpose();
    EXPECT_LT((back - mean).norm(), 1e-13 * mean.norm()) << name;
  }
}

TEST(EmpiricalRisk, WeightsCountForTheValueAndItsDerivatives) {
  for (const auto& [name, risk] : cases()) {
    const Eigen::MatrixXd W = weights_for(risk);
    const Eigen::MatrixXd V = normal_matrix(risk.features(), risk.tasks(), 10);
    const Eigen::VectorXd weights = Eigen::VectorXd::LinSpaced(risk.tasks(), 0.0, 2.0);
    const EmpiricalRisk weighted = risk.weighted(weights);
    const auto plain = risk.evaluate(W);
    const auto at = weighted.evaluate(W);
    constexpr double kRounding = 1e-12;
    EXPECT_TRUE(at.values.isApprox(weights.cwiseProduct(plain.values), kRounding)) << name;
    EXPECT_NEAR(at.value, weights.dot(plain.values), kRounding * plain.value) << name;
    EXPECT_TRUE(at.gradient.isApprox(plain.gradient * weights.asDiagonal(), kRounding)) << name;
    EXPECT_TRUE(weighted.hessian_times(at, V).isApprox(risk.hessian_times(plain, V) * weights.asDiagonal(), kRounding))
        << name;
    EXPECT_TRUE(weighted.hessian_traces(at).isApprox(weights.cwiseProduct(risk.hessian_traces(plain)), kRounding))
        << name;
    for (Eigen::Index i = 1; i < risk.tasks(); ++i)
      EXPECT_TRUE(weighted.hessian_block(at, i).isApprox(weights[i] * risk.hessian_block(plain, i), kRounding)) << name;
    EXPECT_TRUE(weighted.hessian_block(at, 0).isZero(0.0)) << name;
    EXPECT_NEAR(weighted.accurate_value(W), at.value, 1e-9 * plain.value) << name;
    EXPECT_NEAR(weighted.sample(2).evaluate(W(Eigen::all, Eigen::seq(0, Eigen::last, 2))).value,
                at.values(Eigen::seq(0, Eigen::last, 2)).sum(), kRounding * plain.value)
        << name;
  }
}

TEST(EmpiricalRisk, RefusesTasksThatAreNotValid) {
  EXPECT_THAT([] { EmpiricalRisk({}, squared_loss()); },
              ThrowsMessage<std::invalid_argument>("empirical risk: there are no tasks"));
  TaskSet tasks = problems::related_classification({.tasks = 2, .rows = 4, .features = 2});
  tasks[1].labels[2] = 0.0;
  for (const char* name : {"squared-hinge", "logistic"})
    EXPECT_THAT([&] { EmpiricalRisk(tasks, loss_named(name)); },
                ThrowsMessage<std::invalid_argument>("task \"task 2\" has the label 0 in row 3; the " +
                                                     std::string(name) + " loss needs -1 or +1"));
  EXPECT_NO_THROW(EmpiricalRisk(tasks, squared_loss()));
}

TEST(EmpiricalRisk, RefusesInjectedRowsThatDoNotFit) {
  const TaskSet tasks = problems::related_classification({.tasks = 2, .rows = 4, .features = 2});
  const EmpiricalRisk risk(tasks, squared_hinge_loss());
  EXPECT_THAT([&] { static_cast<void>(risk.with_rows({tasks[0]})); },
              ThrowsMessage<std::invalid_argument>("with_rows: 1 tasks for a risk of 2"));
  TaskSet injected = problems::injected_for(tasks, squared_hinge_loss(), {0, 2}, 1);
  injected[1].labels[1] = 0.5;
  EXPECT_THAT([&] { static_cast<void>(risk.with_rows(injected)); },
              ThrowsMessage<std::invalid_argument>(
                  "task \"task 2\" has the label 0.5 in row 2; the squared-hinge loss needs -1 or +1"));
}

TEST(EmpiricalRisk, RefusesWeightsThatAreNone) {
  const EmpiricalRisk risk(problems::related_for(squared_loss(), {.tasks = 2}), squared_loss());
  for (const Eigen::Vector2d& weights : {Eigen::Vector2d(1.0, -0.1), Eigen::Vector2d(1.0, std::nan(""))})
    EXPECT_THAT([&] { static_cast<void>(risk.weighted(weights)); },
                ThrowsMessage<std::invalid_argument>("weighted: there must be a finite weight >= 0 for every task"));
  EXPECT_THAT([&] { static_cast<void>(risk.weighted(Eigen::VectorXd::Ones(3))); },
              ThrowsMessage<std::invalid_argument>("weighted: there must be a finite weight >= 0 for every task"));
}

}  // namespace
}  // namespace crosstalk::mtrl
