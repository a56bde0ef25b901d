#include <cmath>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "cli/command.hpp"

using namespace cli;

namespace {

using Words = std::vector<std::string>;

// Files as people export them, through the real command, and what comes back.
class RawFiles : public Command {
 protected:
  // Rows of three shops: an id, a colour that matters, a whole number, a measurement, and a word as label.
  static std::string votes(int rows = 60) {
    std::mt19937 source(5);
    const auto uniform = [&] { return static_cast<double>(source()) / 4294967296.0; };
    std::string text = "id,shop,colour,visits,size,vote\n";
    for (int row = 0; row < rows; ++row) {
      const bool red = uniform() < 0.5;
      const int visits = static_cast<int>(10 * uniform());
      const double size = 2.0 * uniform() - 1.0;
      const bool yes = (red ? 0.5 : -0.5) + size + 0.1 * visits + 0.4 * uniform() > 0.65;
      text += fmt::format("v{},{},{},{},{:.3f},{}\n", row, "abc"[row % 3], red ? "red" : "blue", visits, size,
                          yes ? "yes" : "no");
    }
    return text;
  }
  static Words on_votes(const std::string& command, const std::string& file = "votes.csv") {
    return {command, file, "--task", "shop", "--label", "vote", "--quiet"};
  }
  static double parsed(const std::string& cell) { return std::stod(cell); }
};

TEST_F(RawFiles, FitSaysWhatItDidToTheFile) {
  write("votes.csv", votes());
  const auto ended = crosstalk(on_votes("fit") + Words{"--out", "out"});
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  for (const char* said : {"\"id\" was left out", "\"colour\" has 2 values and was one-hot encoded",
                           "\"yes\" is the positive class (+1), \"no\" the negative (-1); --positive changes it"})
    EXPECT_NE(ended.out.find(said), std::string::npos) << ended.out;
  const auto data = record("out").at("data");
  EXPECT_EQ(data.at("classes").at("positive"), "yes");
  EXPECT_EQ(data.at("notes").size(), 3U);
}

// However a time is written, the last of it is held out.
TEST_F(RawFiles, SplitByANumberWithMarksIsATime) {
  for (const std::string name : {"comma", "thousands", "plain"}) {
    std::string text = "shop;day;x;y\n";
    for (int day = 0; day < 40; ++day)
      text += fmt::format("a;{};{};{}\n",
                          name == "comma"   ? fmt::format("{},5", day)
                          : name == "plain" ? fmt::format("{}.5", day)
                                            : fmt::format("{},{:03}", day + 1, (day * 7) % 1000),
                          (day * 37) % 11, (day * 17) % 13);
    write("days.csv", text);
    Words words = {"fit",        "days.csv", "--task",          "shop", "--label", "y", "--loss", "squared",
                   "--split-by", "day",      "--test-fraction", "0.25", "--out",   name};
    if (name == "thousands") words.insert(words.end(), {"--decimal", "point"});
    const auto ended = crosstalk(words);
    ASSERT_EQ(ended.exit_code, 0) << ended.err;
    EXPECT_NE(ended.out.find("held out: the 10 rows with day from 3"), std::string::npos) << ended.out;
  }
}

TEST_F(RawFiles, PredictTakesAnotherColumnOrderAndOneMoreAndNoLabel) {
  write("votes.csv", votes());
  ASSERT_EQ(crosstalk(on_votes("fit") + Words{"--test-fraction", "0", "--out", "model"}).exit_code, 0);
  std::string moved = "more;size;colour;shop;visits\n";
  for (const auto& row : cells_of(votes()).rows)
    moved += fmt::format("x;{};{};{};{}\n", row[4], row[2], row[1], row[3]);
  write("moved.csv", moved);
  const auto same = crosstalk({"predict", "model/model.json", "votes.csv", "--out", "same", "--quiet"});
  ASSERT_EQ(same.exit_code, 0) << same.err;
  const auto other = crosstalk({"predict", "model/model.json", "moved.csv", "--out", "other", "--quiet"});
  ASSERT_EQ(other.exit_code, 0) << other.err;
  EXPECT_NE(other.out.find("does not know: \"more\""), std::string::npos) << other.out;
  EXPECT_EQ(read_file(path("other/predictions.csv")), read_file(path("same/predictions.csv")));
  EXPECT_FALSE(record("other").contains("test"));

  const Cells predictions = cells_of(read_file(path("same/predictions.csv")));
  EXPECT_EQ(predictions.header, (Words{"row", "task", "prediction", "class", "score"}));
  ASSERT_EQ(predictions.rows.size(), 60U);
  for (std::size_t k = 0; k < 60; ++k) {
    EXPECT_EQ(predictions.rows[k][0], std::to_string(k + 1));
    EXPECT_EQ(predictions.rows[k][1], std::string(1, "abc"[k % 3]));
    EXPECT_EQ(predictions.rows[k][3], parsed(predictions.rows[k][4]) >= 0.0 ? "yes" : "no");
  }
}

// What comes back of a file that is no CSV is one, with its split and all that the learner needs in run.json.
TEST_F(RawFiles, AnSvmlightFileComesBackWithItsSplit) {
  std::mt19937 source(3);
  const auto uniform = [&] { return static_cast<double>(source()) / 2147483648.0 - 1.0; };
  std::string text;
  for (int row = 0; row < 60; ++row) {
    const double a = uniform();
    const double b = uniform();
    text += fmt::format("{:.4f} qid:{} 1:{:.4f} 3:{:.4f}\n", a - b + 0.1 * uniform(), row % 3 + 1, a, b);
  }
  write("rows.svm", text);
  ASSERT_EQ(crosstalk({"attack", "rows.svm", "--method", "exact", "--out", "attack", "--quiet"}).exit_code, 0);
  const auto ended = crosstalk({"fit", "attack/poisoned.csv", "--config", "attack/run.json", "--out", "again"});
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_EQ(record("again").at("data").at("test_rows"), record("attack").at("data").at("test_rows"));
  const double objective = record("again").at("fit").at("objective");
  EXPECT_NEAR(objective, record("attack").at("attack").at("refit").at("objective"), 1e-6 * objective);
  const auto plain = crosstalk({"fit", "rows.svm", "--separator", "semicolon", "--ignore", "x1", "--out", "fit"});
  EXPECT_NE(plain.out.find("this is no CSV file, so --ignore, --separator changed nothing"), std::string::npos);
}

TEST_F(RawFiles, PredictNamesWhatIsNewOrDoesWithoutIt) {
  write("votes.csv", votes());
  ASSERT_EQ(crosstalk(on_votes("fit") + Words{"--test-fraction", "0", "--out", "model"}).exit_code, 0);
  write("new.csv", "note,shop,colour,visits,size\nfirst,a,green,3,0.5\nsecond,d,red,3,0.5\n");
  EXPECT_TRUE(was_refused(crosstalk({"predict", "model/model.json", "new.csv", "--out", "o"}), 1,
                          {"new.csv:2:", "\"green\"", "--unseen ignore", "\"colour\""}));
  EXPECT_TRUE(was_refused(crosstalk({"predict", "model/model.json", "new.csv", "--unseen", "ignore", "--out", "o"}), 1,
                          {"new.csv:3:", "\"d\"", "--unknown-task mean"}));
  const auto ended = crosstalk({"predict", "model/model.json", "new.csv", "--unseen", "ignore", "--unknown-task",
                                "mean", "--keep-columns", "--out", "o", "--quiet"});
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  const Cells predictions = cells_of(read_file(path("o/predictions.csv")));
  EXPECT_EQ(predictions.header,
            (Words{"row", "task", "prediction", "class", "score", "note", "colour", "visits", "size"}));
  EXPECT_EQ(predictions.rows[1][5], "second");
  // The mean of the three tasks' scores for the same row.
  write("known.csv", "shop,colour,visits,size\na,red,3,0.5\nb,red,3,0.5\nc,red,3,0.5\n");
  ASSERT_EQ(crosstalk({"predict", "model/model.json", "known.csv", "--out", "k", "--quiet"}).exit_code, 0);
  double mean = 0.0;
  for (const auto& row : cells_of(read_file(path("k/predictions.csv"))).rows) mean += parsed(row[4]) / 3.0;
  EXPECT_NEAR(parsed(predictions.rows[1][4]), mean, 1e-12);
}

TEST_F(RawFiles, WhatAnAttackReportsIsWhatItsFileDoes) {
  write("votes.csv", votes());
  const auto attacked = crosstalk(on_votes("attack") + Words{"--targets", "a", "--method", "exact", "--labels", "free",
                                                             "--starts", "1", "--exact-steps", "3", "--out", "attack"});
  ASSERT_EQ(attacked.exit_code, 0) << attacked.err;
  EXPECT_NE(attacked.out.find("attacked: \"a\""), std::string::npos) << attacked.out;

  const Cells clean = cells_of(votes());
  const Cells poisoned = cells_of(read_file(path("attack/poisoned.csv")));
  EXPECT_EQ(poisoned.header, (clean.header + Words{"injected", "part"}));
  ASSERT_GT(poisoned.rows.size(), clean.rows.size());
  int held_out = 0;
  for (std::size_t k = 0; k < poisoned.rows.size(); ++k) {
    const auto& row = poisoned.rows[k];
    EXPECT_EQ(row[6], k < clean.rows.size() ? "0" : "1");
    held_out += row[7] == "test" ? 1 : 0;
    if (k < clean.rows.size()) {
      EXPECT_EQ(Words(row.begin(), row.begin() + 6), clean.rows[k]);
      continue;
    }
    EXPECT_EQ(row[0], "");
    EXPECT_EQ(row[1], "a");
    EXPECT_TRUE(row[2] == "red" || row[2] == "blue") << row[2];
    EXPECT_EQ(parsed(row[3]), std::round(parsed(row[3])));
    EXPECT_TRUE(parsed(row[3]) >= 0 && parsed(row[3]) <= 9 && std::abs(parsed(row[4])) <= 1.0);
    EXPECT_TRUE(row[5] == "yes" || row[5] == "no") << row[5];
  }
  EXPECT_EQ(held_out, 18);

  const auto fitted = crosstalk({"fit", "attack/poisoned.csv", "--config", "attack/run.json", "--out", "fit"});
  ASSERT_EQ(fitted.exit_code, 0) << fitted.err;
  const auto refit = record("attack").at("attack").at("refit");
  EXPECT_NEAR(record("fit").at("fit").at("objective").get<double>(), refit.at("objective").get<double>(), 1e-9);
  EXPECT_NEAR(record("fit").at("test").at("tasks").at("a").at("auc").get<double>(),
              refit.at("auc").at("attacked").get<double>(), 1e-9);
}

TEST_F(RawFiles, CleanedIsTheInputLessWhatWasLeftOut) {
  // Rows far out in one shop, which no honest tail explains.
  std::string text = votes(120);
  for (int k = 0; k < 4; ++k) text += fmt::format("w{},a,red,{},{},no\r\n", k, 900 + k, 70 + k);
  write("votes.csv", text);
  const auto ended = crosstalk(on_votes("defend") + Words{"--lambda1", "0.01", "--lambda2", "0.01", "--out", "defend"});
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  const Cells flags = cells_of(read_file(path("defend/flags.csv")));
  const std::size_t line = flags.column("line");
  const std::size_t left_out = flags.column("left out");
  std::vector<std::string> lines(1);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin) + 1;
    lines.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  int gone = 0;
  for (const auto& row : flags.rows) {
    const auto number = static_cast<std::size_t>(parsed(row[line]));
    EXPECT_NE(lines[number].find("," + row[0] + ","), std::string::npos) << row[line];
    if (row[left_out] != "yes") continue;
    lines[number].clear();
    ++gone;
  }
  EXPECT_GE(gone, 4);
  std::string expected;
  for (const std::string& kept : lines) expected += kept;
  EXPECT_EQ(read_file(path("defend/cleaned.csv")), expected);
  EXPECT_EQ(crosstalk(on_votes("fit", "defend/cleaned.csv") + Words{"--out", "fit"}).exit_code, 0);
}

