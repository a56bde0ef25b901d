#include <benchmark/benchmark.h>

#include "crosstalk/mtrl/solve.hpp"
#include "shapes.hpp"

namespace crosstalk::bench {
namespace {

// One fit from nothing, the risk (Gram matrices) included.
void fit(benchmark::State& state, const TaskSet& tasks, const mtrl::Loss& loss) {
  mtrl::Fit last;
  for (auto _ : state) {
    last = mtrl::solve(tasks, loss, kLearner);
    benchmark::DoNotOptimize(last.weights.data());
  }
  if (last.status != mtrl::Status::Converged) state.SkipWithError("the fit did not converge");
  state.counters["steps"] = last.steps;
  state.counters["products"] = last.products;
  state.counters["per_task"] = benchmark::Counter(
      static_cast<double>(tasks.size()), benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void FitSquared(benchmark::State& state) {
  fit(state, synthetic(state.range(0), state.range(1), state.range(2)), mtrl::squared_loss());
}
void FitSquaredHinge(benchmark::State& state) {
  fit(state, synthetic(state.range(0), state.range(1), state.range(2), true), mtrl::squared_hinge_loss());
}
void FitLogistic(benchmark::State& state) {
  fit(state, synthetic(state.range(0), state.range(1), state.range(2), true), mtrl::logistic_loss());
}

// The shapes of Sarcos, Landmine, School and MNIST after PCA (rows a task, features with the bias).
void shapes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"tasks", "rows", "features"})->Unit(benchmark::kMillisecond);
  bench->Args({7, 300, 22})->Args({29, 100, 10})->Args({139, 83, 28})->Args({10, 600, 129});
}
BENCHMARK(FitSquared)
    ->Apply(shapes)
    ->Args({7, 3000, 22})
    ->Args({7, 30000, 22})
    ->Args({20, 200, 50})
    ->Args({20, 200, 200});
BENCHMARK(FitSquaredHinge)->Apply(shapes);
BENCHMARK(FitLogistic)->Apply(shapes);

// Is the cost of a task the same whatever their number? 100,000 tasks take 10 x 20 x 8 bytes each, 160 MB, for the
// rows.
BENCHMARK(FitSquared)
    ->Name("FitManyTasks")
    ->ArgNames({"tasks", "rows", "features"})
    ->Unit(benchmark::kMillisecond)
    ->Args({100, 10, 20})
    ->Args({1000, 10, 20})
    ->Args({10000, 10, 20})
    ->Args({100000, 10, 20});

void FitReal(benchmark::State& state, const std::string& name) {
  const Real set = real(name);
  if (set.train.size() == 0) {
    state.SkipWithError("not on this machine; set CROSSTALK_DATA");
    return;
  }
  fit(state, set.train, mtrl::loss_named(set.loss));
}
BENCHMARK_CAPTURE(FitReal, sarcos, "sarcos")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(FitReal, landmine, "landmine")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(FitReal, parkinsons, "parkinsons")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(FitReal, school, "school")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(FitReal, mnist, "mnist")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(FitReal, fashion_mnist, "fashion-mnist")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace crosstalk::bench
