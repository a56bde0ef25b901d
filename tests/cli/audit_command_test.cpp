#include <cmath>
#include <map>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command.hpp"
#include "report/matches.hpp"
#include "support/browser.hpp"

using namespace cli;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

// Every number in a record.
void collect(const nlohmann::json& json, std::set<double>& numbers) {
  if (json.is_number()) numbers.insert(json.get<double>());
  if (json.is_structured())
    for (const auto& entry : json) collect(entry, numbers);
}

std::set<double> numbers_of(const nlohmann::json& json) {
  std::set<double> numbers;
  collect(json, numbers);
  return numbers;
}

class AuditCommand : public Command {
 protected:
  void SetUp() override {
    write("ratings.csv", ratings_csv());
    write("signs.csv", signs_csv());
  }
  // Small: few attacks of few iterations.
  [[nodiscard]] static std::vector<std::string> small(const std::string& out) {
    return on_ratings("audit") +
           std::vector<std::string>{"--budgets", "0.2,0.4", "--iterations", "2",     "--step", "1", "--radius", "1",
                                    "--seed",    "3",       "--quiet",      "--out", out};
  }
};

TEST_F(AuditCommand, WritesTheReportTheRecordAndEveryNumber) {
  const auto ended = crosstalk(small("out"));
  ASSERT_TRUE(ended_well(ended));
  EXPECT_THAT(ended.out, HasSubstr("report: out/report.html\n"));
  const auto written = files("out");
  for (const char* name : {"report.html", "run.json", "clean.csv", "exposure.csv", "attacks.csv", "convergence.csv",
                           "harm.csv", "correlations.csv", "scenarios.csv"})
    EXPECT_TRUE(written.contains(name)) << name;
  for (const auto& [name, content] : written) {
    EXPECT_FALSE(content.empty()) << name;
    EXPECT_THAT(name, testing::Not(testing::AnyOf(HasSubstr("unfinished"), HasSubstr("tmp"))));
  }
  // A plot's numbers and its script stand beside it.
  int drawings = 0;
  for (const auto& [name, content] : written) {
    if (!name.ends_with(".svg")) continue;
    ++drawings;
    const std::string stem = name.substr(0, name.size() - 4);
    EXPECT_TRUE(written.contains(stem + ".csv") && written.contains(stem + ".gp")) << stem;
  }
  EXPECT_TRUE(drawings > 0 || !test_support::is_installed("gnuplot"));

  const auto json = record("out");
  EXPECT_EQ(json.at("audit").at("complete"), true);
  // Two halves of four tasks, each attacked directly, indirectly and in both ways; random, PATOM, exact; two budgets.
  EXPECT_EQ(json.at("audit").at("scenarios").size(), 6U);
  EXPECT_EQ(json.at("audit").at("attacks").size(), 36U);
  EXPECT_EQ(json.at("audit").at("harm").size(), 4U);
}

TEST_F(AuditCommand, TheCsvFilesHoldTheNumbersOfTheRecord) {
  ASSERT_TRUE(ended_well(crosstalk(small("out"))));
  std::set<double> in_files;
  for (const auto& [name, content] : files("out")) {
    if (!name.ends_with(".csv") || name.find('/') != std::string::npos) continue;
    for (const std::string& cell : matches(content, "(?:^|[,\\n])(-?[0-9][^,\\n]*)(?=[,\\n])"))
      in_files.insert(std::strtod(cell.c_str(), nullptr));
  }
  const auto json = record("out").at("audit");
  for (const auto& attack : json.at("attacks")) {
    EXPECT_TRUE(in_files.contains(attack.at("utility").get<double>())) << attack.at("utility");
    for (const double loss : numbers_of(attack.at("loss"))) EXPECT_TRUE(in_files.contains(loss)) << loss;
    if (attack.at("method") != "patom") continue;
    for (const double utility : numbers_of(attack.at("utility_curve")))
      EXPECT_TRUE(in_files.contains(utility)) << utility;
  }
  for (const double value : numbers_of(json.at("clean").at("test").at("tasks")))
    EXPECT_TRUE(in_files.contains(value)) << value;
  for (const auto& harm : json.at("harm")) EXPECT_TRUE(in_files.contains(harm.at("loss_rise").get<double>()));
}

