// Damage by fictitious tasks (user accounts) against their share of the honest tasks (docs/papers.md).
//   accounts SET SEEDS ROWS_EACH,... METHODS,... FILE.csv [FIND]
// SET is a known set, or `synthetic`: 100 tasks of 30 rows whose weights are drawn with a known Omega. METHODS are of
// random, patom, exact (labels free). The targets are a random half of the tasks. The lambdas are chosen by
// cross-validation on the first seed's training rows. A line a seed, share, number of rows and method; with FIND, also
// the AUC with which leaving out every task in turn finds the fictitious ones.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <Eigen/Cholesky>

#include "crosstalk/attack/exact_attack.hpp"
#include "crosstalk/attack/fictitious.hpp"
#include "crosstalk/attack/patom.hpp"
#include "crosstalk/defence/task_influence.hpp"
#include "crosstalk/mtrl/metrics.hpp"
#include "crosstalk/problem/fictitious_tasks.hpp"
#include "crosstalk/problem/problem.hpp"

namespace {

using namespace crosstalk;

const std::vector<double> kShares = {0.01, 0.05, 0.1, 0.2, 0.5};
constexpr int kExactSteps = 8;

// Two groups of tasks, correlated by 0.9 inside and by -0.5 across: the Omega that the weights are drawn with.
Eigen::MatrixXd true_correlation(Eigen::Index tasks) {
  Eigen::MatrixXd Omega(tasks, tasks);
  for (Eigen::Index i = 0; i < tasks; ++i)
    for (Eigen::Index j = 0; j < tasks; ++j) Omega(i, j) = i == j ? 1.0 : i % 2 == j % 2 ? 0.9 : -0.5;
  return Omega;
}

data::Dataset synthetic(std::uint64_t seed) {
  constexpr Eigen::Index tasks = 100;
  constexpr Eigen::Index features = 10;
  constexpr Eigen::Index rows = 30;
  constexpr Eigen::Index test_rows = 100;
  constexpr double noise = 1.0;
  Rng rng = Rng::stream(seed, "synthetic");
  Eigen::MatrixXd W(features, tasks);
  for (double& w : W.reshaped()) w = rng.normal();
  const Eigen::MatrixXd root = Eigen::LLT<Eigen::MatrixXd>(true_correlation(tasks)).matrixL();
  W = W * root.transpose();
  data::Dataset set;
  set.name = "synthetic";
  set.test.emplace();
  for (Eigen::Index i = 0; i < tasks; ++i)
    for (const bool is_test : {false, true}) {
      Task task{fmt::format("task {}", i + 1), Eigen::MatrixXd(is_test ? test_rows : rows, features), {}};
      for (double& x : task.features.reshaped()) x = rng.normal();
      task.labels = task.features * W.col(i);
      for (double& y : task.labels) y += noise * rng.normal();
      (is_test ? *set.test : set.train).tasks.push_back(std::move(task));
    }
  set.recipe.labels = LabelScale::Pooled;
  return set;
}

Problem problem_of(const std::string& set, std::uint64_t seed) {
  ProblemOptions options;
  options.load.seed = seed;
  return set == "synthetic" ? make_problem(synthetic(seed), options) : load_problem(set, options);
}

std::vector<std::string> words(const std::string& text) {
  std::vector<std::string> result;
  std::istringstream stream(text);
  for (std::string word; std::getline(stream, word, ',');) result.push_back(word);
  return result;
}

// Sum of the targets' mean held-out losses.
double loss_of(const std::vector<std::size_t>& targets, const Eigen::VectorXd& losses) {
  double sum = 0.0;
  for (const std::size_t i : targets)
    if (const double loss = losses[static_cast<Eigen::Index>(i)]; !std::isnan(loss)) sum += loss;
  return sum;
}

// Mean absolute difference of the learned correlations of the honest tasks from the true ones.
double relation_error(const mtrl::Fit& fit, Eigen::Index m) {
  const Eigen::MatrixXd learned = fit.covariance.correlation().topLeftCorner(m, m);
  return (learned - true_correlation(m)).cwiseAbs().sum() / static_cast<double>(m * (m - 1));
}

// How well a score tells the last tasks from the first.
double auc_of(const std::vector<defence::TaskInfluence>& influences, std::size_t honest) {
  Eigen::VectorXd scores(static_cast<Eigen::Index>(influences.size()));
  Eigen::VectorXd labels(scores.size());
  for (std::size_t i = 0; i < influences.size(); ++i) {
    scores[static_cast<Eigen::Index>(i)] = influences[i].score;
    labels[static_cast<Eigen::Index>(i)] = i < honest ? -1.0 : 1.0;
  }
  return mtrl::auc(scores, labels);
}

struct Attacked {
  Refit refit;
  double found = std::numeric_limits<double>::quiet_NaN();
};

Attacked attacked(const Problem& honest, const mtrl::Fit& clean, const std::vector<std::size_t>& targets,
                  std::size_t count, Eigen::Index rows, const std::string& method, std::uint64_t seed, bool find) {
  Rng rng = Rng::stream(seed, "accounts", count);
  attack::FeasibleSet ball;
  const attack::FictitiousAttack attack =
      attack::fictitious_attack(honest.train, targets, count, rows, ball, *honest.loss, rng);
  const Problem problem = with_fictitious_tasks(honest, fictitious_names(honest.train.names(), count), attack.hosts);
  const mtrl::EmpiricalRisk risk(problem.train, *problem.loss, mtrl::EmpiricalRisk::Layout::Automatic,
                                 mtrl::EmpiricalRisk::EmptyTasks::Allowed);
  const attack::LossUtility utility(problem.train, *problem.loss, targets);
  const mtrl::Fit near = attack::with_zero_columns(clean, count);
  const attack::AttackProblem start = {risk, utility, attack.feasible, attack.start, problem.learner, near, Rng(seed)};
  attack::PatomOptions patom;
  attack::ExactOptions exact{.starts = 1, .iterations = kExactSteps, .free_labels = true};
  if (method == "random") patom.iterations = 0;
  const attack::AttackResult result =
      method == "exact" ? attack::exact_attack(start, exact) : attack::patom(start, patom);
  const TaskSet injected = problem.preparation.undo(result.injected);
  Attacked answer{refit(problem, injected)};
  if (find) {
    const TaskSet all = join_rows(problem.train, result.injected);
    answer.found = auc_of(defence::leave_one_task_out(all, *problem.loss, defence::all_rows(all),
                                                      {.learner = problem.learner, .honest_sets = 0, .seed = seed}),
                          honest.train.size());
  }
  return answer;
}

void run(const std::string& set, std::uint64_t seeds, const std::vector<std::string>& rows_each,
         const std::vector<std::string>& methods, std::ofstream& file, bool find) {
  file << "set,tasks,seed,share,accounts,rows each,method,loss,metric,clean,attacked,rise of the loss,relation error "
          "clean,relation error,converged,leave-one-out auc\n";
  mtrl::Options learner;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    Problem problem = problem_of(set, seed);
    if (seed == 1) {
      choose_lambdas(problem);
      learner = problem.learner;
      fmt::print("{}: lambda1 {:g}, lambda2 {:g}\n", set, learner.lambda1, learner.lambda2);
    }
    problem.learner = learner;
    const auto m = static_cast<Eigen::Index>(problem.train.size());
    const mtrl::Fit clean = mtrl::solve(problem.train, *problem.loss, learner);
    const mtrl::Metrics before = problem.metrics(problem.evaluation(), clean.weights);
    const std::vector<std::size_t> targets = attack::random_halves(problem.train.size(), seed).first;
    const double clean_loss = loss_of(targets, mtrl::mean_losses(problem.evaluation(), *problem.loss, clean.weights));
    const bool known = set == "synthetic";
    for (const std::string& rows : rows_each)
      for (const double share : kShares)
        for (const std::string& method : methods) {
          const auto count =
              static_cast<std::size_t>(std::max(1.0, std::round(share * static_cast<double>(problem.train.size()))));
          const bool look = find && (share == 0.05 || share == 0.2);
          const Attacked after = attacked(problem, clean, targets, count, std::atol(rows.c_str()), method, seed, look);
          const double rise = loss_of(targets, after.refit.losses) / clean_loss - 1.0;
          const double nan = std::numeric_limits<double>::quiet_NaN();
          file << fmt::format("{},{},{},{},{},{},{},{},{},{:.6g},{:.6g},{:.6g},{:.6g},{:.6g},{},{:.4g}\n", set,
                              problem.train.size(), seed, share, count, rows, method, problem.loss->name(),
                              before.names[0], before.mean(0, targets), after.refit.metrics.mean(0, targets), rise,
                              known ? relation_error(clean, m) : nan, known ? relation_error(after.refit.fit, m) : nan,
                              after.refit.fit.status == mtrl::Status::Converged ? "yes" : "no", after.found)
               << std::flush;
        }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) {
    fmt::print(stderr, "accounts SET SEEDS ROWS_EACH,... METHODS,... FILE.csv [FIND]\n");
    return 2;
  }
  try {
    std::ofstream file(argv[5]);
    run(argv[1], std::strtoull(argv[2], nullptr, 10), words(argv[3]), words(argv[4]), file, argc > 6);
    return file ? 0 : 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "accounts: {}\n", error.what());
    return 1;
  }
}
