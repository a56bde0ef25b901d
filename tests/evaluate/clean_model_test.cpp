#include "crosstalk/evaluate/clean_model.hpp"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crosstalk/rng.hpp"
#include "crosstalk/split.hpp"
#include "support/problems.hpp"

using namespace crosstalk;
using namespace crosstalk::evaluate;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

Split related(Eigen::Index rows = 60, Eigen::Index features = 5) {
  return split_rows(problems::related_for(mtrl::squared_loss(),
                                          {.tasks = 4, .rows = rows, .features = features, .noise = 0.3, .seed = 7}),
                    1.0 / 3.0, 1);
}

// Labels that have nothing to do with the rows.
void forget(TaskSet& tasks, std::uint64_t seed) {
  Rng rng(seed);
  for (Task& task : tasks.tasks)
    for (double& label : task.labels) label = rng.normal();
}

// @param elsewhere  a metric that says the model is no better than a constant, or none.
CleanModel judged(const Split& rows, const mtrl::Options& learner, const std::vector<double>& elsewhere = {}) {
  const mtrl::Loss& loss = mtrl::squared_loss();
  return judge_clean_model(rows.train, rows.test, loss, learner, mtrl::solve(rows.train, loss, learner).weights,
                           elsewhere);
}

std::vector<Cause> causes(const CleanModel& model) {
  std::vector<Cause> all;
  for (const CleanModel::Evidence& evidence : model.evidence) all.push_back(evidence.cause);
  return all;
}

constexpr mtrl::Options kLearner = {.lambda1 = 0.01, .lambda2 = 0.01};

TEST(CleanModel, AModelThatLearnsNeedsNoExcuse) {
  const CleanModel model = judged(related(), kLearner, {0.4, 0.6});
  EXPECT_FALSE(model.no_better_than_constant);
  EXPECT_THAT(model.evidence, IsEmpty());
  EXPECT_EQ(model.splits, 3U);
  EXPECT_EQ(model.high, 0.6);
}

// Better here, but not on every split: that can be chance.
TEST(CleanModel, OneSplitWithoutSkillIsEnough) {
  EXPECT_TRUE(judged(related(), kLearner, {0.4, 1.02}).no_better_than_constant);
  EXPECT_FALSE(judged(related(), kLearner, {0.4, std::nan("")}).no_better_than_constant);
}

TEST(CleanModel, NamesTheScaleWhenSmallColumnsHoldTheAnswer) {
  Split rows = related();
  Rng rng(1);
  for (TaskSet* part : {&rows.train, &rows.test})
    for (Task& task : part->tasks) {
      task.features *= 1e-7;
      for (double& x : task.features.col(0)) x = rng.normal();
    }
  const CleanModel model = judged(rows, kLearner, {1.1});
  EXPECT_THAT(causes(model), testing::ElementsAre(Cause::Scale));
  EXPECT_THAT(model.evidence[0].text, HasSubstr("times the smallest"));
}

TEST(CleanModel, NamesTheLambdasWhenSmallerOnesLearn) {
  const CleanModel model = judged(related(), {.lambda1 = 30.0, .lambda2 = 30.0}, {1.1});
  EXPECT_THAT(causes(model), testing::ElementsAre(Cause::Lambda));
  EXPECT_THAT(model.evidence[0].text, HasSubstr("lambda1 0.3 and lambda2 0.3 in place of 30 and 30"));
}

TEST(CleanModel, NamesTooFewRowsWhenOnlyTheTrainingRowsFit) {
  Split rows = related(30, 40);
  forget(rows.train, 1);
  forget(rows.test, 2);
  const CleanModel model = judged(rows, kLearner);
  EXPECT_TRUE(model.no_better_than_constant);
  EXPECT_THAT(causes(model), testing::ElementsAre(Cause::TooFewRows));
  EXPECT_THAT(model.evidence[0].text, HasSubstr("21 training rows a task for 40 features, 0.53 a feature"));
}

TEST(CleanModel, NamesThatThereIsNothingToLearn) {
  Split rows = related(3000, 5);
  forget(rows.train, 1);
  forget(rows.test, 2);
  const CleanModel model = judged(rows, kLearner, {1.0});
  EXPECT_TRUE(model.no_better_than_constant);
  EXPECT_THAT(causes(model), testing::ElementsAre(Cause::NothingToLearn));
}

// The NMSE of a task divides by the spread of its labels, which for three rows is often next to nothing.
TEST(CleanModel, FewRowsATaskDoNotHideAModel) {
  const Split rows = split_rows(
      problems::related_for(mtrl::squared_loss(), {.tasks = 300, .rows = 10, .features = 4, .noise = 0.3, .seed = 7}),
      0.3, 1);
  ASSERT_EQ(rows.test[0].rows(), 3);
  const CleanModel model = judged(rows, kLearner);
  EXPECT_FALSE(model.no_better_than_constant);
  EXPECT_LT(model.value, 0.5);
  // By hand: against the mean of the training labels.
  const Eigen::MatrixXd W = mtrl::solve(rows.train, mtrl::squared_loss(), kLearner).weights;
  double of_model = 0.0;
  double of_constants = 0.0;
  for (std::size_t i = 0; i < rows.test.size(); ++i)
    for (Eigen::Index j = 0; j < rows.test[i].rows(); ++j) {
      const double y = rows.test[i].labels[j];
      const auto n = static_cast<double>(rows.test[i].rows());
      of_model += std::pow(rows.test[i].features.row(j).dot(W.col(static_cast<Eigen::Index>(i))) - y, 2) / n;
      of_constants += std::pow(rows.train[i].labels.mean() - y, 2) / n;
    }
  EXPECT_NEAR(model.value, of_model / of_constants, 1e-12);
}

// Of classes: the AUC of scores without skill is 1/2.
TEST(CleanModel, ClassesAreJudgedByTheAuc) {
  const mtrl::Loss& loss = mtrl::squared_hinge_loss();
  const Split rows = split_rows(
      problems::related_for(loss, {.tasks = 4, .rows = 60, .features = 5, .noise = 0.3, .seed = 7}), 1.0 / 3.0, 1);
  const Eigen::MatrixXd W = mtrl::solve(rows.train, loss, kLearner).weights;
  EXPECT_FALSE(judge_clean_model(rows.train, rows.test, loss, kLearner, W, {0.6}).no_better_than_constant);
  EXPECT_TRUE(judge_clean_model(rows.train, rows.test, loss, kLearner, W, {0.49}).no_better_than_constant);
  const CleanModel none = judge_clean_model(rows.train, rows.test, loss, kLearner, 0.0 * W, {});
  EXPECT_TRUE(none.no_better_than_constant);  // all scores tied
  EXPECT_EQ(none.value, 0.5);
}

}  // namespace
