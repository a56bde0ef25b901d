#include "crosstalk/parallel.hpp"

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crosstalk/rng.hpp"

namespace crosstalk {
namespace {

TEST(ParallelFor, ResultsDoNotDependOnTheNumberOfThreads) {
  const auto run = [](int threads) {
    std::vector<double> result(200);
    parallel_for(result.size(), threads, [&](std::size_t i) { result[i] = Rng::stream(1, "part", i).normal(); });
    return result;
  };
  const auto one = run(1);
  EXPECT_EQ(run(2), one);
  EXPECT_EQ(run(7), one);
  EXPECT_EQ(run(0), one);
}

TEST(ParallelFor, CallsEveryIndexOnce) {
  for (const int threads : {1, 3}) {
    std::vector<std::atomic<int>> calls(1000);
    parallel_for(calls.size(), threads, [&](std::size_t i) { ++calls[i]; });
    for (const auto& count : calls) EXPECT_EQ(count, 1);
  }
  parallel_for(0, 4, [](std::size_t) { FAIL(); });
}

TEST(ParallelFor, RunsOnSeveralThreadsAtOnce) {
  // Each of the two calls waits for the other to have begun: one thread alone would run into the deadline.
  std::atomic<int> begun{0};
  std::atomic<bool> met{true};
  parallel_for(2, 2, [&](std::size_t) {
    ++begun;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (begun < 2)
      if (std::chrono::steady_clock::now() > deadline) {
        met = false;
        return;
      }
  });
  EXPECT_TRUE(met);
}

TEST(ParallelFor, ThrowsTheExceptionOfTheLowestIndex) {
  for (const int threads : {1, 2, 4}) {
    std::atomic<int> begun{0};
    const auto work = [&](std::size_t i) {
      ++begun;
      // The first `threads` indices wait for each other, then all throw, the highest first.
      while (threads > 1 && begun < threads) std::this_thread::yield();
      std::this_thread::sleep_for(std::chrono::milliseconds(i == 0 ? 60 : 10));
      throw std::runtime_error("part " + std::to_string(i));
    };
    EXPECT_THAT([&] { parallel_for(static_cast<std::size_t>(threads), threads, work); },
                testing::ThrowsMessage<std::runtime_error>("part 0"));
  }
}

TEST(ParallelFor, SkipsWhatHasNotBegunAfterAnException) {
  for (const int threads : {1, 2}) {
    std::atomic<int> calls{0};
    EXPECT_THROW(parallel_for(100000, threads,
                              [&](std::size_t i) {
                                ++calls;
                                if (i == 3) throw std::runtime_error("stop");
                                std::this_thread::sleep_for(std::chrono::microseconds(100));
                              }),
                 std::runtime_error);
    EXPECT_LT(calls, 100000);
  }
}

}  // namespace
}  // namespace crosstalk
