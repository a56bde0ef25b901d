// Small versions of what [Zhao18] claims with its three figures, and of what does not come out here (docs/papers.md).
#include <algorithm>
#include <functional>

#include <gtest/gtest.h>

#include "crosstalk/attack/patom.hpp"
#include "crosstalk/data/dataset.hpp"
#include "crosstalk/evaluate/reproduction.hpp"
#include "crosstalk/evaluate/reproduction_claims.hpp"
#include "support/problems.hpp"

namespace crosstalk::evaluate {
namespace {

PaperSet real(const std::string& name, std::size_t first_targets) {
  return {.name = name,
          .draw = [name](std::uint64_t seed) { return data::load(name, {.seed = seed}); },
          .first_targets = first_targets};
}

bool is_here(const std::string& name) {
  return data::locate(*data::find_known_set(name), data::default_search_path()).has_value();
}

#define SKIP_WITHOUT(name) \
  if (!is_here(name)) GTEST_SKIP() << name << " is not on this machine; set CROSSTALK_DATA to the folder with it"

// At the paper's lambdas, PATOM alone.
ReproductionOptions small(int figure) {
  return {.figures = {figure},
          .seeds = 3,
          .slow_seeds = 0,
          .exact_seeds = 0,
          .starts = 5,
          .pairs = 2,
          .iterations = 12,
          .budgets = {0.1, 0.3}};
}

const Claim& claim(const std::vector<Claim>& claims, const std::string& text) {
  const auto found = std::find_if(claims.begin(), claims.end(),
                                  [&](const Claim& one) { return one.text.find(text) != std::string::npos; });
  EXPECT_NE(found, claims.end()) << text;
  return *found;
}

TEST(Figure1, PatomSettlesInLessThanTenIterationsFromAnyStart) {
  SKIP_WITHOUT("sarcos");
  const auto result = reproduce({real("sarcos", 3)}, small(1));
  const auto claims = claims_of(result, small(1), Lambdas::Paper);
  EXPECT_EQ(claim(claims, "PATOM converges").verdict, Verdict::Holds) << claim(claims, "PATOM converges").detail;
  EXPECT_EQ(claim(claims, "labels kept").verdict, Verdict::Holds) << claim(claims, "labels kept").detail;
}

TEST(Figure2, DirectAttacksOnSarcosRaiseTheNmseByAboutHalf) {
  SKIP_WITHOUT("sarcos");
  ReproductionOptions options = small(2);
  options.pairs = 4;
  const auto result = reproduce({real("sarcos", 3)}, options);
  const auto claims = claims_of(result, options, Lambdas::Paper);
  for (const char* text : {"NMSE rises", "than indirect ones", "direct attacks do more harm than random"})
    EXPECT_EQ(claim(claims, text).verdict, Verdict::Holds)
        << text << ": " << claim(claims, text).ours.mean << ", " << claim(claims, text).detail;
}

// Ours: with the learner of rank 1 that lambdas of 0.1 make on Landmine, poison anywhere reaches everybody.
TEST(Figure2, OnLandmineIndirectAttacksDoAsMuchHarmAsDirectOnes) {
  SKIP_WITHOUT("landmine");
  const auto result = reproduce({real("landmine", 15)}, small(2));
  const auto claims = claims_of(result, small(2), Lambdas::Paper);
  EXPECT_EQ(claim(claims, "direct attacks do more harm than random").verdict, Verdict::Holds);
  EXPECT_EQ(claim(claims, "indirect attacks do more harm than random").verdict, Verdict::Holds);
  EXPECT_LT(std::abs(claim(claims, "than indirect ones").ours.mean), 0.05) << "difference in AUC";
}

TEST(Figure2, OnMnistDirectAttacksDoHarmAndIndirectOnesNextToNothing) {
  SKIP_WITHOUT("mnist");
  ReproductionOptions options = small(2);
  options.seeds = options.pairs = 1;
  options.budgets = {0.3};
  const auto result = reproduce({real("mnist", 0)}, options);
  const auto claims = claims_of(result, options, Lambdas::Paper);
  EXPECT_GT(claim(claims, "direct attacks do more harm than random").ours.mean, 0.3);
  EXPECT_LT(std::abs(claim(claims, "indirect attacks do nothing").ours.mean), 0.05);
}

// -0.99 turns to 0.99 with standardised torques, labels at the ends of their range, and an attacker who holds one of
// the two tasks.
TEST(Figure3, TheCorrelationOfTwoTorquesTurnsRound) {
  SKIP_WITHOUT("sarcos");
  ReproductionOptions options = small(3);
  options.seeds = options.slow_seeds = 3;
  options.pairs = 1;
  const auto result = reproduce({real("sarcos", 3)}, options);
  const auto interpretations = interpretations_of(result);
  const Closest closest = closest_to_figure3(interpretations);
  ASSERT_NE(closest.interpretation, nullptr);
  EXPECT_LT(closest.interpretation->clean_correlation.mean, -0.98);
  EXPECT_GT(closest.interpretation->correlation[closest.hybrid].mean, 0.95) << closest.interpretation->interpretation;
  const auto& as_in_figures = interpretations.front();
  for (const ConfidenceInterval& attacked : as_in_figures.correlation)
    EXPECT_LT(attacked.mean, 0.0) << "raw torques, labels uniform";
}

// Without any data set: the same relations on tasks of our own.
TEST(Figures, HoldOnRelatedTasksOfOurOwn) {
  const auto draw = [](std::uint64_t seed) {
    data::Dataset drawn;
    drawn.train = problems::related_regression({.tasks = 6, .rows = 60, .features = 5, .noise = 0.3, .seed = seed});
    drawn.recipe.test_fraction = 0.5;
    return drawn;
  };
  ReproductionOptions options = small(1);
  options.figures = {1, 2};
  options.seeds = 4;
  const auto result = reproduce({{.name = "ours", .draw = draw, .first_targets = 3}}, options);
  const auto claims = claims_of(result, options, Lambdas::Paper);
  EXPECT_EQ(claim(claims, "PATOM converges").verdict, Verdict::Holds) << claim(claims, "PATOM converges").detail;
  EXPECT_EQ(claim(claims, "direct attacks do more harm than random").verdict, Verdict::Holds);
  EXPECT_GT(claim(claims, "than indirect ones").ours.mean, 0.0);
}

}  // namespace
}  // namespace crosstalk::evaluate
