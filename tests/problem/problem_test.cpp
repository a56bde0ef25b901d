#include "crosstalk/problem/problem.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crosstalk/error.hpp"
#include "crosstalk/problem/more_rows.hpp"
#include "crosstalk/split.hpp"
#include "support/problems.hpp"
#include "support/process.hpp"

using namespace crosstalk;
using testing::HasSubstr;
using testing::StartsWith;
using testing::ThrowsMessage;

namespace {

// Tasks a, b, c of 20 rows with two columns and a label.
std::string table(bool classes, double slope = 1.0) {
  std::string text = "shop,x,size,y\n";
  for (int i = 0; i < 60; ++i) {
    const double x = 0.1 * (i * 7 % 20) - 1.0;
    const double y = slope * x + 0.01 * (i % 5) + 0.005;
    text += std::string(1, static_cast<char>('a' + i % 3)) + "," + std::to_string(x) + "," +
            std::to_string(100 * (i * 3 % 11)) + "," + (classes ? (y > 0 ? "yes" : "no") : std::to_string(y)) + "\n";
  }
  return text;
}

class LoadProblem : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) {
    test_support::write_file(folder_.path() / name, text);
    return (folder_.path() / name).string();
  }
  static ProblemOptions options() {
    ProblemOptions options;
    options.load.csv = {.task_column = "shop", .label_columns = {"y"}};
    return options;
  }
  test_support::TemporaryFolder folder_;
};

TEST_F(LoadProblem, SplitsAndPreparesByTheRecipeOfAFile) {
  const Problem problem = load_problem(write("t.csv", table(false)), options());
  EXPECT_EQ(problem.split_by, "fraction");
  EXPECT_EQ(problem.test_fraction, 0.3);
  EXPECT_EQ(problem.raw_train.rows(), 42);
  EXPECT_EQ(problem.raw_test.rows(), 18);
  EXPECT_EQ(problem.loss->name(), "squared");
  EXPECT_EQ(problem.train.features(), 3);  // two columns and the bias
  const Preparation by_hand =
      Preparation::fit(problem.raw_train, {.scale = Scale::Standard, .labels = LabelScale::Pooled});
  EXPECT_EQ(problem.train[1].features, by_hand.apply(problem.raw_train)[1].features);
  EXPECT_EQ(problem.test[2].labels, by_hand.apply(problem.raw_test)[2].labels);
}

TEST_F(LoadProblem, ClassesKeepTheirLabels) {
  const Problem problem = load_problem(write("t.csv", table(true)), options());
  EXPECT_EQ(problem.loss->name(), "squared-hinge");
  EXPECT_TRUE(has_sign_labels(problem.train));
  ProblemOptions scaled = options();
  scaled.label_scale = LabelScale::Pooled;
  EXPECT_THAT([&] { (void)load_problem(write("t.csv", table(true)), scaled); },
              ThrowsMessage<std::invalid_argument>(StartsWith("`standardise_labels`: all is for labels that are ")));
}

TEST_F(LoadProblem, ATestFileStandsForAFraction) {
  ProblemOptions with_file = options();
  with_file.test_file = write("later.csv", table(false, 2.0));
  const Problem problem = load_problem(write("t.csv", table(false)), with_file);
  EXPECT_EQ(problem.raw_train.rows(), 60);
  EXPECT_EQ(problem.raw_test.rows(), 60);
  EXPECT_EQ(problem.split_by, "test file");
  with_file.test_fraction = 0.5;
  EXPECT_THAT([&] { (void)load_problem(write("t.csv", table(false)), with_file); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("`test_fraction`: `test` says what is held out")));
}

TEST_F(LoadProblem, RefusesAFractionOutsideItsRange) {
  ProblemOptions all = options();
  all.test_fraction = 1.0;
  EXPECT_THAT([&] { (void)load_problem(write("t.csv", table(false)), all); },
              ThrowsMessage<std::invalid_argument>("test_fraction is 1; it must be in [0, 1)"));
}

TEST_F(LoadProblem, NamesTasksOfOneRowAndTheWayOut) {
  const std::string path = write("t.csv", table(false) + "d,1,100,1\n");
  EXPECT_THAT([&] { (void)load_problem(path, options()); },
              ThrowsMessage<DataError>(HasSubstr("\"d\"; `min_rows=2` leaves such tasks out")));
  ProblemOptions without = options();
  without.min_rows = 2;
  EXPECT_EQ(load_problem(path, without).train.size(), 3U);
}

TEST(MakeProblem, TakesADataSetThatIsInMemory) {
  data::Dataset set;
  set.name = "in memory";
  set.train = problems::related_for(mtrl::squared_loss(), {.tasks = 3, .rows = 20, .features = 4});
  Problem problem = make_problem(std::move(set), {.hold_out = false});
  EXPECT_EQ(problem.split_by, "nothing");
  EXPECT_EQ(&problem.evaluation(), &problem.train);
  choose_lambdas(problem, mtrl::CrossValidationOptions{.lambda1 = {1e-3, 1e-1}, .lambda2 = {1e-2}});
  ASSERT_TRUE(problem.cross_validation.has_value());
  EXPECT_EQ(problem.learner.lambda2, 1e-2);

  // Rows that change nothing are none; what the refit then tells is the clean fit.
  TaskSet nothing = problem.raw_train;
  for (Task& task : nothing) task = select_rows(task, {});
  const Refit same = refit(problem, nothing);
  EXPECT_EQ(same.fit.weights, mtrl::solve(problem.train, *problem.loss, problem.learner).weights);
}

TEST(RowsInOrder, FollowTheTasksAndFeaturesOfAnother) {
  TaskSet rows;
  rows.feature_names = {"v", "u"};
  rows.tasks.push_back({"b", (Eigen::MatrixXd(1, 2) << 2.0, 1.0).finished(), Eigen::VectorXd::Ones(1)});
  const TaskSet ordered = rows_in_order(rows, "the model", {"a", "b"}, {"u", "v"}, 2);
  EXPECT_EQ(ordered[0].rows(), 0);
  EXPECT_EQ(ordered[1].features, (Eigen::MatrixXd(1, 2) << 1.0, 2.0).finished());
  EXPECT_THAT(
      [&] {
        (void)rows_in_order(rows, "the model", {"a"}, {"u", "v"}, 2);
      },
      ThrowsMessage<DataError>("the model has no task \"b\""));
  EXPECT_THAT(
      [&] {
        (void)rows_in_order(rows, "the model", {"b"}, {"u", "w"}, 2);
      },
      ThrowsMessage<DataError>("the model needs a feature \"w\""));
}

}  // namespace
