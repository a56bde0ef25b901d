#include "crosstalk/image/network/weighting.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>

namespace crosstalk::image {

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// As indices into a matrix; Eigen copies them, so it gets no vector.
using Indices = Eigen::Map<const Eigen::Matrix<Index, Eigen::Dynamic, 1>>;

Indices indices(const std::vector<Index>& list) {
  return {list.data(), static_cast<Index>(list.size())};
}

// Gradients are floats: what is shorter than the longest by this factor, squared, is their rounding.
constexpr double kNothing = 1e-20;

// Added to the diagonal of a matrix with entries around 1: of many solutions, one and not far away.
constexpr double kRidge = 1e-9;

VectorXd softmax_of_normals(Index count, Rng& rng) {
  VectorXd z(count);
  for (double& value : z) value = rng.normal();
  z = (z.array() - z.maxCoeff()).exp();
  return z / z.sum();
}

VectorXd aligned(const MatrixXd& gram) {
  const Eigen::SelfAdjointEigenSolver<MatrixXd> eigen(gram);
  const VectorXd& lambda = eigen.eigenvalues();  // ascending
  const auto& V = eigen.eigenvectors();
  const auto K = static_cast<double>(gram.rows());
  const double tolerance = 1e-12 * K * lambda.tail(1)(0);
  double least = 0.0;
  VectorXd w = VectorXd::Zero(gram.rows());
  for (Index i = 0; i < lambda.size(); ++i) {
    if (lambda(i) <= tolerance) continue;
    if (least == 0.0) least = lambda(i);
    w += std::sqrt(least / lambda(i)) * (V.col(i).sum() / K) * V.col(i);
  }
  return w;
}

// M w = 1 / w is where the convex w'Mw / 2 - sum log w is least. With gradients of length 1, w = u / |g|, the equation
// is the same. Newton's method with the damping of self-concordant functions stays at u > 0 and cannot fail.
VectorXd fair(const MatrixXd& gram) {
  const Index K = gram.rows();
  const VectorXd scale = gram.diagonal().cwiseSqrt().cwiseInverse();
  const MatrixXd cosines = scale.asDiagonal() * gram * scale.asDiagonal() + kRidge * MatrixXd::Identity(K, K);
  VectorXd u = VectorXd::Ones(K);
  for (int step = 0; step < 500; ++step) {
    const VectorXd slope = cosines * u - u.cwiseInverse();
    MatrixXd curvature = cosines;
    curvature.diagonal() += u.cwiseAbs2().cwiseInverse();
    const VectorXd direction = curvature.llt().solve(slope);
    const double decrement = std::sqrt(std::max(0.0, slope.dot(direction)));
    u -= direction / (decrement > 0.25 ? 1.0 + decrement : 1.0);
    if (decrement < 1e-8) break;  // and its square after the step
  }
  const VectorXd w = scale.cwiseProduct(u);  // w'Mw = K
  const double mean_length = std::sqrt(std::max(0.0, gram.sum())) / static_cast<double>(K);
  return w * (mean_length / std::sqrt(static_cast<double>(K)));
}

VectorXd without_conflicts(const MatrixXd& gram, Rng& rng) {
  const Index K = gram.rows();
  VectorXd sum = VectorXd::Zero(K);
  for (Index i = 0; i < K; ++i) {
    VectorXd c = VectorXd::Unit(K, i);  // g_i as it is changed, in terms of all g
    VectorXd products = gram.col(i);    // of it with all g
    for (const std::size_t other : rng.permutation(static_cast<std::size_t>(K))) {
      const auto j = static_cast<Index>(other);
      if (j == i || products(j) >= 0.0) continue;
      const double share = products(j) / gram(j, j);
      c(j) -= share;
      products -= share * gram.col(j);
    }
    sum += c;
  }
  return sum / static_cast<double>(K);
}

// The w of w'Qw / 2 + b'w least, w >= 0, sum w = 1, from a feasible w, by active sets: on the tasks that are free the
// minimiser is Q^{-1}(nu 1 - b); the way to it ends where a weight becomes 0, which then is no longer free; at its end
// the task with the steepest descent becomes free. Q positive definite.
VectorXd simplex_minimum(const MatrixXd& Q, const VectorXd& b, VectorXd w) {
  const Index K = Q.rows();
  std::vector<Index> free;
  for (Index k = 0; k < K; ++k)
    if (w(k) > 0.0) free.push_back(k);
  const double tolerance = 1e-12 * (Q.diagonal().maxCoeff() + b.cwiseAbs().maxCoeff());
  for (Index step = 0; step < 20 * K; ++step) {
    const Indices at = indices(free);
    const Eigen::LLT<MatrixXd> part(Q(at, at));
    const VectorXd ones = part.solve(VectorXd::Ones(at.size()));
    const VectorXd offset = part.solve(VectorXd(b(at)));
    const double nu = (1.0 + offset.sum()) / ones.sum();
    const VectorXd aim = nu * ones - offset;
    if (aim.minCoeff() > 0.0) {
      w.setZero();
      w(at) = aim;
      VectorXd slope = Q * w + b;
      slope(at).setConstant(nu);
      Index steepest = 0;
      if (slope.minCoeff(&steepest) >= nu - tolerance) break;
      free.push_back(steepest);
      continue;
    }
    double way = 1.0;
    for (std::size_t i = 0; i < free.size(); ++i) {
      const double goal = aim(static_cast<Index>(i));
      if (goal <= 0.0) way = std::min(way, w(free[i]) / (w(free[i]) - goal));
    }
    std::vector<Index> left;
    for (std::size_t i = 0; i < free.size(); ++i) {
      double& own = w(free[i]);
      const double goal = aim(static_cast<Index>(i));
      own += way * (goal - own);
      if (goal <= 0.0 && own <= 1e-15) own = 0.0;
      if (own > 0.0) left.push_back(free[i]);
    }
    if (left.empty()) break;
    free = std::move(left);
  }
  return w / w.sum();
}

// M over its mean diagonal: weights do not depend on the length of all gradients in common.
MatrixXd scaled(const MatrixXd& gram) {
  return gram / gram.diagonal().mean();
}

VectorXd shortest(const MatrixXd& gram) {
  const Index K = gram.rows();
  const MatrixXd Q = scaled(gram) + kRidge * MatrixXd::Identity(K, K);
  return simplex_minimum(Q, VectorXd::Zero(K), VectorXd::Constant(K, 1.0 / static_cast<double>(K)));
}

// With p = c |g_0|, the least over v of <g_v, g_0> + p |g_v| is the least over v and s > 0 of
//   <g_v, g_0> + p (|g_v|^2 / s + s) / 2,
// which is convex in both. For fixed s it is a quadratic program; its least value is convex in s with the slope
// p (1 - |g_v|^2 / s^2) / 2, so that halving finds the s at which s = |g_v|.
VectorXd averse_to_conflicts(const MatrixXd& gram) {
  constexpr double c = 0.5;
  const Index K = gram.rows();
  const MatrixXd M = scaled(gram) + kRidge * MatrixXd::Identity(K, K);
  const VectorXd mean = VectorXd::Constant(K, 1.0 / static_cast<double>(K));
  const VectorXd b = M * mean;
  const double p = c * std::sqrt(mean.dot(b));
  double low = std::log(1e-4);
  double high = std::log(2.0 * std::sqrt(M.diagonal().maxCoeff()));
  VectorXd v = mean;
  double length = 0.0;
  for (int halving = 0; halving < 40; ++halving) {
    const double s = std::exp(0.5 * (low + high));
    v = simplex_minimum(p / s * M, b, std::move(v));
    length = std::sqrt(v.dot(M * v));
    (length > s ? low : high) = std::log(s);
  }
  return (mean + p / length * v) / (1.0 + c);
}

}  // namespace

