#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string_view>
#include <vector>

#include <Eigen/Core>

namespace crosstalk {

/// Random numbers that are the same on every machine and compiler for one seed.
///
/// The engine is std::mt19937_64, whose output the standard fixes; the standard's distributions are
/// not fixed, so the few that are needed are written out here.
class Rng {
 public:
  explicit Rng(std::uint64_t seed) : engine_(seed) {}

  /// A generator of its own for a named part of the work: the stream depends on this generator's seed-time
  /// state and on the key only, never on how many numbers other parts have drawn.
  [[nodiscard]] static Rng stream(std::uint64_t seed, std::string_view key, std::uint64_t index = 0);

  /// Uniform over all 64 bits: the seed of other streams.
  std::uint64_t bits() { return engine_(); }
  /// Uniform in [0, 1), 53 bits.
  double uniform();
  /// Uniform in [low, high].
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Uniform in {0, ..., count-1}; count > 0.
  std::size_t below(std::size_t count);
  /// Standard normal (Box-Muller).
  double normal();
  /// A point uniform in the l2 ball of the given radius.
  Eigen::VectorXd in_ball(Eigen::Index dimension, double radius);
  /// A random order of 0..count-1 (Fisher-Yates).
  std::vector<std::size_t> permutation(std::size_t count);

 private:
  std::mt19937_64 engine_;
};

}  // namespace crosstalk
