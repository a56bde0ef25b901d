#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "cli/command.hpp"

namespace {

using cli::cells_of;
using cli::ended_well;
using cli::on_ratings;
using cli::operator+;
using cli::read_file;
using cli::was_refused;
using testing::HasSubstr;

class DefendCommand : public cli::Command {
 protected:
  void SetUp() override { write("ratings.csv", cli::ratings_csv()); }
};

// Four shops of 30 rows under one law, and `count` more rows of gamma, all in one far place.
std::string with_injected_rows(int count) {
  std::string text = "shop,stars,size,light,age\n";
  std::mt19937 random(1);
  const auto uniform = [&] { return static_cast<double>(random() % 2001) / 1000.0 - 1.0; };
  for (const char* shop : {"alpha", "beta", "gamma", "delta"})
    for (int row = 0; row < 30; ++row) {
      const double size = uniform();
      const double light = uniform();
      const double age = uniform();
      text += fmt::format("{},{:.3f},{:.3f},{:.3f},{:.3f}\n", shop,
                          3.0 + size + 0.5 * light - 0.2 * age + 0.2 * uniform(), size, light, age);
    }
  for (int k = 0; k < count; ++k) text += fmt::format("gamma,40,{},9,9\n", 9.0 + 1e-6 * k);
  return text;
}

TEST_F(DefendCommand, WritesFlagsTasksCleanedDataModelAndReport) {
  ASSERT_TRUE(ended_well(crosstalk(on_ratings("defend") + std::vector<std::string>{"--out", "out", "--json"})));
  const auto files = this->files("out");
  for (const char* name : {"flags.csv", "tasks.csv", "cleaned.csv", "model.json", "weights.csv", "covariance.csv",
                           "report.html", "run.json"})
    EXPECT_TRUE(files.contains(name)) << name;
  const auto flags = cells_of(files.at("flags.csv"));
  EXPECT_EQ(flags.rows.size(), 46U);  // every row of the file: none is held out
  const auto defend = record("out").at("defend");
  std::size_t flagged = 0;
  for (const auto& row : flags.rows) {
    const double p = cli::number(row[flags.column("p")]);
    EXPECT_EQ(row[flags.column("flagged")], p <= 0.05 ? "yes" : "no");
    flagged += p <= 0.05 ? 1 : 0;
  }
  EXPECT_EQ(defend.at("rows_flagged"), flagged);
  for (const char* task : {"alpha", "beta", "gamma", "delta"})
    for (const char* key : {"share", "score", "flagged"})
      EXPECT_TRUE(defend.at("tasks").at(task).contains(key)) << task << ' ' << key;
}

TEST_F(DefendCommand, HonestDataComesBackAsItWas) {
  ASSERT_TRUE(ended_well(crosstalk(on_ratings("defend") + std::vector<std::string>{"--out", "out"})));
  EXPECT_EQ(record("out").at("defend").at("share_left_out"), 0.0);
  const auto sorted = [](const std::string& text) {
    std::multiset<std::string> rows;
    for (const cli::Row& row : cli::rows_of(cells_of(text)))
      rows.insert(
          fmt::format("{} {} {} {} {}", row.task, row.label, row.features[0], row.features[1], row.features[2]));
    return rows;
  };
  EXPECT_EQ(sorted(read_file(path("out/cleaned.csv"))), sorted(cli::ratings_csv()));
}

TEST_F(DefendCommand, InjectedRowsAreNotInTheCleanedData) {
  write("ratings.csv", with_injected_rows(8));
  ASSERT_TRUE(ended_well(crosstalk(on_ratings("defend") + std::vector<std::string>{"--out", "out"})));
  const auto rows = cli::rows_of(cells_of(read_file(path("out/cleaned.csv"))));
  EXPECT_TRUE(std::none_of(rows.begin(), rows.end(), [](const cli::Row& row) { return row.label == 40.0; }));
}

TEST_F(DefendCommand, PredictReadsItsModel) {
  ASSERT_TRUE(ended_well(crosstalk(on_ratings("defend") + std::vector<std::string>{"--out", "out"})));
  EXPECT_TRUE(ended_well(crosstalk(
      {"predict", "out/model.json", "ratings.csv", "--task", "shop", "--label", "stars", "--out", "predicted"})));
}

// With the margin out of reach and nothing left out, it is the model of fit.
TEST_F(DefendCommand, LearnsWhatFitLearnsWhereThereIsNothingToLeaveOut) {
  ASSERT_TRUE(ended_well(crosstalk(on_ratings("defend") + std::vector<std::string>{"--margin", "1e9", "--out", "a"})));
  ASSERT_TRUE(
      ended_well(crosstalk(on_ratings("fit") + std::vector<std::string>{"--test-fraction", "0", "--out", "b"})));
  const Eigen::MatrixXd wanted = cli::weights_in(read_file(path("b/weights.csv")));
  EXPECT_LT((cli::weights_in(read_file(path("a/weights.csv"))) - wanted).norm(), 1e-6 * wanted.norm());
}

TEST_F(DefendCommand, RefusesWhatItCannotDo) {
  const auto refused = [&](std::vector<std::string> words, const std::vector<std::string>& parts) {
    return was_refused(crosstalk(on_ratings("defend") + words), 2, parts);
  };
  EXPECT_TRUE(refused({"--alpha", "0.5"}, {"--alpha is 0.5; it must be in (0, 0.5)"}));
  EXPECT_TRUE(refused({"--share", "0.5"}, {"--share is 0.5; it must be in [0, 0.5)"}));
  EXPECT_TRUE(refused({"--share", "-0.1"}, {"--share is -0.1; it must be in [0, 0.5)"}));
  EXPECT_TRUE(refused({"--margin", "-1"}, {"--margin is -1; it must be >= 0"}));
  EXPECT_TRUE(refused({"--method", "trimm"},
                      {"--method: unknown defence \"trimm\"; there are trim, huber, screen; did you mean \"trim\"?"}));
  EXPECT_TRUE(refused({"--method", "huber", "--share", "0.1"}, {"--share: huber has no share to leave out"}));
}

TEST_F(DefendCommand, LeavesOutEveryTaskInTurnWhenAsked) {
  ASSERT_TRUE(ended_well(crosstalk(on_ratings("defend") + std::vector<std::string>{"--out", "plain"})));
  ASSERT_TRUE(
      ended_well(crosstalk(on_ratings("defend") + std::vector<std::string>{"--leave-one-out", "--out", "out"})));
  const auto plain = cells_of(read_file(path("plain/tasks.csv")));
  const auto tasks = cells_of(read_file(path("out/tasks.csv")));
  ASSERT_EQ(tasks.rows.size(), 4U);
  EXPECT_EQ(plain.rows[0].size() + 4, tasks.rows[0].size());
  EXPECT_EQ(tasks.header.back(), "leave-one-out p");
  for (const auto& row : tasks.rows) {
    const auto of_task = record("out").at("defend").at("tasks").at(row[0]).at("leave_one_out");
    const std::size_t first = row.size() - 4;
    std::size_t at = 0;
    for (const char* key : {"harm", "relation_change", "score", "p"})
      EXPECT_NEAR(cli::number(row[first + at++]), of_task.at(key).get<double>(), 1e-12) << row[0] << ' ' << key;
  }
  EXPECT_THAT(read_file(path("out/report.html")), HasSubstr("leave-one-out: what the others"));
}

TEST_F(DefendCommand, HasNoTaskToLeaveOutOfOne) {
  write("ratings.csv", "shop,stars,price,size,age\na,1.5,2,3,4\na,2,3,1,5\na,3,1,2,6\na,2,5,5,1\n");
  EXPECT_TRUE(was_refused(crosstalk(on_ratings("defend") + std::vector<std::string>{"--leave-one-out"}), 1,
                          {"ratings.csv: there is 1 task; --leave-one-out needs others"}));
}

TEST_F(DefendCommand, NamesATaskTooSmallToScreen) {
  write("ratings.csv", cli::ratings_csv() + "epsilon,1,0,0,0\n");
  EXPECT_TRUE(was_refused(crosstalk(on_ratings("defend")), 1,
                          {"ratings.csv: 1 task has only 1 training row; a task must have at least 2: \"epsilon\""}));
}

// Two rows that no other is like: both are flagged, and the task is learned from them.
TEST_F(DefendCommand, LearnsATaskAllOfWhoseRowsAreFlagged) {
  write("ratings.csv", cli::ratings_csv() + "epsilon,90,90,0,0\nepsilon,-90,0,-90,0\n");
  EXPECT_TRUE(ended_well(crosstalk(on_ratings("defend") + std::vector<std::string>{"--alpha", "0.2", "--out", "out"})));
}

TEST_F(DefendCommand, RecordsWhatItDecidedBy) {
  ASSERT_TRUE(ended_well(crosstalk(on_ratings("defend") + std::vector<std::string>{"--out", "out"})));
  const auto defend = record("out").at("defend");
  EXPECT_EQ(defend.at("calibration").at("level").at("value"), "0.01");
  ASSERT_FALSE(defend.at("decisions").empty());
  EXPECT_FALSE(defend.at("decisions").back().at("accepted"));
}

// Scale and lambdas are those of the rows that are kept.
TEST_F(DefendCommand, LearnsWhatFitLearnsOfTheCleanedData) {
  write("ratings.csv", with_injected_rows(8));
  ASSERT_TRUE(ended_well(
      crosstalk({"defend", "ratings.csv", "--task", "shop", "--label", "stars", "--margin", "1e9", "--out", "a"})));
  ASSERT_GT(record("a").at("defend").at("share_left_out"), 0.0);
  ASSERT_TRUE(ended_well(
      crosstalk({"fit", "a/cleaned.csv", "--task", "shop", "--label", "stars", "--test-fraction", "0", "--out", "b"})));
  const Eigen::MatrixXd wanted = cli::weights_in(read_file(path("b/weights.csv")));
  EXPECT_LT((cli::weights_in(read_file(path("a/weights.csv"))) - wanted).norm(), 1e-6 * wanted.norm());
}

}  // namespace
