#include <random>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "cli/command.hpp"

namespace {

using cli::cells_of;
using cli::ended_well;
using cli::operator+;
using cli::read_file;
using cli::was_refused;
using testing::HasSubstr;
using testing::Not;

const std::string kHeader = "shop,stars,size,light\n";

// Rows of one law; `shift` is added to the label.
std::string rows(const std::vector<std::string>& shops, int count, unsigned seed, double shift = 0.0) {
  std::mt19937 random(seed);
  const auto uniform = [&] { return static_cast<double>(random() % 2001) / 1000.0 - 1.0; };
  std::string text;
  for (const std::string& shop : shops)
    for (int row = 0; row < count; ++row) {
      const double size = uniform();
      const double light = uniform();
      text += fmt::format("{},{:.3f},{:.3f},{:.3f}\n", shop, 3.0 + size + 0.5 * light + 0.2 * uniform() + shift, size,
                          light);
    }
  return text;
}

class ScreenCommand : public cli::Command {
 protected:
  void SetUp() override { write("trusted.csv", kHeader + rows({"alpha", "beta", "gamma"}, 60, 1)); }
  [[nodiscard]] cli::Finished screen(const std::string& batch, const std::vector<std::string>& more = {}) const {
    write("new.csv", batch);
    return crosstalk(std::vector<std::string>{"screen", "new.csv", "--against", "trusted.csv", "--task", "shop",
                                              "--label", "stars", "--lambda1", "0.001", "--lambda2", "0.001", "--quiet",
                                              "--out", "out"} +
                     more);
  }
};

TEST_F(ScreenCommand, RejectsWhatWasInjectedAndKeepsTheRest) {
  const std::string honest = rows({"alpha", "beta", "gamma"}, 15, 2);
  const std::string injected = rows({"beta"}, 30, 3, 6.0);  // 75 rows: 1/181 <= 0.05 k / 75 from k = 9 on
  const auto ended = screen(kHeader + honest + injected, {"--tolerate", "0.1"});
  EXPECT_EQ(ended.exit_code, 5);
  EXPECT_EQ(ended.err, "");
  EXPECT_THAT(ended.out, HasSubstr("more than the 10 % that are tolerated"));
  EXPECT_THAT(ended.out, HasSubstr("the smallest p is 1/181: rows are rejected only 9 or more at a time"));
  const auto flags = cells_of(read_file(path("out/flags.csv")));
  ASSERT_EQ(flags.rows.size(), 75U);
  int found = 0;
  int wrong = 0;
  for (const auto& row : flags.rows) {
    const bool is_injected = cli::number(row[flags.column("line")]) > 46.0;
    const bool rejected = row[flags.column("rejected")] == "yes";
    (is_injected ? found : wrong) += rejected ? 1 : 0;
    EXPECT_EQ(row[flags.column("flagged")] == "yes", cli::number(row[flags.column("p")]) <= 0.05);
    if (is_injected) {
      EXPECT_EQ(row[flags.column("reasons")], "residual");
      EXPECT_EQ(row[flags.column("task")], "beta");
    }
  }
  EXPECT_EQ(found, 30);
  EXPECT_LE(wrong, 2);
  const auto record = this->record("out").at("screen");
  EXPECT_EQ(record.at("rejected"), found + wrong);
  EXPECT_EQ(record.at("rows"), 75);
  EXPECT_EQ(record.at("more_than_tolerated"), true);
  // The record repeats the run.
  EXPECT_EQ(crosstalk({"screen", "--config", "out/run.json", "--quiet", "--out", "again"}).exit_code, 5);
  EXPECT_EQ(read_file(path("again/flags.csv")), read_file(path("out/flags.csv")));
  const auto tasks = cells_of(read_file(path("out/tasks.csv")));
  EXPECT_EQ(tasks.rows[0][tasks.column("task")], "beta");
  EXPECT_NEAR(cli::number(tasks.rows[0][tasks.column("p")]), 45.0 / 30.0 / 181.0, 1e-12);  // Simes
  EXPECT_EQ(tasks.rows[0][tasks.column("rejected")], "yes");                               // 0.0083 <= 0.05 / 3
  const std::string accepted = read_file(path("out/accepted.csv"));
  EXPECT_THAT(accepted, testing::StartsWith(kHeader));
  EXPECT_EQ(cells_of(accepted).rows.size(), 75U - static_cast<std::size_t>(found + wrong));
}

TEST_F(ScreenCommand, LetsHonestRowsIn) {
  const auto ended = screen(kHeader + rows({"alpha", "beta", "gamma"}, 15, 2), {"--tolerate", "0.1"});
  ASSERT_TRUE(ended_well(ended));
  EXPECT_THAT(ended.out, HasSubstr("no more than the 10 % that are tolerated"));
}

TEST_F(ScreenCommand, NamesTasksThatItDoesNotKnow) {
  const auto ended =
      screen(kHeader + rows({"alpha"}, 5, 2) + rows({"delta", "epsilon"}, 10, 4), {"--reference", "task"});
  ASSERT_TRUE(ended_well(ended));
  EXPECT_THAT(ended.out, HasSubstr("20 rows are of tasks that the trusted file does not know"));
  EXPECT_THAT(ended.out, HasSubstr("delta"));
  EXPECT_EQ(record("out").at("screen").at("unknown_tasks"), (nlohmann::json{"delta", "epsilon"}));
  const auto tasks = cells_of(read_file(path("out/tasks.csv")));
  ASSERT_EQ(tasks.rows.size(), 3U);
  for (const auto& row : tasks.rows) {
    EXPECT_EQ(row[tasks.column("known")], row[0] == "alpha" ? "yes" : "no");
    EXPECT_EQ(row[tasks.column("trusted rows")], row[0] == "alpha" ? "60" : "180");
  }
}

TEST_F(ScreenCommand, SaysWhatItMakesOfOtherColumns) {
  const std::string law = rows({"alpha"}, 4, 2);
  std::string wider = "note,stars,light,shop,size\n";
  for (const auto& row : cells_of(kHeader + law).rows)
    wider += fmt::format("x,{},{},{},{}\n", row[1], row[3], row[0], row[2]);
  const auto ended = screen(wider);
  ASSERT_TRUE(ended_well(ended));
  EXPECT_THAT(ended.out, HasSubstr("a column was passed over, which the rows to learn from do not have: \"note\"\n"));
  EXPECT_EQ(ended.out.find("passed over"), ended.out.rfind("passed over"));
  EXPECT_TRUE(was_refused(screen("shop,stars,size\nalpha,1,2\n"), 1, {"new.csv", "\"light\""}));
  EXPECT_TRUE(was_refused(screen("shop,size,light\nalpha,1,2\n"), 1, {"new.csv", "\"stars\""}));
  EXPECT_TRUE(was_refused(screen(kHeader + "alpha,3,far,1\n"), 1, {"new.csv", "\"size\"", "far"}));
  EXPECT_TRUE(was_refused(screen(kHeader), 1, {"new.csv"}));
}

TEST_F(ScreenCommand, RefusesWhatItCannotScreen) {
  EXPECT_TRUE(was_refused(screen(kHeader + rows({"alpha"}, 4, 2), {"--alpha", "0.7"}), 2, {"--alpha", "0.7"}));
  EXPECT_TRUE(was_refused(screen(kHeader + rows({"alpha"}, 4, 2), {"--tolerate", "1"}), 2, {"--tolerate", "1"}));
  EXPECT_TRUE(was_refused(screen(kHeader + rows({"alpha"}, 4, 2), {"--reference", "none"}), 2, {"--reference"}));
  EXPECT_TRUE(was_refused(crosstalk({"screen", "new.csv"}), 2, {"--against"}));
  EXPECT_TRUE(was_refused(crosstalk({"screen", "--against", "trusted.csv"}), 2, {"NEW"}));
  EXPECT_TRUE(
      was_refused(crosstalk({"screen", "none.csv", "--against", "trusted.csv", "--task", "shop", "--label", "stars"}),
                  1, {"none.csv"}));
}

TEST_F(ScreenCommand, TheHelpHasTheExitCodes) {
  const auto help = crosstalk({"screen", "--help"});
  EXPECT_EQ(help.exit_code, 0);
  for (const char* code : {"130 interrupted", "2 wrong usage", "1 wrong data", "3 a fit", "5 more rows"})
    EXPECT_THAT(help.out, HasSubstr(code));
}

}  // namespace
