#include <signal.h>

#include <algorithm>
#include <chrono>
#include <sstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command.hpp"

using namespace cli;
using testing::HasSubstr;

namespace {

class Resume : public Command {
 protected:
  void SetUp() override { write("ratings.csv", ratings_csv()); }

  // 20 parts, each long enough to be caught at work.
  static std::vector<std::string> audit(const std::string& out) {
    return on_ratings("audit") + std::vector<std::string>{"--budgets", "0.4", "--iterations", "60",    "--step", "0.1",
                                                          "--threads", "1",   "--quiet",      "--out", out};
  }

  [[nodiscard]] std::size_t finished_parts(const std::string& out) const {
    std::error_code ignored;
    std::size_t count = 0;
    for (std::filesystem::directory_iterator entry(path(out) / "unfinished", ignored), end; !ignored && entry != end;
         entry.increment(ignored))
      count += static_cast<std::size_t>(entry->path().filename().string().find("-") != std::string::npos &&
                                        entry->path().extension() == ".json");
    return count;
  }

  // Runs the words and sends the signal as soon as so many parts are there.
  [[nodiscard]] Finished interrupted(const std::vector<std::string>& words, int signal, std::size_t parts) const {
    std::string script = "echo $$ > pid.new && mv pid.new pid && exec \"$CROSSTALK\"";
    for (const std::string& word : words) script += " '" + word + "'";
    std::filesystem::remove(path("pid"));
    Finished finished;
    std::thread runner([&] { finished = shell(script); });
    for (int wait = 0; wait < 60000 && (finished_parts("out") < parts || !std::filesystem::exists(path("pid"))); ++wait)
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    kill(static_cast<pid_t>(number(cells_of(read_file(path("pid"))).header.at(0))), signal);
    runner.join();
    return finished;
  }
};

TEST_F(Resume, AStoppedAuditGoesOnToTheSameEnd) {
  std::size_t parts = 3;
  std::vector<std::string> words = audit("out");
  for (const int signal : {SIGINT, SIGTERM}) {
    const auto stopped = interrupted(words, signal, parts);
    ASSERT_EQ(stopped.exit_code, 130) << stopped.err;
    EXPECT_THAT(stopped.err, HasSubstr("crosstalk: interrupted"));
    EXPECT_TRUE(stopped.out.empty());
    const auto left = files("out");
    EXPECT_FALSE(left.contains("report.html"));
    EXPECT_FALSE(left.contains("run.json"));
    for (const auto& [name, content] : left) {
      EXPECT_TRUE(name.starts_with("unfinished/") && name.ends_with(".json")) << name;
      EXPECT_TRUE(nlohmann::json::accept(content)) << name;
    }
    EXPECT_GE(finished_parts("out"), parts);
    EXPECT_LT(finished_parts("out"), 16U);
    parts = finished_parts("out") + 2;
    words = audit("out") + std::vector<std::string>{"--resume"};
  }

  ASSERT_TRUE(ended_well(crosstalk(words)));
  ASSERT_TRUE(ended_well(crosstalk(audit("whole"))));
  EXPECT_EQ(comparable("out"), comparable("whole"));
}

// Parts are told apart by what is in them: a part that is there is not computed again.
TEST_F(Resume, UsesTheFinishedParts) {
  ASSERT_EQ(interrupted(audit("out"), SIGINT, 2).exit_code, 130);
  const std::string part = "out/unfinished/scenario-1-random-0.4.json";
  auto changed = nlohmann::json::parse(read_file(path(part)));
  changed["utility"] = 123456.5;
  write(part, changed.dump());
  ASSERT_TRUE(ended_well(crosstalk(audit("out") + std::vector<std::string>{"--resume"})));
  EXPECT_EQ(record("out").at("audit").at("attacks")[0].at("utility"), 123456.5);
  EXPECT_FALSE(std::filesystem::exists(path("out/unfinished")));

  ASSERT_EQ(interrupted(audit("out"), SIGINT, 2).exit_code, 130);
  write("out/unfinished/novel.txt", "mine");
  ASSERT_TRUE(ended_well(crosstalk(audit("out"))));
  EXPECT_EQ(files("out/unfinished").size(), 1U);  // what is no part stays
  EXPECT_NE(record("out").at("audit").at("attacks")[0].at("utility"), 123456.5);
}

TEST_F(Resume, RefusesThePartsOfAnotherRunAndKeepsThem) {
  ASSERT_EQ(interrupted(audit("out"), SIGINT, 2).exit_code, 130);
  const auto before = files("out");
  EXPECT_TRUE(was_refused(crosstalk(audit("out") + std::vector<std::string>{"--seed", "2", "--resume"}), 1,
                          {"--resume", "out/unfinished", "another configuration"}));
  EXPECT_TRUE(
      was_refused(crosstalk(audit("out") + std::vector<std::string>{"--targets", "omega"}), 2, {"--targets", "omega"}));
  EXPECT_EQ(files("out"), before);
}

// The flags are the same, but what they name has changed.
TEST_F(Resume, RefusesThePartsOfOtherData) {
  write("prices.csv", "task,price\nalpha,2\nbeta,1\ngamma,1\ndelta,1\n");
  const auto words = audit("out") + std::vector<std::string>{"--prices", "prices.csv"};
  ASSERT_EQ(interrupted(words, SIGINT, 2).exit_code, 130);
  const auto before = files("out");
  const auto refused = [&] {
    return was_refused(crosstalk(words + std::vector<std::string>{"--resume"}), 1,
                       {"--resume", "out/unfinished", "other data"});
  };
  std::string fewer;  // without the last task
  std::istringstream lines(ratings_csv());
  for (std::string line; std::getline(lines, line);)
    if (!line.starts_with("delta")) fewer += line + "\n";
  write("ratings.csv", fewer);
  write("prices.csv", "task,price\nalpha,2\nbeta,1\ngamma,1\n");
  EXPECT_TRUE(refused());
  write("ratings.csv", ratings_csv());
  write("prices.csv", "task,price\nalpha,3\nbeta,1\ngamma,1\ndelta,1\n");
  EXPECT_TRUE(refused());
  EXPECT_EQ(files("out"), before);
}

TEST_F(Resume, ADamagedPartIsNamed) {
  ASSERT_EQ(interrupted(audit("out"), SIGINT, 2).exit_code, 130);
  const std::string part = "out/unfinished/scenario-1-random-0.4.json";
  const std::string good = read_file(path(part));
  write(part, "{\"rows\": ");
  EXPECT_TRUE(was_refused(crosstalk(audit("out") + std::vector<std::string>{"--resume"}), 1,
                          {"scenario-1-random-0.4.json", "without --resume"}));
  for (const std::string content : {"{\"rows\": 3}", "[]"}) {
    write(part, content);
    EXPECT_TRUE(
        was_refused(crosstalk(audit("out") + std::vector<std::string>{"--resume"}), 1, {"scenario-1-random-0.4"}))
        << content;
  }
  // Of the right form, but one number too few or too many.
  for (const char* key : {"loss", "metrics", "metric_curve", "correlation", "row_harm"})
    for (const bool longer : {false, true}) {
      auto changed = nlohmann::json::parse(good);
      if (longer || changed.at(key).empty())
        changed.at(key).push_back(changed.at("loss"));
      else
        changed.at(key).erase(changed.at(key).size() - 1);
      write(part, changed.dump());
      EXPECT_TRUE(
          was_refused(crosstalk(audit("out") + std::vector<std::string>{"--resume"}), 1, {"scenario-1-random-0.4"}))
          << key << longer;
    }
}

TEST_F(Resume, WithNothingToGoOnFromItStarts) {
  ASSERT_TRUE(
      ended_well(crosstalk(on_ratings("audit") + std::vector<std::string>{"--budgets", "0.4", "--iterations", "1",
                                                                          "--quiet", "--resume", "--out", "out"})));
  EXPECT_FALSE(std::filesystem::exists(path("out/unfinished")));
}

}  // namespace