TEST_F(RawFiles, SplitsByFileGroupAndTime) {
  std::string text = "shop,day,ward,x,y\n";
  for (int k = 0; k < 40; ++k)
    text += fmt::format("{},2024-{:02}-{:02},w{},{},{}\n", "ab"[k % 2], 1 + k / 20, 1 + k % 20, k % 5, k * k % 17,
                        k * 7 % 11 + 0.5);
  write("data.csv", text);
  write("test.csv", "y,shop,x\n1.5,a,3\n2.5,b,4\n");
  const Words on = {"fit", "data.csv", "--task", "shop", "--label", "y", "--quiet", "--out", "out"};
  ASSERT_EQ(crosstalk(on + Words{"--ignore", "day,ward", "--test", "test.csv"}).exit_code, 0);
  EXPECT_EQ(record("out").at("data").at("test_rows"), 2);
  EXPECT_EQ(record("out").at("data").at("training_rows"), 40);
  ASSERT_EQ(crosstalk(on + Words{"--ignore", "ward", "--split-by", "day"}).exit_code, 0);
  EXPECT_EQ(record("out").at("data").at("test_rows"), 12);
  ASSERT_EQ(crosstalk(on + Words{"--ignore", "day", "--split-by", "ward"}).exit_code, 0);
  EXPECT_EQ(record("out").at("data").at("test_rows"), 16);  // two of five groups of eight: at least 30 %
  EXPECT_TRUE(was_refused(crosstalk(on + Words{"--ignore", "day,ward", "--test", "none.csv"}), 1, {"none.csv"}));
}

