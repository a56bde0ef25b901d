#include "crosstalk/defence/least_trimmed_squares.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>

#include <gtest/gtest.h>
#include <Eigen/QR>

#include "crosstalk/defence/huber.hpp"
#include "crosstalk/defence/trim.hpp"
#include "support/problems.hpp"

namespace crosstalk {

namespace {

using defence::least_trimmed_squares;

double objective(const Task& task, const Eigen::VectorXd& w, std::size_t keep) {
  Eigen::VectorXd squares = (task.labels - task.features * w).array().square();
  std::sort(squares.begin(), squares.end());
  return squares.head(static_cast<Eigen::Index>(keep)).sum();
}

Eigen::VectorXd fit_of(const Task& task) {
  return task.features.colPivHouseholderQr().solve(task.labels);
}

Eigen::VectorXd found(const Task& task, std::size_t keep) {
  return least_trimmed_squares(task, defence::all_rows({task})[0], keep, Eigen::VectorXd::Zero(task.features.cols()));
}

// Of all choices of 6 rows of 10 the best one, by trying them all.
TEST(LeastTrimmedSquares, IsTheBestOfAllChoicesOfRows) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Task task{"one", problems::normal_matrix(10, 2, seed), problems::normal_matrix(10, 1, seed + 10)};
    double least = std::numeric_limits<double>::infinity();
    for (unsigned chosen = 0; chosen < 1U << 10; ++chosen) {
      if (std::popcount(chosen) != 6) continue;
      std::vector<Eigen::Index> rows;
      for (Eigen::Index j = 0; j < 10; ++j)
        if ((chosen >> j & 1U) != 0) rows.push_back(j);
      const Task part = select_rows(task, rows);
      least = std::min(least, objective(part, fit_of(part), 6));
    }
    EXPECT_NEAR(objective(task, found(task, 6), 6), least, 1e-7 * least) << seed;
  }
}

// A quarter of the rows obey another plane, which they have the leverage to turn a Huber fit to.
TEST(LeastTrimmedSquares, IsThatOfTheHonestRowsWhateverTheOthersAre) {
  constexpr Eigen::Index n = 90;
  const Task honest = problems::related_regression({.tasks = 1, .rows = n, .features = 5, .seed = 3})[0];
  Task task = honest;
  task.features.conservativeResize(n + 30, Eigen::NoChange);
  task.labels.conservativeResize(n + 30);
  task.features.bottomRows(30) = 6.0 * problems::normal_matrix(30, 5, 4);
  const Eigen::VectorXd w = fit_of(honest);
  task.labels.tail(30) = task.features.bottomRows(30) * (w + Eigen::VectorXd::Constant(5, 2.0));

  EXPECT_LT((found(task, n) - w).norm(), 1e-6 * w.norm());

  constexpr mtrl::Options learner = {.lambda1 = 1e-3, .lambda2 = 0.0};
  const mtrl::Fit start = mtrl::solve({task}, mtrl::squared_loss(), learner);
  const Eigen::VectorXd bent = defence::huber({task}, mtrl::squared_loss(), learner, start).fit.weights.col(0);
  EXPECT_GT((bent - w).norm(), 1.0);
}

TEST(LeastTrimmedSquares, StandsRowsThatDetermineNothing) {
  Task task{"one", Eigen::MatrixXd::Zero(12, 3), Eigen::VectorXd::Ones(12)};
  task.features.col(2).setOnes();
  EXPECT_NEAR(objective(task, found(task, 9), 9), 0.0, 1e-12);
}

}  // namespace
}  // namespace crosstalk
