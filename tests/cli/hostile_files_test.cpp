#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command.hpp"
#include "crosstalk/image/codec.hpp"
#include "data/tar_bytes.hpp"

using namespace cli;
using testing::HasSubstr;
namespace fs = std::filesystem;

namespace {

// What lies where the command writes, and what it is given to read, may be anybody's.
class HostileFiles : public Command {
 protected:
  void SetUp() override { write("ratings.csv", ratings_csv()); }
  static std::vector<std::string> fit(const std::string& out) {
    return on_ratings("fit") + std::vector<std::string>{"--quiet", "--out", out};
  }
  static std::vector<std::string> audit(const std::string& out) {
    return on_ratings("audit") +
           std::vector<std::string>{"--budgets", "0.4", "--method", "random", "--quiet", "--out", out};
  }
  static std::string png(std::uint8_t level) {
    return crosstalk::image::encode_png({1, 16, 16}, std::vector<std::uint8_t>(256, level));
  }
  void write_photos() const {
    fs::create_directories(path("photos"));
    std::string labels = "file,lit\n";
    for (int i = 0; i < 4; ++i) {
      write(fmt::format("photos/{}.png", i), png(static_cast<std::uint8_t>(60 * i)));
      labels += fmt::format("{}.png,{}\n", i, i % 2);
    }
    write("photos/labels.csv", labels);
  }
  static std::vector<std::string> protect(const std::string& data, const std::string& out) {
    return {"protect", data, "--method", "lsp", "--quiet", "--out", out};
  }
  [[nodiscard]] mode_t mode(const std::string& name) const {
    struct stat status {};
    EXPECT_EQ(stat(path(name).c_str(), &status), 0) << name;
    return status.st_mode & 07777U;
  }
};

TEST_F(HostileFiles, ATarWritesNothingOutsideOut) {
  for (const std::string name : {"../../1_0_0_x.png", "/1_0_0_x.png", "a/../../../1_0_0_x.png"}) {
    write("evil.tar", crosstalk::data::tar_member("2_1_1_y.png", png(1)) + crosstalk::data::tar_member(name, png(2)) +
                          crosstalk::data::tar_end());
    EXPECT_TRUE(was_refused(crosstalk(protect("evil.tar", "deep/out")), 1, {"evil.tar", "1_0_0_x.png", "leads out"}));
    EXPECT_FALSE(fs::exists(path("1_0_0_x.png")));
    EXPECT_TRUE(files("deep").empty());
  }
}

TEST_F(HostileFiles, OriginalsAreNotReplacedThroughALink) {
  write_photos();
  const std::string original = read_file(path("photos/0.png"));
  fs::create_directories(path("out/images"));
  fs::create_symlink(path("photos/0.png"), path("out/images/0.png"));
  EXPECT_TRUE(was_refused(crosstalk(protect("photos", "out")), 1, {"out/images/0.png", "symbolic link"}));
  fs::remove_all(path("out"));
  fs::create_directories(path("out"));
  fs::create_directories(path("elsewhere"));
  fs::create_symlink(path("elsewhere"), path("out/images"));
  EXPECT_TRUE(was_refused(crosstalk(protect("photos", "out")), 1, {"out/images", "symbolic link"}));
  EXPECT_TRUE(fs::is_empty(path("elsewhere")));
  EXPECT_EQ(read_file(path("photos/0.png")), original);
}

TEST_F(HostileFiles, AnInputIsNotReplacedByAResult) {
  for (const auto& [command, name] : {std::pair{"attack", "poisoned.csv"},
                                      {"defend", "flags.csv"},
                                      {"fit", "weights.csv"},
                                      {"audit", "attacks.csv"}}) {
    write(name, ratings_csv());
    auto words = on_ratings(command) + std::vector<std::string>{"--quiet", "--out", "."};
    words[1] = name;
    if (std::string(command) == "audit" || std::string(command) == "attack")
      words = words + std::vector<std::string>{"--budget", "0.4", "--iterations", "1"};
    if (std::string(command) == "audit") words[words.size() - 4] = "--budgets";
    EXPECT_TRUE(was_refused(crosstalk(words), 1, {name, "is an input of this run"})) << command;
    EXPECT_EQ(read_file(path(name)), ratings_csv()) << command;
  }
}

TEST_F(HostileFiles, AFolderThatIsNotOursIsNotRemoved) {
  fs::create_directories(path("unfinished/deeper"));
  for (const std::string name :
       {"unfinished/novel.txt", "unfinished/configuration.json", "unfinished/deeper/plan.json"})
    write(name, "{\"mine\": 1}");
  const auto before = files("unfinished");
  EXPECT_TRUE(was_refused(crosstalk(audit(".")), 1, {"./unfinished", "there already"}));
  EXPECT_EQ(files("unfinished"), before);
}

TEST_F(HostileFiles, ASecondRunIntoAFolderIsRefused) {
  ASSERT_TRUE(ended_well(crosstalk(fit("out"))));
  const auto before = files("out");
  const int other = open(path("out").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ASSERT_EQ(flock(other, LOCK_EX), 0);
  EXPECT_TRUE(was_refused(crosstalk(fit("out")), 1, {"--out: out", "another run"}));
  close(other);
  EXPECT_EQ(files("out"), before);
  EXPECT_TRUE(ended_well(crosstalk(fit("out"))));
}

TEST_F(HostileFiles, AfterAFailedRerunNoOldRecordStandsBesideNewFiles) {
  ASSERT_TRUE(ended_well(crosstalk(audit("out"))));
  fs::remove_all(path("out/figures"));
  write("out/figures", "in the way");
  EXPECT_EQ(crosstalk(audit("out")).exit_code, 1);
  EXPECT_FALSE(fs::exists(path("out/run.json")));
  EXPECT_FALSE(fs::exists(path("out/report.html")));
}

TEST_F(HostileFiles, PermissionsStay) {
  ASSERT_TRUE(ended_well(crosstalk(fit("out"))));
  chmod(path("out/weights.csv").c_str(), 0600);
  ASSERT_TRUE(ended_well(crosstalk(fit("out"))));
  EXPECT_EQ(mode("out/weights.csv"), 0600U);
}

TEST_F(HostileFiles, APathThatIsNotUtf8GetsARecord) {
  ASSERT_TRUE(ended_well(crosstalk(fit("\351t\351"))));
  EXPECT_THAT(record("\351t\351").at("fit").at("model_file"), HasSubstr("model.json"));
}

TEST_F(HostileFiles, APipeInPlaceOfAFileIsOneLineAndNoWait) {
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  auto words = fit("out");
  words[1] = "pipe";
  EXPECT_TRUE(was_refused(crosstalk(words), 1, {"pipe", "nobody writes"}));
  EXPECT_TRUE(was_refused(crosstalk(fit("out") + std::vector<std::string>{"--config", "pipe"}), 1, {"pipe"}));
  fs::create_directories(path("out"));
  ASSERT_EQ(mkfifo(path("out/weights.csv").c_str(), 0600), 0);
  EXPECT_TRUE(was_refused(crosstalk(fit("out")), 1, {"out/weights.csv", "no regular file"}));
  ASSERT_EQ(mkfifo(path("set.tar").c_str(), 0600), 0);
  EXPECT_TRUE(was_refused(crosstalk(protect("set.tar", "p")), 1, {"set.tar", "no regular file"}));
}

TEST_F(HostileFiles, DeepConfigurationsAreRefused) {
  const std::string deep(200'000, '[');
  write("deep.json", "{\"configuration\": {\"loss\": " + deep + std::string(200'000, ']') + "}}");
  EXPECT_TRUE(was_refused(crosstalk(fit("out") + std::vector<std::string>{"--config", "deep.json"}), 1,
                          {"deep.json", "nested more than"}));
  EXPECT_TRUE(
      was_refused(crosstalk(fit("out") + std::vector<std::string>{"--loss", deep.substr(0, 100'000)}), 2, {"--loss"}));
}

TEST_F(HostileFiles, NoNumberOfAFlagIsInfiniteOrNaN) {
  write_photos();
  for (const std::string value : {"nan", "inf", "-inf"}) {
    EXPECT_EQ(crosstalk(protect("photos", "out") + std::vector<std::string>{"--max-minutes", value}).exit_code, 2)
        << value;
    EXPECT_EQ(crosstalk(fit("out") + std::vector<std::string>{"--tolerance", value}).exit_code, 2) << value;
    EXPECT_EQ(crosstalk(fit("out") + std::vector<std::string>{"--max-memory", value}).exit_code, 2) << value;
  }
  EXPECT_TRUE(files("out").empty());
}

TEST_F(HostileFiles, APackedFileUnpacksToNoMoreThanIsAllowed) {
  ASSERT_EQ(shell("{ cat ratings.csv; head -c 3000000 /dev/zero | tr '\\0' '\\n'; } | gzip > bomb.csv.gz").exit_code,
            0);
  auto words = fit("out");
  words[1] = "bomb.csv.gz";
  EXPECT_TRUE(was_refused(crosstalk(words + std::vector<std::string>{"--max-memory", "2"}), 1,
                          {"bomb.csv.gz", "more than 2 MB", "--max-memory"}));
}

TEST_F(HostileFiles, ASparseFileUnpacksToNoMoreThanIsAllowed) {
  write("wide.svm", "1 qid:a 90000000:1\n-1 qid:a 1:1\n1 qid:b 1:2\n-1 qid:b 2:1\n");
  EXPECT_TRUE(was_refused(crosstalk({"fit", "wide.svm", "--max-memory", "1000"}), 1,
                          {"wide.svm", "more than 1000 MB", "--max-memory"}));
}

// A drawing goes through memory: while gnuplot is at work there is nothing of it in the folder to be left behind.
TEST_F(HostileFiles, AStopWhileDrawingLeavesNoFileOfGnuplots) {
  fs::create_directories(path("bin"));
  write("bin/gnuplot", "#!/bin/sh\necho \"$@\" > ../../words\necho x > ../../drawing\nsleep 3\n");
  chmod(path("bin/gnuplot").c_str(), 0755);
  std::string script =
      "PATH=\"$PWD/bin:$PATH\"; export PATH; echo $$ > pid.new && mv pid.new pid && exec \"$CROSSTALK\"";
  for (const std::string& word : audit("out")) script += " '" + word + "'";
  Finished finished;
  std::thread runner([&] { finished = shell(script); });
  for (int wait = 0; wait < 20000 && !fs::exists(path("drawing")); ++wait)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  kill(static_cast<pid_t>(number(cells_of(read_file(path("pid"))).header.at(0))), SIGHUP);
  runner.join();
  EXPECT_EQ(finished.exit_code, 130) << finished.err;
  for (const auto& [name, content] : files("out")) EXPECT_THAT(name, testing::Not(HasSubstr("tmp")));
  EXPECT_THAT(read_file(path("words")), testing::StartsWith("-d "));  // without the user's own settings
}

// A hard stop leaves what it was writing; the next run clears it away, and is not hindered by it.
TEST_F(HostileFiles, WhatAKilledRunLeftIsClearedAway) {
  write_photos();
  ASSERT_TRUE(ended_well(crosstalk(protect("photos", "out"))));
  const auto whole = files("out/images");
  write("out/images/.crosstalk-123-0.tmp", "half a file");
  write("out/.crosstalk-123-1.tmp", "half a file");
  ASSERT_TRUE(ended_well(crosstalk(protect("photos", "out"))));
  EXPECT_EQ(files("out/images"), whole);
  EXPECT_FALSE(fs::exists(path("out/.crosstalk-123-1.tmp")));
}

}  // namespace
