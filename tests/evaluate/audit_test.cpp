#include "crosstalk/evaluate/audit.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <numeric>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crosstalk/error.hpp"
#include "crosstalk/evaluate/audit_summary.hpp"
#include "evaluate/small_audit.hpp"
#include "src/evaluate/audit_json.hpp"

using namespace crosstalk;
using namespace crosstalk::evaluate;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

namespace {

std::vector<attack::Kind> kinds_of(const AuditResult& result) {
  std::vector<attack::Kind> kinds;
  for (const Scenario& scenario : result.scenarios) kinds.push_back(scenario.kind);
  return kinds;
}

// The same options and rows, kept in a map as a caller would keep them in files.
struct Notebook {
  std::map<std::string, std::string> parts;
  std::size_t recalled = 0;
  std::size_t kept = 0;

  PartStore store() {
    return {[this](const std::string& part) -> std::optional<std::string> {
              const auto found = parts.find(part);
              if (found == parts.end()) return std::nullopt;
              ++recalled;
              return found->second;
            },
            [this](const std::string& part, const std::string& result) {
              ++kept;
              parts[part] = result;
            }};
  }
};

std::string error_of(const AuditOptions& options) {
  try {
    small_audit::run(options);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "no error";
}

TEST(Audit, HalvesTheTasksWhenNoneIsNamed) {
  using enum attack::Kind;
  const AuditResult result = small_audit::run(small_audit::options());
  EXPECT_THAT(kinds_of(result), ElementsAre(Direct, Indirect, Hybrid, Direct, Indirect, Hybrid));
  std::vector<std::size_t> all = result.scenarios[0].targets;
  all.insert(all.end(), result.scenarios[3].targets.begin(), result.scenarios[3].targets.end());
  EXPECT_THAT(all, UnorderedElementsAre(0, 1, 2, 3));
  EXPECT_EQ(result.scenarios[0].attackers, result.scenarios[0].targets);
  EXPECT_EQ(result.scenarios[1].attackers, result.scenarios[3].targets);
  EXPECT_EQ(result.outcomes.size(), 6U * 3U * 2U);
}

TEST(Audit, NamedTargetsAreAttackedInThreeWays) {
  using enum attack::Kind;
  AuditOptions options = small_audit::options();
  options.targets = {1};
  const AuditResult result = small_audit::run(options);
  EXPECT_THAT(kinds_of(result), ElementsAre(Direct, Indirect, Hybrid));
  EXPECT_THAT(result.scenarios[1].attackers, ElementsAre(0, 2, 3));
  EXPECT_THAT(result.scenarios[2].attackers, ElementsAre(0, 1, 2));
}

TEST(Audit, NamedAttackersMakeOneScenario) {
  AuditOptions options = small_audit::options();
  options.targets = {1};
  options.attackers = {3};
  const AuditResult result = small_audit::run(options);
  ASSERT_EQ(result.scenarios.size(), 1U);
  EXPECT_EQ(result.scenarios[0].kind, attack::Kind::Indirect);
  ASSERT_EQ(result.harms.size(), 1U);
  EXPECT_EQ(result.harms[0].attacker, 3U);
}

TEST(Audit, AllTasksAsTargetsLeaveTheDirectAttack) {
  AuditOptions options = small_audit::options();
  options.targets = {0, 1, 2, 3};
  EXPECT_THAT(kinds_of(small_audit::run(options)), ElementsAre(attack::Kind::Direct));
}

TEST(Audit, ASingleTaskIsAttackedDirectlyAndHarmsNobody) {
  const Split rows = small_audit::problem(mtrl::squared_loss(), 1);
  const AuditResult result = audit(rows.train, rows.test, mtrl::squared_loss(), small_audit::options());
  EXPECT_THAT(kinds_of(result), ElementsAre(attack::Kind::Direct));
  EXPECT_TRUE(result.harms.empty());
  EXPECT_FALSE(result.stopped);
}

TEST(Audit, RandomAndPlannedRowsStartFromTheSameRows) {
  const AuditResult result = small_audit::run(small_audit::options());
  for (std::size_t s = 0; s < result.scenarios.size(); ++s)
    for (const double budget : {0.1, 0.3}) {
      const Outcome* const random = result.find(s, Method::Random, budget);
      const Outcome* const planned = result.find(s, Method::Patom, budget);
      ASSERT_TRUE(random != nullptr && planned != nullptr);
      EXPECT_EQ(random->rows, planned->rows);
      ASSERT_EQ(random->utility_curve.size(), 1);
      ASSERT_EQ(planned->utility_curve.size(), 4);
      EXPECT_EQ(random->utility_curve[0], planned->utility_curve[0]);
      EXPECT_EQ(planned->utility, planned->utility_curve[3]);
      EXPECT_EQ(random->utility, random->utility_curve[0]);
    }
}

TEST(Audit, TheExactAttackIsNeverBelowPatom) {
  for (const auto labels : {attack::LabelRule::Uniform, attack::LabelRule::Free}) {
    AuditOptions options = small_audit::options();
    options.labels = labels;
    const AuditResult result = small_audit::run(options);
    for (std::size_t s = 0; s < result.scenarios.size(); ++s)
      for (const double budget : {0.1, 0.3})
        EXPECT_GE(result.find(s, Method::Exact, budget)->utility, result.find(s, Method::Patom, budget)->utility)
            << "scenario " << s << ", budget " << budget;
  }
}

TEST(Audit, ADirectAttackRaisesTheUtility) {
  const AuditResult result = small_audit::run(small_audit::options());
  EXPECT_GT(result.find(0, Method::Patom, 0.3)->utility, 1.1 * result.clean_utility[0]);
}

TEST(Audit, MeasuresOnTheEvaluationRows) {
  const Split rows = small_audit::problem();
  const AuditResult result = small_audit::run(small_audit::options());
  for (std::size_t i = 0; i < rows.test.size(); ++i) {
    const auto t = static_cast<Eigen::Index>(i);
    const double loss = (rows.test[i].features * result.clean_fit.weights.col(t) - rows.test[i].labels).squaredNorm() /
                        static_cast<double>(rows.test[i].rows());
    EXPECT_NEAR(result.clean_loss[t], loss, 1e-12 * loss);  // the same sums in another order
  }
  EXPECT_THAT(result.clean.names, ElementsAre("nmse", "rmse", "explained_variance"));
}

// The learner's answer after the last iteration is what is measured.
TEST(Audit, MetricsAreThoseOfTheLastIterate) {
  const AuditResult result = small_audit::run(small_audit::options());
  const Outcome& planned = *result.find(0, Method::Patom, 0.3);
  const mtrl::Metrics metrics{result.clean.names, planned.metrics};
  EXPECT_EQ(metrics.mean(0, result.scenarios[0].targets), planned.metric_curve[3]);
  EXPECT_NE(planned.metric_curve[0], planned.metric_curve[3]);
}

TEST(Audit, KeepsCorrelationsForTheLargestBudget) {
  const AuditResult result = small_audit::run(small_audit::options());
  EXPECT_EQ(result.find(0, Method::Patom, 0.1)->correlation.size(), 0);
  EXPECT_EQ(result.find(0, Method::Patom, 0.3)->correlation.rows(), 4);
}

TEST(Audit, GivesTheSameBytesForOneAndFourThreads) {
  AuditOptions options = small_audit::options();
  const std::string one = to_json(small_audit::run(options)).dump();
  options.threads = 4;
  EXPECT_EQ(to_json(small_audit::run(options)).dump(), one);
  options.seed = 2;
  EXPECT_NE(to_json(small_audit::run(options)).dump(), one);
}

TEST(Audit, RemembersFinishedParts) {
  Notebook notebook;
  const std::string fresh = to_json(small_audit::run(small_audit::options(), notebook.store())).dump();
  const std::size_t parts = 6 * 3 * 2 + 4 + 2 * 4 + 6;
  EXPECT_EQ(notebook.recalled, 0U);
  EXPECT_EQ(notebook.kept, parts);

  EXPECT_EQ(to_json(small_audit::run(small_audit::options(), notebook.store())).dump(), fresh);
  EXPECT_EQ(notebook.recalled, parts);
  EXPECT_EQ(notebook.kept, parts);

  // What is remembered is taken as it stands: nothing is computed again behind it.
  nlohmann::json part = nlohmann::json::parse(notebook.parts.at("scenario-1-patom-0.3"));
  part.at("utility") = -1.0;
  notebook.parts.at("scenario-1-patom-0.3") = part.dump();
  EXPECT_EQ(small_audit::run(small_audit::options(), notebook.store()).find(0, Method::Patom, 0.3)->utility, -1.0);
}

TEST(Audit, RunsTheMethodsItIsTold) {
  AuditOptions options = small_audit::options();
  options.methods = {Method::Random};
  const AuditResult random = small_audit::run(options);
  EXPECT_EQ(random.outcomes.size(), 6U * 2U);
  EXPECT_EQ(random.find(0, Method::Patom, 0.3), nullptr);
  EXPECT_EQ(random.harms.size(), 4U);
  options.methods = {Method::Exact, Method::Patom, Method::Random};  // their order does not matter
  const AuditResult both = small_audit::run(options);
  EXPECT_EQ(to_json(both), to_json(small_audit::run(small_audit::options())));
  EXPECT_EQ(random.find(0, Method::Random, 0.3)->utility, both.find(0, Method::Random, 0.3)->utility);
  EXPECT_NE(random.harms[0].loss, both.harms[0].loss);
  for (const auto& [method, name] : kMethods.values) EXPECT_EQ(method_named(std::string(to_string(method))), method);
}

// 2 % of at most 22 rows is no row.
TEST(Audit, LeavesOutSmallBudgetsWhenTold) {
  AuditOptions options = small_audit::options();
  options.budgets = {0.3, 0.02, 0.01};
  options.drop_small_budgets = true;
  const AuditResult result = small_audit::run(options);
  EXPECT_THAT(result.dropped_budgets, ElementsAre(0.01, 0.02));
  EXPECT_EQ(result.outcomes.size(), 6U * 3U);
  EXPECT_THAT(to_json(result).at("dropped_budgets"), ElementsAre(0.01, 0.02));
  options.budgets = {0.01, 0.02};
  EXPECT_THAT(error_of(options), HasSubstr("0.02 of the clean rows buys no row"));
}

TEST(Audit, StopsBeforeTheFirstAttack) {
  std::stop_source source;
  source.request_stop();
  const AuditResult result = small_audit::run(small_audit::options(), {}, {.progress = {}, .stop = source.get_token()});
  EXPECT_TRUE(result.stopped);
  EXPECT_EQ(result.find(0, Method::Random, 0.1), nullptr);
  const nlohmann::json record = to_json(result);
  EXPECT_FALSE(record.at("complete").get<bool>());
  EXPECT_TRUE(record.at("attacks").empty());
  EXPECT_TRUE(record.at("harm").empty());
  EXPECT_TRUE(record.at("ways").empty());
  EXPECT_FALSE(record.at("clean").at("loss").empty());
}

TEST(Audit, GoesOnWhereItWasStopped) {
  const std::string whole = to_json(small_audit::run(small_audit::options())).dump();
  Notebook notebook;
  std::stop_source source;
  const RunControl control{[&](double done, const std::string&) {
                             if (done > 0.5) source.request_stop();
                           },
                           source.get_token()};
  const AuditResult half = small_audit::run(small_audit::options(), notebook.store(), control);
  EXPECT_TRUE(half.stopped);
  EXPECT_EQ(notebook.kept, 28U);  // of 54 parts
  EXPECT_EQ(to_json(half).at("attacks").size(), 28U);

  EXPECT_EQ(to_json(small_audit::run(small_audit::options(), notebook.store())).dump(), whole);
  EXPECT_EQ(notebook.recalled, 28U);
}

TEST(Audit, ReportsProgressUpToTheEnd) {
  std::vector<double> seen;
  small_audit::run(small_audit::options(), {},
                   {.progress = [&](double done, const std::string&) { seen.push_back(done); }, .stop = {}});
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  ASSERT_EQ(seen.size(), 54U);
  EXPECT_EQ(seen.back(), 1.0);
}

TEST(Audit, RefusesOptionsThatDoNotFit) {
  AuditOptions options = small_audit::options();
  options.attackers = {1};
  EXPECT_EQ(error_of(options), "audit: attackers are named but no targets");
  options = small_audit::options();
  options.budgets = {};
  EXPECT_EQ(error_of(options), "audit: there is no budget");
  options = small_audit::options();
  options.methods = {};
  EXPECT_EQ(error_of(options), "audit: there is no method");
  options.methods = {Method::Patom, Method::Patom};
  EXPECT_EQ(error_of(options), "audit: the method \"patom\" is named twice");
  options = small_audit::options();
  options.targets = {4};
  EXPECT_EQ(error_of(options), "attack: target task 5 does not exist; there are 4 tasks");
  options.targets = {1, 1};
  EXPECT_THAT(error_of(options), HasSubstr("target task \"task 2\" is named twice"));
  options.targets = {1};
  options.attackers = {9};
  EXPECT_THAT(error_of(options), HasSubstr("attacking task 10 does not exist"));
  options = small_audit::options();
  options.budgets = {0.1, -0.1};
  EXPECT_THAT(error_of(options), HasSubstr("budget is -0.1"));
  options.budgets = {0.001};
  EXPECT_THAT(error_of(options), HasSubstr("buys no row"));
  options = small_audit::options();
  options.feasible.radius = 0.0;
  EXPECT_THAT(error_of(options), HasSubstr("radius is 0"));
  options = small_audit::options();
  options.reach = 1.0;
  EXPECT_EQ(error_of(options), "audit: reach is 1; it must be > 1");
  options = small_audit::options();
  options.prices = {1.0};
  EXPECT_EQ(error_of(options), "audit: 1 prices for 4 tasks");
  options = small_audit::options();
  options.stealth = attack::ScreenOptions{.quantile = 2.0};
  EXPECT_EQ(error_of(options), "screen: quantile is 2; it must be in (0, 1]");
  options = small_audit::options();
  options.patom.step = -1.0;
  EXPECT_THAT(error_of(options), HasSubstr("step is -1"));
  options = small_audit::options();
  options.learner.lambda1 = 0.0;
  EXPECT_THAT(error_of(options), HasSubstr("lambda1"));
}

TEST(Audit, FindsTheCheapestWayIntoEveryTask) {
  AuditOptions options = small_audit::options();
  const AuditResult result = small_audit::run(options);
  ASSERT_EQ(result.cheapest_attacks.size(), 8U);
  for (std::size_t k = 1; k < result.cheapest_attacks.size(); ++k)
    EXPECT_TRUE(!result.cheapest_attacks[k].reached ||
                result.cheapest_attacks[k].price >= result.cheapest_attacks[k - 1].price);
  bool any = false;
  for (const CheapestAttack& cheapest : result.cheapest_attacks) {
    ASSERT_EQ(cheapest.rows.size(), 4U);
    EXPECT_EQ(static_cast<double>(std::accumulate(cheapest.rows.begin(), cheapest.rows.end(), std::size_t{0})),
              cheapest.price);  // a row costs 1
    EXPECT_TRUE(!cheapest.by_others || cheapest.rows[cheapest.target] == 0U);
    EXPECT_EQ(cheapest.reached, cheapest.factor >= options.reach);
    any = any || (cheapest.reached && !cheapest.by_others);
  }
  EXPECT_TRUE(any);

  // A row that costs ten times as much makes no way cheaper; a task without a price is bought no row.
  options.prices = {10.0, 10.0, 10.0, std::numeric_limits<double>::infinity()};
  const AuditResult dear = small_audit::run(options);
  for (const CheapestAttack& cheapest : dear.cheapest_attacks) {
    EXPECT_EQ(cheapest.rows[3], 0U);
    const auto before =
        std::find_if(result.cheapest_attacks.begin(), result.cheapest_attacks.end(), [&](const CheapestAttack& one) {
          return one.target == cheapest.target && one.by_others == cheapest.by_others;
        });
    ASSERT_NE(before, result.cheapest_attacks.end());
    EXPECT_TRUE(!cheapest.reached || !before->reached || cheapest.price >= before->price);
  }
  options.labels = attack::LabelRule::Uniform;
  EXPECT_TRUE(small_audit::run(options).cheapest_attacks.empty());
}

// Asked once for each planned attack at the largest budget, with its rows.
TEST(Audit, TellsWhatALearnerMakesOfTheRowsThatPreparesAnew) {
  AuditOptions options = small_audit::options();
  std::mutex mutex;
  std::vector<double> rows;
  options.refit = [&](const TaskSet& injected, const std::vector<std::size_t>& /*hosts*/) {
    const std::lock_guard lock(mutex);
    rows.push_back(static_cast<double>(injected.rows()));
    return Eigen::VectorXd::Constant(4, rows.back());
  };
  const AuditResult result = small_audit::run(options);
  const double most = *std::max_element(options.budgets.begin(), options.budgets.end());
  std::size_t told = 0;
  for (const Outcome& outcome : result.outcomes) {
    const bool planned = outcome.method == result.outcomes.back().method && outcome.budget == most;
    ASSERT_EQ(outcome.refit_loss.size(), planned ? 4 : 0);
    if (!planned) continue;
    EXPECT_EQ(outcome.refit_loss[0], static_cast<double>(outcome.rows));
    ++told;
  }
  EXPECT_EQ(told, result.scenarios.size());
  EXPECT_EQ(rows.size(), told);
}

// Tasks that the attacker makes up are none of the m; everything else stays what it is without them.
TEST(Audit, MadeUpTasksAreAKindOfTheirOwnAndArePartsLikeOthers) {
  AuditOptions options = small_audit::options();
  const AuditResult plain = small_audit::run(options);
  options.fictitious = 4;
  options.rows_each = 5;
  std::vector<std::size_t> told;
  std::mutex mutex;
  options.refit = [&](const TaskSet& injected, const std::vector<std::size_t>& hosts) -> Eigen::VectorXd {
    const std::lock_guard lock(mutex);
    if (!hosts.empty()) told.push_back(injected.size());
    return Eigen::VectorXd::Ones(4);
  };
  Notebook notebook;
  const AuditResult result = small_audit::run(options, notebook.store());
  ASSERT_EQ(result.scenarios.size(), plain.scenarios.size() + 2);
  EXPECT_EQ(told, (std::vector<std::size_t>{8, 8}));
  for (std::size_t k = 0; k < plain.outcomes.size(); ++k)
    EXPECT_EQ(result.outcomes[k].utility, plain.outcomes[k].utility);
  for (std::size_t k = plain.outcomes.size(); k < result.outcomes.size(); ++k) {
    const Outcome& outcome = result.outcomes[k];
    EXPECT_EQ(result.scenarios[outcome.scenario].kind, attack::Kind::Accounts);
    EXPECT_EQ(outcome.rows, outcome.budget == 0.3 ? 20U : 5U);  // 4 tasks, and a third of them
    EXPECT_EQ(outcome.loss.size(), 4);
    EXPECT_TRUE(outcome.loss.allFinite());
    EXPECT_GT(outcome.utility, result.clean_utility[static_cast<Eigen::Index>(outcome.scenario)]);
    EXPECT_EQ(outcome.correlation.rows(), outcome.budget == 0.3 ? 4 : 0);
    EXPECT_EQ(outcome.row_harm.size(), 0);
  }
  EXPECT_EQ(result.bounds.size(), plain.bounds.size());
  EXPECT_EQ(to_json(small_audit::run(options, notebook.store())), to_json(result));
}

// A little less weight of a row lowers the utility by what the adjoint says of it.
TEST(Audit, RowHarmIsWhatALittleWeightOfARowDoes) {
  AuditOptions options = small_audit::options();
  options.targets = {0};
  options.attackers = {1};
  options.methods = {Method::Random};
  options.budgets = {0.5};
  options.labels = attack::LabelRule::Ends;
  const AuditResult result = small_audit::run(options);
  const Outcome& outcome = result.outcomes.front();
  ASSERT_EQ(outcome.row_harm.size(), 4);
  EXPECT_TRUE(std::isnan(outcome.row_harm[0]));
  const Split rows = small_audit::problem();
  Rng rng = Rng::stream(options.seed, "rows-0,/1,-0.5");
  const TaskSet injected = attack::random_rows(rows.train, {{0}, {1}, 0.5}, options.feasible, options.labels, rng);
  const attack::LossUtility utility(rows.train, mtrl::squared_loss(), {0});
  mtrl::Options exact = options.learner;
  exact.tolerance = 1e-14;
  // Every row many times over: the learner's answer is the same, and one copy less is a small change of a row's weight.
  constexpr Eigen::Index kCopies = 50;
  const auto copied = [](TaskSet tasks) {
    for (Task& task : tasks) {
      task.features = task.features.replicate(kCopies, 1).eval();
      task.labels = task.labels.replicate(kCopies, 1).eval();
    }
    return tasks;
  };
  const mtrl::EmpiricalRisk risk(copied(rows.train), mtrl::squared_loss());
  const TaskSet many = copied(injected);
  const auto utility_with = [&](const TaskSet& with) {
    return utility.value(mtrl::solve(risk.with_rows(with), exact).weights);
  };
  const double whole = utility_with(many);
  ASSERT_NEAR(outcome.utility, whole, 1e-5 * whole);
  double mean = 0.0;
  const Eigen::Index count = injected[1].rows();
  for (Eigen::Index without = 0; without < count; ++without) {
    TaskSet less = many;
    std::vector<Eigen::Index> kept;
    for (Eigen::Index j = 0; j < many[1].rows(); ++j)
      if (j != without) kept.push_back(j);
    less[1] = select_rows(many[1], kept);
    mean += static_cast<double>(kCopies) * (whole - utility_with(less)) / static_cast<double>(count);
  }
  EXPECT_NEAR(outcome.row_harm[1], mean / result.clean_utility[0],
              0.02 * std::abs(outcome.row_harm[1]));  // a change of 1 in 1,500 rows
}

TEST(AuditHarm, IsSortedMostHarmfulFirst) {
  const AuditResult result = small_audit::run(small_audit::options());
  ASSERT_EQ(result.harms.size(), 4U);
  for (std::size_t h = 1; h < result.harms.size(); ++h)
    EXPECT_GE(result.harms[h - 1].loss_rise(result.clean_loss), result.harms[h].loss_rise(result.clean_loss));
  EXPECT_FALSE(result.harm_is_partial);
}

// A task with next to no clean loss is one among the others.
TEST(AuditHarm, IsTheRiseOfTheOthersSummedLoss) {
  Harm harm;
  harm.attacker = 1;
  harm.loss = Eigen::Vector4d(2.0, 100.0, 4.0, 0.75);
  const Eigen::Vector4d clean(1.0, 1.0, 2.0, 1e-9);
  EXPECT_NEAR(harm.loss_rise(clean), 6.75 / 3.0 - 1.0, 1e-8);
  EXPECT_TRUE(std::isnan(harm.loss_rise(Eigen::Vector4d(0.0, 1.0, 0.0, 0.0))));
  EXPECT_TRUE(std::isnan(Harm{}.loss_rise(clean)));
}

TEST(AuditHarm, OfManyTasksTriesThoseWithTheMostRows) {
  AuditOptions options = small_audit::options();
  options.harm_tasks = 3;
  options.harm_sample = 2;
  const AuditResult result = small_audit::run(options);  // 20, 21, 21 and 22 training rows; of equal ones the first
  EXPECT_TRUE(result.harm_is_partial);
  std::vector<std::size_t> attackers;
  for (const Harm& harm : result.harms) attackers.push_back(harm.attacker);
  EXPECT_THAT(attackers, UnorderedElementsAre(1, 3));
  options.harm_tasks = 4;
  EXPECT_EQ(small_audit::run(options).harms.size(), 4U);
}

// Without coupling a task learns from its own rows alone.
TEST(AuditHarm, VanishesWhenTheTasksAreLearnedApart) {
  AuditOptions options = small_audit::options();
  options.learner.lambda2 = 0.0;
  const AuditResult result = small_audit::run(options);
  // The learner stops within 1e-10 of the objective, which moves losses by its square root at most.
  for (const Harm& harm : result.harms) EXPECT_NEAR(harm.loss_rise(result.clean_loss), 0.0, 1e-4);
  EXPECT_NEAR(result.find(1, Method::Patom, 0.3)->utility / result.clean_utility[1], 1.0, 1e-4);
}

TEST(AuditJson, NamesEverything) {
  const AuditResult result = small_audit::run(small_audit::options());
  const nlohmann::json record = to_json(result);
  EXPECT_THAT(record.at("tasks"), ElementsAre("task 1", "task 2", "task 3", "task 4"));
  EXPECT_EQ(record.at("clean").at("loss").at("task 2"), result.clean_loss[1]);
  EXPECT_EQ(record.at("clean").at("test").at("mean").at("nmse"), result.clean.mean(0));
  EXPECT_EQ(record.at("scenarios").size(), 6U);
  const nlohmann::json& first = record.at("attacks").at(0);
  for (const char* key : {"scenario", "kind", "method", "budget", "rows", "utility", "loss", "test", "utility_curve",
                          "metric_curve", "correlation", "converged"})
    EXPECT_TRUE(first.contains(key)) << key;
  EXPECT_EQ(first.at("method"), "random");
  EXPECT_EQ(record.at("harm").at(0).at("loss_rise"), result.harms[0].loss_rise(result.clean_loss));
  EXPECT_TRUE(record.at("complete").get<bool>());
}

TEST(AuditJson, ANumberThatIsNotDefinedIsNull) {
  Split rows = small_audit::problem(mtrl::logistic_loss());
  rows.test[1].labels.setOnes();  // one class: no AUC
  const AuditResult result = audit(rows.train, rows.test, mtrl::logistic_loss(), small_audit::options());
  const nlohmann::json record = to_json(result);
  EXPECT_TRUE(record.at("clean").at("test").at("tasks").at("task 2").at("auc").is_null());
  EXPECT_TRUE(record.at("attacks").at(0).at("test").at("tasks").at("task 2").at("auc").is_null());
  EXPECT_TRUE(record.at("attacks").at(0).at("test").at("mean").at("auc").is_number());
}

// What was found lies below what is certified, and a screen lowers the certificate.
TEST(Audit, NoAttackPassesItsBound) {
  for (const auto labels : {attack::LabelRule::Uniform, attack::LabelRule::Free}) {
    AuditOptions options = small_audit::options();
    options.labels = labels;
    const AuditResult result = small_audit::run(options);
    ASSERT_EQ(result.bounds.size(), result.scenarios.size());
    for (const Bound& bound : result.bounds) {
      EXPECT_GT(bound.anywhere, result.strongest(bound.scenario)->utility);
      EXPECT_LT(bound.screened, bound.anywhere);
      EXPECT_GT(bound.screened, result.clean_utility[static_cast<Eigen::Index>(bound.scenario)]);
    }
  }
  AuditOptions stealthy = small_audit::options();
  stealthy.stealth = kBoundScreen;
  const AuditResult result = small_audit::run(stealthy);
  for (const Bound& bound : result.bounds) {
    EXPECT_GT(bound.screened, result.strongest(bound.scenario)->utility);
    EXPECT_EQ(bound.screened, bound.anywhere);
  }
}

TEST(Audit, RefusesADefenceOfATaskWithOneRow) {
  Split rows = small_audit::problem();
  rows.train[2] = select_rows(rows.train[2], {0});
  AuditOptions options = small_audit::options();
  options.defence = defence::Method::Trim;
  try {
    audit(rows.train, rows.test, mtrl::squared_loss(), options);
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "audit: task \"task 3\" has 1 training row; a defence needs at least 2 in every task");
  }
}

TEST(Audit, PutsADefenceBeforeTheLearner) {
  AuditOptions options = small_audit::options();
  EXPECT_TRUE(small_audit::run(options).defended.empty());
  options.defence = defence::Method::Screen;
  options.feasible.radius = 5.0;
  options.methods = {Method::Patom};
  options.targets = {0, 1};
  const AuditResult result = small_audit::run(options);
  ASSERT_EQ(result.defended.size(), result.scenarios.size());
  ASSERT_TRUE(result.clean_defended.has_value());
  EXPECT_GT(result.clean_defended->honest_left_out, 0.0);  // sphere and slab leave out rows whatever they are
  double injected_left_out = 0.0;
  for (const DefendedOutcome& outcome : result.defended) {
    EXPECT_EQ(outcome.same.plan, "as without a defence");
    EXPECT_GE(outcome.adaptive.utility, outcome.same.utility);
    injected_left_out += outcome.same.injected_left_out;
  }
  EXPECT_GT(injected_left_out, 0.0);
  const nlohmann::json record = to_json(result);
  EXPECT_EQ(record.at("defended").size(), result.scenarios.size());
  EXPECT_FALSE(record.at("defended_clean").is_null());
  EXPECT_EQ(record.at("defended")[0].at("nmse").at("clean"), result.clean.mean(0, result.scenarios[0].targets));

  Notebook notebook;
  EXPECT_EQ(to_json(small_audit::run(options, notebook.store())), record);
  EXPECT_EQ(to_json(small_audit::run(options, notebook.store())), record);
  EXPECT_EQ(notebook.recalled, 21U);
}

// The clean model and the worst attack again, on rows split by other seeds.
AuditOptions repeated(std::size_t repeats) {
  AuditOptions options = small_audit::options();
  options.methods = {Method::Random, Method::Patom};
  options.labels = attack::LabelRule::Uniform;
  options.repeats = repeats;
  options.resplit = [feasible = options.feasible](std::uint64_t seed) {
    Split rows = small_audit::problem();
    const TaskSet all = join_rows(std::move(rows.train), rows.test);
    rows = split_rows(all, 1.0 / 3.0, seed);
    return Resplit{std::move(rows.train), std::move(rows.test), feasible};
  };
  return options;
}

TEST(Audit, RepeatsTheHeadlineOnOtherSplits) {
  const AuditResult result = small_audit::run(repeated(4));
  ASSERT_EQ(result.repeats.size(), 3U);
  std::vector<double> rises;
  for (const Repeat& repeat : result.repeats) {
    EXPECT_TRUE(repeat.ran && repeat.converged && !repeat.bootstrap);
    EXPECT_GT(repeat.loss_rise, 0.0);
    EXPECT_GT(repeat.metric, repeat.clean_metric);  // NMSE
    rises.push_back(repeat.loss_rise);
  }
  const AuditSummary summary = summarise(result);
  EXPECT_EQ(summary.worst->kind, result.headline);
  rises.push_back(summary.worst->loss_rise);
  std::sort(rises.begin(), rises.end());
  EXPECT_LT(rises.front(), rises.back());
  ASSERT_TRUE(summary.loss_rise.has_value());
  EXPECT_EQ(summary.loss_rise->low, rises.front());
  EXPECT_EQ(summary.loss_rise->high, rises.back());
  EXPECT_EQ(summary.loss_rise->splits, 4U);
  EXPECT_EQ(result.clean_model.splits, 4U);
  EXPECT_EQ(to_json(result).at("repeats").size(), 3U);
}

// Everything else is as without them, and what is kept gives the same again.
TEST(Audit, RepeatsAreParts) {
  const AuditOptions options = repeated(3);
  Notebook notebook;
  const nlohmann::json record = to_json(small_audit::run(options, notebook.store()));
  EXPECT_EQ(to_json(small_audit::run(options, notebook.store())), record);
  EXPECT_EQ(notebook.recalled, notebook.kept);
  EXPECT_EQ(to_json(small_audit::run(repeated(1))).at("attacks"), record.at("attacks"));
}

TEST(Audit, WithoutAnotherSplitTheEvaluationRowsAreDrawnAgain) {
  AuditOptions options = repeated(2);
  options.resplit = nullptr;
  const AuditResult result = small_audit::run(options);
  EXPECT_TRUE(result.repeats[0].ran && result.repeats[0].bootstrap);
  EXPECT_NE(result.repeats[0].clean_metric, result.clean.mean(0));
  options.resplit = [](std::uint64_t) -> Resplit { throw DataError("a class is missing"); };
  EXPECT_FALSE(small_audit::run(options).repeats[0].ran);
  EXPECT_FALSE(summarise(small_audit::run(options)).loss_rise.has_value());
}

TEST(Audit, SaysFirstWhatRandomRowsAndPatomDo) {
  AuditOptions options = small_audit::options();
  Notebook notebook;
  std::vector<std::string> lines;
  std::size_t finished = 0;
  options.say = [&](const std::string& line) {
    lines.push_back(line);
    finished = notebook.kept;
  };
  const AuditResult result = small_audit::run(options, notebook.store());
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(finished, 12U);  // six scenarios
  EXPECT_THAT(lines[0], HasSubstr("direct random rows: +"));
  EXPECT_THAT(lines[0], HasSubstr("indirect PATOM: +"));
}

TEST(Audit, RandomRowsAloneLookForNeitherWaysNorBounds) {
  AuditOptions options = small_audit::options();
  options.methods = {Method::Random};
  const AuditResult result = small_audit::run(options);
  EXPECT_TRUE(result.cheapest_attacks.empty() && result.bounds.empty());
  EXPECT_NE(result.find(0, Method::Random, 0.3), nullptr);
}

}  // namespace
