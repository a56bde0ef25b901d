#include "crosstalk/attack/schema.hpp"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>

#include "crosstalk/attack/threat.hpp"
#include "support/problems.hpp"

namespace crosstalk::attack {
namespace {

using testing::ThrowsMessage;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// age (whole), weight, member (0 or 1), colour (one-hot), region (fixed).
TaskSet people() {
  TaskSet tasks;
  tasks.feature_names = {"age", "weight", "member", "colour=blue", "colour=red", "region"};
  for (std::uint64_t i = 0; i < 2; ++i) {
    Task task{"shop " + std::to_string(i + 1), Eigen::MatrixXd(12, 6), 3.0 * problems::normal_matrix(12, 1, i)};
    Rng rng(i);
    for (Eigen::Index j = 0; j < 12; ++j) {
      const double blue = rng.below(2) == 0 ? 0.0 : 1.0;
      task.features.row(j) << std::floor(rng.uniform(18.0, 80.0)), rng.uniform(40.0, 120.0), j < 6 ? 0.0 : 1.0, blue,
          1.0 - blue, rng.uniform(0.0, 9.0);
    }
    tasks.tasks.push_back(std::move(task));
  }
  return tasks;
}

std::vector<ColumnRule> rules() {
  return {{"age", ColumnKind::Integer, 18.0, 90.0},
          {"member", ColumnKind::Binary},
          {"colour=blue", ColumnKind::OneHot, {}, {}, "colour"},
          {"colour=red", ColumnKind::OneHot, {}, {}, "colour"},
          {"region", ColumnKind::Fixed},
          {"stars", ColumnKind::Label, 1.0, 5.0}};
}

TEST(Schema, RowsInTheDatasUnitsObeyEveryRule) {
  const TaskSet raw = people();
  const Schema schema(raw, "stars", rules());
  for (const PreparationOptions& options :
       {PreparationOptions{}, PreparationOptions{.labels = LabelScale::Task},
        PreparationOptions{.scale = Scale::Standard, .labels = LabelScale::Pooled}}) {
    const Preparation preparation = Preparation::fit(raw, options);
    const TaskSet clean = preparation.apply(raw);
    const FeasibleSet set = schema.in_learner_units(preparation, kInfinity);
    Rng rng(1);
    TaskSet rows = preparation.undo(random_rows(clean, {{0, 1}, {0, 1}, 5.0}, set, LabelRule::Uniform, rng));
    schema.settle(rows);
    double lowest = kInfinity;
    double highest = -kInfinity;
    for (std::size_t i = 0; i < 2; ++i)
      for (Eigen::Index j = 0; j < rows[i].rows(); ++j) {
        const auto row = rows[i].features.row(j);
        EXPECT_EQ(row[0], std::round(row[0]));
        EXPECT_GE(row[0], 18.0);
        EXPECT_LE(row[0], 90.0);
        EXPECT_LE(row[1], 120.0);  // the range of the data
        EXPECT_TRUE(row[2] == 0.0 || row[2] == 1.0);
        EXPECT_EQ(row[3] + row[4], 1.0);
        EXPECT_TRUE(row[3] == 0.0 || row[3] == 1.0);
        EXPECT_TRUE((raw[i].features.col(5).array() == row[5]).any());
        lowest = std::min(lowest, rows[i].labels[j]);
        highest = std::max(highest, rows[i].labels[j]);
      }
    EXPECT_NEAR(lowest, 1.0, 0.3);
    EXPECT_NEAR(highest, 5.0, 0.3);
  }
}

// Categories of which one is left out in the coding.
TEST(Schema, AGroupMayBeEmptyWhereTheDataHaveSuchARow) {
  TaskSet raw = people();
  raw[0].features(3, 3) = raw[0].features(3, 4) = 0.0;
  const FeasibleSet set = Schema(raw, "stars", rules()).in_learner_units(Preparation::fit(raw, {}), kInfinity);
  EXPECT_TRUE(set.one_hot.front().or_none);
  EXPECT_FALSE(Schema(people(), "stars", {}).in_learner_units(Preparation::fit(raw, {}), kInfinity).has_jumps());
}

TEST(Schema, RefusesToWriteARowThatBreaksARule) {
  const TaskSet raw = people();
  const Schema schema(raw, "stars", rules());
  TaskSet rows;
  for (const Task& task : raw) rows.tasks.push_back(select_rows(task, {0}));
  EXPECT_NO_THROW(schema.settle(rows));
  rows[1].features(0, 0) = 20.0 + 1e-12;
  schema.settle(rows);
  EXPECT_EQ(rows[1].features(0, 0), 20.0);
  rows[1].features(0, 0) = 20.4;
  EXPECT_THAT(
      [&] { schema.settle(rows); },
      ThrowsMessage<std::logic_error>("injected row 1 of \"shop 2\" has 20.4 in column \"age\", which is integer"));
}

TEST(Schema, SuggestsWhatTheDataLookLike) {
  const std::vector<ColumnRule> suggested = suggested_rules(people());
  std::vector<ColumnKind> kinds;
  for (const ColumnRule& rule : suggested) kinds.push_back(rule.kind);
  EXPECT_THAT(kinds, testing::ElementsAre(ColumnKind::Integer, ColumnKind::Continuous, ColumnKind::Binary,
                                          ColumnKind::OneHot, ColumnKind::OneHot, ColumnKind::Continuous));
  EXPECT_EQ(suggested[3].group, "colour");
  EXPECT_GE(*suggested[0].low, 18.0);
  const TaskSet raw = people();
  EXPECT_NO_THROW(Schema(raw, "stars", suggested));
}

TEST(Schema, NamesAContradiction) {
  const TaskSet raw = people();
  const auto expect = [&](const std::vector<ColumnRule>& of, const char* what) {
    EXPECT_THAT([&] { Schema(raw, "stars", of); }, ThrowsMessage<std::invalid_argument>(what));
  };
  expect({{"agee"}}, "column \"agee\" is not in the data; did you mean \"age\"?");
  expect({{"age"}, {"age"}}, "column \"age\" has two rules");
  expect({{"age", ColumnKind::Continuous, 90.0, 18.0}}, "column \"age\" has the empty interval [90, 18]");
  expect({{"age", ColumnKind::Integer, 20.2, 20.8}},
         "column \"age\" is integer and [20.2, 20.8] holds no whole number");
  expect({{"member", ColumnKind::Binary, 0.0, 2.0}},
         "column \"member\" is binary and has the interval [0, 2]; it must be [0, 1]");
  expect({{"colour=red", ColumnKind::OneHot}}, "column \"colour=red\" is one-hot and has no group");
  expect({{"colour=red", ColumnKind::OneHot, {}, {}, "colour"}},
         "column \"colour=red\" is alone in the one-hot group \"colour\"");
  expect({{"age", ColumnKind::Integer, {}, {}, "colour"}},
         "column \"age\" is integer and has a group; only one-hot columns have");
  expect({{"age", ColumnKind::Label}}, "column \"age\" is not the label, which is \"stars\"");
  expect({{"stars", ColumnKind::Label, 5.0, 1.0}}, "column \"stars\" has the empty interval [5, 1]");
  EXPECT_THAT([] { column_kind_named("whole"); },
              ThrowsMessage<std::invalid_argument>(
                  "unknown kind of column \"whole\"; there are continuous, integer, binary, one-hot, fixed, label"));
  const Schema schema(raw, "stars", rules());
  EXPECT_THAT([&] { (void)schema.in_learner_units(Preparation::fit(raw, {.pca = 2}), kInfinity); },
              ThrowsMessage<std::invalid_argument>(
                  "a schema needs the data's own columns; PCA mixes them (`pca=0` keeps them)"));
  EXPECT_THAT(
      [&] { (void)schema.in_learner_units(Preparation::fit(raw, {}), 1.0); },
      ThrowsMessage<std::invalid_argument>("feasible set: one-hot and lattice columns cannot be combined with a ball"));

  const Schema far(raw, "stars", {{"weight", ColumnKind::Continuous, 4000.0, 4100.0}});
  EXPECT_THAT([&] { (void)far.in_learner_units(Preparation::fit(raw, {}), 1.0); },
              ThrowsMessage<std::invalid_argument>("feasible set: the ball of radius 1 does not meet the box"));
}

}  // namespace
}  // namespace crosstalk::attack
