#include "crosstalk/confidence_interval.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace crosstalk {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// Mean 3, deviation sqrt(2.5), t(4) = 2.7764.
TEST(ConfidenceInterval, IsTheMeanWithItsTInterval) {
  const ConfidenceInterval of = mean_with_ci({1, 2, 3, 4, 5});
  EXPECT_EQ(of.count, 5U);
  EXPECT_DOUBLE_EQ(of.mean, 3.0);
  const double half = 2.7764 * std::sqrt(2.5 / 5.0);
  EXPECT_NEAR(of.low, 3.0 - half, 1e-12);
  EXPECT_NEAR(of.high, 3.0 + half, 1e-12);
  EXPECT_TRUE(of.above(1.0));
  EXPECT_FALSE(of.above(2.0));
  EXPECT_TRUE(of.below(5.0));
}

TEST(ConfidenceInterval, OfOneObservationHasNoInterval) {
  const ConfidenceInterval of = mean_with_ci({nan, 7.0});
  EXPECT_EQ(of.count, 1U);
  EXPECT_EQ(of.mean, 7.0);
  EXPECT_TRUE(std::isnan(of.low) && std::isnan(of.high));
  EXPECT_FALSE(of.above(0.0)) << "what has no interval decides nothing";
  EXPECT_TRUE(std::isnan(mean_with_ci({nan}).mean));
}

// Tables of Student's t; the quantile falls to the normal one.
TEST(TQuantile, MatchesTheTables) {
  EXPECT_NEAR(t_quantile(1), 12.7062, 1e-4);
  EXPECT_NEAR(t_quantile(9), 2.2622, 1e-4);
  EXPECT_NEAR(t_quantile(40), 2.0211, 2e-3);
  EXPECT_NEAR(t_quantile(1000000), 1.959964, 1e-5);
  for (std::size_t n = 1; n < 60; ++n) EXPECT_GT(t_quantile(n), t_quantile(n + 1)) << n;
}

}  // namespace
}  // namespace crosstalk
