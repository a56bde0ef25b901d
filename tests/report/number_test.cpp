#include "crosstalk/report/number.hpp"

#include <cmath>
#include <cstdlib>
#include <limits>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace crosstalk::report;
using Kind = NumberFormat::Kind;

namespace {

constexpr const char* minus = "\xE2\x88\x92";
constexpr const char* dash = "\xE2\x80\x93";
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

TEST(Shown, SignificantDigitsKeepTheirZeros) {
  const NumberFormat three{Kind::Significant, 3};
  EXPECT_EQ(shown(0.5, three), "0.500");
  EXPECT_EQ(shown(12.345, three), "12.3");
  EXPECT_EQ(shown(12345.0, three), "12345");
  EXPECT_EQ(shown(0.0, three), "0");
}

TEST(Shown, RoundingMayCarryIntoAnotherDigit) {
  EXPECT_EQ(shown(9.996, {Kind::Significant, 3}), "10.0");
  EXPECT_EQ(shown(9999999.9, {Kind::Significant, 2}), "1.0e7");
}

TEST(Shown, TinyAndHugeNumbersHaveAnExponent) {
  EXPECT_EQ(shown(1.234e-7, {Kind::Significant, 3}), "1.23e-7");
  EXPECT_EQ(shown(4.5e12, {Kind::Significant, 2}), "4.5e12");
  EXPECT_EQ(shown(1.0e-4, {Kind::Significant, 2}), "0.00010");
}

TEST(Shown, PercentIsAShare) {
  EXPECT_EQ(shown(0.0512, {Kind::Percent, 1}), "5.1\xC2\xA0%");
}

TEST(Shown, SignsAreTrueMinusAndPlusOnRequest) {
  EXPECT_EQ(shown(-1.5, {Kind::Decimals, 1}), std::string(minus) + "1.5");
  EXPECT_EQ(shown(1.5, {Kind::Decimals, 1, true}), "+1.5");
  EXPECT_EQ(shown(1.5, {Kind::Decimals, 1}), "1.5");
}

TEST(Shown, WhatRoundsToZeroHasNoSign) {
  EXPECT_EQ(shown(-0.0001, {Kind::Decimals, 2, true}), "0.00");
  EXPECT_EQ(shown(0.0001, {Kind::Percent, 1, true}), "0.0\xC2\xA0%");
}

TEST(Shown, MissingAndInfiniteNumbersAreSaid) {
  EXPECT_EQ(shown(nan, {Kind::Percent, 1}), dash);
  EXPECT_EQ(shown(-infinity, {Kind::Percent, 1}), std::string(minus) + "\xE2\x88\x9E");
}

TEST(Shown, RefusesDigitsOutOfRange) {
  EXPECT_THAT(
      [] {
        shown(1.0, {Kind::Significant, 0});
      },
      testing::ThrowsMessage<std::invalid_argument>("shown: digits is 0; it must be from 1 to 17"));
  EXPECT_THAT(
      [] {
        shown(1.0, {Kind::Decimals, 18});
      },
      testing::ThrowsMessage<std::invalid_argument>("shown: digits is 18; it must be from 0 to 17"));
}

TEST(Exact, ReadsBackAsTheSameNumber) {
  for (const double value : {0.1, 1.0 / 3.0, -2.5e-308, 4.9e-324, 1.7976931348623157e308, 123456789.125, -0.0}) {
    EXPECT_EQ(std::strtod(exact(value).c_str(), nullptr), value);
    EXPECT_EQ(std::signbit(std::strtod(exact(value).c_str(), nullptr)), std::signbit(value));
  }
  EXPECT_EQ(exact(0.1), "0.1");
  EXPECT_EQ(exact(nan), "nan");
  EXPECT_EQ(exact(-nan), "nan");
  EXPECT_EQ(exact(-infinity), "-inf");
}

}  // namespace
