// More features than rows: seconds and peak memory of a fit and of an exact attack, by features (as it was before there
// was a row space) and in the row space. Every case runs in a process of its own, whose peak the system knows.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <string>

#include "crosstalk/attack/exact_attack.hpp"
#include "crosstalk/attack/threat.hpp"
#include "crosstalk/mtrl/solve.hpp"
#include "crosstalk/mtrl/sparse_rows.hpp"
#include "crosstalk/rng.hpp"

namespace {

using namespace crosstalk;
using Layout = mtrl::EmpiricalRisk::Layout;

constexpr Eigen::Index kTasks = 4;
constexpr Eigen::Index kRows = 125;  // a task
constexpr mtrl::Options kLearner = {};

// Related tasks, rows in the unit ball with a bias as last feature.
TaskSet wide_tasks(Eigen::Index features, Eigen::Index rows) {
  Rng rng(1);
  const Eigen::VectorXd common = rng.in_ball(features - 1, 1.0) * 20.0;
  TaskSet result;
  for (Eigen::Index i = 0; i < kTasks; ++i) {
    const Eigen::VectorXd w = (i % 2 == 0 ? 1.0 : -1.0) * common + rng.in_ball(features - 1, 5.0);
    Task task{"task " + std::to_string(i), Eigen::MatrixXd::Ones(rows, features), Eigen::VectorXd(rows)};
    for (Eigen::Index j = 0; j < rows; ++j) {
      task.features.row(j).head(features - 1) = rng.in_ball(features - 1, 1.0).transpose();
      task.labels[j] = task.features.row(j).head(features - 1).dot(w) + 0.1 * rng.normal();
    }
    result.tasks.push_back(std::move(task));
  }
  return result;
}

void fit(Eigen::Index features, Eigen::Index rows, Layout layout) {
  const mtrl::EmpiricalRisk risk(wide_tasks(features, rows), mtrl::squared_loss(), layout);
  const mtrl::Fit found = mtrl::solve(risk, kLearner);
  if (found.status != mtrl::Status::Converged) std::printf("not converged: ");
}

// One-hot rows: a feature for each of many categories, ten of them in a row.
void fit_sparse(Eigen::Index features) {
  Rng rng(1);
  SparseTaskSet tasks;
  for (Eigen::Index i = 0; i < kTasks; ++i) {
    SparseTask task{"task " + std::to_string(i), SparseRows(kRows, features), Eigen::VectorXd(kRows)};
    for (Eigen::Index j = 0; j < kRows; ++j) {
      for (int k = 0; k < 10; ++k)
        task.features.coeffRef(j, static_cast<Eigen::Index>(rng.below(static_cast<std::size_t>(features)))) = 1.0;
      task.labels[j] = rng.normal();
    }
    task.features.makeCompressed();
    tasks.tasks.push_back(std::move(task));
  }
  const mtrl::Fit found = mtrl::solve(tasks, mtrl::squared_loss(), kLearner, mtrl::ColumnScale::standard(tasks));
  if (found.status != mtrl::Status::Converged) std::printf("not converged: ");
}

// The command's defaults: 30 % of the rows of every task, eight starts, a hundred steps.
void exact(Eigen::Index features, Layout layout, bool boxed, bool free_labels) {
  const TaskSet tasks = wide_tasks(features, kRows);
  const mtrl::EmpiricalRisk risk(tasks, mtrl::squared_loss(), layout);
  const attack::Threat threat = {{0, 1, 2, 3}, {0, 1, 2, 3}, 0.3};
  attack::FeasibleSet feasible = {.radius = 1.0, .bias = true};
  if (boxed) {
    feasible.radius = std::numeric_limits<double>::infinity();
    feasible.box.assign(static_cast<std::size_t>(features - 1), {-0.03, 0.03});
  }
  const attack::LossUtility utility(tasks, mtrl::squared_loss(), threat.targets);
  const mtrl::Fit near = mtrl::solve(risk, kLearner);
  Rng rng(1);
  const TaskSet start = attack::random_rows(tasks, threat, feasible, attack::LabelRule::Uniform, rng);
  const auto result = attack::exact_attack({risk, utility, feasible, start, kLearner, near, Rng(2)},
                                           {.free_labels = free_labels, .threads = 2});
  std::printf("(U %.6g to %.6g, %zu steps) ", utility.value(near.weights), result.iterates.back().utility,
              result.iterates.size());
}

void measure(const std::string& what, const std::function<void()>& work) {
  std::fflush(stdout);
  timeval begin{};
  gettimeofday(&begin, nullptr);
  const pid_t child = fork();
  if (child == 0) {
    std::printf("%-60s ", what.c_str());
    work();
    std::fflush(stdout);
    _exit(0);
  }
  int status = 0;
  rusage usage{};
  wait4(child, &status, 0, &usage);
  timeval end{};
  gettimeofday(&end, nullptr);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  std::printf("%9.2f s %9.2f s of CPU %7ld MB%s\n", seconds(end) - seconds(begin),
              seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss / 1024, status == 0 ? "" : " FAILED");
}

}  // namespace

int main(int argc, char** argv) {
  const std::string which = argc > 1 ? argv[1] : "all";
  const auto asked = [&](const char* name) { return which == "all" || which == name; };
  if (asked("before")) {
    measure("fit by features, 500 x 1000", [] { fit(1000, kRows, Layout::Moments); });
    measure("fit by features, 40 x 3000", [] { fit(3000, 10, Layout::Moments); });
    measure("fit by features, 500 x 3000", [] { fit(3000, kRows, Layout::Moments); });
  }
  if (asked("fit")) {
    measure("data of 500 x 10000 alone", [] { wide_tasks(10000, kRows); });
    measure("fit, 500 x 1000", [] { fit(1000, kRows, Layout::Automatic); });
    measure("fit, 40 x 3000", [] { fit(3000, 10, Layout::Automatic); });
    measure("fit, 500 x 3000", [] { fit(3000, kRows, Layout::Automatic); });
    measure("fit, 500 x 10000", [] { fit(10000, kRows, Layout::Automatic); });
    measure("sparse fit, 500 x 100000, one-hot", [] { fit_sparse(100000); });
  }
  if (asked("attack")) {
    measure("exact attack, 500 x 600", [] { exact(600, Layout::Automatic, false, false); });
    measure("exact attack, 500 x 10000", [] { exact(10000, Layout::Automatic, false, false); });
    measure("exact attack, 500 x 10000, labels free", [] { exact(10000, Layout::Automatic, false, true); });
  }
  if (asked("box")) measure("exact attack in a box, 500 x 10000", [] { exact(10000, Layout::Automatic, true, false); });
}
