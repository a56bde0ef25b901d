#include "crosstalk/option_table.hpp"

#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crosstalk/attack/exact_attack.hpp"
#include "crosstalk/attack/gradient_check.hpp"
#include "crosstalk/defence/defend.hpp"
#include "crosstalk/evaluate/audit.hpp"
#include "crosstalk/evaluate/reproduction.hpp"
#include "crosstalk/names.hpp"
#include "crosstalk/problem/problem.hpp"

namespace crosstalk {
namespace {

using testing::ElementsAre;
using testing::ThrowsMessage;

struct Sample {
  double share = 0.25;
  int steps = 3;
  std::optional<double> limit = {};
  bool fast = false;
  Scale scale = Scale::UnitBall;
  std::vector<double> budgets = {0.1, 0.5};

  static const OptionTable<Sample>& table() {
    static const auto table =
        OptionTable<Sample>("sample")
            .add(&Sample::share, {.key = "the-share", .meaning = "A share", .range = from_to(0, 1)})
            .add(&Sample::steps, {.key = "steps", .meaning = "Steps", .range = Range{.low = 1, .odd = true}})
            .add(&Sample::limit, {.key = "limit", .meaning = "A limit", .range = above(0), .field = "most"})
            .add(&Sample::fast, {.key = "fast", .meaning = "Be fast"})
            .add(&Sample::scale, {.key = "scale", .meaning = "A scale", .words = kScales.names()});
    return table;
  }
};

TEST(Range, ContainsItsClosedEndsAndNothingThatIsNotFinite) {
  EXPECT_TRUE(from_to(0, 1).contains(0) && from_to(0, 1).contains(1));
  EXPECT_FALSE(above(0).contains(0));
  EXPECT_TRUE(at_least(0).contains(0));
  EXPECT_FALSE((Range{.low = 0, .high = 1, .high_is_open = true}.contains(1)));
  EXPECT_FALSE(at_least(0).contains(std::numeric_limits<double>::infinity()));
  EXPECT_FALSE(at_least(0).contains(std::nan("")));
  EXPECT_FALSE((Range{.low = 3, .odd = true}.contains(4)));
}

TEST(Range, SaysItsRule) {
  EXPECT_EQ(above(0).rule(), "> 0");
  EXPECT_EQ(at_least(1).rule(), ">= 1");
  EXPECT_EQ(from_to(2, 100).rule(), "from 2 to 100");
  EXPECT_EQ((Range{.low = 0, .high = 0.5, .low_is_open = true, .high_is_open = true}.rule()), "in (0, 0.5)");
  EXPECT_EQ((Range{.low = 3, .odd = true}.rule()), "odd and >= 3");
}

TEST(OptionTable, TypesAndDefaultsAreThoseOfTheStruct) {
  const auto& table = Sample::table();
  EXPECT_EQ(table.of(&Sample::share).type, OptionText::Type::Number);
  EXPECT_EQ(table.of(&Sample::share).by_default, "0.25");
  EXPECT_EQ(table.of(&Sample::share).field, "the_share");
  EXPECT_EQ(table.of(&Sample::steps).type, OptionText::Type::Whole);
  EXPECT_EQ(table.of(&Sample::limit).by_default, "");
  EXPECT_EQ(table.of(&Sample::fast).type, OptionText::Type::Switch);
  EXPECT_EQ(table.of(&Sample::scale).by_default, "unit-ball");
  EXPECT_THAT(table.of(&Sample::scale).words, ElementsAre("none", "unit-ball", "standard"));
  EXPECT_THROW(static_cast<void>(table.of(&Sample::budgets)), std::out_of_range);
}

TEST(OptionTable, RefusesWithFieldValueAndRule) {
  const auto check = [](const Sample& sample) { return [sample] { Sample::table().require_valid(sample); }; };
  EXPECT_NO_THROW(check({})());
  EXPECT_THAT(check({.share = 1.5}),
              ThrowsMessage<std::invalid_argument>("sample: the_share is 1.5; it must be from 0 to 1"));
  EXPECT_THAT(check({.steps = 2}), ThrowsMessage<std::invalid_argument>("sample: steps is 2; it must be odd and >= 1"));
  EXPECT_THAT(check({.limit = 0.0}), ThrowsMessage<std::invalid_argument>("sample: most is 0; it must be > 0"));
  EXPECT_NO_THROW(check({.limit = std::nullopt})());
}

// Every default of the library lies in the range that its table states.
TEST(OptionTable, DefaultsAreInTheirRanges) {
  EXPECT_NO_THROW(mtrl::Options::table().require_valid({}));
  EXPECT_NO_THROW(mtrl::CrossValidationOptions::table().require_valid({}));
  EXPECT_NO_THROW(attack::PatomOptions::table().require_valid({}));
  EXPECT_NO_THROW(attack::ExactOptions::table().require_valid({}));
  EXPECT_NO_THROW(attack::ScreenOptions::table().require_valid({}));
  EXPECT_NO_THROW(attack::GradientCheckOptions::table().require_valid({}));
  EXPECT_NO_THROW(defence::Options::table().require_valid({}));
  EXPECT_NO_THROW(evaluate::AuditOptions::table().require_valid({}));
  EXPECT_NO_THROW(evaluate::ReproductionOptions::table().require_valid({}));
  EXPECT_NO_THROW(ProblemOptions::table().require_valid({}));
}

TEST(NameTable, ReadsWhatItWritesAndSuggests) {
  for (const auto& [value, name] : kLabelScales.values) EXPECT_EQ(kLabelScales.named(name), value);
  EXPECT_EQ(kScales.name_of(static_cast<Scale>(99)), "unknown");
  EXPECT_THAT([] { static_cast<void>(kScales.named("unitball")); },
              ThrowsMessage<std::invalid_argument>(
                  "unknown scale \"unitball\"; there are none, unit-ball, standard; did you mean \"unit-ball\"?"));
  EXPECT_THAT([] { static_cast<void>(kScales.named("xyz")); },
              ThrowsMessage<std::invalid_argument>("unknown scale \"xyz\"; there are none, unit-ball, standard"));
}

}  // namespace
}  // namespace crosstalk
