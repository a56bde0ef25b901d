#include <benchmark/benchmark.h>

#include "crosstalk/attack/row_gradient.hpp"
#include "crosstalk/attack/threat.hpp"
#include "crosstalk/attack/utility.hpp"
#include "shapes.hpp"

namespace crosstalk::bench {
namespace {

// One step of the exact attack: rows moved a little, a warm fit, the adjoint, the derivatives of all rows.
void ExactIteration(benchmark::State& state) {
  const TaskSet tasks = synthetic(state.range(0), state.range(1), state.range(2));
  std::vector<std::size_t> all(tasks.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  const attack::Threat threat = {all, all, static_cast<double>(state.range(3)) / static_cast<double>(state.range(1))};
  const attack::FeasibleSet feasible = {1.0, true};
  const mtrl::EmpiricalRisk clean(tasks, mtrl::squared_loss());
  const attack::LossUtility utility(tasks, mtrl::squared_loss(), threat.targets);
  Rng rng(1);
  TaskSet rows = attack::random_rows(tasks, threat, feasible, attack::LabelRule::Uniform, rng);
  mtrl::Fit fit = mtrl::solve(clean.with_rows(rows), kLearner);
  for (auto _ : state) {
    const mtrl::EmpiricalRisk risk = clean.with_rows(rows);
    fit = mtrl::solve_from(risk, kLearner, fit.weights);
    const Eigen::MatrixXd utility_gradient = utility.gradient(fit.weights);
    const attack::RowDerivatives slopes = attack::exact_row_gradient({risk, rows, fit, kLearner, utility_gradient});
    for (std::size_t i = 0; i < rows.size(); ++i) {
      Eigen::MatrixXd& X = rows[i].features;
      X += 0.01 / slopes.features[i].rowwise().norm().maxCoeff() * slopes.features[i];
      feasible.project(X);
    }
  }
}
BENCHMARK(ExactIteration)
    ->ArgNames({"tasks", "rows", "features", "injected"})
    ->Unit(benchmark::kMillisecond)
    ->Args({7, 300, 22, 90})
    ->Args({7, 1000, 22, 90})
    ->Args({7, 10000, 22, 90})
    ->Args({7, 100000, 22, 90})
    ->Args({7, 1000000, 22, 90})
    ->Args({1000, 1000, 30, 10});

}  // namespace
}  // namespace crosstalk::bench