TEST_F(AuditCommand, TheSameSeedGivesTheSameBytesOnAnyNumberOfThreads) {
  ASSERT_TRUE(ended_well(crosstalk(small("one") + std::vector<std::string>{"--threads", "1"})));
  ASSERT_TRUE(ended_well(crosstalk(small("two") + std::vector<std::string>{"--threads", "2"})));
  ASSERT_TRUE(ended_well(crosstalk(small("three") + std::vector<std::string>{"--threads", "2"})));
  ASSERT_TRUE(ended_well(crosstalk(small("other") + std::vector<std::string>{"--seed", "4"})));
  const auto one = comparable("one");
  EXPECT_EQ(one, comparable("two"));
  EXPECT_EQ(one, comparable("three"));
  const auto other = comparable("other");
  EXPECT_NE(one.at("attacks.csv"), other.at("attacks.csv"));
  EXPECT_NE(one.at("report.html"), other.at("report.html"));
}

TEST_F(AuditCommand, TheRecordRepeatsTheRun) {
  ASSERT_TRUE(ended_well(crosstalk(small("one"))));
  ASSERT_TRUE(ended_well(crosstalk({"audit", "--config", "one/run.json", "--quiet", "--out", "two"})));
  EXPECT_EQ(comparable("one"), comparable("two"));
}

// The lambdas chosen, the budgets and all else by default.
TEST_F(AuditCommand, TheRecordRepeatsARunByDefaults) {
  ASSERT_TRUE(ended_well(crosstalk(
      {"audit", "signs.csv", "--task", "shop", "--label", "stars", "--iterations", "1", "--quiet", "--out", "one"})));
  EXPECT_EQ(record("one").at("configuration").at("cv"), true);
  EXPECT_EQ(record("one").at("configuration").at("loss"), "squared-hinge");
  EXPECT_THAT(files("one").at("report.html"),
              HasSubstr("crosstalk audit signs.csv --task=shop --label=stars --iterations=1<"));
  ASSERT_TRUE(ended_well(crosstalk({"audit", "--config", "one/run.json", "--quiet", "--out", "two"})));
  EXPECT_EQ(comparable("one"), comparable("two"));
}

// A shell reads the command that the report prints and does the same.
TEST_F(AuditCommand, TheCommandInTheReportRepeatsTheRun) {
  std::filesystem::rename(path("ratings.csv"), path("it's \"new\" $HOME.csv"));
  auto words = small("one");
  words[1] = "it's \"new\" $HOME.csv";
  ASSERT_TRUE(ended_well(crosstalk(words)));
  auto commands = matches(files("one").at("report.html"), "(crosstalk audit [^<\\n]*)");
  ASSERT_FALSE(commands.empty());
  std::string command = commands[0];
  for (const auto& [code, character] :
       {std::pair<std::string, std::string>{"&quot;", "\""}, {"&#39;", "'"}, {"&lt;", "<"}, {"&amp;", "&"}})
    for (std::size_t at = command.find(code); at != std::string::npos; at = command.find(code))
      command.replace(at, code.size(), character);
  ASSERT_TRUE(ended_well(shell("crosstalk() { \"$CROSSTALK\" \"$@\"; }; " + command + " --quiet --out two")))
      << command;
  EXPECT_EQ(comparable("one"), comparable("two"));
}

TEST_F(AuditCommand, AttacksWhomItIsTold) {
  ASSERT_TRUE(ended_well(
      crosstalk(small("out") + std::vector<std::string>{"--targets", "alpha", "--attackers", "beta,gamma"})));
  const auto json = record("out").at("audit");
  ASSERT_EQ(json.at("scenarios").size(), 1U);
  EXPECT_EQ(json.at("scenarios")[0].at("kind"), "indirect");
  EXPECT_EQ(json.at("scenarios")[0].at("targets"), nlohmann::json({"alpha"}));
  EXPECT_EQ(json.at("scenarios")[0].at("attackers"), nlohmann::json({"beta", "gamma"}));
  // Training rows: 9 - 3, 12 - 4, 15 - 5, 10 - 3; of beta's 8 and gamma's 10 round(0.4 n) = 3 and 4.
  for (const auto& attack : json.at("attacks")) EXPECT_EQ(attack.at("rows"), attack.at("budget") == 0.4 ? 7 : 4);
}

TEST_F(AuditCommand, AttackersAloneAimAtAllOthers) {
  ASSERT_TRUE(ended_well(crosstalk(small("out") + std::vector<std::string>{"--attackers", "beta"})));
  const auto json = record("out").at("audit");
  ASSERT_EQ(json.at("scenarios").size(), 1U);
  EXPECT_EQ(json.at("scenarios")[0].at("targets"), nlohmann::json({"alpha", "gamma", "delta"}));
}

TEST_F(AuditCommand, RunsTheMethodsItIsTold) {
  for (const std::string method : {"random", "patom"}) {
    ASSERT_TRUE(ended_well(crosstalk(small("out") + std::vector<std::string>{"--method", method})));
    const auto json = record("out");
    EXPECT_EQ(json.at("audit").at("attacks").size(), 12U);
    for (const auto& attack : json.at("audit").at("attacks")) EXPECT_EQ(attack.at("method"), method);
    EXPECT_EQ(json.at("summary").at("worst").at("method"), method);
  }
}

