#include "crosstalk/defence/trim.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

namespace crosstalk::defence {

Rows all_rows(const TaskSet& tasks) {
  Rows rows;
  for (const Task& task : tasks) {
    rows.emplace_back(static_cast<std::size_t>(task.rows()));
    std::iota(rows.back().begin(), rows.back().end(), Eigen::Index{0});
  }
  return rows;
}

TaskSet select(const TaskSet& tasks, const Rows& rows) {
  TaskSet result;
  result.feature_names = tasks.feature_names;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (rows[i].empty())
      throw std::invalid_argument(fmt::format("all {} rows of task \"{}\" would be left out; it must keep at least 1",
                                              tasks[i].rows(), tasks[i].name));
    result.tasks.push_back(select_rows(tasks[i], rows[i]));
  }
  return result;
}

std::vector<Stratum> strata_of(const TaskSet& tasks, const Rows& rows, bool by_class) {
  std::vector<Stratum> strata;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    Stratum first{i, {}, 0};
    Stratum second{i, {}, 0};
    for (const Eigen::Index j : rows[i]) (by_class && tasks[i].labels[j] < 0.0 ? second : first).rows.push_back(j);
    for (Stratum* stratum : {&first, &second}) {
      if (stratum->rows.empty()) continue;
      stratum->keep = stratum->rows.size();
      strata.push_back(std::move(*stratum));
    }
  }
  return strata;
}

Eigen::VectorXd row_losses(const Task& task, const mtrl::Loss& loss, const Eigen::VectorXd& w) {
  Eigen::VectorXd losses = task.features * w;
  for (Eigen::Index j = 0; j < losses.size(); ++j) losses[j] = loss.at(losses[j], task.labels[j]).value;
  return losses;
}

namespace {

Rows of_least_loss(const TaskSet& tasks, const mtrl::Loss& loss, const std::vector<Stratum>& strata,
                   const Eigen::MatrixXd& W) {
  Rows kept(tasks.size());
  std::vector<Eigen::VectorXd> losses(tasks.size());
  for (const Stratum& stratum : strata) {
    const std::size_t i = stratum.task;
    if (losses[i].size() == 0) losses[i] = row_losses(tasks[i], loss, W.col(static_cast<Eigen::Index>(i)));
    std::vector<Eigen::Index> order = stratum.rows;
    std::stable_sort(order.begin(), order.end(),
                     [&](Eigen::Index a, Eigen::Index b) { return losses[i][a] < losses[i][b]; });
    kept[i].insert(kept[i].end(), order.begin(), order.begin() + static_cast<std::ptrdiff_t>(stratum.keep));
  }
  for (auto& rows : kept) std::sort(rows.begin(), rows.end());
  return kept;
}

}  // namespace

Trimmed trim(const TaskSet& tasks, const mtrl::Loss& loss, const mtrl::Options& options,
             const std::vector<Stratum>& strata, const Eigen::MatrixXd& start) {
  constexpr int kMostRounds = 100;
  Trimmed result;
  Eigen::MatrixXd W = start;
  for (int round = 0; round < kMostRounds; ++round) {
    Rows kept = of_least_loss(tasks, loss, strata, W);
    if (kept == result.kept) break;
    const mtrl::EmpiricalRisk risk(select(tasks, kept), loss);
    mtrl::Fit fit = mtrl::solve_from(risk, options, W);
    // Rows of equal loss could take turns for ever.
    if (!result.objectives.empty() && !(fit.objective < result.objectives.back())) break;
    result.kept = std::move(kept);
    result.objectives.push_back(fit.objective);
    result.fit = std::move(fit);
    W = result.fit.weights;
  }
  return result;
}

}  // namespace crosstalk::defence
