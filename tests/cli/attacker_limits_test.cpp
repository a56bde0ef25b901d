// What the attacker may do, by files and flags of the user: schema, prices, screens, other objectives.
#include <cmath>
#include <map>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command.hpp"

using namespace cli;

namespace {

// shop, stars and: age (whole), size, member (0 or 1), colour (words).
std::string people_csv() {
  std::string csv = "shop,stars,age,size,member,colour\n";
  for (int j = 0; j < 40; ++j)
    csv += fmt::format("{},{:.3f},{},{:.3f},{},{}\n", j % 2 == 0 ? "alpha" : "beta",
                       3.0 + std::sin(j) + 0.03 * (j % 13), 20 + (7 * j) % 41, 1.5 + 0.1 * (j % 9), j % 3 == 0 ? 1 : 0,
                       j % 4 == 0   ? "red"
                       : j % 4 == 1 ? "blue"
                                    : "green");
  return csv;
}

std::vector<std::string> on_people(const std::string& command) {
  return {command,     "people.csv", "--task",    "shop", "--label",   "stars",
          "--lambda1", "0.01",       "--lambda2", "0.05", "--targets", "alpha"};
}

class AttackerLimits : public Command {
 protected:
  void SetUp() override {
    write("people.csv", people_csv());
    write("ratings.csv", ratings_csv());
  }
  [[nodiscard]] Cells poisoned(const std::string& folder) const { return cells_of(files(folder).at("poisoned.csv")); }
};

TEST_F(AttackerLimits, RowsInTheFileObeyTheSchema) {
  for (const std::string method : {"random", "patom", "exact"}) {
    ASSERT_TRUE(
        ended_well(crosstalk(on_people("attack") + std::vector<std::string>{"--schema", "auto", "--method", method,
                                                                            "--quiet", "--out", method})));
    const Cells cells = poisoned(method);
    int injected = 0;
    for (const auto& row : cells.rows) {
      if (row[cells.column("injected")] == "0") continue;
      ++injected;
      const auto at = [&](const char* column) { return number(row[cells.column(column)]); };
      EXPECT_EQ(at("age"), std::round(at("age")));
      EXPECT_GE(at("age"), 20.0);
      EXPECT_LE(at("age"), 60.0);
      EXPECT_GE(at("size"), 1.5);
      EXPECT_LE(at("size"), 2.3);
      EXPECT_TRUE(at("member") == 0.0 || at("member") == 1.0);
      const std::string& colour = row[cells.column("colour")];
      EXPECT_TRUE(colour == "red" || colour == "blue" || colour == "green") << colour;
    }
    EXPECT_EQ(injected, 4) << method;  // 30 % of the 14 rows that are not held out
  }
  EXPECT_GT(record("exact").at("attack").at("utility"), record("patom").at("attack").at("utility"));
}

TEST_F(AttackerLimits, TheSuggestedSchemaIsAFileToEdit) {
  const Finished suggested = crosstalk({"data", "schema", "people.csv", "--task", "shop", "--label", "stars"});
  ASSERT_TRUE(ended_well(suggested));
  EXPECT_THAT(suggested.out, testing::HasSubstr("\nage,integer,20,60,"));
  EXPECT_THAT(suggested.out, testing::HasSubstr("\ncolour=red,one-hot,0,1,colour\n"));
  write("schema.csv", suggested.out);
  const auto attack =
      on_people("attack") + std::vector<std::string>{"--method", "exact", "--labels", "free", "--quiet"};
  ASSERT_TRUE(ended_well(crosstalk(attack + std::vector<std::string>{"--schema", "schema.csv", "--out", "file"})));
  ASSERT_TRUE(ended_well(crosstalk(attack + std::vector<std::string>{"--schema", "auto", "--out", "auto"})));
  EXPECT_EQ(files("file").at("poisoned.csv"), files("auto").at("poisoned.csv"));

  write("schema.csv", "column,kind,low,high\nage,fixed,,\nstars,label,2.5,2.6\n");
  ASSERT_TRUE(ended_well(crosstalk(attack + std::vector<std::string>{"--schema", "schema.csv", "--out", "label"})));
  const Cells cells = poisoned("label");
  for (const auto& row : cells.rows)
    EXPECT_TRUE(row[cells.column("injected")] == "0" ||
                std::abs(number(row[cells.column("stars")]) - 2.55) <= 0.05 + 1e-9);
}

TEST_F(AttackerLimits, AScreenLetsLessHarmPass) {
  const auto attack =
      on_people("attack") + std::vector<std::string>{"--method", "exact", "--labels", "free", "--quiet"};
  ASSERT_TRUE(ended_well(crosstalk(attack + std::vector<std::string>{"--out", "seen"})));
  ASSERT_TRUE(
      ended_well(crosstalk(attack + std::vector<std::string>{"--stealth", "distance,residual", "--out", "unseen"})));
  EXPECT_LT(record("unseen").at("attack").at("utility"), record("seen").at("attack").at("utility"));
  EXPECT_GT(record("unseen").at("attack").at("utility"), record("unseen").at("attack").at("utility_clean"));
  ASSERT_TRUE(ended_well(
      crosstalk(on_people("audit") + std::vector<std::string>{"--stealth", "residual", "--quiet", "--out", "audit"})));
  EXPECT_THAT(files("audit").at("report.html"), testing::HasSubstr("residual under the clean model"));
}

TEST_F(AttackerLimits, MoneyIsSpentWhereItHarmsAndNoMoreThanThereIs) {
  write("prices.csv", "task,price\nalpha,3\nbeta,1.5\ngamma,1\n");
  const auto attack =
      on_ratings("attack") + std::vector<std::string>{"--targets", "delta",    "--budget", "0.5",    "--method",
                                                      "exact",     "--labels", "free",     "--quiet"};
  ASSERT_TRUE(ended_well(
      crosstalk(attack + std::vector<std::string>{"--prices", "prices.csv", "--money", "6", "--out", "out"})));
  const auto bought = record("out").at("attack");
  EXPECT_LE(bought.at("spent").get<double>(), 6.0);
  EXPECT_GT(bought.at("spent").get<double>(), 3.0);
  EXPECT_EQ(bought.at("attackers"), nlohmann::json({"alpha", "beta", "gamma"}));
  EXPECT_FALSE(bought.at("rows_by_task").contains("delta"));
  const std::map<std::string, double> price = {{"alpha", 3.0}, {"beta", 1.5}, {"gamma", 1.0}};
  double spent = 0.0;
  for (const auto& [task, rows] : bought.at("rows_by_task").items()) spent += rows.get<double>() * price.at(task);
  EXPECT_EQ(spent, bought.at("spent").get<double>());
  // Without a price list every row costs 1.
  ASSERT_TRUE(ended_well(
      crosstalk(attack + std::vector<std::string>{"--attackers", "alpha,beta", "--money", "3", "--out", "plain"})));
  EXPECT_EQ(record("plain").at("attack").at("rows"), 3);
}

TEST_F(AttackerLimits, TheRelationOfTwoTasksIsDriven) {
  ASSERT_TRUE(ended_well(
      crosstalk(on_ratings("attack") + std::vector<std::string>{"--objective", "relation", "--relation",
                                                                "alpha,beta,-1", "--method", "exact", "--labels",
                                                                "free", "--quiet", "--out", "out"})));
  const auto attack = record("out").at("attack");
  EXPECT_EQ(attack.at("targets"), nlohmann::json({"alpha", "beta"}));
  EXPECT_GT(attack.at("correlation").at("clean").get<double>(), 0.5);
  EXPECT_LT(attack.at("correlation").at("attacked").get<double>(),
            attack.at("correlation").at("clean").get<double>() - 0.3);
}

TEST_F(AttackerLimits, TheWantedPredictionComesNearer) {
  write("wanted.csv", "shop,stars,a,b,c\nalpha,9,0.5,0.5,0.5\n");
  ASSERT_TRUE(ended_well(crosstalk(
      on_ratings("attack") + std::vector<std::string>{"--objective", "prediction", "--wanted", "wanted.csv", "--method",
                                                      "exact", "--labels", "free", "--quiet", "--out", "out"})));
  const auto attack = record("out").at("attack");
  EXPECT_EQ(attack.at("targets"), nlohmann::json({"alpha"}));
  EXPECT_GT(attack.at("utility").get<double>(),
            0.8 * attack.at("utility_clean").get<double>());  // minus a squared error
  EXPECT_LT(attack.at("utility").get<double>(), 0.0);
}

TEST_F(AttackerLimits, MistakesAreNamedWithTheirLine) {
  const auto refused = [&](const std::vector<std::string>& words, int code, const std::vector<std::string>& parts) {
    const auto result =
        was_refused(crosstalk(on_people("attack") + words + std::vector<std::string>{"--out", "none"}), code, parts);
    EXPECT_TRUE(files("none").empty());
    return result;
  };
  write("s.csv", "column,kind,low,high\nage,integer,,\nagee,integer,,\n");
  EXPECT_TRUE(refused({"--schema", "s.csv"}, 2,
                      {"--schema s.csv", "column \"agee\" is not in the data; did you mean \"age\"?"}));
  write("s.csv", "column,kind,low,high\nage,whole,,\n");
  EXPECT_TRUE(refused({"--schema", "s.csv"}, 1, {"s.csv:2", "unknown kind of column \"whole\""}));
  write("s.csv", "column,kind,low,high\nage,integer,60,20\n");
  EXPECT_TRUE(refused({"--schema", "s.csv"}, 2, {"the empty interval [60, 20]"}));
  write("s.csv", "column,kind,low\nage,integer,few\n");
  EXPECT_TRUE(refused({"--schema", "s.csv"}, 1, {"s.csv:2", "\"few\" in column \"low\" is not a finite number"}));
  write("s.csv", "column,sort\nage,integer\n");
  EXPECT_TRUE(refused({"--schema", "s.csv"}, 1, {"s.csv:1", "unknown column \"sort\""}));
  write("s.csv", "column,kind,low,high\nage,continuous,1000,1001\n");
  EXPECT_TRUE(refused({"--schema", "s.csv", "--radius", "1"}, 2, {"the ball of radius", "does not meet the box"}));
  EXPECT_TRUE(refused({"--schema", "auto", "--radius", "1"}, 2,
                      {"one-hot and lattice columns cannot be combined with a ball"}));
  EXPECT_TRUE(refused({"--schema", "auto", "--pca", "2"}, 2, {"--pca 0"}));
  EXPECT_TRUE(refused({"--schema", "no.csv"}, 1, {"no.csv"}));
  EXPECT_TRUE(refused({"--radius", "-1"}, 2, {"--radius is -1; it must be > 0"}));

  write("p.csv", "task,price\nalpha,1\nbeth,2\n");
  EXPECT_TRUE(refused({"--prices", "p.csv", "--money", "5"}, 1, {"p.csv:3", "unknown task \"beth\"", "\"beta\""}));
  write("p.csv", "task,price\nalpha,1\nalpha,2\n");
  EXPECT_TRUE(refused({"--prices", "p.csv", "--money", "5"}, 1, {"p.csv:3", "two prices"}));
  write("p.csv", "task,price\nalpha,-1\n");
  EXPECT_TRUE(refused({"--prices", "p.csv", "--money", "5"}, 1, {"p.csv:2", "costs -1; it must be > 0"}));
  write("p.csv", "task,price\nalpha,7\n");
  EXPECT_TRUE(refused({"--prices", "p.csv", "--money", "5"}, 2, {"--money", "5 buys no row; the cheapest costs 7"}));
  EXPECT_TRUE(refused({"--prices", "p.csv"}, 2, {"--money must say"}));
  EXPECT_TRUE(
      refused({"--prices", "p.csv", "--money", "9", "--attackers", "beta"}, 2, {"\"beta\" has no price in p.csv"}));
  EXPECT_TRUE(refused({"--budget", "0.001"}, 2, {"buys no row"}));

  EXPECT_TRUE(refused({"--stealth", "colour"}, 2, {"--stealth: unknown screen \"colour\""}));
  EXPECT_TRUE(refused({"--stealth", "distance", "--stealth-quantile", "0"}, 2, {"quantile is 0"}));
  EXPECT_TRUE(
      refused({"--stealth", "distance", "--schema", "auto"}, 2, {"--stealth", "one-hot, binary or integer columns"}));
  EXPECT_TRUE(refused({"--objective", "relation"}, 2, {"--relation"}));
  EXPECT_TRUE(refused({"--relation", "alpha,beta,1"}, 2, {"--relation", "--objective relation"}));
  EXPECT_TRUE(
      refused({"--objective", "relation", "--relation", "alpha,1"}, 2, {"\"alpha,1\" is not TASK,TASK,CORRELATION"}));
  EXPECT_TRUE(refused({"--objective", "relation", "--relation", "alpha,beta,2"}, 2,
                      {"the correlation is 2; it must be in [-1, 1]"}));
  EXPECT_TRUE(
      refused({"--objective", "relation", "--relation", "alpha,alpha,1"}, 2, {"--relation", "task 1 is named twice"}));
  EXPECT_TRUE(refused({"--objective", "prediction"}, 2, {"--wanted"}));
  write("w.csv", "shop,stars,age\nalpha,1,2\n");
  EXPECT_TRUE(refused({"--objective", "prediction", "--wanted", "w.csv"}, 1,
                      {"w.csv", "no column \"size\"", "rows to learn from"}));
}

}  // namespace