// Five training rows a task: 5 % of them are none, 10 % one.
TEST_F(AuditCommand, LeavesOutBudgetsByDefaultThatBuyNoRow) {
  std::string tiny = "shop,stars,a,b,c\n";
  std::map<std::string, int> taken;
  for (const Row& row : rows_of(cells_of(ratings_csv())))
    if (++taken[row.task] <= 5)
      tiny += fmt::format("{},{},{},{},{}\n", row.task, row.label, row.features[0], row.features[1], row.features[2]);
  write("ratings.csv", tiny);
  const auto words =
      on_ratings("audit") + std::vector<std::string>{"--test-fraction", "0", "--iterations", "1", "--out", "out"};
  const auto ended = crosstalk(words);
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("budgets left out, as they buy no row in some scenario: 0.05\n"));
  const auto json = record("out").at("audit");
  EXPECT_EQ(json.at("dropped_budgets"), nlohmann::json({0.05}));
  std::set<double> budgets;
  for (const auto& attack : json.at("attacks")) budgets.insert(attack.at("budget").get<double>());
  EXPECT_EQ(budgets, (std::set<double>{0.1, 0.2, 0.3}));
  EXPECT_THAT(files("out").at("report.html"), HasSubstr("Budgets left out"));
  EXPECT_TRUE(was_refused(crosstalk(words + std::vector<std::string>{"--quiet", "--budgets", "0.05,0.3"}), 2,
                          {"0.05", "buys no row"}));
}

TEST_F(AuditCommand, TriesFictitiousTasksAsAKindOfItsOwn) {
  const std::vector<std::string> accounts = {"--fictitious",  "4", "--rows-each", "3", "--method", "random,exact",
                                             "--exact-steps", "2"};
  ASSERT_TRUE(ended_well(crosstalk(small("out") + accounts)));
  const auto audit = record("out").at("audit");
  std::map<double, std::set<int>> rows;  // by budget
  for (const auto& attack : audit.at("attacks"))
    if (attack.at("kind") == "accounts") rows[attack.at("budget").get<double>()].insert(attack.at("rows").get<int>());
  EXPECT_EQ(rows, (std::map<double, std::set<int>>{{0.2, {6}}, {0.4, {12}}}));
  const auto& last = audit.at("scenarios").back();
  EXPECT_EQ(last.at("kind"), "accounts");
  EXPECT_EQ(last.at("fictitious"), 4);
  EXPECT_EQ(last.at("rows_each"), 3);
  EXPECT_THAT(last.at("attackers"), IsEmpty());
  bool summed = false;
  const auto exposures = record("out").at("summary").at("exposures");
  for (const auto& exposure : exposures) {
    summed = summed || exposure.at("kind") == "accounts";
    EXPECT_FALSE(exposure.at("loss_rise").is_null());
    if (exposure.at("kind") != "accounts" || exposure.at("budget") != 0.4) continue;
    EXPECT_EQ(exposure.at("refit_rise").is_null(), exposure.at("method") != "exact");
  }
  EXPECT_TRUE(summed);
  const std::string report = read_file(path("out/report.html"));
  EXPECT_THAT(report, HasSubstr("Accounts attack: rows in tasks that the attacker made up"));
  EXPECT_THAT(report, HasSubstr("4 tasks of 3 rows"));
  // The other kinds are what they are without it.
  ASSERT_TRUE(ended_well(
      crosstalk(small("plain") + std::vector<std::string>{"--method", "random,exact", "--exact-steps", "2"})));
  const auto plain = record("plain").at("audit").at("attacks");
  for (std::size_t k = 0; k < plain.size(); ++k) EXPECT_EQ(plain[k], audit.at("attacks")[k]) << k;
  EXPECT_TRUE(
      was_refused(crosstalk(small("no") + std::vector<std::string>{"--fictitious", "1", "--stealth", "distance"}), 2,
                  {"--stealth", "--fictitious"}));
}

TEST_F(AuditCommand, AuditsClassification) {
  ASSERT_TRUE(ended_well(crosstalk({"audit", "signs.csv", "--task", "shop", "--label", "stars", "--lambda1", "0.01",
                                    "--budgets", "0.4", "--iterations", "1", "--quiet", "--out", "out"})));
  EXPECT_TRUE(record("out").at("audit").at("clean").at("test").at("mean").contains("auc"));
  EXPECT_THAT(files("out").at("report.html"), HasSubstr("AUC"));
}

