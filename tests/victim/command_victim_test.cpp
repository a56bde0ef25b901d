#include "crosstalk/victim/command_victim.hpp"

#include <chrono>
#include <csignal>
#include <fstream>
#include <stdexcept>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/temporary_folder.hpp"

namespace crosstalk::victim {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string content_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// The process is there and is no zombie.
bool runs(pid_t process) {
  const std::string state = content_of("/proc/" + std::to_string(process) + "/stat");
  const auto behind_name = state.rfind(')');
  return behind_name != std::string::npos && state.size() > behind_name + 2 && state[behind_name + 2] != 'Z';
}

bool ends_soon(pid_t process) {
  for (int i = 0; i < 400 && runs(process); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return !runs(process);
}

struct Trial {
  data::TemporaryFolder place;
  CommandVictim victim;

  explicit Trial(std::string command) {
    victim.command = std::move(command);
    victim.train = place.write("train/labels.csv", "file,a\n").parent_path();
    victim.test = place.write("test/1.png", "picture").parent_path();
    victim.predictions = place / "predictions.csv";
    victim.folder = place / "work";
    victim.log = place / "log.txt";
    victim.most_seconds = 20;
  }
  [[nodiscard]] CommandOutcome outcome() const { return run_command(victim); }
  [[nodiscard]] std::string failure() const { return outcome().failure; }
  // A process that the command noted in the file `pid`.
  [[nodiscard]] pid_t noted() const {
    for (int i = 0; i < 400 && content_of(place / "work/pid").empty(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return std::stoi(content_of(place / "work/pid"));
  }
};

TEST(CommandVictim, GetsItsPathsAndSeedAndGivesItsPredictions) {
  Trial run(
      "echo said; cat {train}/labels.csv > {predictions}; ls {test} >> \"$CROSSTALK_PREDICTIONS\"; "
      "echo $CROSSTALK_SEED $CROSSTALK_TRAIN $CROSSTALK_TEST >> {predictions}; touch here");
  run.victim.seed = 7;
  const CommandOutcome outcome = run.outcome();
  EXPECT_EQ(outcome.failure, "");
  EXPECT_EQ(outcome.predictions,
            "file,a\n1.png\n7 " + run.victim.train.string() + " " + run.victim.test.string() + "\n");
  EXPECT_EQ(content_of(run.victim.log), "said\n");
  EXPECT_TRUE(std::filesystem::exists(run.place / "work/here"));
}

TEST(CommandVictim, PathsWithBlanksAndQuotesReachTheCommandWhole) {
  Trial run("cat {train} > {predictions}");
  run.victim.train = run.place.write("it's a set/train $HOME.csv", "row\n");
  EXPECT_EQ(run.outcome().predictions, "row\n");
  EXPECT_THAT(filled_in(run.victim), HasSubstr("'\\''s a set/train $HOME.csv'"));
}

TEST(CommandVictim, FailuresAreOneLineThatSaysWhatHappened) {
  EXPECT_EQ(Trial("echo no such column; exit 3").failure(), "exit status 3; its last line: no such column");
  EXPECT_THAT(Trial("kill -SEGV $$").failure(), HasSubstr("signal 11 ended it"));
  EXPECT_EQ(Trial("true").failure(), "it wrote no predictions.csv");
  EXPECT_EQ(Trial("touch {predictions}").failure(), "its predictions.csv is empty");
  EXPECT_EQ(Trial("ln -s /etc/passwd {predictions}").failure(), "it wrote no predictions.csv");
  EXPECT_THAT(Trial("no-such-program-anywhere").failure(), AllOf(HasSubstr("exit status 127"), HasSubstr("not found")));
}

TEST(CommandVictim, PredictionsOfAnEarlierRunDoNotCount) {
  const Trial run("true");
  run.place.write("predictions.csv", "old\n");
  EXPECT_EQ(run.failure(), "it wrote no predictions.csv");
}

TEST(CommandVictim, AChangeOfItsInputsIsNamed) {
  EXPECT_EQ(Trial("echo 1 > {predictions}; echo x >> {train}/labels.csv").failure(),
            "it changed its inputs: train/labels.csv");
  EXPECT_EQ(Trial("echo 1 > {predictions}; rm {test}/1.png").failure(), "it changed its inputs: test/1.png");
  EXPECT_EQ(Trial("echo 1 > {predictions}; touch {test}/cache").failure(), "it changed its inputs: test/cache");
  EXPECT_EQ(Trial("echo 1 > {predictions}; rm -r {train}; ln -s / {train}").failure(),
            "it changed its inputs: train/labels.csv");
  Trial file("echo 1 > {predictions}; echo x >> {train}");
  file.victim.train = file.place.write("train.csv", "a\n");
  EXPECT_EQ(file.failure(), "it changed its inputs: train.csv");
}

TEST(CommandVictim, WhenTheTimeIsUpAllOfItsProcessesEnd) {
  Trial run("sleep 100 & echo $! > pid; sleep 100");
  run.victim.most_seconds = 0.3;
  const CommandOutcome outcome = run.outcome();
  EXPECT_EQ(outcome.failure, "it took longer than 0.3 s and was ended");
  EXPECT_LT(outcome.seconds, 15.0);
  EXPECT_TRUE(ends_soon(run.noted()));
}

TEST(CommandVictim, ProcessesThatItLeavesBehindEndWithIt) {
  const Trial run("sleep 100 & echo $! > pid; echo 1 > {predictions}");
  EXPECT_EQ(run.outcome().predictions, "1\n");
  EXPECT_TRUE(ends_soon(run.noted()));
}

TEST(CommandVictim, AStopEndsItWithoutAFailure) {
  const Trial run("echo $$ > pid; sleep 100");
  std::stop_source stop;
  std::jthread asks([&] {
    static_cast<void>(run.noted());
    stop.request_stop();
  });
  const CommandOutcome outcome = run_command(run.victim, stop.get_token());
  EXPECT_TRUE(outcome.stopped);
  EXPECT_EQ(outcome.failure, "");
  EXPECT_TRUE(ends_soon(run.noted()));
}

TEST(CommandVictim, RunsAtTheSameTimeEndOneByOne) {
  const Trial first("echo $$ > pid; sleep 100");
  const Trial second("echo $$ > pid; until [ -e stop ]; do sleep 0.01; done; echo 1 > {predictions}");
  std::stop_source stop;
  CommandOutcome of_first;
  CommandOutcome of_second;
  std::jthread one([&] { of_first = run_command(first.victim, stop.get_token()); });
  static_cast<void>(first.noted());
  std::jthread other([&] { of_second = second.outcome(); });
  static_cast<void>(second.noted());
  stop.request_stop();
  one.join();
  EXPECT_TRUE(of_first.stopped) << "it ends while the other goes on";
  EXPECT_TRUE(runs(second.noted()));
  second.place.write("work/stop", "");
  other.join();
  EXPECT_EQ(of_second.predictions, "1\n");
}

// As an interrupt or kill -9 does: nothing of this process is left to end the command.
TEST(CommandVictim, ItEndsWithTheProcessThatStartedIt) {
  const Trial run("echo $$ > pid; sleep 100");
  const pid_t child = fork();
  if (child == 0) {
    static_cast<void>(run_command(run.victim));
    _exit(0);
  }
  const pid_t command = run.noted();
  EXPECT_TRUE(runs(command));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(ends_soon(command));
}

TEST(CommandVictim, NoCommandAndNoTimeAreRefused) {
  EXPECT_THROW(static_cast<void>(Trial(" \n").outcome()), std::invalid_argument);
  Trial run("true");
  run.victim.most_seconds = 0;
  EXPECT_THROW(static_cast<void>(run.outcome()), std::invalid_argument);
}

}  // namespace
}  // namespace crosstalk::victim