TEST_F(RawFiles, SmallTasksAreNamedAtOnceOrLeftOut) {
  write("votes.csv",
        votes() + "n1,new,red,1,0.5,yes\nn2,tiny,red,1,0.5,no\nn3,fan,red,1,0.5,yes\nn4,fan,red,2,0.1,yes\n");
  const auto refused = crosstalk(on_votes("fit") + Words{"--test-fraction", "0", "--out", "o"});
  EXPECT_TRUE(was_refused(refused, 1, {"\"new\", \"tiny\"", "--min-rows"}));
  const auto ended = crosstalk(on_votes("fit") + Words{"--test-fraction", "0", "--min-rows", "2", "--out", "o"});
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_NE(ended.out.find("\"new\", \"tiny\""), std::string::npos) << ended.out;
  EXPECT_NE(ended.out.find("only one class in their training rows were left out, 1 of 6: \"fan\""), std::string::npos)
      << ended.out;
  EXPECT_EQ(record("o").at("data").at("tasks"), 3);
}

TEST_F(RawFiles, NamesWithCommasAndNamesThatAreNumbers) {
  std::string text = "dept,\"size, m2\",x,y\n";
  for (int k = 0; k < 24; ++k)
    text += fmt::format("{},{},{},{}\n", k % 2 == 0 ? "\"Sales, East\"" : "7", k, k * k % 7, k * 5 % 9 + 0.5);
  write("dept.csv", text);
  const Words on = {"attack",  "dept.csv",     "--task", "dept",  "--label", "y",
                    "--quiet", "--iterations", "1",      "--out", "o"};
  const auto ended = crosstalk(on + Words{"--targets", "\"Sales, East\"", "--ignore", "\"size, m2\""});
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_EQ(record("o").at("attack").at("targets"), nlohmann::json({"Sales, East"}));
  EXPECT_TRUE(was_refused(crosstalk(on + Words{"--targets", "1"}), 2, {"--targets", "\"1\""}));
  EXPECT_EQ(crosstalk(on + Words{"--targets", "7"}).exit_code, 0);
}