TEST_F(AuditCommand, PutsADefenceBeforeTheLearner) {
  ASSERT_TRUE(ended_well(crosstalk(small("out") + std::vector<std::string>{"--defence", "trim"})));
  const auto audit = record("out").at("audit");
  EXPECT_EQ(audit.at("defended").size(), audit.at("scenarios").size());
  const auto written = files("out");
  EXPECT_THAT(written.at("report.html"), HasSubstr("after the defence, attacker knows it"));
  EXPECT_THAT(written.at("report.html"), HasSubstr("How bad can it get at most?"));
  EXPECT_TRUE(written.contains("defended.csv") && written.contains("bounds.csv"));

  ASSERT_TRUE(ended_well(crosstalk(small("plain"))));
  EXPECT_TRUE(record("plain").at("audit").at("defended").empty());
  EXPECT_FALSE(files("plain").contains("defended.csv"));
}

TEST_F(AuditCommand, ChoosesTheLambdasByCrossValidationUnlessGiven) {
  ASSERT_TRUE(ended_well(
      crosstalk({"audit", "ratings.csv", "--task", "shop", "--label", "stars", "--budgets", "0.4", "--iterations", "1",
                 "--targets", "alpha", "--attackers", "beta", "--quiet", "--out", "out"})));
  EXPECT_EQ(record("out").at("learner").at("chosen_by_cross_validation"), true);
  ASSERT_TRUE(ended_well(crosstalk(small("given"))));
  EXPECT_EQ(record("given").at("learner").at("chosen_by_cross_validation"), false);
}

TEST_F(AuditCommand, DrawsPngAndPdfWhenAsked) {
  if (!test_support::is_installed("gnuplot")) GTEST_SKIP() << "gnuplot is not installed";
  ASSERT_TRUE(ended_well(crosstalk(small("out") + std::vector<std::string>{"--figures", "png,pdf"})));
  const auto written = files("out");
  int figures = 0;
  for (const auto& [name, content] : written) {
    if (!name.ends_with(".svg")) continue;
    ++figures;
    const std::string stem = name.substr(0, name.size() - 4);
    ASSERT_TRUE(written.contains(stem + ".png") && written.contains(stem + ".pdf")) << stem;
    EXPECT_TRUE(written.at(stem + ".png").starts_with("\x89PNG")) << stem;
    EXPECT_TRUE(written.at(stem + ".pdf").starts_with("%PDF")) << stem;
  }
  EXPECT_GT(figures, 0);
}

TEST_F(AuditCommand, WithoutGnuplotTheReportStandsAndSaysSo) {
  auto words = small("out");
  std::erase(words, "--quiet");
  const auto ended = crosstalk_with({"PATH=/nonexistent"}, words);
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("figures: gnuplot is not installed"));
  const auto written = files("out");
  EXPECT_THAT(written.at("report.html"), testing::AllOf(testing::Not(HasSubstr("<svg")), HasSubstr("gnuplot")));
  EXPECT_TRUE(written.contains("exposure.csv"));
  for (const auto& [name, content] : written) EXPECT_FALSE(name.ends_with(".svg")) << name;
}

TEST_F(AuditCommand, TheReportOpensInABrowserAndItsTablesHoldTheRecordsNumbers) {
  if (!test_support::has_browser()) GTEST_SKIP() << "chromium is not installed";
  ASSERT_TRUE(ended_well(crosstalk(small("out"))));
  const auto seen = test_support::visit(path("out") / "report.html");
  ASSERT_TRUE(seen.finished);
  EXPECT_THAT(seen.console, IsEmpty());
  EXPECT_THAT(seen.requests, IsEmpty());

  const auto json = record("out");
  auto known = numbers_of(json);
  for (int step = 0; step <= json.at("configuration").at("exact-steps").get<int>() + 1; ++step) known.insert(step);
  std::set<double> shown;
  for (const std::string& value : matches(seen.dom, "<td[^>]* data-value=\"([^\"]*)\""))
    shown.insert(std::strtod(value.c_str(), nullptr));
  EXPECT_GT(shown.size(), 50U);
  for (const double value : shown)
    EXPECT_TRUE(std::isnan(value) || known.contains(value)) << value << " is not in the record";
  for (const auto& attack : json.at("audit").at("attacks"))
    EXPECT_TRUE(shown.contains(attack.at("utility").get<double>()));
  for (const auto& harm : json.at("audit").at("harm")) EXPECT_TRUE(shown.contains(harm.at("loss_rise").get<double>()));
  EXPECT_EQ(test_support::wanted_width(path("out") / "report.html", 360), 360);
}

}  // namespace
