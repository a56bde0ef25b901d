#include <signal.h>

#include <chrono>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command.hpp"
#include "data/small_landmine.hpp"

using namespace cli;
using testing::HasSubstr;
using testing::Not;

namespace {

namespace mat = crosstalk::data::mat;

class Reproduce : public Command {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(path("sets/landmine"));
    write("sets/landmine/LandmineData.mat", crosstalk::data::small_landmine());
  }

  // With no other data in reach.
  [[nodiscard]] Finished reproduce(const std::vector<std::string>& words) const {
    return crosstalk_with(
        {"-u", "CROSSTALK_DATA", "XDG_CACHE_HOME=" + path("no cache").string(), "CROSSTALK_UNCHECKED_SETS=1"},
        std::vector<std::string>{"reproduce"} + words);
  }
  static std::vector<std::string> quick(const std::string& out) {
    return {"patom", "--data-dir", "sets", "--only", "figure1", "--seeds", "1", "--quiet", "--out", out};
  }
  [[nodiscard]] std::map<std::string, std::string> tables(const std::string& out) const {
    auto found = files(out);
    std::erase_if(found, [](const auto& file) { return !file.first.ends_with(".csv"); });
    return found;
  }
};

TEST_F(Reproduce, RunsWhatItCanAndSaysWhereToGetTheRest) {
  const auto ended = reproduce(quick("out"));
  EXPECT_EQ(ended.exit_code, 1);
  for (const std::string set : {"sarcos", "mnist"})
    EXPECT_THAT(ended.err, HasSubstr("crosstalk data fetch " + set)) << ended.err;
  EXPECT_THAT(ended.err, Not(HasSubstr("fetch landmine")));
  EXPECT_THAT(ended.out, HasSubstr("report: out/report.html"));
  const auto record = this->record("out").at("reproduction");
  EXPECT_EQ(record.at("missing").size(), 2U);
  ASSERT_FALSE(record.at("claims").empty());
  for (const auto& claim : record.at("claims")) EXPECT_EQ(claim.at("set"), "landmine");
  const auto written = files("out");
  for (const char* name : {"report.html", "claims.csv", "convergence.csv", "starts.csv",
                           "figures/figure-1-landmine.csv", "figures/figure-1-landmine-exact.csv"})
    EXPECT_TRUE(written.contains(name)) << name;
  EXPECT_THAT(written.at("report.html"), HasSubstr("A data set is missing"));
}

// Two runs with one seed, on one thread and on two, one of them killed and gone on with.
TEST_F(Reproduce, GivesTheSameTablesAgainAlsoAfterAKill) {
  ASSERT_EQ(reproduce(quick("whole") + std::vector<std::string>{"--threads", "2"}).exit_code, 1);
  std::string script =
      "export XDG_CACHE_HOME=\"$PWD/no cache\"; unset CROSSTALK_DATA; echo $$ > pid.new && mv pid.new pid && exec "
      "\"$CROSSTALK\" reproduce";
  for (const std::string& word : quick("out")) script += " '" + word + "'";
  Finished killed;
  std::thread runner([&] { killed = shell(script + " --threads 1"); });
  const auto parts = [&] {
    const auto left = files("out/unfinished");
    return std::count_if(left.begin(), left.end(), [](const auto& file) { return file.first.ends_with(".json"); });
  };
  for (int wait = 0; wait < 60000 && parts() < 3; ++wait) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  kill(static_cast<pid_t>(number(cells_of(read_file(path("pid"))).header.at(0))), SIGKILL);
  runner.join();
  ASSERT_FALSE(std::filesystem::exists(path("out/run.json"))) << "it ended before it was killed";
  EXPECT_EQ(reproduce(quick("out") + std::vector<std::string>{"--resume"}).exit_code, 1);
  EXPECT_GT(tables("whole").size(), 5U);
  EXPECT_EQ(tables("out"), tables("whole"));
  EXPECT_FALSE(std::filesystem::exists(path("out/unfinished")));
}

