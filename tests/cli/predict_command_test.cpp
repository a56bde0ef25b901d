#include <map>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <Eigen/Core>

#include "cli/command.hpp"

using namespace cli;

namespace {

class PredictCommand : public Command {
 protected:
  void SetUp() override { write("ratings.csv", ratings_csv()); }

  // The model of `fit` in the folder model, with more flags.
  void fit(const std::vector<std::string>& more = {}) {
    ASSERT_TRUE(ended_well(
        crosstalk(on_ratings("fit") + std::vector<std::string>{"--test-fraction", "0", "--out", "model"} + more)));
  }
  [[nodiscard]] Finished predict(const std::string& file) const {
    return crosstalk({"predict", "model/model.json", file, "--task", "shop", "--out", "out"});
  }
};

TEST_F(PredictCommand, IsTheWeightsTimesTheRows) {
  fit({"--scale", "none", "--standardise-labels", "none"});
  ASSERT_TRUE(ended_well(predict("ratings.csv")));
  const Eigen::MatrixXd W = weights_in(read_file(path("model/weights.csv")));
  const auto rows = rows_of(cells_of(ratings_csv()));
  const Cells predictions = cells_of(read_file(path("out/predictions.csv")));
  ASSERT_EQ(predictions.rows.size(), rows.size());
  const std::map<std::string, Eigen::Index> column = {{"alpha", 0}, {"beta", 1}, {"gamma", 2}, {"delta", 3}};
  for (std::size_t k = 0; k < rows.size(); ++k) {
    const auto w = W.col(column.at(rows[k].task));
    const double expected = w.head(3).dot(Eigen::Map<const Eigen::Vector3d>(rows[k].features.data())) + w[3];
    EXPECT_EQ(predictions.rows[k][predictions.column("row")], std::to_string(k + 1));
    EXPECT_EQ(predictions.rows[k][predictions.column("task")], rows[k].task);
    EXPECT_NEAR(number(predictions.rows[k][predictions.column("prediction")]), expected, 1e-13);
    EXPECT_EQ(predictions.rows[k][predictions.column("score")], predictions.rows[k][predictions.column("prediction")]);
  }
}

// On the training rows both measure the same, so whatever fit did to the rows, predict undid and did again.
TEST_F(PredictCommand, MeasuresWhatFitMeasuredWhateverThePreparation) {
  for (const std::vector<std::string>& preparation :
       {std::vector<std::string>{"--scale", "unit-ball"}, {"--pca", "2"}, {"--standardise-labels", "true"}}) {
    SCOPED_TRACE(preparation[0]);
    fit(preparation);
    ASSERT_TRUE(ended_well(predict("ratings.csv")));
    EXPECT_EQ(record("out").at("test"), record("model").at("train"));
  }
}

TEST_F(PredictCommand, PredictsForSomeOfTheTasks) {
  fit();
  std::string some = "shop,stars,a,b,c\n";
  for (const auto& row : cells_of(ratings_csv()).rows)
    if (row[0] == "gamma") some += fmt::format("{},{},{},{},{}\n", row[0], row[1], row[2], row[3], row[4]);
  write("some.csv", some);
  const auto ended = predict("some.csv");
  ASSERT_TRUE(ended_well(ended));
  EXPECT_EQ(record("out").at("predict").at("rows"), 15);
  const auto test = record("out").at("test");
  EXPECT_EQ(test.at("tasks").at("gamma"), record("model").at("train").at("tasks").at("gamma"));
  EXPECT_TRUE(test.at("tasks").at("alpha").at("nmse").is_null());
  EXPECT_TRUE(ended.out.starts_with("15 rows predicted")) << ended.out;
}

TEST_F(PredictCommand, FindsTheFeaturesByName) {
  fit();
  std::string moved = "c,shop,b,stars,a\n";
  for (const auto& row : cells_of(ratings_csv()).rows)
    moved += fmt::format("{},{},{},{},{}\n", row[4], row[0], row[3], row[1], row[2]);
  write("moved.csv", moved);
  ASSERT_TRUE(ended_well(predict("ratings.csv")));
  const std::string expected = read_file(path("out/predictions.csv"));
  ASSERT_TRUE(ended_well(predict("moved.csv")));
  EXPECT_EQ(read_file(path("out/predictions.csv")), expected);
}

TEST_F(PredictCommand, RefusesRowsThatTheModelDoesNotKnow) {
  fit();
  write("task.csv", "shop,stars,a,b,c\nomega,1,1,1,1\n");
  EXPECT_TRUE(was_refused(predict("task.csv"), 1, {"task.csv", "\"omega\""}));
  write("name.csv", "shop,stars,a,b,d\nalpha,1,1,1,1\n");
  EXPECT_TRUE(was_refused(predict("name.csv"), 1, {"name.csv", "\"c\""}));
  write("fewer.csv", "shop,stars,a,b\nalpha,1,1,1\n");
  EXPECT_TRUE(was_refused(predict("fewer.csv"), 1, {"fewer.csv", "no column \"c\""}));
  EXPECT_TRUE(files("out").empty());
}

TEST_F(PredictCommand, RefusesADamagedModel) {
  fit();
  const auto good = nlohmann::json::parse(read_file(path("model/model.json")));
  const auto refused = [&](const nlohmann::json& change, const std::vector<std::string>& parts) {
    auto bad = good;
    bad.merge_patch(change);
    write("model/model.json", bad.dump());
    const auto ended = predict("ratings.csv");
    return was_refused(ended, 1, parts);
  };
  EXPECT_TRUE(refused({{"format", "another"}}, {"model.json"}));
  EXPECT_TRUE(refused({{"tasks", nullptr}}, {"model.json", "tasks"}));
  EXPECT_TRUE(refused({{"tasks", {"alpha"}}}, {"model.json", "4 tasks for 1"}));
  EXPECT_TRUE(refused({{"loss", "none such"}}, {"model.json", "none such"}));
  EXPECT_TRUE(refused({{"weights", {{1, 2}, {3}}}}, {"model.json", "row 2"}));
  EXPECT_TRUE(refused({{"weights", {{1, 2, 3, "x"}}}}, {"model.json"}));
  EXPECT_TRUE(refused({{"weights", {{1, 2, 3, 4}}}}, {"model.json", "no feature"}));
  EXPECT_TRUE(refused({{"preparation", {{"features", {"a", "b"}}}}}, {"model.json", "features", "mean"}));
  EXPECT_TRUE(
      refused({{"columns", {{"columns", nlohmann::json::array()}}}}, {"model.json", "columns: there are none"}));
  auto fewer = good.at("columns");
  fewer["columns"].erase(0);
  EXPECT_TRUE(refused({{"columns", fewer}}, {"model.json", "columns of 2 features; the weights have 3"}));
  EXPECT_TRUE(refused({{"preparation", {{"divisor", 0}}}}, {"model.json", "divisor"}));
  EXPECT_TRUE(refused({{"preparation", {{"pca", 2}}}}, {"model.json", "pca"}));
  EXPECT_TRUE(refused({{"preparation", {{"pca", -2}}}}, {"model.json", "pca"}));
  EXPECT_TRUE(refused({{"preparation", {{"mean", {1, 2}}}}}, {"model.json", "mean"}));
  EXPECT_TRUE(refused({{"preparation", {{"standardise_labels", "none"}}}}, {"model.json", "label_mean"}));
  EXPECT_TRUE(refused({{"preparation", {{"standardise_labels", true}, {"label_mean", {1}}, {"label_deviation", {1}}}}},
                      {"model.json", "label scales of 1 tasks"}));
  write("model/model.json", "{");
  EXPECT_TRUE(was_refused(predict("ratings.csv"), 1, {"model.json"}));
}

}  // namespace
