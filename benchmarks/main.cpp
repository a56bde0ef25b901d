#include <benchmark/benchmark.h>

extern "C" void openblas_set_num_threads(int threads);

int main(int argc, char** argv) {
  openblas_set_num_threads(1);  // as the command does
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