TEST_F(Reproduce, RefusesWhatItDoesNotKnowBeforeAnyWork) {
  EXPECT_TRUE(was_refused(reproduce({"mtl-eu", "--out", "out"}), 2, {"\"mtl-eu\" is not a paper", "patom"}));
  EXPECT_TRUE(was_refused(reproduce({}), 2, {"reproduce needs PAPER: patom"}));
  EXPECT_TRUE(was_refused(reproduce({"patom", "--only", "figure4"}), 2, {"--only", "\"figure4\"", "figure3"}));
  EXPECT_TRUE(was_refused(reproduce({"patom", "--only", ","}), 2, {"--only", "no figure"}));
  EXPECT_TRUE(was_refused(reproduce({"patom", "--seeds", "0"}), 2, {"--seeds"}));
  EXPECT_TRUE(was_refused(reproduce({"patom", "--figures", "gif"}), 2, {"--figures", "gif"}));
  EXPECT_FALSE(std::filesystem::exists(path("out")));
}

TEST_F(Reproduce, NamesASetThatIsNotThePapers) {
  write("sets/landmine/LandmineData.mat", mat::file(mat::two_tasks()));
  const auto ended = reproduce(quick("out"));
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.err, HasSubstr("crosstalk: landmine: "));
}

TEST_F(Reproduce, WithoutAnyDataTheReportSaysSo) {
  const auto ended = reproduce({"patom", "--data-dir", "nowhere", "--quiet", "--out", "out"});
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.err, HasSubstr("crosstalk data fetch landmine"));
  EXPECT_THAT(files("out").at("report.html"), HasSubstr("A data set is missing"));
}

// Every method of the second paper on a set that is drawn, so that no data is needed; parts that are there are used.
TEST_F(Reproduce, MtlUeJudgesProtectionsAndKeepsItsParts) {
  if (!CROSSTALK_HAS_NETWORKS) GTEST_SKIP() << "built without LibTorch";
  const std::vector<std::string> words = {"mtl-ue",   "--sets", "shapes-dense", "--victims", "mtl",    "--seeds", "1",
                                          "--epochs", "1",      "--images",     "60",        "--quiet"};
  ASSERT_TRUE(ended_well(reproduce(words + std::vector<std::string>{"--methods", "clean", "--out", "o", "--json"})));
  const auto again =
      reproduce(words + std::vector<std::string>{"--methods", "clean,noise,lsp-patch", "--resume", "--out", "o"});
  ASSERT_TRUE(ended_well(again));
  EXPECT_THAT(again.out, HasSubstr("shapes-dense  holds          no pixel changes by more than 8 levels"));
  const auto trials = cells_of(read_file(path("o/shapes-dense.csv")));
  ASSERT_EQ(trials.rows.size(), 2U) << "patterns of classes are for tasks with classes";
  EXPECT_EQ(trials.rows[1][0], "noise");
  EXPECT_THAT(read_file(path("o/report.html")), HasSubstr("Unlearnable multi-task images"));

  const auto refused = [&](const std::vector<std::string>& more, int code, const std::vector<std::string>& parts) {
    EXPECT_TRUE(
        was_refused(reproduce(std::vector<std::string>{"mtl-ue", "--quiet", "--out", "r"} + more), code, parts));
  };
  refused({"--sets", "faces"}, 2, {"--sets", "faces", "cmu-faces"});
  refused({"--methods", "glaze", "--sets", "shapes-dense"}, 2, {"glaze"});
  refused({"--victims", "both", "--sets", "shapes-dense"}, 2, {"both"});
  refused({"--only", "figure1"}, 2, {"--only", "patom"});
  EXPECT_TRUE(was_refused(reproduce({"patom", "--methods", "tap", "--quiet"}), 2, {"--methods", "mtl-ue"}));
}

}  // namespace
