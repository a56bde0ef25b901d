#include "crosstalk/evaluate/reproduction.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "crosstalk/error.hpp"
#include "crosstalk/evaluate/reproduction_claims.hpp"
#include "crosstalk/pages/reproduction_page.hpp"
#include "evaluate/small_reproduction.hpp"

using namespace crosstalk;
using namespace crosstalk::evaluate;
using namespace crosstalk::pages;
using testing::HasSubstr;

namespace {

std::string all_tables(const ReproductionResult& result) {
  std::string text;
  for (const auto& [name, table] : reproduction_tables(result, small_reproduction::facts()))
    text += name + "\n" + report::to_csv(table);
  return text;
}

std::size_t count(const ReproductionResult& result, const std::function<bool(const Trial&)>& wanted) {
  return static_cast<std::size_t>(std::count_if(result.trials.begin(), result.trials.end(), wanted));
}

TEST(Reproduction, DoesNotDependOnTheNumberOfThreads) {
  const std::vector<PaperSet> sets = {small_reproduction::set("landmine", 2)};
  ReproductionOptions options = small_reproduction::options();
  options.figures = {1};
  const std::string one = all_tables(reproduce(sets, options));
  options.threads = 3;
  EXPECT_EQ(all_tables(reproduce(sets, options)), one);
  options.seed = 2;
  EXPECT_NE(all_tables(reproduce(sets, options)), one);
}

TEST(Reproduction, HasEveryDrawOfEveryFigure) {
  const auto result = reproduce(small_reproduction::sets(), small_reproduction::options());
  const auto of = [&](Experiment experiment, const std::string& set, Lambdas lambdas, PlacementMethod placement) {
    return count(result, [&](const Trial& trial) {
      return trial.experiment == experiment && trial.set == set && trial.lambdas == lambdas &&
             trial.placement == placement;
    });
  };
  using enum Experiment;
  EXPECT_EQ(of(Figure1, "sarcos", Lambdas::Paper, PlacementMethod::Patom), 3U * 2U);  // kinds, draws
  EXPECT_EQ(of(Figure1, "sarcos", Lambdas::Chosen, PlacementMethod::Patom), 3U);
  EXPECT_EQ(of(Figure1, "sarcos", Lambdas::Paper, PlacementMethod::ExactFree), 3U);
  EXPECT_EQ(of(Figure1, "mnist", Lambdas::Paper, PlacementMethod::Patom), 0U);
  EXPECT_EQ(of(Starts, "landmine", Lambdas::Paper, PlacementMethod::Patom),
            3U * 2U * 2U);  // kinds, labels kept and drawn anew, starts
  EXPECT_EQ(of(Figure2, "mnist", Lambdas::Paper, PlacementMethod::Patom),
            2U * 2U * 2U * 2U);  // pairs, kinds, budgets, draws
  EXPECT_EQ(of(Figure2, "mnist", Lambdas::Paper, PlacementMethod::ExactFixed), 2U * 2U);
  EXPECT_EQ(of(Figure3, "landmine", Lambdas::Paper, PlacementMethod::Patom), 3U * 2U);  // attacks, draws
  EXPECT_EQ(count(result,
                  [](const Trial& trial) {
                    return trial.experiment == Readings && trial.set == "sarcos" && trial.seed == 0;
                  }),
            interpretations_for("sarcos").size() * (2U * 2U + 3U));
  for (const Trial& trial : result.trials)
    EXPECT_TRUE(trial.converged) << to_string(trial.experiment) << trial.set << trial.interpretation;
}

TEST(Reproduction, RunsTheFiguresAskedFor) {
  ReproductionOptions options = small_reproduction::options();
  options.figures = {1};
  const auto result = reproduce(small_reproduction::sets(), options);
  EXPECT_EQ(count(result,
                  [](const Trial& trial) {
                    return trial.experiment != Experiment::Figure1 && trial.experiment != Experiment::Starts;
                  }),
            0U);
  EXPECT_FALSE(result.trials.empty());
  options.figures = {4};
  EXPECT_THROW(reproduce(small_reproduction::sets(), options), std::invalid_argument);
  options.figures = {1};
  options.seeds = 0;
  EXPECT_THROW(reproduce(small_reproduction::sets(), options), std::invalid_argument);
}

TEST(Reproduction, AskedAgainItRemembersAllParts) {
  std::map<std::string, std::string> parts;
  std::size_t kept = 0;
  const PartStore store = {[&](const std::string& name) -> std::optional<std::string> {
                             const auto found = parts.find(name);
                             return found == parts.end() ? std::nullopt : std::optional(found->second);
                           },
                           [&](const std::string& name, const std::string& part) {
                             EXPECT_FALSE(parts.contains(name)) << name << ": two parts of one name";
                             parts[name] = part;
                             ++kept;
                           }};
  const std::vector<PaperSet> sets = {small_reproduction::set("sarcos", 2)};
  double last = 0.0;
  RunControl control;
  control.progress = [&](double done, const std::string&) {
    EXPECT_GE(done, last);
    last = done;
  };
  const std::string first = all_tables(reproduce(sets, small_reproduction::options(), store, control));
  EXPECT_NEAR(last, 1.0, 1e-9);
  const std::size_t all = kept;
  EXPECT_EQ(all_tables(reproduce(sets, small_reproduction::options(), store)), first);
  EXPECT_EQ(kept, all);

  const auto damaged = [&](const std::string& name, const nlohmann::json& content) {
    auto whole = parts.at(name);
    parts[name] = content.dump();
    std::string message;
    try {
      reproduce(sets, small_reproduction::options(), store);
      ADD_FAILURE() << "nothing was thrown";
    } catch (const DataError& error) {
      message = error.what();
    }
    parts[name] = whole;
    return message;
  };
  ASSERT_TRUE(parts.contains("figure3-sarcos-0.1-draw-1"));
  auto without_metric = nlohmann::json::parse(parts.at("figure3-sarcos-0.1-draw-1"));
  without_metric[0].erase("metric");
  for (const nlohmann::json& content : {nlohmann::json::array(), nlohmann::json(3), without_metric})
    EXPECT_THAT(damaged("figure3-sarcos-0.1-draw-1", content),
                HasSubstr("the part \"figure3-sarcos-0.1-draw-1\" of an earlier run is damaged"));
  EXPECT_THAT(damaged("set-sarcos", {{"tasks", 3}}), HasSubstr("\"set-sarcos\""));
}

TEST(Reproduction, NeedsAsManyTasksAsThePaperHas) {
  auto sets = small_reproduction::sets();
  sets[1].first_targets = 15;
  try {
    reproduce(sets, small_reproduction::options());
    FAIL();
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(), "landmine: has 6 tasks; the paper's experiments need at least 17");
  }
}

