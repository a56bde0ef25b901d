#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <Eigen/Eigenvalues>

#include "crosstalk/image/network/weighting.hpp"

namespace crosstalk::image {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using testing::ThrowsMessage;

constexpr Weighting kOfGradients[] = {Weighting::AlignedMtl, Weighting::FairGrad, Weighting::PcGrad, Weighting::CaGrad,
                                      Weighting::Mgda};

// K gradients of n values with something in common, a row each, longer from one to the next.
MatrixXd gradients(Index K, Index n, double in_common, std::uint64_t seed) {
  Rng rng(seed);
  VectorXd common(n);
  for (double& value : common) value = rng.normal();
  MatrixXd G(K, n);
  for (Index k = 0; k < K; ++k)
    for (Index i = 0; i < n; ++i)
      G(k, i) = (in_common * common(i) + rng.normal()) * std::pow(1.5, static_cast<double>(k));
  return G;
}

VectorXd weights(Weighting weighting, const MatrixXd& G, std::uint64_t seed = 1) {
  Rng rng(seed);
  return shared_weights(weighting, G * G.transpose(), rng);
}

class OfGradients : public testing::TestWithParam<Weighting> {};

TEST_P(OfGradients, EqualGradientsGiveTheMeanGradient) {
  const MatrixXd G = VectorXd::Ones(4) * gradients(1, 6, 0.0, 1);
  const VectorXd w = weights(GetParam(), G);
  EXPECT_LT((G.transpose() * w - G.row(0).transpose()).norm(), 1e-6 * G.row(0).norm());
  EXPECT_LT((w.array() - 0.25).abs().maxCoeff(), 1e-6);
}

TEST_P(OfGradients, OrthogonalEquallyLongGradientsGiveTheMeanGradient) {
  const VectorXd w = weights(GetParam(), 3.0 * MatrixXd::Identity(5, 7));
  EXPECT_LT((w.array() - 0.2).abs().maxCoeff(), 1e-6);
}

TEST_P(OfGradients, TheLengthOfAllGradientsInCommonDoesNotCount) {
  const MatrixXd G = gradients(5, 9, 0.3, 2);
  const VectorXd w = weights(GetParam(), G);
  for (const double factor : {1e-6, 1e6})
    EXPECT_LT((weights(GetParam(), factor * G) - w).cwiseAbs().maxCoeff(), 1e-6 * w.cwiseAbs().maxCoeff());
}

TEST_P(OfGradients, NoTaskLosesWhereTheyConflict) {
  const MatrixXd G = (MatrixXd(2, 2) << 1.0, 0.0, -0.6, 0.8).finished();
  const VectorXd d = G.transpose() * weights(GetParam(), G);
  EXPECT_GT((G * d).minCoeff(), 1e-3);
}

TEST_P(OfGradients, ATaskWithoutGradientTakesNoPart) {
  const MatrixXd some = gradients(3, 6, 0.2, 3);
  MatrixXd G = MatrixXd::Zero(4, 6);
  G.row(0) = some.row(0);
  G.row(2) = some.row(1);
  G.row(3) = some.row(2);
  const VectorXd w = weights(GetParam(), G);
  EXPECT_EQ(w(1), 0.0);
  const VectorXd three = VectorXd{{w(0), w(2), w(3)}};
  EXPECT_LT((three - 0.75 * weights(GetParam(), some)).norm(), 1e-12);
}

TEST_P(OfGradients, OneTaskAloneKeepsItsGradient) {
  EXPECT_NEAR(weights(GetParam(), gradients(1, 4, 0.0, 4))(0), 1.0, 1e-6);
}

TEST_P(OfGradients, WeightsAreFiniteWhateverTheGradients) {
  MatrixXd dependent = gradients(6, 3, 0.0, 5);  // of rank 3
  MatrixXd opposed(2, 3);
  opposed << 1.0, 2.0, 3.0, -1.0, -2.0, -3.0;
  MatrixXd ring(3, 2);  // sums to 0
  ring << 1.0, 0.0, -0.5, std::sqrt(0.75), -0.5, -std::sqrt(0.75);
  const MatrixXd none = MatrixXd::Zero(3, 2);
  const MatrixXd spread = VectorXd{{1e-9, 1.0, 1e9}}.asDiagonal() * gradients(3, 8, 0.5, 6);
  for (const MatrixXd& G : {dependent, opposed, ring, none, spread}) {
    const VectorXd w = weights(GetParam(), G);
    EXPECT_TRUE(w.allFinite()) << G;
    EXPECT_LE((G.transpose() * w).norm(), 1.01 * G.rowwise().norm().maxCoeff()) << G;
  }
  Rng rng(1);
  MatrixXd broken = MatrixXd::Identity(3, 3);
  broken(0, 1) = broken(1, 0) = std::nan("");
  EXPECT_EQ(shared_weights(GetParam(), broken, rng), VectorXd(VectorXd::Constant(3, 1.0 / 3)));
}

TEST_P(OfGradients, AreSaidToNeedGradients) {
  EXPECT_TRUE(needs_gradients(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Weightings, OfGradients, testing::ValuesIn(kOfGradients), [](const auto& param) {
  std::string name = to_string(param.param);
  std::erase(name, '-');
  return name;
});

TEST(AlignedMtl, GradientsBecomeOrthogonalAndAsLongAsTheWeakestDirection) {
  const MatrixXd G = gradients(5, 8, 0.7, 7);
  const MatrixXd M = G * G.transpose();
  const Eigen::SelfAdjointEigenSolver<MatrixXd> eigen(M);
  const double least = eigen.eigenvalues()(0);
  const MatrixXd B = std::sqrt(least) * eigen.operatorInverseSqrt();
  EXPECT_LT((B * M * B.transpose() - least * MatrixXd::Identity(5, 5)).norm(), 1e-9 * least);  // condition number 1
  EXPECT_LT((weights(Weighting::AlignedMtl, G) - B * VectorXd::Constant(5, 0.2)).norm(), 1e-9);
  // Every task gains the same in the directions that were made for it: <(BG)_k, d> = lambda / K.
  EXPECT_LT(((B * G) * (G.transpose() * weights(Weighting::AlignedMtl, G)) - VectorXd::Constant(5, least / 5)).norm(),
            1e-9 * least);
}

TEST(AlignedMtl, TwoConflictingTasks) {
  // M = [1 -r; -r 1] has the eigenvalues 1 - r along (1, 1) and 1 + r along (1, -1); the mean lies along the first.
  const double r = 0.6;
  const MatrixXd G = (MatrixXd(2, 2) << 1.0, 0.0, -r, 0.8).finished();
  EXPECT_LT((weights(Weighting::AlignedMtl, G) - VectorXd::Constant(2, 0.5)).norm(), 1e-12);
}

TEST(FairGrad, SolvesItsEquation) {
  for (const double in_common : {0.0, 0.5, 3.0}) {
    const MatrixXd G = gradients(6, 10, in_common, 8);
    const MatrixXd M = G * G.transpose();
    const VectorXd w = weights(Weighting::FairGrad, G);
    EXPECT_GT(w.minCoeff(), 0.0);
    // (M w)_k w_k is the same for all k: 1 before the weights were multiplied to the mean gradient's length.
    const VectorXd products = (M * w).cwiseProduct(w);
    EXPECT_LT((products.array() / products.mean() - 1.0).abs().maxCoeff(), 1e-6) << in_common;  // the ridge
    EXPECT_NEAR((G.transpose() * w).norm(), G.colwise().mean().norm(), 1e-6 * G.norm());
  }
}

TEST(FairGrad, OrthogonalTasksOfDifferentLengthGainTheSame) {
  const MatrixXd G = VectorXd{{1.0, 10.0}}.asDiagonal();
  const VectorXd w = weights(Weighting::FairGrad, G);
  EXPECT_NEAR(w(0) / w(1), 10.0, 1e-6);
}

TEST(PcGrad, IsTheMeanOfProjectedGradients) {
  const MatrixXd G = gradients(4, 5, -0.1, 9);
  ASSERT_LT((G * G.transpose()).minCoeff(), 0.0);
  Rng rng(3);
  VectorXd sum = VectorXd::Zero(5);
  for (Index i = 0; i < 4; ++i) {
    VectorXd g = G.row(i);
    for (const std::size_t other : rng.permutation(4)) {
      const auto j = static_cast<Index>(other);
      const double product = g.dot(G.row(j));
      if (j != i && product < 0.0) g -= product / G.row(j).squaredNorm() * G.row(j).transpose();
    }
    sum += g;
  }
  EXPECT_LT((G.transpose() * weights(Weighting::PcGrad, G, 3) - sum / 4).norm(), 1e-12 * G.norm());
}

TEST(PcGrad, TwoConflictingTasksLoseWhatOpposesTheOther) {
  const MatrixXd G = (MatrixXd(2, 2) << 2.0, 0.0, -1.0, 1.0).finished();
  // (2, 0) + (1, -1) ... : (2, 0) - (-2 / 2)(-1, 1) = (1, 1) and (-1, 1) - (-2 / 4)(2, 0) = (0, 1).
  const VectorXd d = G.transpose() * weights(Weighting::PcGrad, G);
  EXPECT_LT((d - VectorXd{{0.5, 1.0}}).norm(), 1e-12);
}

TEST(CaGrad, TwoTasksAgreeWithASearch) {
  for (const std::uint64_t seed : {1, 2, 3, 4, 5, 6}) {
    const MatrixXd G = gradients(2, 2, seed % 2 == 0 ? 0.5 : 0.0, seed);
    const VectorXd mean = G.colwise().mean();
    double least = 1e300;
    VectorXd best;
    for (int i = 0; i <= 100'000; ++i) {
      const double share = i / 1e5;
      const VectorXd g = share * G.row(0) + (1.0 - share) * G.row(1);
      const double value = g.dot(mean) + 0.5 * mean.norm() * g.norm();
      if (value >= least) continue;
      least = value;
      best = (mean + 0.5 * mean.norm() * g.normalized()) / 1.5;
    }
    const VectorXd d = G.transpose() * weights(Weighting::CaGrad, G);
    EXPECT_LT((d - best).norm(), 1e-4 * mean.norm()) << seed;  // the search's step of 1e-5, a few times
  }
}

TEST(CaGrad, StaysInItsBallAndNoOtherPointOfItServesTheWorstTaskBetter) {
  const MatrixXd G = gradients(6, 12, 0.1, 10);
  const VectorXd mean = G.colwise().mean();
  const double radius = 0.5 * mean.norm();
  const VectorXd d = 1.5 * (G.transpose() * weights(Weighting::CaGrad, G));
  EXPECT_NEAR((d - mean).norm(), radius, 1e-6 * radius);
  const double worst = (G * d).minCoeff();
  EXPECT_GT(worst, (G * mean).minCoeff());
  Rng rng(4);
  for (int i = 0; i < 2000; ++i) {
    VectorXd direction(12);
    for (double& value : direction) value = rng.normal();
    // Around the solution, where it would show most.
    const VectorXd other = mean + radius * ((d - mean).normalized() + 0.05 * direction).normalized();
    EXPECT_LE((G * other).minCoeff(), worst + 1e-6 * mean.norm());
  }
}

TEST(Mgda, IsThePointOfTheHullNearestToZero) {
  for (const double in_common : {0.0, 0.3, 2.0}) {
    const MatrixXd G = gradients(8, 12, in_common, 11);
    const MatrixXd M = G * G.transpose();
    const VectorXd w = weights(Weighting::Mgda, G);
    EXPECT_NEAR(w.sum(), 1.0, 1e-12);
    EXPECT_GE(w.minCoeff(), 0.0);
    const VectorXd products = M * w;  // with the point; at least its squared length, and equal to it where w > 0
    const double squared = w.dot(products);
    const double tolerance = 1e-6 * M.diagonal().mean();
    for (Index k = 0; k < 8; ++k) {
      EXPECT_GE(products(k), squared - tolerance);
      if (w(k) > 1e-9) {
        EXPECT_NEAR(products(k), squared, tolerance);
      }
    }
  }
}

TEST(Mgda, TakesTheShorterOfTwoGradientsThatAgree) {
  const MatrixXd G = (MatrixXd(2, 2) << 1.0, 0.0, 3.0, 1.0).finished();
  EXPECT_LT((weights(Weighting::Mgda, G) - VectorXd{{1.0, 0.0}}).norm(), 1e-12);
}

TEST(Mgda, TwoConflictingTasksMeetOnTheLineBetweenThem) {
  const MatrixXd G = (MatrixXd(2, 2) << 2.0, 0.0, 0.0, 1.0).finished();
  EXPECT_LT((weights(Weighting::Mgda, G) - VectorXd{{0.2, 0.8}}).norm(), 1e-8);  // the ridge
}

TEST(RandomWeights, AreSoftmaxOfNormalsAndDependOnTheGeneratorAlone) {
  const MatrixXd G = gradients(3, 4, 0.0, 12);
  Rng rng(5);
  VectorXd expected(3);
  for (double& value : expected) value = std::exp(rng.normal());
  expected /= expected.sum();
  EXPECT_LT((weights(Weighting::Random, G, 5) - expected).norm(), 1e-12);
  EXPECT_FALSE(needs_gradients(Weighting::Random));
}

TEST(EqualWeights, DrawNothing) {
  Rng rng(5);
  Rng untouched(5);
  EXPECT_EQ(shared_weights(Weighting::Equal, MatrixXd::Identity(4, 4), rng), VectorXd(VectorXd::Constant(4, 0.25)));
  EXPECT_EQ(rng.bits(), untouched.bits());
  EXPECT_FALSE(needs_gradients(Weighting::Equal));
}

TEST(SharedWeights, LearnedOnesAreRefused) {
  Rng rng(1);
  EXPECT_THAT([&] { shared_weights(Weighting::Uncertainty, MatrixXd::Identity(2, 2), rng); },
              ThrowsMessage<std::invalid_argument>("shared_weights: the weights of uw are learned from step to step"));
}

TEST(GradNorm, StaysWhereTasksLearnAlike) {
  GradNorm balance(3);
  for (int step = 0; step < 20; ++step)
    EXPECT_LT((balance.step(VectorXd::Constant(3, 0.2), VectorXd{{1.0, 2.0, 3.0}} / (1 + step)).array() - 1.0 / 3)
                  .abs()
                  .maxCoeff(),
              1e-12);
}

TEST(GradNorm, WeighsGradientsToTheSameLength) {
  GradNorm balance(2);
  VectorXd w;
  for (int step = 0; step < 400; ++step) w = balance.step(VectorXd{{1.0, 3.0}}, VectorXd{{1.0, 1.0}});
  EXPECT_NEAR(w.sum(), 1.0, 1e-12);
  EXPECT_NEAR(w(0) / w(1), 3.0, 0.3);  // a step moves a weight by some hundredths
}

TEST(GradNorm, ATaskThatLearnsSlowlyWeighsMore) {
  GradNorm balance(2);
  const VectorXd lengths = VectorXd::Ones(2);
  balance.step(lengths, VectorXd{{1.0, 4.0}});
  VectorXd w;
  // r = 1 and 0.25: targets are as 1 to 0.125.
  for (int step = 0; step < 400; ++step) w = balance.step(lengths, VectorXd{{1.0, 1.0}});
  EXPECT_NEAR(w(0) / w(1), 8.0, 2.0);
}

TEST(GradNorm, WeightsStayPositiveAndATaskWithoutLabelsWaits) {
  GradNorm balance(2);
  VectorXd w;
  for (int step = 0; step < 500; ++step) w = balance.step(VectorXd{{0.0, 1.0}}, VectorXd{{0.0, 1.0}});
  EXPECT_TRUE(w.allFinite());
  EXPECT_GT(w.minCoeff(), 0.0);
  EXPECT_NEAR(w.sum(), 1.0, 1e-12);
  EXPECT_EQ(balance.step(VectorXd{{std::nan(""), 1.0}}, VectorXd::Ones(2)).allFinite(), true);
}

TEST(WeightingNamed, KnowsItsOwnWordsAndRefusesOthers) {
  EXPECT_EQ(weighting_names().size(), 9U);
  for (const std::string& word : weighting_names()) EXPECT_EQ(to_string(weighting_named(word)), word);
  EXPECT_THAT([] { weighting_named("best"); },
              ThrowsMessage<std::invalid_argument>("unknown weighting \"best\"; there are ls, uw, rlw, aligned-mtl, "
                                                   "fairgrad, pcgrad, cagrad, mgda, gradnorm"));
}

}  // namespace
}  // namespace crosstalk::image
