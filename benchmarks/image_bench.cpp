// The networks of the image half. One thread; counters are images per second of CPU time.
#include <benchmark/benchmark.h>

#include "crosstalk/image/network/device.hpp"
#include "crosstalk/image/network/learned_noise.hpp"
#include "crosstalk/image/network/verification.hpp"
#include "crosstalk/rng.hpp"

namespace {

using namespace crosstalk;
using namespace crosstalk::image;

// Random pixels and labels; 9, 5 and 2 classes as UTKFace has them.
MemorySet random_set(std::size_t images, const Shape& shape) {
  std::vector<TaskInfo> tasks;
  for (const int classes : {9, 5, 2}) {
    tasks.push_back({"of " + std::to_string(classes), classes == 2 ? Kind::Binary : Kind::Classes, {}});
    for (int c = 0; c < classes; ++c) tasks.back().classes.push_back(std::to_string(c));
  }
  Rng rng(1);
  Batch batch{0, shape, std::vector<std::uint8_t>(images * shape.values()),
              Eigen::MatrixXd(static_cast<Eigen::Index>(images), 3)};
  for (auto& pixel : batch.pixels) pixel = static_cast<std::uint8_t>(rng.below(256));
  for (std::size_t i = 0; i < images; ++i)
    for (std::size_t k = 0; k < tasks.size(); ++k)
      batch.labels(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(k)) =
          static_cast<double>(i % tasks[k].classes.size());
  return {tasks, batch};
}

NoiseOptions em_options(const GeneratorSize& size, BackboneName surrogate) {
  (void)device_named("cpu");
  NoiseOptions options;
  options.base = Base::Em;
  options.tasks = {0, 1, 2};
  options.sizes.size = size;
  options.surrogate = surrogate;
  options.epochs = 1;
  options.batch = 16;
  options.surrogate_batches = 2;
  return options;
}

void images_per_second(benchmark::State& state, double images) {
  state.counters["images"] = benchmark::Counter(images, benchmark::Counter::kIsIterationInvariantRate);
}

// What the authors' code was timed on: 64 images of 140 x 140, batches of 16, one pass of the generator at the paper's
// sizes, two batches of a ResNet-18 surrogate, and the changes of all images.
void GeneratorPassAtThePapersSizes(benchmark::State& state) {
  const MemorySet set = random_set(64, {3, 140, 140});
  for (auto _ : state) {
    const LearnedNoise noise = learn_noise(set, em_options(GeneratorSize::paper(), BackboneName::ResNet18));
    benchmark::DoNotOptimize(noise.method->changes(set.read(0, 64), 1));
  }
  images_per_second(state, 64);
}
BENCHMARK(GeneratorPassAtThePapersSizes)->Unit(benchmark::kSecond)->Iterations(1);

// Side; the small sizes or the paper's.
void OneNewImage(benchmark::State& state) {
  const auto side = static_cast<std::size_t>(state.range(0));
  const MemorySet set = random_set(18, {3, side, side});
  NoiseOptions options =
      em_options(state.range(1) != 0 ? GeneratorSize::paper() : GeneratorSize{}, BackboneName::Small);
  options.surrogate_batches = 1;
  const LearnedNoise noise = learn_noise(set, options);
  const Batch one = set.read(0, 1);
  for (auto _ : state) benchmark::DoNotOptimize(noise.method->changes(one, 1));
  images_per_second(state, 1);
}
BENCHMARK(OneNewImage)
    ->ArgNames({"side", "paper"})
    ->Args({20, 0})
    ->Args({64, 0})
    ->Args({140, 0})
    ->Args({256, 0})
    ->Args({140, 1})
    ->Unit(benchmark::kMillisecond);

// One pass of training a victim over 256 images.
void VictimPass(benchmark::State& state, BackboneName backbone, std::size_t side) {
  const MemorySet set = random_set(256, {3, side, side});
  (void)device_named("cpu");
  VerificationOptions options;
  options.backbone = backbone;
  options.stl = false;
  options.epochs = 1;
  const auto rows = sample_of_tasks(256, 256);
  const VerificationData data{set, nullptr, rows, set, {0, 1}};
  for (auto _ : state) benchmark::DoNotOptimize(verify(data, options));
  images_per_second(state, 256);
}
BENCHMARK_CAPTURE(VictimPass, small_20, BackboneName::Small, 20)->Unit(benchmark::kSecond);
BENCHMARK_CAPTURE(VictimPass, small_64, BackboneName::Small, 64)->Unit(benchmark::kSecond);
BENCHMARK_CAPTURE(VictimPass, resnet18_64, BackboneName::ResNet18, 64)->Unit(benchmark::kSecond)->Iterations(1);

}  // namespace