TEST(Threats, AreThoseOfThePaper) {
  const ReproductionOptions options;
  const PaperSet sarcos = {.name = "sarcos", .draw = {}, .first_targets = 3};
  using Tasks = std::vector<std::size_t>;
  const auto first = threats_of(Experiment::Figure1, sarcos, 7, options);
  ASSERT_EQ(first.size(), 3U);
  EXPECT_EQ(first[0].attackers, (Tasks{0, 1, 2}));
  EXPECT_EQ(first[1].attackers, (Tasks{3, 4, 5, 6}));
  EXPECT_EQ(first[2].attackers, (Tasks{1, 2, 3, 4}));
  const auto hybrids = threats_of(Experiment::Figure3, sarcos, 7, options);
  ASSERT_EQ(hybrids.size(), 3U);
  EXPECT_EQ(hybrids[1].attackers, (Tasks{0, 1, 3, 4}));
  EXPECT_EQ(hybrids[2].attackers, (Tasks{2, 3, 4, 5}));
  for (const auto& [tasks, targets] : {std::pair<std::size_t, std::size_t>{7, 4}, {29, 15}, {10, 5}}) {
    const auto pairs = threats_of(Experiment::Figure2, sarcos, tasks, options);
    ASSERT_EQ(pairs.size(), 8U);
    for (const PaperThreat& threat : pairs) {
      EXPECT_EQ(threat.targets.size(), targets);
      EXPECT_EQ(threat.attackers.size(), threat.kind == attack::Kind::Direct ? targets : tasks - targets);
      EXPECT_EQ(attack::kind_of({threat.targets, threat.attackers}), threat.kind);
    }
  }
  EXPECT_TRUE(threats_of(Experiment::Figure1, {.name = "mnist", .draw = {}}, 10, options).empty());
}

