#include <benchmark/benchmark.h>

#include "crosstalk/defence/defend.hpp"
#include "shapes.hpp"

namespace crosstalk::bench {
namespace {

// A known set; a fifth of the rows of every second task has the task's largest label.
Real poisoned(const std::string& name) {
  Real set = real(name);
  for (std::size_t i = 0; i < set.train.size(); i += 2) {
    Eigen::VectorXd& labels = set.train[i].labels;
    labels.head(labels.size() / 5).setConstant(labels.maxCoeff());
  }
  return set;
}

// Trimmed MTRL that is told how many rows to keep, its first fit included.
void TrimmedFit(benchmark::State& state, const std::string& name) {
  const Real set = poisoned(name);
  if (set.train.size() == 0) return state.SkipWithError("not on this machine; set CROSSTALK_DATA");
  const mtrl::Loss& loss = mtrl::loss_named(set.loss);
  auto strata = defence::strata_of(set.train, defence::all_rows(set.train), loss.is_classification());
  for (defence::Stratum& stratum : strata) stratum.keep -= stratum.rows.size() / 5;
  std::size_t rounds = 0;
  for (auto _ : state) {
    const mtrl::Fit first = mtrl::solve(set.train, loss, kLearner);
    rounds = defence::trim(set.train, loss, kLearner, strata, first.weights).objectives.size();
  }
  state.counters["rounds"] = static_cast<double>(rounds);
}

void Defend(benchmark::State& state, const std::string& name) {
  const Real set = poisoned(name);
  if (set.train.size() == 0) return state.SkipWithError("not on this machine; set CROSSTALK_DATA");
  for (auto _ : state)
    benchmark::DoNotOptimize(
        defence::defend(set.train, mtrl::loss_named(set.loss), {.learner = kLearner}).fit.objective);
}

BENCHMARK_CAPTURE(TrimmedFit, sarcos, "sarcos")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(TrimmedFit, landmine, "landmine")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(TrimmedFit, parkinsons, "parkinsons")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(TrimmedFit, school, "school")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Defend, sarcos, "sarcos")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Defend, landmine, "landmine")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Defend, parkinsons, "parkinsons")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Defend, school, "school")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace crosstalk::bench
