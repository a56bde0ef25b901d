#include <algorithm>
#include <limits>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crosstalk/image/network/comparison_report.hpp"
#include "crosstalk/image/network/verification.hpp"
#include "tests/image/network/network_sets.hpp"

namespace crosstalk::image {
namespace {

using report::Verdict;
using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

ComparedSet small_set() {
  return {"separable", [](std::uint64_t seed) {
            return ComparedSet::Parts{std::make_unique<MemorySet>(separable_set(60, seed)), nullptr};
          }};
}

PartStore memory_in(std::map<std::string, std::string>& parts) {
  return {[&](const std::string& part) {
            const auto found = parts.find(part);
            return found == parts.end() ? std::nullopt : std::optional(found->second);
          },
          [&](const std::string& part, const std::string& result) { parts[part] = result; }};
}

TEST(Comparison, UnknownWordsAreRefusedBeforeAnythingIsOpened) {
  const ComparedSet never{"never", [](std::uint64_t) -> ComparedSet::Parts { throw std::logic_error("opened"); }};
  const auto refused = [&](const std::string& method, const std::string& victim, const auto& message) {
    EXPECT_THAT([&] { static_cast<void>(compare({never}, {.methods = {method}, .victims = {victim}})); },
                ThrowsMessage<std::invalid_argument>(message));
  };
  refused("glaze", "mtl", HasSubstr("unknown base \"glaze\""));
  refused("mtl-ue+pap", "mtl", HasSubstr("unknown base \"pap\""));
  refused("lsp-grid", "mtl", HasSubstr("grid"));
  refused("lsp-patch:gain=1", "mtl", HasSubstr("has no settings"));
  refused("tap:speed=1", "mtl", HasSubstr("\"speed\" is no setting"));
  refused("tap:epochs=many", "mtl", HasSubstr("\"epochs=many\""));
  refused("tap:epochs", "mtl", HasSubstr("\"epochs\""));
  refused("tap:epochs=-1", "mtl", HasSubstr("\"epochs=-1\""));
  refused("clean", "both", HasSubstr("victim \"both\""));
  refused("clean", "mtl-tiny", HasSubstr("tiny"));
}

TEST(Comparison, GoesOnWithThePartsThatAreThereAndGetsTheSame) {
  std::map<std::string, std::string> parts;
  const ComparisonOptions options{.methods = {"clean", "lsp-patch"}, .victims = {"mtl"}, .seeds = 1, .epochs = 2};
  const auto first = compare({small_set()}, options, memory_in(parts));
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(parts.size(), 2U);
  EXPECT_EQ(first[0].largest_change, 0);
  EXPECT_GT(first[1].largest_change, 0);
  EXPECT_LE(first[1].largest_change, 8);
  EXPECT_EQ(first[0].psnr, std::numeric_limits<double>::infinity());

  const ComparedSet never{"separable", [](std::uint64_t) -> ComparedSet::Parts { throw std::logic_error("opened"); }};
  const auto again = compare({never}, options, memory_in(parts));
  EXPECT_EQ(report::to_csv(trials_table(first)), report::to_csv(trials_table(again)));
}

TEST(Comparison, TestsOnImagesThatAreNotTrainedOn) {
  const Split split = random_split(50, 0.2, 3);
  EXPECT_EQ(split.test.size(), 10U);
  EXPECT_EQ(split.train.size(), 40U);
  std::vector<std::size_t> all = split.train;
  all.insert(all.end(), split.test.begin(), split.test.end());
  std::sort(all.begin(), all.end());
  for (std::size_t row = 0; row < all.size(); ++row) EXPECT_EQ(all[row], row);
  EXPECT_NE(random_split(50, 0.2, 4).test, split.test);
}

ComparisonTrial trial(const std::string& method, const std::string& victim, std::uint64_t seed, double value) {
  return {"set", method, victim, seed, {"task"}, {{"accuracy", value, 0.5, value}}, method == "clean" ? 0 : 8};
}

Verdict verdict_on(const std::vector<ComparisonTrial>& trials, const std::string& words) {
  for (const ProtectionClaim& claim : protection_claims(trials))
    if (claim.text.find(words) != std::string::npos) return claim.verdict;
  throw std::logic_error("no claim has " + words);
}

// The rules, on numbers of which the answer is plain.
TEST(Comparison, ClaimsFollowTheirRules) {
  std::vector<ComparisonTrial> trials;
  for (const std::uint64_t seed : {1, 2, 3}) {
    const double wave = 0.01 * static_cast<double>(seed);
    for (const std::string victim : {"mtl", "stl"}) {
      trials.push_back(trial("clean", victim, seed, 0.9 + wave));
      trials.push_back(trial("tap", victim, seed, 0.66 + wave));
    }
    trials.push_back(trial("mtl-ue+tap", "mtl", seed, 0.55 + wave));
    trials.push_back(trial("mtl-ue+tap", "stl", seed, 0.66 + wave + (seed == 1 ? 0.02 : -0.02)));
    trials.push_back(trial("mtl-ue+tap:intra=0", "mtl", seed, 0.54 + wave));
    trials.push_back(trial("mtl-ue+tap", "mtl-vgg16", seed, 0.75 + wave));
  }
  EXPECT_EQ(verdict_on(trials, "MTL victims learn little"), Verdict::Holds);
  EXPECT_EQ(verdict_on(trials, "STL victims learn little"), Verdict::InPart);
  EXPECT_EQ(verdict_on(trials, "MTL victims learn less from mtl-ue+tap"), Verdict::Holds);
  EXPECT_EQ(verdict_on(trials, "STL victims learn less from mtl-ue+tap"), Verdict::InPart);  // one seed says no
  EXPECT_EQ(verdict_on(trials, "without the term within tasks"), Verdict::DoesNotHold);
  EXPECT_EQ(verdict_on(trials, "another backbone"), Verdict::DoesNotHold);
  EXPECT_EQ(verdict_on(trials, "no pixel"), Verdict::Holds);
  trials.back().largest_change = 9;
  EXPECT_EQ(verdict_on(trials, "no pixel"), Verdict::DoesNotHold);
}

TEST(Comparison, DifferencesAreTakenWithinASeed) {
  std::vector<ComparisonTrial> trials;
  for (const std::uint64_t seed : {1, 2, 3}) {
    trials.push_back(trial("tap", "mtl", seed, 0.5 + 0.1 * static_cast<double>(seed)));
    trials.push_back(trial("mtl-ue+tap", "mtl", seed, 0.48 + 0.1 * static_cast<double>(seed)));
  }
  trials.push_back(trial("mtl-ue+tap", "mtl", 4, 0.99));  // has no partner
  for (const ProtectionClaim& claim : protection_claims(trials))
    if (claim.text.find("mtl-ue+tap than from tap") != std::string::npos) {
      EXPECT_NEAR(claim.ours.mean, -0.02, 1e-12);
      EXPECT_NEAR(claim.ours.low, -0.02, 1e-12);
      EXPECT_EQ(claim.ours.count, 3U);
    }
}

// Depth and normals count the other way round: a larger error is learned worse.
TEST(Comparison, DenseTasksDegradeInTheirOwnDirection) {
  const auto dense = [](const std::string& method, double overlap, double error) {
    return ComparisonTrial{
        "set", method, "mtl", 1, {"parts", "depth"}, {{"mIoU", overlap, 0.1}, {"error", error, 0.3}}};
  };
  EXPECT_EQ(verdict_on({dense("clean", 0.6, 0.1), dense("mtl-ue+em", 0.3, 0.2)}, "every task"), Verdict::Holds);
  EXPECT_EQ(verdict_on({dense("clean", 0.6, 0.1), dense("mtl-ue+em", 0.3, 0.05)}, "every task"), Verdict::DoesNotHold);
}

TEST(Comparison, TablesHoldEveryMethodAndSayHowManySeeds) {
  const std::vector<ComparisonTrial> trials = {trial("clean", "mtl", 1, 0.9), trial("clean", "mtl", 2, 0.8),
                                               trial("tap", "mtl", 1, 0.6)};
  const auto table = methods_table(trials, "set");
  ASSERT_EQ(table.rows.size(), 2U);
  EXPECT_NEAR(std::get<double>(table.rows[0][2]), 0.85, 1e-12);
  EXPECT_EQ(std::get<double>(table.rows[0].back()), 2.0);
  EXPECT_EQ(std::get<double>(table.rows[1].back()), 1.0);
  EXPECT_THAT(report::to_html(comparison_page(trials, {})), AllOf(HasSubstr("reproduced"), HasSubstr("tap")));
}

}  // namespace
}  // namespace crosstalk::image