// Two pairs, direct and indirect, three draws: what each attack leads to is told, and the verdicts must follow.
struct Story {
  double clean = 0.8;
  double random = 0.84;
  double direct = 1.2;  ///< NMSE at 30 %; halfway at 10 %
  double indirect = 0.9;
  double pair_difference = 0.2;
};
ReproductionResult told(const Story& story) {
  ReproductionResult result;
  ReproductionResult::Set set;
  set.name = "sarcos";
  set.task_names = {"1", "2", "3", "4"};
  set.metric = "nmse";
  const PaperSet paper = {.name = "sarcos", .draw = {}, .first_targets = 2};
  for (const Experiment experiment :
       {Experiment::Figure1, Experiment::Starts, Experiment::Figure2, Experiment::Figure3, Experiment::Readings})
    set.threats[experiment] = threats_of(experiment, paper, 4, small_reproduction::options());
  const auto threats = set.threats[Experiment::Figure2];
  result.sets = {set};
  for (std::size_t seed = 0; seed < 3; ++seed)
    for (std::size_t t = 0; t < threats.size(); ++t)
      for (const double budget : {0.1, 0.3}) {
        const double end = threats[t].kind == attack::Kind::Direct ? story.direct : story.indirect;
        const double share = budget == 0.3 ? 1.0 : 0.5;
        const double pair =
            threats[t].pair == 1 && threats[t].kind == attack::Kind::Direct ? story.pair_difference : 0.0;
        const double noise = 0.004 * (static_cast<double>(seed) - 1.0);
        Trial trial;
        trial.set = "sarcos";
        trial.seed = seed;
        trial.interpretation = interpretations_for("sarcos").front().name;
        trial.threat = t;
        trial.budget = budget;
        trial.clean_metric = story.clean;
        trial.clean_utility = 1.0;
        trial.metric = Eigen::Vector2d(story.random, story.clean + share * (end + pair - story.clean) + noise);
        trial.utility = Eigen::Vector2d(1.0, 2.0);
        result.trials.push_back(trial);
      }
  return result;
}

Verdict verdict(const ReproductionResult& result, const std::string& text) {
  for (const Claim& claim : claims_of(result, small_reproduction::options(), Lambdas::Paper))
    if (claim.text.find(text) != std::string::npos) return claim.verdict;
  ADD_FAILURE() << "no claim says " << text;
  return Verdict::DoesNotHold;
}