Weighting weighting_named(std::string_view word) {
  return kWeightingNames.named(word);
}

std::string to_string(Weighting weighting) {
  return std::string(kWeightingNames.name_of(weighting));
}

const std::vector<std::string>& weighting_names() {
  static const std::vector<std::string> names = kWeightingNames.names();
  return names;
}

bool needs_gradients(Weighting weighting) {
  return weighting != Weighting::Equal && weighting != Weighting::Uncertainty && weighting != Weighting::Random;
}

VectorXd shared_weights(Weighting weighting, const MatrixXd& gram, Rng& rng) {
  if (weighting == Weighting::Uncertainty || weighting == Weighting::GradNorm)
    throw std::invalid_argument(
        fmt::format("shared_weights: the weights of {} are learned from step to step", to_string(weighting)));
  const Index K = gram.rows();
  if (weighting == Weighting::Random) return softmax_of_normals(K, rng);
  VectorXd weights = VectorXd::Constant(K, 1.0 / static_cast<double>(K));
  if (weighting == Weighting::Equal || !gram.allFinite()) return weights;
  std::vector<Index> tasks;
  const double longest = gram.diagonal().maxCoeff();
  for (Index k = 0; k < K; ++k)
    if (gram(k, k) > kNothing * longest) tasks.push_back(k);
  if (tasks.empty()) return weights;
  const Indices at = indices(tasks);
  const MatrixXd M = gram(at, at);
  const auto own = [&]() -> VectorXd {
    switch (weighting) {
      case Weighting::AlignedMtl: return aligned(M);
      case Weighting::FairGrad: return fair(M);
      case Weighting::PcGrad: return without_conflicts(M, rng);
      case Weighting::CaGrad: return averse_to_conflicts(M);
      case Weighting::Mgda: return shortest(M);
      default: throw std::invalid_argument("shared_weights: no such weighting");
    }
  };
  weights.setZero();
  weights(at) = own() * (static_cast<double>(tasks.size()) / static_cast<double>(K));
  return weights;
}

