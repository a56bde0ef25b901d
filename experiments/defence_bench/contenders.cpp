#include "contenders.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <Eigen/SVD>

#include "crosstalk/defence/huber.hpp"
#include "crosstalk/defence/isolation_forest.hpp"
#include "crosstalk/defence/row_influence.hpp"
#include "crosstalk/mtrl/cross_validation.hpp"
#include "crosstalk/quantile.hpp"
#include "crosstalk/split.hpp"

namespace bench {

using namespace crosstalk;
using defence::Rows;
using defence::RowScores;

namespace {

// Share of each task's rows that a baseline leaves out which cannot tell how many are injected.
constexpr double kLeftOut = 0.1;

// Of each task the share with the largest scores goes.
Rows without_largest(const RowScores& scores, double share) {
  Rows kept;
  for (const Eigen::VectorXd& of_task : scores) {
    std::vector<Eigen::Index> order(static_cast<std::size_t>(of_task.size()));
    std::iota(order.begin(), order.end(), Eigen::Index{0});
    std::ranges::stable_sort(order, [&](Eigen::Index a, Eigen::Index b) { return of_task[a] < of_task[b]; });
    const auto stay = std::lround((1.0 - share) * static_cast<double>(of_task.size()));
    order.resize(std::max<std::size_t>(1, static_cast<std::size_t>(stay)));
    std::ranges::sort(order);
    kept.push_back(std::move(order));
  }
  return kept;
}

// Isolation forest [Liu, Ting and Zhou 2008] grown on each task alone.
RowScores isolation_by_task(const TaskSet& tasks) {
  RowScores scores;
  for (const Task& task : tasks)
    scores.push_back(defence::isolation_scores({task}, true, defence::all_rows({task}))[0]);
  return scores;
}

// Local outlier factor [Breunig, Kriegel, Ng and Sander 2000] among the rows of the task, k = 10 or half of the rows.
Eigen::VectorXd local_outlier_factor(const Eigen::MatrixXd& X) {
  const Eigen::Index n = X.rows();
  const Eigen::Index k = std::max<Eigen::Index>(1, std::min<Eigen::Index>(10, n / 2));
  Eigen::MatrixXd distance(n, n);
  for (Eigen::Index j = 0; j < n; ++j) distance.col(j) = (X.rowwise() - X.row(j)).rowwise().norm();
  std::vector<std::vector<Eigen::Index>> near;
  Eigen::VectorXd reach(n);
  for (Eigen::Index j = 0; j < n; ++j) {
    std::vector<Eigen::Index> order;
    for (Eigen::Index i = 0; i < n; ++i)
      if (i != j) order.push_back(i);
    std::ranges::stable_sort(order, [&](Eigen::Index a, Eigen::Index b) { return distance(a, j) < distance(b, j); });
    order.resize(static_cast<std::size_t>(std::min(k, n - 1)));
    reach[j] = order.empty() ? 0.0 : distance(order.back(), j);
    near.push_back(std::move(order));
  }
  Eigen::VectorXd density(n);
  for (Eigen::Index j = 0; j < n; ++j) {
    double sum = 1e-9;
    for (const Eigen::Index i : near[static_cast<std::size_t>(j)]) sum += std::max(reach[i], distance(i, j));
    density[j] = static_cast<double>(k) / sum;
  }
  Eigen::VectorXd factor(n);
  for (Eigen::Index j = 0; j < n; ++j) factor[j] = density(near[static_cast<std::size_t>(j)]).sum() / density[j];
  return factor;
}

// SEVER [Diakonikolas et al. 2019]: four times the rows of each task go whose gradients stick out most along the
// direction in which the task's gradients vary most.
Rows sever(const TaskSet& tasks, const mtrl::Loss& loss, const mtrl::Options& learner) {
  constexpr int kRounds = 4;
  Rows kept = defence::all_rows(tasks);
  for (int round = 0; round < kRounds; ++round) {
    const Eigen::MatrixXd W = mtrl::solve(defence::select(tasks, kept), loss, learner).weights;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      const Eigen::MatrixXd X = tasks[i].features(kept[i], Eigen::all);
      const Eigen::VectorXd z = X * W.col(static_cast<Eigen::Index>(i));
      Eigen::MatrixXd gradients = X;
      for (Eigen::Index j = 0; j < z.size(); ++j)
        gradients.row(j) *= loss.at(z[j], tasks[i].labels[kept[i][static_cast<std::size_t>(j)]]).first;
      gradients.rowwise() -= gradients.colwise().mean().eval();
      const Eigen::VectorXd v = Eigen::JacobiSVD<Eigen::MatrixXd>(gradients, Eigen::ComputeThinV).matrixV().col(0);
      const Eigen::VectorXd score = (gradients * v).cwiseAbs();
      const Rows stay = without_largest({score}, kLeftOut / kRounds);
      std::vector<Eigen::Index> rows;
      for (const Eigen::Index j : stay[0]) rows.push_back(kept[i][static_cast<std::size_t>(j)]);
      kept[i] = std::move(rows);
    }
  }
  return kept;
}

// ARMUL [Duan and Wang 2023], vanilla:  sum_i n_i f_i(beta + delta_i) + lambda sqrt(n_i) |delta_i|  by proximal
// gradient steps; f_i the mean loss. A little ridge keeps small tasks finite.
Eigen::MatrixXd armul(const TaskSet& tasks, const mtrl::Loss& loss, double lambda) {
  constexpr int kSteps = 400;
  constexpr double kRidge = 1e-3;
  const Eigen::Index d = tasks.features();
  const auto m = static_cast<Eigen::Index>(tasks.size());
  Eigen::VectorXd beta = Eigen::VectorXd::Zero(d);
  Eigen::MatrixXd delta = Eigen::MatrixXd::Zero(d, m);
  double total = 0.0;
  double curvature = 0.0;
  for (const Task& task : tasks) {
    const auto n = static_cast<double>(task.rows());
    total += n;
    curvature = std::max(curvature, 2.0 * task.features.squaredNorm() / n + kRidge);
  }
  for (int step = 0; step < kSteps; ++step) {
    Eigen::VectorXd pull = Eigen::VectorXd::Zero(d);
    for (Eigen::Index i = 0; i < m; ++i) {
      const Task& task = tasks[static_cast<std::size_t>(i)];
      const auto n = static_cast<double>(task.rows());
      const Eigen::VectorXd w = beta + delta.col(i);
      Eigen::VectorXd slopes = task.features * w;
      for (Eigen::Index j = 0; j < slopes.size(); ++j) slopes[j] = loss.at(slopes[j], task.labels[j]).first;
      const Eigen::VectorXd gradient = task.features.transpose() * slopes / n + kRidge * w;
      pull += n / total * gradient;
      const Eigen::VectorXd moved = delta.col(i) - 0.5 / curvature * gradient;
      const double shrink = 0.5 / curvature * lambda / std::sqrt(n);
      delta.col(i) = std::max(0.0, 1.0 - shrink / std::max(moved.norm(), 1e-300)) * moved;
    }
    beta -= 0.5 / curvature * pull;
  }
  return delta.colwise() + beta;
}

Eigen::MatrixXd armul(const TaskSet& tasks, const mtrl::Loss& loss) {
  constexpr std::size_t kFolds = 3;
  const auto folds = assign_folds(tasks, kFolds, 1);
  double least = std::numeric_limits<double>::infinity();
  double best = 1.0;
  for (const double lambda : {0.03, 0.1, 0.3, 1.0, 3.0, 10.0}) {
    double sum = 0.0;
    for (std::size_t fold = 0; fold < kFolds; ++fold) {
      TaskSet taught;
      TaskSet judged;
      for (std::size_t i = 0; i < tasks.size(); ++i) {
        std::vector<Eigen::Index> in;
        std::vector<Eigen::Index> out;
        for (Eigen::Index j = 0; j < tasks[i].rows(); ++j)
          (static_cast<std::size_t>(folds[i][static_cast<std::size_t>(j)]) == fold ? in : out).push_back(j);
        taught.tasks.push_back(select_rows(tasks[i], out.empty() ? in : out));
        judged.tasks.push_back(select_rows(tasks[i], in));
      }
      const Eigen::MatrixXd W = armul(taught, loss, lambda);
      for (std::size_t i = 0; i < judged.size(); ++i)
        if (judged[i].rows() > 0)
          sum += defence::row_losses(judged[i], loss, W.col(static_cast<Eigen::Index>(i))).mean();
    }
    if (sum >= least) continue;
    least = sum;
    best = lambda;
  }
  return armul(tasks, loss, best);
}

// An MM fit [Yohai 1987] of MTRL: from a Huber fit, ten times rows weighted by Tukey's bisquare of the residual and
// by Mallows weights of the distance from the task's median. Numbers only.
Eigen::MatrixXd mm(const TaskSet& tasks, const mtrl::Loss& loss, const mtrl::Options& learner) {
  Eigen::MatrixXd W = defence::huber(tasks, loss, learner, mtrl::solve(tasks, loss, learner)).fit.weights;
  RowScores places;
  for (const Task& task : tasks) {
    const Eigen::Index d = task.features.cols() - 1;
    Eigen::RowVectorXd centre(d);
    Eigen::RowVectorXd scale(d);
    for (Eigen::Index k = 0; k < d; ++k) {
      centre[k] = median(task.features.col(k));
      scale[k] = std::max(1e-3, median((task.features.col(k).array() - centre[k]).abs().matrix()) / 0.6745);
    }
    places.emplace_back(
        ((task.features.leftCols(d).rowwise() - centre).array().rowwise() / scale.array()).matrix().rowwise().norm());
    const double usual = std::max(1e-9, median(places.back()));
    places.back() = (1.5 * usual / places.back().array().max(1e-9)).min(1.0);
  }
  for (int round = 0; round < 10; ++round) {
    TaskSet weighted = tasks;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      const Eigen::ArrayXd r = tasks[i].labels - tasks[i].features * W.col(static_cast<Eigen::Index>(i));
      const double scale = std::max(1e-9, median(r.abs().matrix()) / 0.6745);
      Eigen::ArrayXd weights = (1.0 - (r / (4.685 * scale)).square()).max(0.0).square() * places[i].array();
      if (!(weights.sum() > 0.0)) weights.setOnes();
      const Eigen::ArrayXd roots = (weights * static_cast<double>(weights.size()) / weights.sum()).sqrt();
      weighted[i].features.array().colwise() *= roots;
      weighted[i].labels.array() *= roots;
    }
    W = mtrl::solve(weighted, loss, learner).weights;
  }
  return W;
}

