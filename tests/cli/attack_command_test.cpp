#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command.hpp"

using namespace cli;

namespace {

struct Poisoned {
  std::vector<Row> clean;
  std::vector<Row> injected;
};

Poisoned poisoned_in(const std::string& csv) {
  const Cells cells = cells_of(csv);
  const auto rows = rows_of(cells);
  const std::size_t flag = cells.column("injected");
  Poisoned result;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_THAT(cells.rows[i][flag], testing::AnyOf("0", "1"));
    (cells.rows[i][flag] == "1" ? result.injected : result.clean).push_back(rows[i]);
  }
  return result;
}

std::map<std::string, int> count_by_task(const std::vector<Row>& rows) {
  std::map<std::string, int> count;
  for (const Row& row : rows) ++count[row.task];
  return count;
}

double norm(const Row& row) {
  double sum = 0.0;
  for (const double x : row.features) sum += x * x;
  return std::sqrt(sum);
}

bool same(const Row& a, const Row& b) {
  return a.task == b.task && a.label == b.label && a.features == b.features;
}

class AttackCommand : public Command {
 protected:
  void SetUp() override {
    write("ratings.csv", ratings_csv());
    write("signs.csv", signs_csv());
  }
  // Nothing held out, features as in the file, few iterations.
  [[nodiscard]] Finished attack(const std::vector<std::string>& more, const std::string& out = "out") const {
    return crosstalk(on_ratings("attack") +
                     std::vector<std::string>{"--test-fraction", "0", "--scale", "none", "--standardise-labels", "none",
                                              "--iterations", "3", "--step", "1", "--schema", "none", "--quiet",
                                              "--out", out} +
                     more);
  }
  [[nodiscard]] nlohmann::json attack_record(const std::string& out = "out") const { return record(out).at("attack"); }
  [[nodiscard]] std::string poisoned_csv(const std::string& out = "out") const {
    return read_file(path(out) / "poisoned.csv");
  }
};

const std::vector<std::string> indirect = {"--targets", "alpha,gamma", "--attackers", "beta", "--budget", "0.3"};