GradNorm::GradNorm(Index tasks)
    : weights_(VectorXd::Ones(tasks)),
      first_losses_(VectorXd::Zero(tasks)),
      first_moment_(VectorXd::Zero(tasks)),
      second_moment_(VectorXd::Zero(tasks)) {}

VectorXd GradNorm::step(const VectorXd& lengths, const VectorXd& losses) {
  constexpr double alpha = 1.5;
  constexpr double rate = 0.025;
  constexpr double beta1 = 0.9;
  constexpr double beta2 = 0.999;
  const auto K = static_cast<double>(weights_.size());
  const VectorXd used = weights_ / K;
  if (!lengths.allFinite() || !losses.allFinite()) return used;
  VectorXd pace = VectorXd::Ones(weights_.size());
  for (Index k = 0; k < pace.size(); ++k) {
    if (losses(k) <= 0.0) continue;
    if (first_losses_(k) == 0.0) first_losses_(k) = losses(k);
    pace(k) = losses(k) / first_losses_(k);
  }
  const VectorXd own = weights_.cwiseProduct(lengths);
  const VectorXd wanted = own.mean() * (pace / pace.mean()).array().pow(alpha);
  const auto sign = [&](double d) { return std::abs(d) <= 1e-9 * own.mean() ? 0.0 : std::copysign(1.0, d); };
  const VectorXd slope = (own - wanted).unaryExpr(sign).cwiseProduct(lengths);
  ++steps_;
  first_moment_ = beta1 * first_moment_ + (1.0 - beta1) * slope;
  second_moment_ = beta2 * second_moment_ + (1.0 - beta2) * slope.cwiseAbs2();
  const VectorXd spread = (second_moment_ / (1.0 - std::pow(beta2, steps_))).cwiseSqrt();
  const double tiny = 1e-12 + 1e-8 * spread.maxCoeff();
  weights_ -= rate / (1.0 - std::pow(beta1, steps_)) * first_moment_.cwiseQuotient((spread.array() + tiny).matrix());
  weights_ = weights_.cwiseMax(0.001);
  weights_ *= K / weights_.sum();
  return used;
}

}  // namespace crosstalk::image