// TRIM of each task [Jagielski et al. 2018], told how many of its rows are injected.
Rows trim_told(const Case& problem, const TaskSet& tasks, const mtrl::Loss& loss, const mtrl::Options& learner) {
  std::vector<defence::Stratum> strata = defence::strata_of(tasks, defence::all_rows(tasks), false);
  for (defence::Stratum& stratum : strata) {
    const auto& injected = problem.injected[stratum.task];
    const auto count = static_cast<std::size_t>(std::ranges::count(injected, true));
    stratum.keep = std::max<std::size_t>(1, stratum.rows.size() - count);
  }
  return defence::trim(tasks, loss, learner, strata, mtrl::solve(tasks, loss, learner).weights).kept;
}

Answer trimmed(const Case& problem, const TaskSet& tasks, const mtrl::Options& learner, defence::Method method) {
  const defence::Defended defended =
      defence::defend(tasks, *problem.honest.loss, {.learner = learner, .method = method});
  Answer answer{.kept = defended.kept, .decisions = defended.decisions};
  answer.task_scores.resize(static_cast<Eigen::Index>(tasks.size()));
  double honest = 0.0;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    answer.left_out.push_back(defended.tasks[i].left_out_whole);
    answer.task_scores[static_cast<Eigen::Index>(i)] = defended.tasks[i].outlyingness;
    for (std::size_t j = 0; j < problem.injected[i].size(); ++j) {
      if (problem.injected[i][j]) continue;
      honest += 1.0;
      answer.honest_flagged += defended.rows[i].flagged[j] ? 1.0 : 0.0;
    }
  }
  answer.honest_flagged /= honest;
  return answer;
}

}  // namespace

