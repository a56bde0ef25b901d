#include "crosstalk/brent_minimum.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace crosstalk {
namespace {

TEST(BrentMinimum, FindsTheMinimumWithinTheWidth) {
  for (const double wanted : {-1.0, -0.3, 0.0, 1.7, 2.0}) {
    const auto f = [&](double x) { return std::abs(x - wanted); };
    EXPECT_NEAR(brent_minimum(f, -1.0, 2.0, 1e-6), wanted, 1e-6);
  }
}

TEST(BrentMinimum, AsksForFewValuesWhereAParabolaFits) {
  int asked = 0;
  const auto f = [&](double x) {
    ++asked;
    return std::exp(x) + 4.0 * std::exp(-x);
  };
  EXPECT_NEAR(brent_minimum(f, 0.0, std::log(100.0), 0.015), std::log(2.0), 0.015);
  EXPECT_LE(asked, 9);  // golden sections need 14
  asked = 0;
  EXPECT_EQ(brent_minimum(f, 3.0, 3.0, 1e-3), 3.0);
  EXPECT_EQ(asked, 1);
}

TEST(BrentMinimum, EndsWhereValuesAreInfiniteOrTheWidthIsBelowRounding) {
  const auto cut = [](double x) { return x > 0.5 ? std::numeric_limits<double>::infinity() : -x; };
  EXPECT_NEAR(brent_minimum(cut, -1.0, 2.0, 1e-6), 0.5, 1e-6);
  const auto infinite = [](double) { return std::numeric_limits<double>::infinity(); };
  EXPECT_GE(brent_minimum(infinite, -1.0, 2.0, 1e-6), -1.0);
  const auto far = [](double x) { return std::abs(x - 3e9); };
  EXPECT_NEAR(brent_minimum(far, 0.0, 1e10, 1e-12), 3e9, 1e-4);
}

TEST(BrentMinimum, RefusesWhatIsNoInterval) {
  const auto f = [](double x) { return x; };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(brent_minimum(f, 1.0, 0.0, 1e-3), std::invalid_argument);
  EXPECT_THROW(brent_minimum(f, nan, 0.0, 1e-3), std::invalid_argument);
  EXPECT_THROW(brent_minimum(f, 0.0, 1.0, 0.0), std::invalid_argument);
  EXPECT_THROW(brent_minimum(f, 0.0, 1.0, nan), std::invalid_argument);
}

}  // namespace
}  // namespace crosstalk
