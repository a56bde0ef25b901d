#include "crosstalk/attack/feasible_set.hpp"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>

#include "support/problems.hpp"

namespace crosstalk::attack {
namespace {

using testing::ThrowsMessage;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(FeasibleSet, MovesToTheNearestPointAndKeepsTheBias) {
  const FeasibleSet feasible = {.radius = 0.5, .bias = true};
  Eigen::MatrixXd X(3, 3);
  X << 3, 4, 7,        //
      0.1, -0.2, 0.9,  // inside
      0, 0, 1;
  feasible.project(X);
  Eigen::MatrixXd expected(3, 3);
  expected << 0.3, 0.4, 1, 0.1, -0.2, 1, 0, 0, 1;
  EXPECT_LT((X - expected).norm(), 1e-15);

  // Nearest: no point of the ball lies closer.
  const Eigen::MatrixXd outside = 2.0 * problems::normal_matrix(20, 4, 1);
  Eigen::MatrixXd projected = outside;
  FeasibleSet{.radius = 1.0, .bias = false}.project(projected);
  Rng rng(1);
  for (Eigen::Index j = 0; j < 20; ++j) {
    EXPECT_LE(projected.row(j).norm(), 1.0 + 1e-15);
    for (int draw = 0; draw < 50; ++draw) {
      const Eigen::RowVectorXd other = rng.in_ball(4, 1.0).transpose();
      EXPECT_LE((projected.row(j) - outside.row(j)).norm(), (other - outside.row(j)).norm() + 1e-15);
    }
  }
  Eigen::MatrixXd again = projected;
  FeasibleSet{.radius = 1.0, .bias = false}.project(again);
  EXPECT_LT((again - projected).norm(), 1e-15);
}

TEST(FeasibleSet, WithoutBiasAllEntriesCount) {
  Eigen::MatrixXd X(1, 2);
  X << 3, 4;
  FeasibleSet{.radius = 1.0, .bias = false}.project(X);
  EXPECT_NEAR(X(0, 1), 0.8, 1e-15);
  Eigen::MatrixXd none(0, 3);
  EXPECT_NO_THROW(FeasibleSet{}.project(none));
}

// Four continuous columns, then a binary one, a one-hot group of three, and a fixed one; no ball.
FeasibleSet mixed() {
  FeasibleSet set;
  set.radius = kInfinity;
  set.bias = true;
  set.box.assign(9, {0.0, 1.0});
  set.box[1] = {-2.0, -1.0};
  set.lattice = {{4, 1.0}};
  set.one_hot = {{{5, 6, 7}}};
  set.fixed = {8};
  return set;
}

Task clean_rows(Eigen::Index d) {
  return {"a", problems::normal_matrix(10, d, 3), Eigen::VectorXd::Zero(10)};
}

TEST(FeasibleSet, BoxAndBallTogetherAreProjectedToTheNearestPoint) {
  FeasibleSet set;
  set.radius = 0.8;
  set.bias = false;
  set.box = {{-1.0, 1.0}, {0.3, 2.0}, {-0.2, 0.1}};
  const Eigen::MatrixXd outside = 2.0 * problems::normal_matrix(20, 3, 1);
  Eigen::MatrixXd projected = outside;
  set.project(projected);
  Rng rng(1);
  for (Eigen::Index j = 0; j < 20; ++j) {
    EXPECT_TRUE(set.contains(projected.row(j).transpose(), 1e-12));
    for (int draw = 0; draw < 500; ++draw) {
      const Eigen::RowVectorXd other = set.random_row(clean_rows(3), rng).transpose();
      ASSERT_TRUE(set.contains(other.transpose(), 1e-12));
      EXPECT_LE((projected.row(j) - outside.row(j)).norm(), (other - outside.row(j)).norm() + 1e-12);
    }
  }
}

TEST(FeasibleSet, FurthestIsTheMaximiserOfALinearFunction) {
  FeasibleSet ball_and_box;
  ball_and_box.radius = 1.1;
  ball_and_box.bias = false;
  ball_and_box.box = {{-1.0, 1.0}, {-0.5, 0.5}, {-2.0, 0.1}};
  FeasibleSet ball;
  ball.bias = false;
  FeasibleSet no_bias = mixed();
  no_bias.bias = false;
  FeasibleSet or_none = no_bias;
  or_none.one_hot[0].or_none = true;
  for (const FeasibleSet& set : {ball, ball_and_box, no_bias, or_none}) {
    const Eigen::Index d = set.box.empty() ? 5 : static_cast<Eigen::Index>(set.box.size());
    const Task clean = clean_rows(d);
    Rng rng(2);
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      const Eigen::VectorXd direction = problems::normal_matrix(d, 1, 40 + seed);
      const Eigen::VectorXd like = set.random_row(clean, rng);
      const Eigen::VectorXd best = set.support_point(direction, like);
      EXPECT_TRUE(set.contains(best, 1e-9));
      for (const Eigen::Index k : set.fixed) EXPECT_EQ(best[k], like[k]);
      for (int draw = 0; draw < 300; ++draw) {
        Eigen::VectorXd other = set.random_row(clean, rng);
        for (const Eigen::Index k : set.fixed) other[k] = like[k];
        EXPECT_GE(direction.dot(best), direction.dot(other) - 1e-9);
      }
    }
  }
}

TEST(FeasibleSet, RandomRowsObeyEveryColumn) {
  const FeasibleSet set = mixed();
  EXPECT_NO_THROW(set.require_valid(9));
  const Task clean = clean_rows(10);
  Rng rng(3);
  int on = 0;
  for (int draw = 0; draw < 60; ++draw) {
    const Eigen::VectorXd row = set.random_row(clean, rng);
    EXPECT_TRUE(set.contains(row, 0.0));
    EXPECT_TRUE((clean.features.col(8).array() == row[8]).any());
    on += row[5] == 1.0 ? 1 : 0;
  }
  EXPECT_GT(on, 5);
  EXPECT_LT(on, 40);
}

TEST(FeasibleSet, KnowsWhatItDoesNotContain) {
  const FeasibleSet set = mixed();
  Rng rng(4);
  const Eigen::VectorXd inside = set.random_row(clean_rows(10), rng);
  ASSERT_TRUE(set.contains(inside, 1e-9));
  const auto without = [&](Eigen::Index k, double value) {
    Eigen::VectorXd row = inside;
    row[k] = value;
    return set.contains(row, 1e-9);
  };
  EXPECT_FALSE(without(0, 1.1));
  EXPECT_FALSE(without(1, 0.0));
  EXPECT_FALSE(without(4, 0.5));
  EXPECT_FALSE(without(9, 0.0));  // the bias
  Eigen::VectorXd two = inside;
  two[5] = two[6] = 1.0;
  EXPECT_FALSE(set.contains(two, 1e-9));
  Eigen::VectorXd none = inside;
  none[5] = none[6] = none[7] = 0.0;
  EXPECT_FALSE(set.contains(none, 1e-9));
  FeasibleSet with_none = set;
  with_none.one_hot[0].or_none = true;
  EXPECT_TRUE(with_none.contains(none, 1e-9));
  EXPECT_TRUE(without(8, 77.0));  // its own column is nobody's business
  EXPECT_FALSE((FeasibleSet{.radius = 0.5, .bias = false}.contains(Eigen::VectorXd::Ones(2), 1e-9)));
}

TEST(FeasibleSet, NamesAContradiction) {
  const auto broken = [](auto change) {
    return [change] {
      FeasibleSet set = mixed();
      change(set);
      set.require_valid(9);
    };
  };
  const auto says = [](const char* what) {
    return ThrowsMessage<std::invalid_argument>(std::string("feasible set: ") + what);
  };
  EXPECT_THAT(broken([](FeasibleSet& s) { s.radius = 0.0; }), says("radius is 0; it must be > 0"));
  EXPECT_THAT(broken([](FeasibleSet& s) { s.box.pop_back(); }), says("the box has 8 intervals for 9 features"));
  EXPECT_THAT(broken([](FeasibleSet& s) { s.radius = 9.0, s.box.clear(); }),
              says("one-hot and lattice columns need a box"));
  EXPECT_THAT(broken([](FeasibleSet& s) { s.one_hot.clear(), s.lattice.clear(), s.box.clear(); }),
              says("there is neither a ball nor a box"));
  EXPECT_THAT(broken([](FeasibleSet& s) {
                s.lattice = {{4, 0.3}};
              }),
              says("column 5 in steps of 0.3 from 0 does not reach 1"));
  EXPECT_THAT(broken([](FeasibleSet& s) { s.box[2] = {1.0, 0.5}; }), says("column 3 has the empty interval [1, 0.5]"));
  EXPECT_THAT(broken([](FeasibleSet& s) { s.fixed = {9}; }), says("column 10 does not exist; there are 9"));
  EXPECT_THAT(broken([](FeasibleSet& s) { s.fixed = {4}; }),
              says("column 5 is named twice among one-hot groups, lattice and fixed columns"));
  EXPECT_THAT(broken([](FeasibleSet& s) { s.radius = 2.0; }),
              says("one-hot and lattice columns cannot be combined with a ball"));
  EXPECT_THAT(broken([](FeasibleSet& s) { s.radius = 0.5; }), says("the ball of radius 0.5 does not meet the box"));
}

}  // namespace
}  // namespace crosstalk::attack