TEST_F(AttackCommand, AppendsRowsToTheAttackingTasksAndTouchesNothingElse) {
  ASSERT_TRUE(ended_well(attack({"--targets", "alpha", "--attackers", "gamma,delta", "--budget", "0.3"})));
  const Poisoned data = poisoned_in(poisoned_csv());

  const auto expected = rows_of(cells_of(ratings_csv()));
  ASSERT_EQ(data.clean.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_TRUE(same(data.clean[i], expected[i])) << "row " << i;
  // round(0.3 * 15) = 5 (halves up), round(0.3 * 10) = 3
  EXPECT_EQ(count_by_task(data.injected), (std::map<std::string, int>{{"gamma", 5}, {"delta", 3}}));
  EXPECT_EQ(attack_record().at("rows"), 8);
  EXPECT_EQ(attack_record().at("kind"), "indirect");
  EXPECT_EQ(attack_record().at("targets"), nlohmann::json({"alpha"}));
  EXPECT_EQ(attack_record().at("attackers"), nlohmann::json({"gamma", "delta"}));
}

// Injected rows stand behind all rows of the file.
TEST_F(AttackCommand, InjectedRowsComeLastInTheirTask) {
  ASSERT_TRUE(ended_well(attack({"--targets", "alpha,beta", "--budget", "0.5"})));
  const Cells cells = cells_of(poisoned_csv());
  std::map<std::string, std::string> last;
  for (const auto& row : cells.rows) {
    const std::string& task = row[cells.column("shop")];
    EXPECT_GE(row[cells.column("injected")], last[task]) << task;
    last[task] = row[cells.column("injected")];
  }
  EXPECT_EQ(last["alpha"], "1");
  EXPECT_EQ(last["gamma"], "0");
}

TEST_F(AttackCommand, TheNamesOfTheTasksSayTheKind) {
  ASSERT_TRUE(ended_well(attack({"--targets", "alpha,beta", "--budget", "0.3"}, "direct")));
  EXPECT_EQ(attack_record("direct").at("kind"), "direct");
  ASSERT_TRUE(
      ended_well(attack({"--targets", "1,2", "--attackers", "2,3", "--budget", "0.3"}, "hybrid")));  // numbers, too
  EXPECT_EQ(attack_record("hybrid").at("kind"), "hybrid");
  EXPECT_EQ(attack_record("hybrid").at("attackers"), nlohmann::json({"beta", "gamma"}));
}

TEST_F(AttackCommand, AttackersAloneAimAtAllOthers) {
  ASSERT_TRUE(ended_well(attack({"--attackers", "gamma", "--budget", "0.3"}, "some")));
  EXPECT_EQ(attack_record("some").at("kind"), "indirect");
  EXPECT_EQ(attack_record("some").at("targets"), nlohmann::json({"alpha", "beta", "delta"}));
  ASSERT_TRUE(ended_well(attack({"--attackers", "1,2,3,4", "--budget", "0.3"}, "all")));
  EXPECT_EQ(attack_record("all").at("kind"), "direct");
}

TEST_F(AttackCommand, KeepsTheRowsInTheBall) {
  for (const std::string method : {"patom", "random"}) {
    ASSERT_TRUE(ended_well(attack(indirect + std::vector<std::string>{"--method", method, "--radius", "0.4"})));
    double largest = 0.0;
    for (const Row& row : poisoned_in(poisoned_csv()).injected) largest = std::max(largest, norm(row));
    EXPECT_LE(largest, 0.4 * (1.0 + 1e-14)) << method;
    EXPECT_GT(largest, 0.2) << method;
  }
}

TEST_F(AttackCommand, TheExactAttackIsNeverBelowPatom) {
  ASSERT_TRUE(ended_well(attack(indirect, "patom")));
  ASSERT_TRUE(ended_well(attack(indirect + std::vector<std::string>{"--method", "exact"}, "exact")));
  EXPECT_GE(attack_record("exact").at("utility").get<double>(), attack_record("patom").at("utility").get<double>());
  EXPECT_EQ(attack_record("exact").at("utility_start"), attack_record("patom").at("utility_start"));
  EXPECT_EQ(attack_record("exact").at("optima").size(), 8U);
  // The same labels as PATOM's, for a comparison of like with like.
  const auto by_patom = poisoned_in(poisoned_csv("patom")).injected;
  const auto by_exact = poisoned_in(poisoned_csv("exact")).injected;
  ASSERT_EQ(by_patom.size(), by_exact.size());
  for (std::size_t j = 0; j < by_exact.size(); ++j) EXPECT_EQ(by_exact[j].label, by_patom[j].label);
}

TEST_F(AttackCommand, TheObjectiveMayBeTheHeldOutLoss) {
  const auto words =
      on_ratings("attack") +
      std::vector<std::string>{
          "--targets", "alpha", "--method", "exact", "--test-fraction", "0.3", "--quiet", "--standardise-labels",
          "none"};
  ASSERT_TRUE(ended_well(crosstalk(words + std::vector<std::string>{"--out", "training"})));
  ASSERT_TRUE(ended_well(crosstalk(words + std::vector<std::string>{"--objective", "held-out", "--out", "held-out"})));
  // The metric of the held-out rows is their mean squared error in units of the root; alpha has three of nine.
  const auto rmse = record("held-out").at("test").at("clean").at("tasks").at("alpha").at("rmse").get<double>();
  EXPECT_NEAR(attack_record("held-out").at("utility_clean").get<double>(), 3.0 * rmse * rmse, 1e-9);
  const auto attacked = [&](const char* run) {
    return record(run).at("test").at("poisoned").at("tasks").at("alpha").at("rmse").get<double>();
  };
  EXPECT_GE(attacked("held-out"), attacked("training"));
  EXPECT_TRUE(was_refused(attack({"--targets", "alpha", "--objective", "held-out"}, "no"), 2,
                          {"--objective: held-out needs a held-out row of every target; \"alpha\" has none"}));
}

TEST_F(AttackCommand, FreeLabelsStayInTheRangeOfTheTask) {
  const std::vector<std::string> free = {"--method", "exact", "--labels", "free"};
  ASSERT_TRUE(ended_well(attack(indirect + free, "free")));
  ASSERT_TRUE(ended_well(attack(indirect + std::vector<std::string>{"--method", "exact"}, "drawn")));
  EXPECT_GT(attack_record("free").at("utility").get<double>(), attack_record("drawn").at("utility").get<double>());
  const Poisoned data = poisoned_in(poisoned_csv("free"));
  double low = 1e300;
  double high = -1e300;
  for (const Row& row : data.clean)
    if (row.task == "beta") {
      low = std::min(low, row.label);
      high = std::max(high, row.label);
    }
  ASSERT_EQ(data.injected.size(), 4U);
  for (const Row& row : data.injected) {
    EXPECT_GE(row.label, low);
    EXPECT_LE(row.label, high);
    EXPECT_LE(norm(row), 1.0 + 1e-14);
  }
  EXPECT_TRUE(was_refused(attack(indirect + std::vector<std::string>{"--labels", "free"}, "no"), 2,
                          {"--labels: free needs --method exact; patom keeps the labels it draws"}));
  EXPECT_TRUE(was_refused(attack(indirect + std::vector<std::string>{"--method", "exact", "--starts", "0"}, "no"), 2,
                          {"--starts is 0; it must be >= 1"}));
}

// The ball is in the learner's units; the file's are larger by what the rows were divided by.
TEST_F(AttackCommand, TheBallGrowsWithTheScaleOfTheFile) {
  std::string large = "shop,stars,a,b,c\n";
  for (const Row& row : rows_of(cells_of(ratings_csv())))
    large += fmt::format("{},{},{},{},{}\n", row.task, row.label, 50.0 * row.features[0], 50.0 * row.features[1],
                         50.0 * row.features[2]);
  write("ratings.csv", large);
  ASSERT_TRUE(ended_well(attack(indirect + std::vector<std::string>{"--scale", "unit-ball", "--step", "1000"})));
  const Poisoned data = poisoned_in(poisoned_csv());
  double clean = 0.0;
  for (const Row& row : data.clean) clean = std::max(clean, norm(row));
  const double divisor = record("out").at("data").at("preparation").at("divisor").get<double>();
  EXPECT_NEAR(divisor, clean, 1e-12 * clean);
  double largest = 0.0;
  for (const Row& row : data.injected) largest = std::max(largest, norm(row));
  EXPECT_LE(largest, divisor * (1.0 + 1e-14));
  EXPECT_GT(largest, 0.5 * divisor);
}

TEST_F(AttackCommand, LabelsFollowTheRule) {
  std::map<std::string, std::vector<double>> observed;
  for (const Row& row : rows_of(cells_of(ratings_csv()))) observed[row.task].push_back(row.label);
  const auto& labels = observed.at("gamma");
  const auto [low, high] = std::minmax_element(labels.begin(), labels.end());
  const auto injected_with = [&](const std::string& rule) {
    EXPECT_TRUE(ended_well(attack({"--targets", "alpha", "--attackers", "gamma", "--budget", "2", "--labels", rule})));
    return poisoned_in(poisoned_csv()).injected;
  };
  int new_labels = 0;
  for (const Row& row : injected_with("uniform")) {
    EXPECT_THAT(row.label, testing::AllOf(testing::Ge(*low), testing::Le(*high)));
    new_labels += static_cast<int>(std::find(labels.begin(), labels.end(), row.label) == labels.end());
  }
  EXPECT_EQ(new_labels, 30);
  for (const Row& row : injected_with("clean"))
    EXPECT_NE(std::find(labels.begin(), labels.end(), row.label), labels.end());
  for (const Row& row : injected_with("ends")) EXPECT_THAT(row.label, testing::AnyOf(*low, *high));
}

TEST_F(AttackCommand, ClassificationLabelsStaySigns) {
  for (const std::string rule : {"clean", "uniform", "ends"}) {
    ASSERT_TRUE(
        ended_well(crosstalk({"attack", "signs.csv", "--task", "shop", "--label", "stars", "--budget", "1", "--labels",
                              rule, "--iterations", "1", "--lambda1", "0.1", "--quiet", "--out", "out"})));
    for (const Row& row : poisoned_in(poisoned_csv()).injected) EXPECT_EQ(std::abs(row.label), 1.0) << rule;
  }
}

TEST_F(AttackCommand, TheUtilityIsTheTargetsLossAfterLearningFromThePoisonedFile) {
  ASSERT_TRUE(ended_well(attack(indirect)));
  ASSERT_TRUE(ended_well(crosstalk({"fit",
                                    "out/poisoned.csv",
                                    "--task",
                                    "shop",
                                    "--label",
                                    "stars",
                                    "--ignore",
                                    "injected",
                                    "--lambda1",
                                    "0.01",
                                    "--lambda2",
                                    "0.05",
                                    "--scale",
                                    "none",
                                    "--standardise-labels",
                                    "none",
                                    "--test-fraction",
                                    "0",
                                    "--out",
                                    "refit"})));
  const Eigen::MatrixXd W = weights_in(read_file(path("refit/weights.csv")));
  double utility = 0.0;
  for (const Row& row : rows_of(cells_of(ratings_csv()))) {
    if (row.task != "alpha" && row.task != "gamma") continue;
    const Eigen::Index column = row.task == "alpha" ? 0 : 2;
    const double error =
        W.col(column).head(3).dot(Eigen::Map<const Eigen::Vector3d>(row.features.data())) + W(3, column) - row.label;
    utility += error * error;
  }
  const double printed = attack_record().at("utility").get<double>();
  // A fit with a relative gap of 1e-10 is within sqrt(2 gap / lambda1) of the solution.
  EXPECT_NEAR(printed, utility, 1e-4 * utility);
  EXPECT_GT(printed, attack_record().at("utility_clean").get<double>() * 1.001);
}

// The preparation of the poisoned file is its own: nearer to what a user has than the damage under the clean one.
TEST_F(AttackCommand, TheRefitIsTheFitOfThePoisonedFile) {
  for (const std::string file : {"ratings.csv", "signs.csv"}) {
    const std::vector<std::string> learner = {"--task",    "shop", "--label",         "stars", "--lambda1", "0.01",
                                              "--lambda2", "0.05", "--test-fraction", "0",     "--quiet"};
    ASSERT_TRUE(ended_well(crosstalk(std::vector<std::string>{"attack", file, "--targets", "alpha", "--budget", "1",
                                                              "--iterations", "2", "--out", "out"} +
                                     learner)));
    ASSERT_TRUE(ended_well(crosstalk(
        std::vector<std::string>{"fit", "out/poisoned.csv", "--ignore", "injected", "--out", "refit"} + learner)));
    const auto attack = attack_record();
    const double objective = record("refit").at("fit").at("objective").get<double>();
    EXPECT_NEAR(attack.at("refit").at("objective").get<double>(), objective, 1e-9 * objective);
    const std::string metric = file == "ratings.csv" ? "nmse" : "auc";
    for (const char* by : {"damage", "refit"})
      EXPECT_EQ(attack.at(by).at(metric).at("clean"), record("out").at("test").at("targets").at("clean")) << by;
    EXPECT_EQ(attack.at("damage").at(metric).at("attacked"), record("out").at("test").at("targets").at("poisoned"));
    EXPECT_EQ(attack.at("damage").at("loss").at("clean"), attack.at("refit").at("loss").at("clean"));
    // The targets' training loss is what the attacker raises, summed over alpha's 9 rows.
    EXPECT_NEAR(9.0 * attack.at("damage").at("loss").at("attacked").get<double>(), attack.at("utility").get<double>(),
                1e-12 * attack.at("utility").get<double>());
    EXPECT_NE(attack.at("damage").at("loss").at("attacked"), attack.at("refit").at("loss").at("attacked"));
  }
}

// The tasks of the file, then those that were made up; what a user learns from the file is what is reported.
TEST_F(AttackCommand, FictitiousTasksAreLearnedFromThePoisonedFile) {
  for (const std::string file : {"ratings.csv", "signs.csv"})
    for (const std::string method : {"random", "patom", "exact"}) {
      ASSERT_TRUE(ended_well(
          crosstalk({"attack",    file,        "--task",        "shop",      "--label",
                     "stars",     "--lambda1", "0.01",          "--lambda2", "0.05",
                     "--targets", "alpha",     "--fictitious",  "50%",       "--rows-each",
                     "4",         "--method",  method,          "--labels",  method == "exact" ? "free" : "uniform",
                     "--starts",  "1",         "--exact-steps", "3",         "--iterations",
                     "2",         "--quiet",   "--out",         "out"})));
      ASSERT_TRUE(
          ended_well(crosstalk({"fit", "out/poisoned.csv", "--config", "out/run.json", "--quiet", "--out", "refit"})));
      const auto attack = attack_record();
      EXPECT_EQ(attack.at("kind"), "accounts");
      EXPECT_EQ(attack.at("attackers"), (nlohmann::json{"alpha-2", "beta-2"}));
      EXPECT_EQ(attack.at("fictitious"), (nlohmann::json{{"tasks", 2}, {"rows_each", 4}}));
      EXPECT_EQ(record("out").at("data").at("tasks"), 4);
      EXPECT_EQ(count_by_task(poisoned_in(poisoned_csv()).injected),
                (std::map<std::string, int>{{"alpha-2", 4}, {"beta-2", 4}}));
      const auto fit = record("refit");
      EXPECT_EQ(fit.at("data").at("tasks"), 6);
      const double objective = fit.at("fit").at("objective").get<double>();
      EXPECT_NEAR(attack.at("refit").at("objective").get<double>(), objective, 1e-9 * objective) << file << method;
      // The targets are held out as before, and no row of a made-up task is.
      const std::string metric = file == "ratings.csv" ? "rmse" : "accuracy";
      const auto tested = fit.at("test").at("tasks");
      EXPECT_FALSE(tested.at("alpha").at(metric).is_null());
      EXPECT_TRUE(tested.at("alpha-2").at(metric).is_null());
    }
}

TEST_F(AttackCommand, FictitiousTasksOfAClassHaveBoth) {
  ASSERT_TRUE(ended_well(
      crosstalk(on_ratings("attack") + std::vector<std::string>{"--fictitious", "1", "--rows-each", "2", "--quiet",
                                                                "--out", "out", "--standardise-labels", "task"})));
  const auto rows = poisoned_in(poisoned_csv()).injected;
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_NE(rows[0].label, rows[1].label);
}

TEST_F(AttackCommand, FictitiousTasksAreRefusedWhereTheyDoNotFit) {
  const auto expect = [&](const std::vector<std::string>& more, int code, const std::vector<std::string>& parts) {
    EXPECT_TRUE(was_refused(attack(more), code, parts)) << more.front();
  };
  for (const char* wrong : {"0", "-3", "x", "0.0", "1e9%", "5%%", "nan", ""})
    if (*wrong != 0) expect({"--fictitious", wrong}, 2, {"--fictitious", wrong});
  expect({"--rows-each", "5"}, 2, {"--rows-each: 5 needs --fictitious"});
  expect({"--fictitious", "2", "--rows-each", "1"}, 2, {"--rows-each: 1 is not >= 2"});
  expect({"--fictitious", "2", "--attackers", "beta"}, 2, {"--attackers", "--fictitious"});
  expect({"--fictitious", "2", "--budget", "0.1"}, 2, {"--budget", "--fictitious"});
  expect({"--fictitious", "2", "--money", "3"}, 2, {"--money", "--fictitious"});
  expect({"--fictitious", "2", "--stealth", "distance"}, 2, {"--stealth", "--fictitious"});
  expect({"--fictitious", "99999999", "--rows-each", "999999", "--max-memory", "100"}, 2, {"--max-memory"});
  write("plain.csv", "y,a,b\n1,2,3\n2,3,1\n0,1,5\n3,2,2\n");
  EXPECT_TRUE(was_refused(
      crosstalk({"attack", "plain.csv", "--label", "y", "--loss", "squared", "--fictitious", "2", "--quiet"}), 1,
      {"plain.csv", "--fictitious", "--task"}));
}

TEST_F(AttackCommand, PatomBeatsTheRandomRowsThatItStartsFrom) {
  ASSERT_TRUE(ended_well(attack(indirect, "patom")));
  ASSERT_TRUE(ended_well(attack(indirect + std::vector<std::string>{"--method", "random"}, "random")));
  const auto patom = attack_record("patom");
  const auto random = attack_record("random");
  EXPECT_EQ(patom.at("iterations"), 3);
  EXPECT_GT(patom.at("utility").get<double>(), patom.at("utility_start").get<double>());
  EXPECT_EQ(random.at("iterations"), 0);
  EXPECT_EQ(random.at("utility"), random.at("utility_start"));
  EXPECT_EQ(random.at("utility"), patom.at("utility_start"));
  EXPECT_EQ(random.at("utility_clean"), patom.at("utility_clean"));
  EXPECT_EQ(cells_of(read_file(path("patom/iterates.csv"))).rows.size(), 4U);
  EXPECT_EQ(number(cells_of(read_file(path("patom/iterates.csv"))).rows[3][1]), patom.at("utility").get<double>());
  EXPECT_EQ(record("patom").at("test").at("clean"), record("random").at("test").at("clean"));
  EXPECT_NE(record("patom").at("test").at("poisoned"), record("random").at("test").at("poisoned"));
}

TEST_F(AttackCommand, ABudgetOfZeroChangesNothing) {
  ASSERT_TRUE(ended_well(attack({"--targets", "alpha", "--budget", "0"})));
  EXPECT_TRUE(poisoned_in(poisoned_csv()).injected.empty());
  const auto json = attack_record();
  EXPECT_NEAR(json.at("utility").get<double>(), json.at("utility_clean").get<double>(),
              1e-9 * json.at("utility").get<double>());
}

TEST_F(AttackCommand, TheSeedDecidesAndTheThreadsDoNot) {
  ASSERT_TRUE(ended_well(attack({"--seed", "5", "--threads", "1"}, "one")));
  ASSERT_TRUE(ended_well(attack({"--seed", "5", "--threads", "2"}, "two")));
  ASSERT_TRUE(ended_well(attack({"--seed", "6", "--threads", "1"}, "three")));
  EXPECT_EQ(poisoned_csv("one"), poisoned_csv("two"));
  EXPECT_EQ(read_file(path("one/iterates.csv")), read_file(path("two/iterates.csv")));
  EXPECT_NE(poisoned_csv("one"), poisoned_csv("three"));
}

TEST_F(AttackCommand, WritesRowsInTheUnitsOfTheFileWhateverThePreparation) {
  // Standardised labels: the injected ones are back in stars, inside the observed range.
  ASSERT_TRUE(ended_well(attack({"--targets", "alpha", "--budget", "1", "--standardise-labels", "true"})));
  double low = 1e9;
  double high = -1e9;
  for (const Row& row : poisoned_in(poisoned_csv()).clean) {
    if (row.task != "alpha") continue;
    low = std::min(low, row.label);
    high = std::max(high, row.label);
  }
  for (const Row& row : poisoned_in(poisoned_csv()).injected)
    EXPECT_THAT(row.label, testing::AllOf(testing::Ge(low - 1e-12), testing::Le(high + 1e-12)));
  // Principal components: the rows are written with the file's three features.
  ASSERT_TRUE(ended_well(attack({"--targets", "alpha", "--budget", "1", "--pca", "2"})));
  for (const Row& row : poisoned_in(poisoned_csv()).injected) EXPECT_EQ(row.features.size(), 3U);
}

}  // namespace
