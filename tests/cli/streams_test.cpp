#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command.hpp"

using namespace cli;
using testing::HasSubstr;

namespace {

// The end of what a run writes to, on each side: a full disk, a closed stream.
class Streams : public Command {
 protected:
  void SetUp() override { write("ratings.csv", ratings_csv()); }
  static constexpr const char* columns =
      " ratings.csv --task shop --label stars --lambda1 0.01 --iterations 1 --quiet --out out";
  static constexpr const char* fit = " ratings.csv --task shop --label stars --lambda1 0.01 --quiet --out out";
};

TEST_F(Streams, AResultThatCannotBePrintedIsAnError) {
  for (const std::string where : {">/dev/full", ">&-"})
    for (const std::string& words :
         {std::string("fit") + fit, std::string("fit --json") + fit, std::string("attack") + columns,
          std::string("data list"), std::string("data list --json"),
          std::string("data describe ratings.csv --task shop --label stars"), std::string("--help"),
          std::string("fit --help"), std::string("--version")}) {
      const auto ended = shell("\"$CROSSTALK\" " + words + " " + where);
      EXPECT_TRUE(was_refused(ended, 1, {"stdout"})) << words << where;
    }
}

TEST_F(Streams, AClosedPipeIsAnErrorAndNotADeath) {
  const auto ended = shell("{ \"$CROSSTALK\" data list; echo $? > code; } | true; cat code");
  EXPECT_THAT(ended.out, testing::AnyOf("1\n", "0\n"));  // 0: all was written before the reader ended
  const auto late = shell("{ sleep 0.2; \"$CROSSTALK\" data list; echo $? > code; } | true; cat code");
  EXPECT_EQ(late.out, "1\n");
}

TEST_F(Streams, MessagesThatNobodyHearsDoNotMatter) {
  for (const std::string where : {"2>/dev/full", "2>&-"}) {
    EXPECT_EQ(shell("\"$CROSSTALK\" fti " + where).exit_code, 2) << where;
    EXPECT_EQ(shell("\"$CROSSTALK\" fit nothing.csv " + where).exit_code, 1) << where;
    // Without gnuplot there is something to say, and still a result.
    const auto audit = shell(
        "PATH=/nonexistent \"$CROSSTALK\" audit ratings.csv --task shop --label stars --lambda1 0.01 --budgets 0.4 "
        "--iterations 1 --out out " +
        where);
    EXPECT_EQ(audit.exit_code, 0) << where;
    EXPECT_THAT(audit.out, HasSubstr("report.html"));
  }
}

TEST_F(Streams, QuietSaysNothing) {
  const auto ended = crosstalk_with(
      {"PATH=/nonexistent"}, on_ratings("audit") + std::vector<std::string>{"--budgets", "0.4", "--iterations", "1",
                                                                            "--quiet", "--out", "out"});
  EXPECT_TRUE(ended_well(ended));
}

// OpenBLAS asks for ever for memory that it cannot have; as it is loaded, and for every thread.
TEST_F(Streams, TooLittleMemoryIsSaidAndEnds) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer itself needs more than these limits";
#endif
  for (const int kilobytes : {130'000, 200'000, 300'000}) {
    const auto ended = shell(fmt::format("ulimit -v {}; timeout 20 \"$CROSSTALK\" --version", kilobytes));
    if (ended.exit_code == 127) continue;  // not even its libraries fit
    EXPECT_TRUE(was_refused(ended, 1, {"out of memory", "ulimit -v"})) << kilobytes;
  }
  const auto ended = shell(std::string("ulimit -v 1000000; timeout 20 \"$CROSSTALK\" fit --threads 64") + fit);
  EXPECT_TRUE(was_refused(ended, 1, {"--threads", "64 threads", "ulimit -v"}));
}

// Every file is whole or not there, wherever the disk ends. A limit on the size of a file stands for the disk.
TEST_F(Streams, AFullDiskLeavesNoHalfFile) {
  ASSERT_TRUE(ended_well(shell(std::string("\"$CROSSTALK\" audit --budgets 0.4") + columns)));
  const auto whole = files("out");
  int refused = 0;
  for (const int blocks : {1, 4, 16, 64}) {  // of 512 bytes
    std::filesystem::remove_all(path("out"));
    const auto ended = shell(fmt::format("ulimit -f {}; exec \"$CROSSTALK\" audit --budgets 0.4{}", blocks, columns));
    refused += static_cast<int>(ended.exit_code == 1);
    EXPECT_TRUE(ended.exit_code == 1 && was_refused(ended, 1, {"out/", "cannot be written", "File too large"}))
        << blocks << ended.err;
    for (const auto& [name, content] : files("out")) {
      EXPECT_THAT(name, testing::Not(HasSubstr("tmp"))) << blocks;
      if (name.starts_with("unfinished/")) {
        EXPECT_TRUE(nlohmann::json::accept(content)) << name;
      } else {
        EXPECT_TRUE(content == whole.at(name)) << name << " at " << blocks;  // a difference would fill the screen
      }
    }
    EXPECT_FALSE(files("out").contains("run.json")) << blocks;
  }
  EXPECT_EQ(refused, 4);
}

// Also where there is no room for the message itself.
TEST_F(Streams, AFullDiskEndsFitAndAttack) {
  for (const std::string& words : {std::string("fit") + fit, std::string("attack") + columns}) {
    std::filesystem::remove_all(path("out"));
    const auto ended = shell("ulimit -f 0; exec \"$CROSSTALK\" " + words);
    EXPECT_EQ(ended.exit_code, 1) << words;
    EXPECT_TRUE(files("out").empty()) << words;
  }
}

TEST_F(Streams, AnOutputFolderThatCannotBeMadeIsNamed) {
  write("file", "here");
  for (const std::string out : {"file", "file/below", "/dev/null/below"}) {
    auto words = on_ratings("fit") + std::vector<std::string>{"--out", out};
    EXPECT_TRUE(was_refused(crosstalk(words), 1, {"--out", out})) << out;
  }
  EXPECT_EQ(read_file(path("file")), "here");
  const auto in_proc =
      crosstalk(on_ratings("fit") + std::vector<std::string>{"--out", "/proc"});  // not even root can write here
  EXPECT_TRUE(was_refused(in_proc, 1, {"/proc"}));
}

TEST_F(Streams, AFolderWithoutTheRightToWriteIsNamed) {
  if (geteuid() == 0) GTEST_SKIP() << "root may write anywhere";
  std::filesystem::create_directory(path("locked"));
  chmod(path("locked").c_str(), 0500);
  EXPECT_TRUE(
      was_refused(crosstalk(on_ratings("fit") + std::vector<std::string>{"--out", "locked"}), 1, {"--out", "locked"}));
  EXPECT_TRUE(was_refused(crosstalk(on_ratings("fit") + std::vector<std::string>{"--out", "locked/below"}), 1,
                          {"--out", "locked/below"}));
}

}  // namespace
