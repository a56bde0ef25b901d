#include "crosstalk/golden_section_search.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace crosstalk {
namespace {

TEST(GoldenSection, FindsTheMinimumWithinTheWidth) {
  for (const double wanted : {-1.0, -0.3, 0.0, 1.7, 2.0}) {
    const auto f = [&](double x) { return std::abs(x - wanted); };
    EXPECT_NEAR(golden_section_search(f, -1.0, 2.0, 1e-6), wanted, 1e-6);
  }
}

TEST(GoldenSection, AsksForOneValueASection) {
  int asked = 0;
  const auto f = [&](double x) {
    ++asked;
    return x * x;
  };
  golden_section_search(f, -1.0, 1.0, 1e-3);
  EXPECT_EQ(asked, 2 + static_cast<int>(std::ceil(std::log(2.0 / 1e-3) / std::log(1.618033988749895))));
  asked = 0;
  EXPECT_EQ(golden_section_search(f, 3.0, 3.0, 1e-3), 3.0);
  EXPECT_EQ(asked, 2);
}

TEST(GoldenSection, RefusesWhatIsNoInterval) {
  const auto f = [](double x) { return x; };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(golden_section_search(f, 1.0, 0.0, 1e-3), std::invalid_argument);
  EXPECT_THROW(golden_section_search(f, nan, 0.0, 1e-3), std::invalid_argument);
  EXPECT_THROW(golden_section_search(f, 0.0, 1.0, 0.0), std::invalid_argument);
  EXPECT_THROW(golden_section_search(f, 0.0, 1.0, nan), std::invalid_argument);
}

}  // namespace
}  // namespace crosstalk
