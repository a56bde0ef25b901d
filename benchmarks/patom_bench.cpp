#include <benchmark/benchmark.h>

#include "crosstalk/attack/patom.hpp"
#include "shapes.hpp"

namespace crosstalk::bench {
namespace {

struct Attack {
  Attack(const TaskSet& tasks, const mtrl::Loss& loss)
      : risk(tasks, loss), fit(mtrl::solve(risk, kLearner)), utility(tasks, loss, {0, 1, 2}), feasible{1.0, true} {
    Rng rng(1);
    start = attack::random_rows(tasks, {{0, 1, 2}, {0, 1, 2}, 0.3}, feasible, attack::LabelRule::Uniform, rng);
  }
  [[nodiscard]] attack::AttackResult run(int iterations) const {
    return attack::patom({risk, utility, feasible, start, kLearner, fit, Rng(2)}, {.iterations = iterations});
  }
  mtrl::EmpiricalRisk risk;
  mtrl::Fit fit;
  attack::LossUtility utility;
  attack::FeasibleSet feasible;
  TaskSet start;
};

void attack_for(benchmark::State& state, const TaskSet& tasks, const mtrl::Loss& loss, int iterations) {
  const Attack attack(tasks, loss);
  for (auto _ : state) benchmark::DoNotOptimize(attack.run(iterations).iterates.data());
}

// The fit of the random rows, one gradient, one projected step, the fit of the moved rows.
void PatomIteration(benchmark::State& state) {
  attack_for(state, synthetic(state.range(0), state.range(1), state.range(2)), mtrl::squared_loss(), 1);
}
BENCHMARK(PatomIteration)
    ->ArgNames({"tasks", "rows", "features"})
    ->Unit(benchmark::kMillisecond)
    ->Args({7, 300, 22})
    ->Args({7, 3000, 22})
    ->Args({29, 100, 10})
    ->Args({139, 83, 28})
    ->Args({10, 600, 129});

void PatomIterationSquaredHinge(benchmark::State& state) {
  attack_for(state, synthetic(state.range(0), state.range(1), state.range(2), true), mtrl::squared_hinge_loss(), 1);
}
BENCHMARK(PatomIterationSquaredHinge)
    ->ArgNames({"tasks", "rows", "features"})
    ->Unit(benchmark::kMillisecond)
    ->Args({29, 100, 10})
    ->Args({10, 600, 129});

// A whole attack of the paper, ten iterations.
void Patom(benchmark::State& state, const std::string& name) {
  const Real set = real(name);
  if (set.train.size() == 0) {
    state.SkipWithError("not on this machine; set CROSSTALK_DATA");
    return;
  }
  attack_for(state, set.train, mtrl::loss_named(set.loss), 10);
}
BENCHMARK_CAPTURE(Patom, sarcos, "sarcos")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Patom, landmine, "landmine")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Patom, school, "school")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Patom, mnist, "mnist")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace crosstalk::bench