const std::vector<std::string>& all_defences() {
  static const std::vector<std::string> names = {"trim",      "screen", "huber", "single-task", "isolation", "lof",
                                                 "trim-told", "sever",  "roni",  "armul",       "mm"};
  return names;
}

Answer answer_of(const std::string& name, const Case& problem) {
  const Preparation preparation = Preparation::fit(problem.rows, problem.honest.preparation);
  const TaskSet tasks = preparation.apply(problem.rows);
  const mtrl::Loss& loss = *problem.honest.loss;
  const Rows all = defence::all_rows(tasks);
  const auto of_model = [&](const Eigen::MatrixXd& W) {
    Answer answer;
    answer.kept = all;
    answer.metric = metric_of(problem, preparation, W);
    return answer;
  };
  if (name == "armul") return of_model(armul(tasks, loss));
  if (name == "single-task") {
    const std::vector<double> grid = {1e-5, 1e-3, 1e-2, 1e-1};
    return of_model(
        mtrl::solve(tasks, loss, mtrl::cross_validate(tasks, loss, {}, {.lambda1 = grid, .lambda2 = {0.0}}).best)
            .weights);
  }
  if (name == "isolation") return {.kept = without_largest(isolation_by_task(tasks), kLeftOut)};
  if (name == "lof") {
    RowScores scores;
    for (const Task& task : tasks)
      scores.push_back(local_outlier_factor(task.features.leftCols(task.features.cols() - 1)));
    return {.kept = without_largest(scores, kLeftOut)};
  }
  const mtrl::Options learner = chosen_learner(tasks, loss);
  if (name == "trim") return trimmed(problem, tasks, learner, defence::Method::Trim);
  if (name == "screen") return trimmed(problem, tasks, learner, defence::Method::Screen);
  if (name == "huber")
    return of_model(defence::huber(tasks, loss, learner, mtrl::solve(tasks, loss, learner)).fit.weights);
  if (name == "mm")
    return of_model(loss.is_classification()
                        ? defence::huber(tasks, loss, learner, mtrl::solve(tasks, loss, learner)).fit.weights
                        : mm(tasks, loss, learner));
  if (name == "sever") return {.kept = sever(tasks, loss, learner)};
  if (name == "trim-told") return {.kept = trim_told(problem, tasks, loss, learner)};
  if (name == "roni") {
    // The nearer half of each task's rows is trusted; of the others those go that raise its loss by two deviations.
    RowScores scores = defence::distance_from_mean(tasks, true);
    const RowScores harm = defence::roni(tasks, loss, without_largest(scores, 0.5), {.learner = learner});
    Answer answer;
    for (const Eigen::VectorXd& of_task : harm) {
      answer.kept.emplace_back();
      for (Eigen::Index j = 0; j < of_task.size(); ++j)
        if (of_task[j] < 2.0) answer.kept.back().push_back(j);
    }
    return answer;
  }
  throw std::invalid_argument(fmt::format("there is no defence \"{}\"", name));
}

}  // namespace bench