TEST(Claims, OfFigure2FollowFromItsNumbers) {
  // 1.2 / 0.8 is half more; with the other pair's 1.4 the mean is +62.5 %.
  EXPECT_EQ(verdict(told({}), "NMSE rises"), Verdict::InPart);
  EXPECT_EQ(verdict(told({.pair_difference = 0.0}), "NMSE rises"), Verdict::Holds);
  EXPECT_EQ(verdict(told({.direct = 0.9}), "NMSE rises"), Verdict::InPart);
  EXPECT_EQ(verdict(told({.direct = 0.82, .pair_difference = 0.0}), "NMSE rises"), Verdict::DoesNotHold);

  EXPECT_EQ(verdict(told({}), "pairs of targets"), Verdict::Holds);
  EXPECT_EQ(verdict(told({.pair_difference = 0.0}), "pairs of targets"), Verdict::DoesNotHold);

  EXPECT_EQ(verdict(told({}), "than indirect ones"), Verdict::Holds);
  EXPECT_EQ(verdict(told({.indirect = 1.6}), "than indirect ones"), Verdict::DoesNotHold);
  EXPECT_EQ(verdict(told({.direct = 1.0, .indirect = 1.1, .pair_difference = 0.5}), "than indirect ones"),
            Verdict::InPart);

  EXPECT_EQ(verdict(told({}), "direct attacks do more harm than random"), Verdict::Holds);
  EXPECT_EQ(verdict(told({.direct = 0.81, .pair_difference = 0.0}), "direct attacks do more harm than random"),
            Verdict::DoesNotHold);
  EXPECT_EQ(verdict(told({}), "indirect attacks do more harm than random"), Verdict::Holds);
  EXPECT_EQ(verdict(told({.random = 0.95}), "indirect attacks do more harm than random"), Verdict::DoesNotHold);
}

TEST(Claims, OfAFigureThatDidNotRunAreLeftOut) {
  for (const Claim& claim : claims_of(told({}), small_reproduction::options(), Lambdas::Paper))
    EXPECT_EQ(claim.figure, "2");
  EXPECT_TRUE(claims_of(told({}), small_reproduction::options(), Lambdas::Chosen).empty());
}

TEST(Claims, OfFigure3FollowFromItsNumbers) {
  const auto with = [](double clean, double attacked) {
    ReproductionResult result = told({});
    for (std::size_t t = 0; t < 3; ++t) {
      Trial trial = result.trials.front();
      trial.experiment = Experiment::Figure3;
      trial.threat = t;
      trial.clean_correlation = Eigen::MatrixXd::Constant(4, 4, clean);
      trial.correlation = Eigen::MatrixXd::Constant(4, 4, attacked);
      result.trials.push_back(trial);
    }
    return result;
  };
  EXPECT_EQ(verdict(with(-0.988, 0.99), "clean correlation"), Verdict::Holds);
  EXPECT_EQ(verdict(with(-0.97, 0.99), "clean correlation"), Verdict::InPart);
  EXPECT_EQ(verdict(with(-0.5, 0.99), "clean correlation"), Verdict::DoesNotHold);
  EXPECT_EQ(verdict(with(-0.99, 0.99), "under a hybrid"), Verdict::Holds);
  EXPECT_EQ(verdict(with(-0.99, 0.7), "under a hybrid"), Verdict::InPart);
  EXPECT_EQ(verdict(with(-0.99, -0.9), "under a hybrid"), Verdict::DoesNotHold);
  EXPECT_EQ(verdict(with(-0.99, 0.9), "strongly positively"), Verdict::Holds);
  EXPECT_EQ(verdict(with(0.88, 0.9), "strongly positively"), Verdict::InPart) << "they were before";
  EXPECT_EQ(verdict(with(-0.99, 0.2), "strongly positively"), Verdict::DoesNotHold);
}

TEST(Settled, IsWhereTheUtilityStaysNearItsEnd) {
  Eigen::VectorXd utility(6);
  utility << 1.0, 1.5, 2.2, 1.96, 2.04, 2.0;
  EXPECT_EQ(trials::settled_at(utility), 3U);
  EXPECT_NEAR(trials::swing(utility), 0.04, 1e-12);
  utility << 1, 2, 1, 2, 1, 2;
  EXPECT_EQ(trials::settled_at(utility), 5U);
  EXPECT_EQ(trials::settled_at(Eigen::VectorXd::Constant(4, 3.0)), 0U);
}

TEST(Harm, IsTheRelativeRiseOfTheNmseOrTheFallOfTheAuc) {
  EXPECT_NEAR(trials::harm("nmse", 0.8, 1.2), 0.5, 1e-12);
  EXPECT_NEAR(trials::harm("auc", 0.9, 0.6), 0.3, 1e-12);
}

}  // namespace