TEST_F(RawFiles, AnAttackerOfAFileWithMissingValuesWritesWhatIsReadBack) {
  std::string text = "shop;income;discount;x;y\r\n";
  for (int k = 0; k < 45; ++k)
    text += fmt::format("{};{};{}%;{};{}\r\n", "abc"[k % 3],
                        k % 7 == 0 ? "NA" : fmt::format("{},{}", 1000 + 37 * k, k % 10), k % 9, k * k % 13,
                        k % 4 == 0 ? "1,5" : fmt::format("{},25", k % 6));
  write("data.csv", text);
  const Words on = {"attack",  "data.csv",  "--task", "shop",         "--label", "y",     "--missing", "indicator",
                    "--quiet", "--targets", "b",      "--iterations", "2",       "--out", "attack"};
  const auto ended = crosstalk(on);
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  const auto fitted = crosstalk({"fit", "attack/poisoned.csv", "--config", "attack/run.json", "--out", "fit"});
  ASSERT_EQ(fitted.exit_code, 0) << fitted.err;
  EXPECT_NEAR(record("fit").at("fit").at("objective").get<double>(),
              record("attack").at("attack").at("refit").at("objective").get<double>(), 1e-8);
}

TEST_F(RawFiles, SeveralLabelsAreHeldOutTogether) {
  std::string text = "x,z,cat,dog\n";
  for (int k = 0; k < 30; ++k)
    text += fmt::format("{},{},{},{}\n", k * k % 11, k * 3 % 7, k % 3 == 0 ? 1 : 0,
                        k % 5 == 0   ? ""
                        : k % 2 == 0 ? "1"
                                     : "0");
  write("data.csv", text);
  const auto ended = crosstalk({"attack", "data.csv", "--label", "cat,dog", "--targets", "cat", "--quiet",
                                "--iterations", "1", "--out", "attack"});
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  const auto fitted = crosstalk({"fit", "attack/poisoned.csv", "--config", "attack/run.json", "--out", "fit"});
  ASSERT_EQ(fitted.exit_code, 0) << fitted.err;
  EXPECT_NEAR(record("fit").at("fit").at("objective").get<double>(),
              record("attack").at("attack").at("refit").at("objective").get<double>(), 1e-9);
  EXPECT_EQ(record("fit").at("data").at("tasks"), 2);
}

}  // namespace
