#include "crosstalk/rng.hpp"

#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

namespace crosstalk {

namespace {

// FNV-1a, then the splitmix64 finaliser: nearby seeds and keys give unrelated streams.
std::uint64_t mix(std::uint64_t seed, std::string_view key, std::uint64_t index) {
  std::uint64_t hash = (0xcbf29ce484222325ULL ^ seed) * 0x100000001b3ULL;
  for (const unsigned char c : key) hash = (hash ^ c) * 0x100000001b3ULL;
  hash = (hash ^ index) * 0x100000001b3ULL;
  hash += 0x9e3779b97f4a7c15ULL;
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9ULL;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebULL;
  return hash ^ (hash >> 31);
}

}  // namespace

Rng Rng::stream(std::uint64_t seed, std::string_view key, std::uint64_t index) {
  return Rng(mix(seed, key, index));
}

double Rng::uniform() {
  return static_cast<double>(engine_() >> 11) * 0x1.0p-53;
}

std::size_t Rng::below(std::size_t count) {
  // Rejection keeps every value equally likely whatever the count.
  const std::uint64_t n = count;
  const std::uint64_t limit = (~std::uint64_t{0} / n) * n;
  std::uint64_t draw = engine_();
  while (draw >= limit) draw = engine_();
  return static_cast<std::size_t>(draw % n);
}

double Rng::normal() {
  const double radius = std::sqrt(-2.0 * std::log1p(-uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

Eigen::VectorXd Rng::in_ball(Eigen::Index dimension, double radius) {
  Eigen::VectorXd point(dimension);
  for (double& entry : point) entry = normal();
  const double norm = point.norm();
  if (norm == 0.0) return point;
  return point * (radius * std::pow(uniform(), 1.0 / static_cast<double>(dimension)) / norm);
}

std::vector<std::size_t> Rng::permutation(std::size_t count) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t i = count; i > 1; --i) std::swap(order[i - 1], order[below(i)]);
  return order;
}

}  // namespace crosstalk
