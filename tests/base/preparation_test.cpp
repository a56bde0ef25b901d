#include "crosstalk/preparation.hpp"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <Eigen/SVD>
#include <nlohmann/json.hpp>

#include "crosstalk/error.hpp"
#include "src/preparation_json.hpp"
#include "support/problems.hpp"

namespace crosstalk {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TaskSet raw_tasks(std::uint64_t seed = 1) {
  TaskSet tasks;
  for (std::size_t i = 0; i < 3; ++i) {
    const auto rows = static_cast<Eigen::Index>(8 + i);
    Eigen::MatrixXd X = problems::normal_matrix(rows, 4, seed + i);
    X.col(2) *= 5.0;
    X.col(3).array() += 7.0;
    const Eigen::VectorXd y = 10.0 * problems::normal_matrix(rows, 1, seed + 10 + i).array() + 3.0;
    tasks.tasks.push_back({"task " + std::to_string(i), X, y});
  }
  tasks.feature_names = {"a", "b", "c", "d"};
  return tasks;
}

Eigen::MatrixXd all_rows(const TaskSet& tasks, Eigen::Index columns) {
  Eigen::MatrixXd X(tasks.rows(), columns);
  Eigen::Index offset = 0;
  for (const Task& task : tasks) {
    X.middleRows(offset, task.rows()) = task.features.leftCols(columns);
    offset += task.rows();
  }
  return X;
}

std::vector<PreparationOptions> all_options() {
  std::vector<PreparationOptions> result;
  for (const auto& [scale, scale_name] : kScales.values)
    for (const auto& [labels, labels_name] : kLabelScales.values)
      for (const Eigen::Index pca : {0, 2, 4})
        for (const bool bias : {false, true})
          result.push_back({.scale = scale, .labels = labels, .pca = pca, .bias = bias});
  return result;
}

TEST(Preparation, UndoGoesBackToTheUnitsOfTheFile) {
  const TaskSet raw = raw_tasks();
  for (const PreparationOptions& options : all_options()) {
    const Preparation preparation = Preparation::fit(raw, options);
    const TaskSet back = preparation.undo(preparation.apply(raw));
    EXPECT_EQ(back.feature_names, raw.feature_names);
    ASSERT_EQ(back.size(), raw.size());
    for (std::size_t i = 0; i < raw.size(); ++i) {
      EXPECT_EQ(back[i].name, raw[i].name);
      EXPECT_LT((back[i].labels - raw[i].labels).norm(), 1e-12 * raw[i].labels.norm());
      if (options.pca == 2) continue;  // only the point of the principal subspace comes back
      EXPECT_LT((back[i].features - raw[i].features).norm(), 1e-12 * raw[i].features.norm());
    }
  }
}

TEST(Preparation, LargestTrainingRowHasNormOneAndTheBiasStaysOut) {
  const TaskSet raw = raw_tasks();
  const Preparation preparation = Preparation::fit(raw, {});
  const TaskSet prepared = preparation.apply(raw);
  EXPECT_NEAR(all_rows(prepared, 4).rowwise().norm().maxCoeff(), 1.0, 1e-15);
  EXPECT_DOUBLE_EQ(preparation.divisor(), all_rows(raw, 4).rowwise().norm().maxCoeff());
  for (const Task& task : prepared) {
    ASSERT_EQ(task.features.cols(), 5);
    EXPECT_TRUE((task.features.col(4).array() == 1.0).all());
  }
  EXPECT_EQ(prepared.feature_names, (std::vector<std::string>{"a", "b", "c", "d", "(bias)"}));
  EXPECT_EQ(Preparation::fit(raw, {.bias = false}).apply(raw).features(), 4);
  EXPECT_EQ(Preparation::fit(raw, {.scale = Scale::None}).apply(raw)[0].features.leftCols(4), raw[0].features);
}

TEST(Preparation, PcaProjectsOnThePrincipalAxesOfThePooledRows) {
  const TaskSet raw = raw_tasks();
  const Eigen::MatrixXd X = all_rows(raw, 4);
  const Eigen::MatrixXd centred = X.rowwise() - X.colwise().mean();
  const Eigen::BDCSVD<Eigen::MatrixXd> svd(centred, Eigen::ComputeThinV);
  const Preparation preparation = Preparation::fit(raw, {.scale = Scale::None, .pca = 2, .bias = false});
  const TaskSet prepared = preparation.apply(raw);

  const Eigen::MatrixXd expected = centred * svd.matrixV().leftCols(2);
  EXPECT_LT((all_rows(prepared, 2).cwiseAbs() - expected.cwiseAbs()).norm(), 1e-10);  // up to the sign of an axis
  EXPECT_EQ(prepared.feature_names, (std::vector<std::string>{"component 1", "component 2"}));
  // undo gives the point of the principal subspace
  const Eigen::MatrixXd P = svd.matrixV().leftCols(2) * svd.matrixV().leftCols(2).transpose();
  const Eigen::MatrixXd subspace = (centred * P).rowwise() + X.colwise().mean();
  EXPECT_LT((all_rows(preparation.undo(prepared), 4) - subspace).norm(), 1e-10);
}

TEST(Preparation, PcaAndUnitBallTogetherScaleTheProjectedRows) {
  const TaskSet raw = raw_tasks();
  const TaskSet prepared = Preparation::fit(raw, {.pca = 2}).apply(raw);
  EXPECT_NEAR(all_rows(prepared, 2).rowwise().norm().maxCoeff(), 1.0, 1e-12);
  EXPECT_LT(all_rows(prepared, 2).colwise().mean().norm(), 1e-12);
}

TEST(Preparation, StandardisedLabelsHaveMeanZeroAndVarianceOneInEveryTask) {
  const TaskSet raw = raw_tasks();
  const Preparation preparation = Preparation::fit(raw, {.labels = LabelScale::Task});
  const TaskSet prepared = preparation.apply(raw);
  for (std::size_t i = 0; i < raw.size(); ++i) {
    EXPECT_NEAR(prepared[i].labels.mean(), 0.0, 1e-14);
    EXPECT_NEAR(prepared[i].labels.array().square().mean(), 1.0, 1e-14);
    EXPECT_NEAR(preparation.label_in_file_units(i, prepared[i].labels[3]), raw[i].labels[3], 1e-12);
  }
  EXPECT_EQ(Preparation::fit(raw, {}).label_in_file_units(0, 4.5), 4.5);
}

TEST(Preparation, TestRowsUseTheNumbersOfTheTrainingRows) {
  const TaskSet train = raw_tasks(1);
  TaskSet test = raw_tasks(50);
  for (Task& task : test) task.features *= 3.0;
  const Preparation preparation = Preparation::fit(train, {.labels = LabelScale::Task});
  const TaskSet prepared = preparation.apply(test);
  EXPECT_LT((prepared[0].features.leftCols(4) * preparation.divisor() - test[0].features).norm(), 1e-12);
  EXPECT_GT(all_rows(prepared, 4).rowwise().norm().maxCoeff(), 1.0);
  EXPECT_GT(std::abs(prepared[0].labels.mean()), 1e-3);
}

// Mean and mean square of every column over all rows.
TEST(Preparation, StandardColumnsHaveMeanZeroAndOneVarianceAndRowsNormOneInRootMeanSquare) {
  const TaskSet raw = raw_tasks();
  const Preparation preparation = Preparation::fit(raw, {.scale = Scale::Standard, .bias = false});
  const Eigen::MatrixXd X = all_rows(preparation.apply(raw), 4);
  EXPECT_LT(X.colwise().mean().cwiseAbs().maxCoeff(), 1e-15);
  EXPECT_LT((X.array().square().colwise().mean() - 0.25).abs().maxCoeff(), 1e-14);  // 4 columns share the norm
  EXPECT_NEAR(X.rowwise().squaredNorm().mean(), 1.0, 1e-14);
  EXPECT_NEAR(preparation.divisor(), 2.0, 1e-14);
  EXPECT_EQ(preparation.largest_norm(preparation.apply(raw)), X.rowwise().norm().maxCoeff());
}

TEST(Preparation, StandardWithPcaScalesThePrincipalAxesOfTheStandardisedRows) {
  const TaskSet raw = raw_tasks();
  Eigen::MatrixXd X = all_rows(raw, 4);
  X.rowwise() -= X.colwise().mean();
  X.array().rowwise() /= X.array().square().colwise().mean().sqrt();
  const Eigen::BDCSVD<Eigen::MatrixXd> svd(X, Eigen::ComputeThinV);
  Eigen::MatrixXd expected = X * svd.matrixV().leftCols(2);
  expected /= std::sqrt(expected.rowwise().squaredNorm().mean());
  const TaskSet prepared = Preparation::fit(raw, {.scale = Scale::Standard, .pca = 2}).apply(raw);
  EXPECT_LT((all_rows(prepared, 2).cwiseAbs() - expected.cwiseAbs()).norm(), 1e-10);
}

// A column in other units, shifted by a million deviations, with what a file of 17 digits leaves of it.
TEST(Preparation, StandardColumnsDoNotDependOnTheUnitsOfTheFile) {
  const TaskSet raw = raw_tasks();
  TaskSet moved = raw;
  for (Task& task : moved) {
    task.features.col(0) *= 1e6;
    task.features.col(1).array() += 1e6;
    task.features.col(2) = task.features.col(2).array() * -1e-200;
    task.features.col(3) *= 1e200;
    task.labels = 1e160 * task.labels.array() + 1e163;
  }
  const PreparationOptions options = {.scale = Scale::Standard, .labels = LabelScale::Pooled};
  const Preparation of_moved = Preparation::fit(moved, options);
  const TaskSet expected = Preparation::fit(raw, options).apply(raw);
  const TaskSet prepared = of_moved.apply(moved);
  for (std::size_t i = 0; i < raw.size(); ++i) {
    Eigen::MatrixXd X = prepared[i].features;
    X.col(2) *= -1.0;
    EXPECT_LT((X - expected[i].features).cwiseAbs().maxCoeff(), 1e-9);  // 1e6 roundings of 1e-16
    EXPECT_LT((prepared[i].labels - expected[i].labels).cwiseAbs().maxCoeff(), 1e-12);
    EXPECT_NEAR(of_moved.label_in_file_units(i, prepared[i].labels[0]) / moved[i].labels[0], 1.0, 1e-15);
  }
}

TEST(Preparation, ConstantColumnsAreZeroWhereverTheyStand) {
  TaskSet raw = raw_tasks();
  for (const double constant : {0.0, 0.1, -1e9}) {
    for (Task& task : raw) task.features.col(1).setConstant(constant);
    raw[1].features(0, 1) = std::nextafter(constant, 1e300);  // what computing leaves in a constant
    if (constant == 0.0) raw[1].features(0, 1) = 0.0;
    const Preparation preparation = Preparation::fit(raw, {.scale = Scale::Standard});
    EXPECT_LT(all_rows(preparation.apply(raw), 2).col(1).cwiseAbs().maxCoeff(), 1e-15);
    EXPECT_NEAR(preparation.divisor(), std::sqrt(3.0), 1e-14);
  }
  // A million deviations away a column still varies.
  raw = raw_tasks();
  for (Task& task : raw) task.features.col(1).array() += 1e6;
  EXPECT_NEAR(Preparation::fit(raw, {.scale = Scale::Standard}).divisor(), 2.0, 1e-9);
}

TEST(Preparation, LabelsStandardiseOverAllRowsToo) {
  const TaskSet raw = raw_tasks();
  const Preparation preparation = Preparation::fit(raw, {.labels = LabelScale::Pooled});
  double sum = 0.0;
  double squares = 0.0;
  for (const Task& task : preparation.apply(raw)) {
    sum += task.labels.sum();
    squares += task.labels.squaredNorm();
  }
  EXPECT_NEAR(sum, 0.0, 1e-13);
  EXPECT_NEAR(squares / static_cast<double>(raw.rows()), 1.0, 1e-14);
  ASSERT_EQ(preparation.label_units().size(), 3);
  EXPECT_EQ(preparation.label_units().minCoeff(), preparation.label_units().maxCoeff());
}

TEST(Preparation, NamesOfScalesGoBackAndForth) {
  for (const auto& [scale, name] : kScales.values) EXPECT_EQ(scale_named(std::string(to_string(scale))), scale);
  for (const auto& [scale, name] : kLabelScales.values)
    EXPECT_EQ(label_scale_named(std::string(to_string(scale))), scale);
  EXPECT_EQ(label_scale_named("true"), LabelScale::Task);
  EXPECT_EQ(label_scale_named("false"), LabelScale::None);
  EXPECT_THAT([] { scale_named("standrad"); },
              ThrowsMessage<std::invalid_argument>(
                  "unknown scale \"standrad\"; there are none, unit-ball, standard; did you mean \"standard\"?"));
}

TEST(Preparation, ReadsTheJsonOfVersionsBeforeStandard) {
  const TaskSet raw = raw_tasks();
  for (const bool standardised : {false, true}) {
    const Preparation before =
        Preparation::fit(raw, {.labels = standardised ? LabelScale::Task : LabelScale::None, .pca = 2});
    nlohmann::json json = PreparationJson::write(before);
    json.erase("deviation");
    json["standardise_labels"] = standardised;
    EXPECT_EQ(PreparationJson::write(PreparationJson::read(json)), PreparationJson::write(before));
  }
}

TEST(Preparation, SurvivesJson) {
  const TaskSet raw = raw_tasks();
  for (const PreparationOptions& options : all_options()) {
    const Preparation before = Preparation::fit(raw, options);
    const Preparation after = PreparationJson::read(nlohmann::json::parse(PreparationJson::write(before).dump()));
    EXPECT_EQ(PreparationJson::write(after), PreparationJson::write(before));
    EXPECT_EQ(after.options().scale, options.scale);
    const TaskSet a = before.apply(raw);
    const TaskSet b = after.apply(raw);
    for (std::size_t i = 0; i < raw.size(); ++i) {
      EXPECT_EQ(a[i].features, b[i].features);
      EXPECT_EQ(a[i].labels, b[i].labels);
    }
    EXPECT_EQ(after.undo(b).feature_names, raw.feature_names);
  }
}

TEST(Preparation, RefusesWhatItCannotDo) {
  TaskSet raw = raw_tasks();
  EXPECT_THAT([&] { Preparation::fit(raw, {.pca = 5}); },
              ThrowsMessage<std::invalid_argument>("prepare: pca is 5; it must be between 0 and the 4 features"));
  EXPECT_THAT([&] { Preparation::fit(raw, {.pca = -1}); },
              ThrowsMessage<std::invalid_argument>("prepare: pca is -1; it must be between 0 and the 4 features"));
  EXPECT_THAT([] { Preparation::fit({}, {}); }, ThrowsMessage<std::invalid_argument>("prepare: there are no tasks"));
  for (Task& task : raw) task.features.setZero();
  EXPECT_THAT([&] { Preparation::fit(raw, {}); },
              ThrowsMessage<DataError>("prepare: all features of all training rows are 0; nothing to scale"));
  EXPECT_THAT([&] { Preparation::fit(raw, {.scale = Scale::Standard}); },
              ThrowsMessage<DataError>(
                  "prepare: every feature has one value in all training rows; there is nothing to learn from"));
  EXPECT_NO_THROW(Preparation::fit(raw, {.scale = Scale::None}));
  raw[1].labels.setConstant(4.5);
  EXPECT_THAT([&] { Preparation::fit(raw, {.scale = Scale::None, .labels = LabelScale::Task}); },
              ThrowsMessage<DataError>("prepare: all labels of task \"task 1\" are 4.5; they cannot be standardised"));
  EXPECT_NO_THROW(Preparation::fit(raw, {.scale = Scale::None, .labels = LabelScale::Pooled}));
  for (Task& task : raw) task.labels.setConstant(0.1);
  EXPECT_THAT([&] { Preparation::fit(raw, {.scale = Scale::None, .labels = LabelScale::Pooled}); },
              ThrowsMessage<DataError>("prepare: all labels are 0.1; they cannot be standardised"));
}

TEST(Preparation, RefusesJsonThatLacksAField) {
  const nlohmann::json good = PreparationJson::write(
      Preparation::fit(raw_tasks(), {.scale = Scale::Standard, .labels = LabelScale::Task, .pca = 2}));
  for (const auto& [key, value] : good.items()) {
    nlohmann::json bad = good;
    bad.erase(key);
    EXPECT_THAT([&] { PreparationJson::read(bad); }, ThrowsMessage<std::invalid_argument>(HasSubstr(key)));
  }
  nlohmann::json ragged = good;
  ragged["components"] = {{1.0, 2.0}, {3.0}};
  EXPECT_THAT([&] { PreparationJson::read(ragged); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("a matrix has 1 numbers in row 2 and 2 in the first")));
  nlohmann::json text = good;
  text["divisor"] = "large";
  EXPECT_THAT([&] { PreparationJson::read(text); }, ThrowsMessage<std::invalid_argument>(HasSubstr("preparation: ")));
}

TEST(Preparation, RefusesJsonThatContradictsItself) {
  const nlohmann::json good = PreparationJson::write(
      Preparation::fit(raw_tasks(), {.scale = Scale::Standard, .labels = LabelScale::Task, .pca = 2}));
  const auto expect_refused = [&](const std::string& key, const nlohmann::json& value) {
    nlohmann::json bad = good;
    bad[key] = value;
    EXPECT_THAT([&] { PreparationJson::read(bad); }, ThrowsMessage<std::invalid_argument>(HasSubstr(key)));
  };
  expect_refused("scale", "unit-bal");
  expect_refused("divisor", 0.0);
  expect_refused("pca", -1);
  expect_refused("components", nlohmann::json::array());  // 4 x 2 are needed
  expect_refused("mean", {{1.0}, {2.0}, {3.0}, {4.0}});   // 1 x 4 are needed
  expect_refused("mean", {1.0, 2.0, 3.0});                // 4 are needed
  expect_refused("label_deviation", {{1.0, 2.0, 3.0}});   // 3 x 1, as many as means
  expect_refused("label_deviation", {1.0, 2.0});
  expect_refused("label_deviation", {1.0, 0.0, 2.0});
  expect_refused("label_mean", nlohmann::json::array());
  expect_refused("deviation", {1.0, 2.0, 3.0});
  expect_refused("deviation", {1.0, 2.0, 3.0, 0.0});
  expect_refused("deviation", {1.0, 2.0, 3.0, nullptr});
  expect_refused("features", {"a", "b", "c"});
  expect_refused("standardise_labels", "some");
  expect_refused("standardise_labels", "none");
}

TEST(MatrixJson, IsRowWise) {
  Eigen::MatrixXd matrix(2, 3);
  matrix << 1, 2, 3, 4, 5, 1.0 / 3.0;
  const nlohmann::json json = matrix_to_json(matrix);
  EXPECT_EQ(json[1][0], 4.0);
  EXPECT_EQ(matrix_from_json(nlohmann::json::parse(json.dump())), matrix);
  EXPECT_EQ(matrix_from_json(nlohmann::json::array()).size(), 0);
}

}  // namespace
}  // namespace crosstalk
