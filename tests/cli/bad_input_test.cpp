#include <gtest/gtest.h>

#include "cli/command.hpp"
#include "data/gzip.hpp"

using namespace cli;

namespace {

using Words = std::vector<std::string>;

// Each mistake ends in exit code 1 (data) or 2 (usage), one line that names thing, value and rule, and no file.
class BadInput : public Command {
 protected:
  void SetUp() override { write("ratings.csv", ratings_csv()); }

  [[nodiscard]] testing::AssertionResult refused(const Words& words, int exit_code, const Words& parts) const {
    std::filesystem::remove_all(path("out"));
    const auto ended = crosstalk(words + Words{"--out", "out"});
    if (const auto left = files("out"); !left.empty())
      return testing::AssertionFailure() << "it left " << left.begin()->first << "\nstderr: " << ended.err;
    return was_refused(ended, exit_code, parts);
  }
  // A file with the columns t, y, a, b.
  [[nodiscard]] testing::AssertionResult file_refused(const std::string& content, const Words& parts,
                                                      const Words& more = {}) const {
    write("bad.csv", content);
    return refused(Words{"fit", "bad.csv", "--task", "t", "--label", "y", "--test-fraction", "0"} + more, 1,
                   Words{"bad.csv"} + parts);
  }
  // A flag and its value, wrong for each of the commands.
  [[nodiscard]] testing::AssertionResult flag_refused(const Words& flag, const Words& parts,
                                                      const Words& commands = {"fit", "attack", "audit"}) const {
    for (const std::string& command : commands)
      if (const auto result = refused(
              on_ratings(command) + (command == "audit" ? Words{"--budgets", "0.4"} : Words{}) + flag, 2, parts);
          !result)
        return testing::AssertionFailure()
               << command << ' ' << testing::PrintToString(flag) << ": " << result.message();
    return testing::AssertionSuccess();
  }
};

TEST_F(BadInput, FilesWithoutRows) {
  EXPECT_TRUE(file_refused("", {"empty"}));
  EXPECT_TRUE(file_refused("t,y,a,b\n", {"header", "no rows"}));
  EXPECT_TRUE(file_refused("t,y\nA,1\nA,2\n", {"no column is left as a feature"}));
}

TEST_F(BadInput, RowsThatCannotBeRead) {
  EXPECT_TRUE(file_refused("t,y,a,b\nA,1,2,3\nA,1,2\n", {"bad.csv:3:", "3 fields", "4"}));
  EXPECT_TRUE(file_refused("t,y,a,b\nA,1,2,3\nA,1,2,3,4\n", {"bad.csv:3:", "5 fields", "4"}));
  EXPECT_TRUE(file_refused("t,y,a,b\nA,1,2,nan\nA,2,2,3\n", {"bad.csv:2:", "\"nan\"", "missing", "\"b\""}));
  EXPECT_TRUE(file_refused("t,y,a,b\nA,1,2,3\nA,inf,2,3\n", {"bad.csv:3:", "\"inf\"", "finite", "\"y\""}));
  EXPECT_TRUE(file_refused("t,y,a,b\nA,1,1e999,3\nA,2,2,3\n", {"bad.csv:2:", "\"1e999\"", "finite", "\"a\""}));
  EXPECT_TRUE(file_refused("t,y,a,b\nA,1,,3\nA,2,2,3\n", {"bad.csv:2:", "missing", "\"a\""}));
  EXPECT_TRUE(
      file_refused("t,y,a,b\nA,good,1,3\nA,2,2,3\nA,3,2,3\n", {"bad.csv:2:", "\"good\"", "not a number", "\"y\""}));
  EXPECT_TRUE(file_refused("t,y,a,b\nA,1,\"2,3\nA,2,2,3\n", {"bad.csv:2:"}));
}

TEST_F(BadInput, ColumnsThatAreNotThere) {
  EXPECT_TRUE(refused({"fit", "ratings.csv", "--task", "shops", "--label", "stars"}, 1,
                      {"ratings.csv", "\"shops\"", "\"shop\""}));
  EXPECT_TRUE(refused({"fit", "ratings.csv", "--task", "shop", "--label", "start"}, 1, {"\"start\"", "\"stars\""}));
  EXPECT_TRUE(refused({"fit", "ratings.csv", "--task", "shop", "--label", "stars", "--ignore", "nothing"}, 1,
                      {"\"nothing\"", "\"shop\", \"stars\", \"a\", \"b\", \"c\""}));
  EXPECT_TRUE(refused({"fit", "ratings.csv", "--task", "shop", "--label", "shop"}, 1,
                      {"\"shop\"", "both the task and the label"}));
  EXPECT_TRUE(refused({"fit", "ratings.csv"}, 1, {"\"label\""}));
  for (const std::string own : {"injected", "part"}) {  // found before the iterations, which would take hours
    write("own.csv", "t,y," + own + "\nA,1,2\nA,2,3\nA,3.5,1.5\n");
    EXPECT_TRUE(refused(
        {"attack", "own.csv", "--task", "t", "--label", "y", "--test-fraction", "0", "--iterations", "1000000000"}, 1,
        {"own.csv", "\"" + own + "\"", "rename it"}));
    EXPECT_TRUE(refused({"attack", "own.csv", "--task", "t", "--label", own, "--iterations", "1000000000"}, 1,
                        {"own.csv", "\"" + own + "\"", "rename it"}));
  }
}

TEST_F(BadInput, TasksThatCannotBeLearned) {
  EXPECT_TRUE(file_refused("t,y,a,b\nA,1,2,3\nB,1,2,3\nB,2,1,3\n", {"\"A\"", "1 training row", "at least 2"}));
  const std::string one_class = "t,y,a,b\nA,1,2,3\nA,1,3,3\nB,1,2,3\nB,-1,1,3\n";
  EXPECT_TRUE(file_refused(one_class, {"\"A\"", "only one class", "both", "--min-rows"}));
  EXPECT_TRUE(file_refused(one_class, {"\"A\"", "only one class", "both"}, {"--loss", "logistic"}));
  const std::string not_signs = "t,y,a,b\nA,1,2,3\nA,-1,3,3\nB,1,2,3\nB,3,1,3\n";
  for (const std::string loss : {"logistic", "squared-hinge"})
    EXPECT_TRUE(file_refused(not_signs, {"\"B\"", "label 3", loss, "two classes"}, {"--loss", loss}));
}

TEST_F(BadInput, PreparationThatCannotBeDone) {
  write("zero.csv", "t,y,a\nA,1,0\nA,2,0\n");
  EXPECT_TRUE(refused({"fit", "zero.csv", "--task", "t", "--label", "y", "--test-fraction", "0"}, 1,
                      {"zero.csv", "all features", "0"}));
  write("huge.csv", "t,y,a\nA,1,1e300\nA,2,2\n");
  EXPECT_TRUE(refused({"fit", "huge.csv", "--task", "t", "--label", "y", "--test-fraction", "0"}, 1,
                      {"huge.csv", "norm", "too large"}));
  write("constant.csv", "t,y,a\nA,4,1\nA,4,2\n");
  EXPECT_TRUE(refused(
      {"fit", "constant.csv", "--task", "t", "--label", "y", "--test-fraction", "0", "--standardise-labels", "true"}, 1,
      {"constant.csv", "\"A\"", "4", "standardised"}));
  EXPECT_TRUE(refused({"fit", "constant.csv", "--task", "t", "--label", "y", "--test-fraction", "0"}, 1,
                      {"constant.csv", "all labels are 4", "standardised"}));
  write("same.csv", "t,y,a\nA,4,1\nA,5,1\n");
  EXPECT_TRUE(refused({"fit", "same.csv", "--task", "t", "--label", "y", "--test-fraction", "0"}, 1,
                      {"same.csv", "every feature", "one value"}));
  write("signs.csv", "t,y,a\nA,-1,1\nA,1,2\n");
  EXPECT_TRUE(refused(
      {"fit", "signs.csv", "--task", "t", "--label", "y", "--test-fraction", "0", "--standardise-labels", "all"}, 2,
      {"--standardise-labels", "all", "squared-hinge", "classes"}));
  write("two.csv", "t,y,a\nA,4,1\nA,3,2\n");
  EXPECT_TRUE(ended_well(crosstalk(
      {"fit", "two.csv", "--task", "t", "--label", "y", "--test-fraction", "0", "--cv", "--quiet", "--out", "two"})));
  // One row in ten of four is none to test on: fit measures the other tasks, an audit needs every task.
  write("small.csv", "t,y,a\nA,4,1\nA,3,2\nA,2,2\nA,1,1\nB,4,1\nB,3,2\nB,2,2\nB,1,1\nB,7,7\nB,5,6\n");
  EXPECT_TRUE(refused({"audit", "small.csv", "--task", "t", "--label", "y", "--test-fraction", "0.1", "--lambda1", "1",
                       "--loss", "squared"},
                      1, {"small.csv", "\"A\"", "no row to test on"}));
  EXPECT_TRUE(ended_well(crosstalk({"fit", "small.csv", "--task", "t", "--label", "y", "--test-fraction", "0.1",
                                    "--loss", "squared", "--quiet", "--out", "out"})));
  EXPECT_TRUE(record("out").at("test").at("tasks").at("A").at("rmse").is_null());
}

// Labels of 1e200 have a loss that no double holds: that is no solution, whatever else it is.
TEST_F(BadInput, AnObjectiveThatIsNoNumberIsNotConverged) {
  write("huge.csv", "t,y,a\nA,1e200,1\nA,2,3\n");
  const auto ended =
      crosstalk({"fit", "huge.csv", "--task", "t", "--label", "y", "--test-fraction", "0", "--standardise-labels",
                 "none", "--loss", "squared", "--lambda1", "0.1", "--out", "out"});
  EXPECT_EQ(ended.exit_code, 3) << ended.out << ended.err;
}

TEST_F(BadInput, NumbersOutsideTheirRange) {
  for (const std::string value : {"0", "-1"})
    EXPECT_TRUE(flag_refused({"--lambda1", value}, {"lambda1", value, "> 0"}));
  for (const std::string flag : {"--lambda1", "--test-fraction", "--smoothing"})
    for (const std::string value : {"nan", "inf"})
      EXPECT_TRUE(flag_refused({flag, value}, {flag, value, "must be a finite number"}));
  EXPECT_TRUE(flag_refused({"--lambda2", "-0.5"}, {"lambda2", "-0.5", ">= 0"}));
  EXPECT_TRUE(flag_refused({"--smoothing", "-1"}, {"smoothing", "-1", ">= 0"}));
  EXPECT_TRUE(flag_refused({"--tolerance", "0"}, {"tolerance", "0", "> 0"}));
  EXPECT_TRUE(flag_refused({"--pca", "4"}, {"pca", "4", "3 features"}));
  EXPECT_TRUE(flag_refused({"--pca", "-1"}, {"pca", "-1"}));
  for (const std::string value : {"1", "-0.1", "1.5"})
    EXPECT_TRUE(flag_refused({"--test-fraction", value}, {"--test-fraction", value, "[0, 1)"}));
  EXPECT_TRUE(flag_refused({"--threads", "-1"}, {"--threads", "-1", "0 to 1024"}));
  EXPECT_TRUE(flag_refused({"--folds", "1"}, {"--folds", "1", "2 to 100"}));
  for (const std::string value : {"-1", "18446744073709551616"})
    EXPECT_TRUE(flag_refused({"--seed", value}, {"--seed", value, "between 0 and 18446744073709551615"}));
  EXPECT_TRUE(flag_refused({"--cv"}, {"--cv", "lambda"}));  // the lambdas are given
}

TEST_F(BadInput, WordsWhereNumbersBelong) {
  for (const std::string flag : {"--lambda1", "--lambda2", "--smoothing", "--tolerance", "--test-fraction"})
    EXPECT_TRUE(flag_refused({flag, "much"}, {flag, "much", "must be a number"}));
  for (const std::string value : {"much", "1.5"}) {
    EXPECT_TRUE(flag_refused({"--seed", value}, {"--seed", value, "whole number"}));
    EXPECT_TRUE(flag_refused({"--pca", value}, {"--pca", value, "whole number"}));
    EXPECT_TRUE(flag_refused({"--iterations", value}, {"--iterations", value, "whole number"}, {"attack", "audit"}));
  }
  EXPECT_TRUE(flag_refused({"--standardise-labels", "maybe"}, {"--standardise-labels", "maybe", "none,all,task"}));
  EXPECT_TRUE(flag_refused({"--loss", "hinge"}, {"--loss", "hinge", "squared-hinge"}));
  EXPECT_TRUE(flag_refused({"--scale", "ball"}, {"--scale", "ball", "unit-ball"}));
  EXPECT_TRUE(flag_refused({"--separator", ";"}, {"--separator", ";", "semicolon"}));
}

TEST_F(BadInput, ThreatsThatCannotBe) {
  const Words both = {"attack", "audit"};
  EXPECT_TRUE(flag_refused({"--targets", "alpa"}, {"--targets", "\"alpa\"", "\"alpha\""}, both));
  EXPECT_TRUE(flag_refused({"--targets", "alpha", "--attackers", "omega"}, {"--attackers", "\"omega\""}, both));
  EXPECT_TRUE(flag_refused({"--targets", "5"}, {"--targets", "\"5\""}, both));
  EXPECT_TRUE(flag_refused({"--targets", "0"}, {"--targets", "\"0\""}, both));
  EXPECT_TRUE(flag_refused({"--targets", ","}, {"--targets", "\",\""}, both));
  EXPECT_TRUE(flag_refused({"--targets", "alpha,alpha"}, {"target", "\"alpha\"", "twice"}, both));
  EXPECT_TRUE(flag_refused({"--targets", "alpha,1"}, {"target", "\"alpha\"", "twice"}, both));
  EXPECT_TRUE(
      flag_refused({"--targets", "alpha", "--attackers", "beta,beta"}, {"attacking", "\"beta\"", "twice"}, both));
  for (const std::string value : {"-0.1", "1000"})
    EXPECT_TRUE(flag_refused({"--budget", value}, {"budget", value, "from 0 to 100"}, both));
  for (const std::string value : {"much", "nan", "inf"})
    EXPECT_TRUE(flag_refused({"--budget", value}, {"--budget", value, "finite number"}, both));
  EXPECT_TRUE(flag_refused({"--budget", "0.01"}, {"budget", "0.01", "no row"}, both));
  EXPECT_TRUE(flag_refused({"--budget", ""}, {"--budget", "\"\""}, both));
  EXPECT_TRUE(flag_refused({"--budget", ","}, {"--budget", "\",\""}, both));
  EXPECT_TRUE(flag_refused({"--budget", "0.1,0.2"}, {"--budget", "0.1,0.2", "one number"}, {"attack"}));
  EXPECT_TRUE(flag_refused({"--budgets", "0.3,0.2,0.3"}, {"--budgets", "0.3", "twice"}, {"audit"}));
  for (const std::string value : {"nan", "inf"})
    EXPECT_TRUE(flag_refused({"--radius", value}, {"radius", value, "finite number"}, both));
  for (const std::string value : {"0", "-1"})
    EXPECT_TRUE(flag_refused({"--radius", value}, {"radius", value, "> 0"}, both));
  for (const std::string value : {"0", "-1"})
    EXPECT_TRUE(flag_refused({"--step", value}, {"step", value, "> 0"}, both));
  EXPECT_TRUE(flag_refused({"--iterations", "-1"}, {"iterations", "-1", ">= 0"}, both));
  EXPECT_TRUE(flag_refused({"--batch-share", "0"}, {"--batch-share", "0"}, both));
  EXPECT_TRUE(flag_refused({"--labels", "dirty"}, {"--labels", "dirty", "uniform"}, both));
  EXPECT_TRUE(flag_refused({"--method", "magic"}, {"--method", "magic", "patom"}, both));
  EXPECT_TRUE(flag_refused({"--method", "patom,random,patom"}, {"method", "\"patom\"", "twice"}, {"audit"}));
  EXPECT_TRUE(flag_refused({"--method", ","}, {"--method", "\",\""}, {"audit"}));
  EXPECT_TRUE(flag_refused({"--defence", "prayer"}, {"--defence", "prayer", "trim, huber, screen"}, {"audit"}));
  EXPECT_TRUE(flag_refused({"--figures", "gif"}, {"--figures", "gif", "png"}, {"audit"}));
}

TEST_F(BadInput, FilesThatAreDamaged) {
  write("cut.csv.gz", crosstalk::data::deflated(ratings_csv()).substr(0, 300));
  EXPECT_TRUE(refused({"fit", "cut.csv.gz", "--task", "shop", "--label", "stars"}, 1, {"cut.csv.gz", "cut short"}));
  std::string corrupt = crosstalk::data::deflated(ratings_csv());
  for (std::size_t i = 40; i < 60; ++i) corrupt[i] = '\x55';
  write("corrupt.csv.gz", corrupt);
  EXPECT_TRUE(
      refused({"fit", "corrupt.csv.gz", "--task", "shop", "--label", "stars"}, 1, {"corrupt.csv.gz", "corrupt"}));
  for (const std::string& content :
       {std::string(), std::string("garbage"),
        std::string("MATLAB 5.0 MAT-file") + std::string(105, ' ') + "\x00\x01IM", std::string(200, '\x7f')}) {
    write("bad.mat", content);
    EXPECT_TRUE(refused({"fit", "bad.mat"}, 1, {"bad.mat"})) << content;
  }
  write("bad.npz", "PK\x03\x04 and no more");
  EXPECT_TRUE(refused({"fit", "bad.npz"}, 1, {"bad.npz"}));
}

TEST_F(BadInput, FilesThatAreNotFiles) {
  EXPECT_TRUE(refused({"fit", "rating.csv"}, 1, {"\"rating.csv\"", "did you mean \"ratings.csv\"?"}));
  EXPECT_TRUE(refused({"fit", "."}, 1, {".: Is a directory"}));
  EXPECT_TRUE(refused({"fit", "/dev/null"}, 1, {"/dev/null"}));
}

TEST_F(BadInput, CommandsAndFlagsThatDoNotExist) {
  EXPECT_TRUE(was_refused(crosstalk({}), 2, {"audit, fit, attack, defend, screen, certify, "}));
  EXPECT_TRUE(was_refused(crosstalk({"audt"}), 2, {"\"audt\"", "did you mean \"audit\"?"}));
  EXPECT_TRUE(was_refused(crosstalk({"cook"}), 2, {"\"cook\"", "attack, audit, "}));
  EXPECT_TRUE(was_refused(crosstalk({"fit"}), 2, {"fit", "DATA"}));
  EXPECT_TRUE(was_refused(crosstalk({"attack", "--seed", "1"}), 2, {"attack", "DATA"}));
  EXPECT_TRUE(was_refused(crosstalk({"predict"}), 2, {"predict"}));
  EXPECT_TRUE(flag_refused({"--lamda1", "1"}, {"--lamda1", "did you mean --lambda1?"}));
  EXPECT_TRUE(flag_refused({"--lamda1=1"}, {"--lamda1", "did you mean --lambda1?"}));
  EXPECT_TRUE(flag_refused({"--quite"}, {"--quite", "did you mean --quiet?"}));
  EXPECT_TRUE(flag_refused({"more", "words"}, {"more", "words"}));
  for (const std::string command : {"fit", "attack", "audit"})
    EXPECT_TRUE(was_refused(crosstalk(on_ratings(command) + Words{"--out"}), 2, {"--out"})) << command;
}

TEST_F(BadInput, HelpIsNotAnError) {
  for (const Words& words :
       {Words{"--help"}, Words{"fit", "--help"}, Words{"attack", "--help"}, Words{"audit", "--help"},
        Words{"predict", "--help"}, Words{"data", "--help"}, Words{"--version"}}) {
    const auto ended = crosstalk(words);
    EXPECT_TRUE(ended_well(ended));
    EXPECT_GT(ended.out.size(), 4U);
  }
}

}  // namespace
