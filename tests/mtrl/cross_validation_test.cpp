#include "crosstalk/mtrl/cross_validation.hpp"

#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>

#include "crosstalk/split.hpp"
#include "support/problems.hpp"

namespace crosstalk::mtrl {
namespace {

using testing::ThrowsMessage;

// Twelve tasks with the same weights and six noisy rows of eight features each: alone they cannot be learnt.
TaskSet identical_tasks() {
  TaskSet tasks;
  for (std::uint64_t i = 0; i < 12; ++i) {
    Task task = problems::linear_task({.rows = 6, .features = 8, .noise = 0.0});
    task.name = "task " + std::to_string(i + 1);
    const Eigen::VectorXd w = problems::normal_matrix(8, 1, 1);
    task.features = problems::normal_matrix(6, 8, 100 + i);
    task.labels = task.features * w + 0.3 * problems::normal_matrix(6, 1, 200 + i);
    tasks.tasks.push_back(task);
  }
  return tasks;
}

CrossValidationOptions small_grid() {
  return {.lambda1 = {1e-3, 1e-1}, .lambda2 = {0.0, 1e-3, 1e-2}, .folds = 3};
}

TEST(CrossValidate, CouplesIdenticalTasksWithFewRows) {
  const auto result = cross_validate(identical_tasks(), squared_loss(), {}, small_grid());
  EXPECT_GT(result.best.lambda2, 0.0);
  // The best coupled model is far better than the best of tasks on their own.
  double alone = 1e300;
  double coupled = 1e300;
  for (const auto& trial : result.trials) {
    double& least = trial.lambda2 == 0.0 ? alone : coupled;
    least = std::min(least, trial.loss);
  }
  EXPECT_LT(coupled, 0.5 * alone);
}

TEST(CrossValidate, TriesTheGridInOrderAndTakesTheLeastLoss) {
  const Options options = {.smoothing = 0.01, .tolerance = 1e-9, .max_steps = 77};
  const auto grid = small_grid();
  const auto result = cross_validate(identical_tasks(), squared_loss(), options, grid);
  ASSERT_EQ(result.trials.size(), 6U);
  std::size_t t = 0;
  double least = 1e300;
  for (const double lambda1 : grid.lambda1)
    for (const double lambda2 : grid.lambda2) {
      EXPECT_EQ(result.trials[t].lambda1, lambda1);
      EXPECT_EQ(result.trials[t].lambda2, lambda2);
      least = std::min(least, result.trials[t++].loss);
    }
  const auto best = std::find_if(result.trials.begin(), result.trials.end(), [&](const auto& trial) {
    return trial.lambda1 == result.best.lambda1 && trial.lambda2 == result.best.lambda2;
  });
  EXPECT_LE(best->loss, least * (1.0 + grid.tie));
  EXPECT_EQ(result.best.smoothing, 0.01);
  EXPECT_EQ(result.best.tolerance, 1e-9);
  EXPECT_EQ(result.best.max_steps, 77);
}

TEST(CrossValidate, LossIsTheMeanOverFoldsAndTasksOfTheHeldOutLoss) {
  const TaskSet tasks = problems::related_regression({.tasks = 3, .rows = 9, .features = 4});
  const CrossValidationOptions grid = {.lambda1 = {0.1}, .lambda2 = {0.2}, .folds = 2, .seed = 7};
  const auto result = cross_validate(tasks, squared_loss(), {.smoothing = 0.1}, grid);
  const auto assigned = assign_folds(tasks, 2, 7);
  double expected = 0.0;
  for (std::size_t fold = 0; fold < 2; ++fold) {
    TaskSet train;
    TaskSet held_out;
    for (std::size_t i = 0; i < 3; ++i) {
      std::vector<Eigen::Index> in;
      std::vector<Eigen::Index> out;
      for (std::size_t j = 0; j < assigned[i].size(); ++j)
        (assigned[i][j] == fold ? out : in).push_back(static_cast<Eigen::Index>(j));
      train.tasks.push_back(select_rows(tasks[i], in));
      held_out.tasks.push_back(select_rows(tasks[i], out));
    }
    const auto fit = solve(train, squared_loss(), {.lambda1 = 0.1, .lambda2 = 0.2, .smoothing = 0.1});
    for (std::size_t i = 0; i < 3; ++i)
      expected += (held_out[i].features * fit.weights.col(static_cast<Eigen::Index>(i)) - held_out[i].labels)
                      .array()
                      .square()
                      .mean() /
                  6.0;
  }
  // The folds are solved to 1e-8 of the objective, which leaves about 1e-4 in W and less in the held-out loss.
  EXPECT_NEAR(result.trials[0].loss, expected, 1e-4 * expected);
}

// Rows that are all alike leave nothing for a lambda to do: whatever the trials' last digits, the strongest is taken.
TEST(CrossValidate, OfTrialsThatTieTakesTheOneThatPullsHardest) {
  CrossValidationOptions grid = {.lambda1 = {1e-9, 1e-8, 1.0}, .lambda2 = {1e-9, 1e-8, 1.0}};
  const TaskSet tasks = problems::related_regression({.tasks = 3, .rows = 30, .features = 2});
  const auto result = cross_validate(tasks, squared_loss(), {}, grid);
  EXPECT_EQ(result.best.lambda1, 1e-8);
  EXPECT_EQ(result.best.lambda2, 1e-8);
  grid.tie = 1e6;
  const auto any = cross_validate(tasks, squared_loss(), {}, grid);
  EXPECT_EQ(any.best.lambda1, 1.0);
  EXPECT_EQ(any.best.lambda2, 1.0);
}

// Of many tasks some stand for all: the same lambdas, and held-out losses that differ by the noise of the sample.
TEST(CrossValidate, ASampleOfTheTasksChoosesAsAllDo) {
  const TaskSet tasks = problems::related_regression({.tasks = 120, .rows = 9, .features = 6});
  CrossValidationOptions grid = {.lambda1 = {1e-4, 1e-1}, .lambda2 = {1e-4, 1e-2, 1.0}};
  const auto all = cross_validate(tasks, squared_loss(), {}, grid);
  EXPECT_EQ(all.tasks, 120U);
  grid.most_tasks = 40;
  const auto sample = cross_validate(tasks, squared_loss(), {}, grid);
  EXPECT_EQ(sample.tasks, 40U);
  EXPECT_EQ(sample.best.lambda1, all.best.lambda1);
  EXPECT_EQ(sample.best.lambda2, all.best.lambda2);
  for (std::size_t t = 0; t < all.trials.size(); ++t)
    EXPECT_NEAR(sample.trials[t].loss, all.trials[t].loss, 0.3 * all.trials[t].loss) << t;
  grid.most_tasks = 1;
  EXPECT_THAT([&] { cross_validate(tasks, squared_loss(), {}, grid); },
              ThrowsMessage<std::invalid_argument>("cross_validate: most_tasks is 1; it must be >= 2"));
}

// Every fold leaves a task of two rows one to learn from; with more folds than rows of any task some hold out nothing.
TEST(CrossValidate, TakesTasksWithFewerRowsThanFolds) {
  TaskSet tasks = problems::related_regression({.tasks = 3, .rows = 9, .features = 4});
  tasks[1] = select_rows(tasks[1], {0, 1});
  CrossValidationOptions grid = {.lambda1 = {0.1}, .lambda2 = {0.1}, .folds = 5};
  EXPECT_TRUE(std::isfinite(cross_validate(tasks, squared_loss(), {}, grid).trials[0].loss));
  grid.folds = 20;
  EXPECT_TRUE(std::isfinite(cross_validate(tasks, squared_loss(), {}, grid).trials[0].loss));
}

TEST(CrossValidate, DoesNotDependOnTheThreads) {
  CrossValidationOptions grid = small_grid();
  const auto one = cross_validate(identical_tasks(), squared_loss(), {}, grid);
  grid.threads = 3;
  const auto three = cross_validate(identical_tasks(), squared_loss(), {}, grid);
  for (std::size_t t = 0; t < one.trials.size(); ++t) {
    EXPECT_EQ(one.trials[t].loss, three.trials[t].loss);
    EXPECT_TRUE(std::isnan(one.trials[t].metric));  // two rows a task are held out
    EXPECT_TRUE(std::isnan(three.trials[t].metric));
  }
}

TEST(CrossValidate, ReportsProgressUpToOne) {
  std::vector<double> shares;
  RunControl control;
  control.progress = [&](double done, const std::string& what) {
    shares.push_back(done);
    EXPECT_EQ(what, "choosing lambda");
  };
  CrossValidationOptions grid = small_grid();
  grid.threads = 2;
  cross_validate(identical_tasks(), squared_loss(), {}, grid, control);
  ASSERT_EQ(shares.size(), 18U);
  EXPECT_TRUE(std::is_sorted(shares.begin(), shares.end()));
  EXPECT_EQ(shares.back(), 1.0);
}

TEST(CrossValidate, WorksForClassification) {
  const TaskSet tasks = problems::related_classification({.tasks = 3, .rows = 20, .features = 4});
  for (const char* loss : {"squared-hinge", "logistic"}) {
    const auto result = cross_validate(tasks, loss_named(loss), {}, small_grid());
    for (const auto& trial : result.trials) {
      EXPECT_GT(trial.loss, 0.0);
      EXPECT_GT(trial.metric, 0.5);  // AUC
    }
  }
}

TEST(CrossValidate, RefusesWhatItCannotDo) {
  const TaskSet tasks = identical_tasks();
  EXPECT_THAT([&] { cross_validate(tasks, squared_loss(), {}, {.lambda1 = {}}); },
              ThrowsMessage<std::invalid_argument>("cross_validate: the grid is empty"));
  EXPECT_THAT([&] { cross_validate(tasks, squared_loss(), {}, {.lambda2 = {}}); },
              ThrowsMessage<std::invalid_argument>("cross_validate: the grid is empty"));
  TaskSet small = tasks;
  for (const std::size_t i : {1, 4}) small[i] = select_rows(small[i], {0});
  EXPECT_THAT(
      [&] { cross_validate(small, squared_loss(), {}, small_grid()); },
      ThrowsMessage<std::invalid_argument>("cross_validate: 2 tasks have fewer than 2 rows: \"task 2\", \"task 5\""));
  EXPECT_THAT([&] { cross_validate(tasks, squared_loss(), {}, {.folds = 1}); },
              ThrowsMessage<std::invalid_argument>("cross_validate: folds is 1; it must be from 2 to 100"));
  EXPECT_THAT([&] { cross_validate(tasks, squared_loss(), {}, {.lambda1 = {-1.0}, .threads = 2}); },
              ThrowsMessage<std::invalid_argument>("solve: lambda1 is -1; it must be > 0"));
}

}  // namespace
}  // namespace crosstalk::mtrl
