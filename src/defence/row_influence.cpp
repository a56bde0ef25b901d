#include "crosstalk/defence/row_influence.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cross_validator.hpp"
#include "crosstalk/split.hpp"

namespace crosstalk::defence {

namespace {

constexpr std::uint64_t kSeed = 1;  // of the folds: a screen says the same thing each time

RowScores zeros(const TaskSet& tasks) {
  RowScores scores;
  for (const Task& task : tasks) scores.emplace_back(Eigen::VectorXd::Zero(task.rows()));
  return scores;
}

// Gradient of the mean loss of these rows of a task in its weights, d.
Eigen::VectorXd mean_gradient(const Task& task, const mtrl::Loss& loss, const Eigen::VectorXd& w,
                              const std::vector<Eigen::Index>& rows) {
  Eigen::VectorXd gradient = Eigen::VectorXd::Zero(w.size());
  for (const Eigen::Index j : rows) {
    const Eigen::VectorXd x = task.features.row(j).transpose();
    gradient += loss.at(w.dot(x), task.labels[j]).first / static_cast<double>(rows.size()) * x;
  }
  return gradient;
}

}  // namespace

RowScores influence_on_others(const TaskSet& tasks, const mtrl::Loss& loss, const mtrl::Options& learner,
                              const Rows& judged) {
  constexpr double kAdjointTolerance = 1e-8;
  require_valid(tasks, "influence_on_others");
  const Rows folds = random_folds(tasks, kSeed);
  RowScores sums = zeros(tasks);
  RowScores times = zeros(tasks);
  for (std::size_t fold = 0; fold < kFolds; ++fold) {
    const Rows taught = outside_fold(all_rows(tasks), folds, fold);
    const Rows held_out = inside_fold(judged, folds, fold);
    const mtrl::EmpiricalRisk risk(select(tasks, taught), loss);
    const Eigen::MatrixXd W = mtrl::solve(risk, learner).weights;
    Eigen::MatrixXd G(W.rows(), W.cols());
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      const auto column = static_cast<Eigen::Index>(i);
      G.col(column) = mean_gradient(tasks[i], loss, W.col(column), held_out[i]);
    }
    for (std::size_t k = 0; k < tasks.size(); ++k) {
      const auto column = static_cast<Eigen::Index>(k);
      Eigen::MatrixXd of_others = G;
      of_others.col(column).setZero();
      const Eigen::VectorXd l = mtrl::adjoint(risk, learner, W, of_others, kAdjointTolerance).col(column);
      for (const Eigen::Index j : taught[k]) {
        const auto x = tasks[k].features.row(j);
        const double slope = loss.at(x.dot(W.col(column)), tasks[k].labels[j]).first;
        sums[k][j] -= slope * x.dot(l) / static_cast<double>(taught[k].size());
        times[k][j] += 1.0;
      }
    }
  }
  for (std::size_t k = 0; k < tasks.size(); ++k) sums[k] = sums[k].cwiseQuotient(times[k].cwiseMax(1.0));
  return sums;
}

RowScores roni(const TaskSet& tasks, const mtrl::Loss& loss, const Rows& trusted, const RoniOptions& options) {
  require_valid(tasks, "roni");
  if (options.blocks == 0) throw std::invalid_argument("roni: blocks is 0; it must be at least 1");
  // Half of the trusted rows to learn from, half to judge by.
  const auto halves = assign_folds(select(tasks, trusted), 2, kSeed);
  Rows base(tasks.size());
  Rows judged(tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i)
    for (std::size_t r = 0; r < trusted[i].size(); ++r) (halves[i][r] == 0 ? base : judged)[i].push_back(trusted[i][r]);
  mtrl::Options learner = CrossValidator::coarse(options.learner);
  TaskSet taught = select(tasks, base);
  const Eigen::MatrixXd start = mtrl::solve(taught, loss, learner).weights;
  const auto losses_under = [&](const Eigen::MatrixXd& W) {
    RowScores losses;
    for (std::size_t i = 0; i < tasks.size(); ++i)
      losses.emplace_back(row_losses(tasks[i], loss, W.col(static_cast<Eigen::Index>(i)))(judged[i]));
    return losses;
  };
  const RowScores before = losses_under(start);
  const auto standard_errors_worse = [&](const Eigen::MatrixXd& W) {
    const RowScores after = losses_under(W);
    double rise = 0.0;
    double variance = 0.0;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      const Eigen::VectorXd difference = after[i] - before[i];
      if (difference.size() == 0) continue;
      const auto n = static_cast<double>(difference.size());
      rise += difference.mean();
      variance += (difference.array() - difference.mean()).square().sum() / (n * std::max(n - 1.0, 1.0));
    }
    return variance > 0.0 ? rise / std::sqrt(variance) : 0.0;
  };
  RowScores scores = zeros(tasks);
  for (std::size_t k = 0; k < tasks.size(); ++k) {
    const Eigen::VectorXd losses = row_losses(tasks[k], loss, start.col(static_cast<Eigen::Index>(k)));
    std::vector<Eigen::Index> candidates;
    for (Eigen::Index j = 0; j < tasks[k].rows(); ++j)
      if (!std::binary_search(trusted[k].begin(), trusted[k].end(), j)) candidates.push_back(j);
    std::stable_sort(candidates.begin(), candidates.end(),
                     [&](Eigen::Index a, Eigen::Index b) { return losses[a] < losses[b]; });
    Task base_rows = taught[k];
    const std::size_t blocks = std::min(options.blocks, candidates.size());
    for (std::size_t block = 0; block < blocks; ++block) {
      const auto at = [&](std::size_t b) {
        return candidates.begin() + static_cast<std::ptrdiff_t>(b * candidates.size() / blocks);
      };
      std::vector<Eigen::Index> rows = base[k];
      rows.insert(rows.end(), at(block), at(block + 1));
      taught[k] = select_rows(tasks[k], rows);
      const mtrl::Fit with = mtrl::solve_from(mtrl::EmpiricalRisk(taught, loss), learner, start);
      scores[k](std::vector<Eigen::Index>(at(block), at(block + 1))).setConstant(standard_errors_worse(with.weights));
    }
    taught[k] = std::move(base_rows);
  }
  return scores;
}

}  // namespace crosstalk::defence
