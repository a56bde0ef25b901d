#include "crosstalk/attack/exact_attack.hpp"

#include <algorithm>
#include <limits>

#include <gmock/gmock.h>

#include "crosstalk/attack/influence.hpp"
#include "support/problems.hpp"

namespace crosstalk::attack {
namespace {

using testing::ThrowsMessage;

struct Setting {
  explicit Setting(const mtrl::Loss& of, Threat who = {{0, 1}, {1, 2}, 0.3})
      : loss(of), tasks(problems::related_for(of, {.tasks = 4, .rows = 25, .features = 5})), threat(std::move(who)) {}

  [[nodiscard]] TaskSet start(std::uint64_t seed = 5) const {
    Rng rng(seed);
    return random_rows(tasks, threat, feasible, LabelRule::Uniform, rng);
  }
  [[nodiscard]] AttackResult run(const ExactOptions& options, const RunControl& control = {}) const {
    return exact_attack({risk, utility, feasible, start(), learner, near, Rng::stream(3, "batches")}, options, control);
  }

  const mtrl::Loss& loss;
  TaskSet tasks;
  Threat threat;
  FeasibleSet feasible = {.radius = 1.0, .bias = true};
  mtrl::Options learner = {.lambda1 = 0.05, .lambda2 = 0.1, .smoothing = 0.05};
  mtrl::EmpiricalRisk risk{tasks, loss};
  LossUtility utility{tasks, loss, threat.targets};
  mtrl::Fit near = mtrl::solve(risk, learner);
};

TEST(ExactAttack, NeverEndsBelowPatomFromTheSameRows) {
  for (const std::string& name : mtrl::loss_names())
    for (const Threat& threat : {Threat{{0, 1}, {0, 1}, 0.3}, Threat{{0, 1}, {1, 2}, 0.3}, Threat{{0}, {2, 3}, 0.3}}) {
      const Setting setting(mtrl::loss_named(name), threat);
      const AttackResult by_patom = patom({setting.risk, setting.utility, setting.feasible, setting.start(),
                                           setting.learner, setting.near, Rng::stream(3, "batches")},
                                          {});
      for (const bool free : {false, true}) {
        const AttackResult exact = setting.run({.starts = 1, .free_labels = free});
        EXPECT_GE(exact.iterates.back().utility, by_patom.iterates.back().utility) << name << (free ? ", free" : "");
        EXPECT_GE(exact.iterates.back().utility, by_patom.iterates.front().utility) << name << (free ? ", free" : "");
      }
    }
}

TEST(ExactAttack, EveryStepRaisesTheUtility) {
  for (const std::string& name : mtrl::loss_names()) {
    const Setting setting(mtrl::loss_named(name));
    const AttackResult result = setting.run({.starts = 3, .free_labels = true});
    ASSERT_GT(result.iterates.size(), 3U) << name;
    for (std::size_t k = 2; k < result.iterates.size(); ++k)  // the first is the given rows, of another start
      EXPECT_GT(result.iterates[k].utility, result.iterates[k - 1].utility) << name << ", step " << k;
    EXPECT_EQ(*std::max_element(result.optima.begin(), result.optima.end()), result.iterates.back().utility);
    EXPECT_EQ(result.optima.size(), 3U);
    // The record is that of the rows.
    const mtrl::Fit fit = mtrl::solve(setting.risk.with_rows(result.injected), setting.learner);
    EXPECT_NEAR(setting.utility.value(fit.weights), result.iterates.back().utility,
                1e-5 * result.iterates.back().utility);
  }
}

TEST(ExactAttack, RowsAndLabelsStayFeasible) {
  for (const std::string& name : mtrl::loss_names())
    for (const bool free : {false, true}) {
      const Setting setting(mtrl::loss_named(name));
      const AttackResult result = setting.run({.starts = 2, .free_labels = free});
      const auto ranges = label_ranges(setting.tasks);
      const TaskSet start = setting.start();
      for (std::size_t i = 0; i < start.size(); ++i) {
        const Task& rows = result.injected[i];
        ASSERT_EQ(rows.rows(), start[i].rows());
        EXPECT_TRUE(free || rows.labels == start[i].labels) << name;
        for (Eigen::Index j = 0; j < rows.rows(); ++j) {
          EXPECT_TRUE(setting.feasible.contains(rows.features.row(j).transpose(), 1e-12)) << name;
          EXPECT_GE(rows.labels[j], ranges[i].low);
          EXPECT_LE(rows.labels[j], ranges[i].high);
          EXPECT_TRUE(!setting.loss.is_classification() || std::abs(rows.labels[j]) == 1.0);
        }
      }
    }
}

TEST(ExactAttack, ObeysAColumnSchema) {
  Setting setting(mtrl::squared_loss());
  setting.feasible.radius = std::numeric_limits<double>::infinity();
  setting.feasible.box.assign(4, {-1.0, 1.0});
  setting.feasible.lattice = {{1, 0.5}};
  setting.feasible.fixed = {3};
  const auto expect_obeyed = [&](const AttackResult& result) {
    EXPECT_GT(result.iterates.back().utility, result.iterates.front().utility);
    for (const std::size_t i : {1U, 2U})
      for (Eigen::Index j = 0; j < result.injected[i].rows(); ++j) {
        const Eigen::VectorXd row = result.injected[i].features.row(j);
        EXPECT_TRUE(setting.feasible.contains(row, 1e-12));
        EXPECT_TRUE((setting.tasks[i].features.col(3).array() == row[3]).any());
      }
  };
  expect_obeyed(setting.run({.starts = 1, .free_labels = true, .patom = {.step = 1.0}}));
  const AttackResult labels_stay = setting.run({.starts = 1, .patom = {.step = 1.0}});
  expect_obeyed(labels_stay);
  bool jumped = false;  // which only replacements do
  for (const std::size_t i : {1U, 2U})
    jumped = jumped || labels_stay.injected[i].features.col(1) != setting.start()[i].features.col(1);
  EXPECT_TRUE(jumped);
  expect_obeyed(
      patom({setting.risk, setting.utility, setting.feasible, setting.start(), setting.learner, setting.near, Rng(1)},
            {.step = 1.0}));
}

TEST(ExactAttack, StaysUnseenByTheScreen) {
  for (const std::string& name : mtrl::loss_names()) {
    Setting setting(mtrl::loss_named(name));
    const AttackResult seen = setting.run({.starts = 2, .free_labels = true});
    setting.feasible.screen = Screen(setting.tasks, setting.near.weights, true, {.quantile = 0.9});
    const auto expect_unseen = [&](const AttackResult& result) {
      EXPECT_GT(result.iterates.back().utility, result.iterates.front().utility) << name;
      EXPECT_LT(result.iterates.back().utility, seen.iterates.back().utility) << name;
      for (const std::size_t i : {1U, 2U})
        for (Eigen::Index j = 0; j < result.injected[i].rows(); ++j)
          EXPECT_TRUE(
              setting.feasible.passes(i, result.injected[i].features.row(j).transpose(), result.injected[i].labels[j]))
              << name;
    };
    expect_unseen(setting.run({.starts = 2, .free_labels = true}));
    expect_unseen(setting.run({.starts = 2}));
    expect_unseen(
        patom({setting.risk, setting.utility, setting.feasible, setting.start(), setting.learner, setting.near, Rng(1)},
              {.step = 1.0}));
  }
}

TEST(ExactAttack, DrivesTheLearnedRelationOfTwoTasks) {
  const Setting setting(mtrl::squared_loss(), {{0}, {0, 2}, 0.5});
  const double clean = setting.near.covariance.correlation()(0, 2);
  for (const double wanted : {-1.0, 0.0, 1.0}) {
    const RelationUtility relation(0, 2, wanted, setting.tasks.size(), setting.learner.smoothing);
    const AttackResult result =
        exact_attack({setting.risk, relation, setting.feasible, setting.start(), setting.learner, setting.near, Rng(1)},
                     {.starts = 2, .free_labels = true});
    const double reached = result.iterates.back().fit.covariance.correlation()(0, 2);
    EXPECT_LT(std::abs(reached - wanted), 0.5 * std::abs(clean - wanted) + 0.05)
        << "from " << clean << " to " << wanted;
  }
}

TEST(ExactAttack, MakesTheWantedPredictionsComeTrue) {
  const Setting setting(mtrl::squared_loss(), {{0}, {2}, 0.5});
  TaskSet wanted;
  for (const Task& task : setting.tasks) wanted.tasks.push_back(select_rows(task, {0}));
  const double now = wanted[0].features.row(0).dot(setting.near.weights.col(0));
  wanted[0].labels[0] = now + 1.0;
  const LossUtility prediction(wanted, setting.loss, {0}, LossUtility::Sense::Lower);
  const AttackResult result =
      exact_attack({setting.risk, prediction, setting.feasible, setting.start(), setting.learner, setting.near, Rng(1)},
                   {.starts = 2, .free_labels = true});
  const double reached = wanted[0].features.row(0).dot(result.iterates.back().fit.weights.col(0));
  EXPECT_GT(reached, now + 0.5);
}

TEST(ExactAttack, FreeLabelsAreWorthMoreThanRandomOnes) {
  for (const std::string& name : mtrl::loss_names()) {
    const Setting setting(mtrl::loss_named(name));
    const double clean = setting.utility.value(setting.near.weights);
    const double fixed = setting.run({.starts = 2}).iterates.back().utility - clean;
    const double free = setting.run({.starts = 2, .free_labels = true}).iterates.back().utility - clean;
    EXPECT_GT(free, 1.2 * fixed) << name;
  }
}

TEST(ExactAttack, DoesNotDependOnTheThreads) {
  const Setting setting(mtrl::squared_loss());
  const AttackResult one = setting.run({.starts = 3, .free_labels = true, .threads = 1});
  const AttackResult four = setting.run({.starts = 3, .free_labels = true, .threads = 4});
  EXPECT_EQ(one.optima, four.optima);
  for (std::size_t i = 0; i < one.injected.size(); ++i) {
    EXPECT_EQ(one.injected[i].features, four.injected[i].features);
    EXPECT_EQ(one.injected[i].labels, four.injected[i].labels);
  }
}

TEST(ExactAttack, StopsWhenAsked) {
  const Setting setting(mtrl::squared_loss());
  std::stop_source source;
  source.request_stop();
  RunControl control;
  control.stop = source.get_token();
  const AttackResult result = setting.run({.starts = 2}, control);
  EXPECT_TRUE(result.stopped);
  EXPECT_EQ(result.iterates.size(), 2U);  // the given rows and where PATOM would go on from
  EXPECT_EQ(result.optima.size(), 1U);
}

// Without coupling nothing that an indirect attacker does changes anything.
TEST(ExactAttack, EndsWhereThereIsNothingToGain) {
  Setting setting(mtrl::squared_loss(), {{0}, {2, 3}, 0.3});
  setting.learner.lambda2 = 0.0;
  setting.near = mtrl::solve(setting.risk, setting.learner);
  const double clean = setting.utility.value(setting.near.weights);
  EXPECT_NEAR(setting.run({.starts = 2, .free_labels = true}).iterates.back().utility, clean, 1e-6 * clean);
}

TEST(ExactAttack, NamesAnOptionOutsideItsRange) {
  const Setting setting(mtrl::squared_loss());
  const auto run = [&](ExactOptions options) { return [&setting, options] { (void)setting.run(options); }; };
  EXPECT_THAT(run({.starts = 0}), ThrowsMessage<std::invalid_argument>("exact: starts is 0; it must be >= 1"));
  EXPECT_THAT(run({.iterations = -1}),
              ThrowsMessage<std::invalid_argument>("exact: iterations is -1; it must be >= 0"));
  EXPECT_THAT(run({.tolerance = 0.0}), ThrowsMessage<std::invalid_argument>("exact: tolerance is 0; it must be > 0"));
}

struct Attacked : Setting {
  explicit Attacked(const mtrl::Loss& of) : Setting(of) {}
  TaskSet rows = start();
  mtrl::EmpiricalRisk poisoned = risk.with_rows(rows);
  mtrl::Fit fit = mtrl::solve(poisoned, learner);
  Eigen::MatrixXd utility_gradient = utility.gradient(fit.weights);
  AttackState state{poisoned, rows, fit, learner, utility_gradient};
  Eigen::MatrixXd adjoint = mtrl::adjoint(poisoned, learner, fit.weights, utility_gradient);
};

// Injecting the same row with weight h more and refitting: the slope at h = 0 is phi.
TEST(Influence, IsTheDerivativeInARowsWeight) {
  for (const std::string& name : mtrl::loss_names()) {
    const Attacked at(mtrl::loss_named(name));
    const Eigen::VectorXd phi = Influence(at.state, at.adjoint).of_rows(at.rows, 1);
    // U((1 - h) others + h row): with k copies of the data and one more row, h = 1 / (k N + 1).
    constexpr int kCopies = 4000;
    TaskSet more = at.rows;
    const Eigen::Index n = at.tasks[1].rows();
    const Eigen::Index k = more[1].rows();
    const Eigen::Index total = kCopies * (n + k) + 1 - n;
    more[1].features.resize(total, at.rows.features());
    more[1].labels.resize(total);
    Eigen::Index row = 0;
    for (int copy = 0; copy < kCopies; ++copy) {
      if (copy > 0) {
        more[1].features.middleRows(row, n) = at.tasks[1].features;
        more[1].labels.segment(row, n) = at.tasks[1].labels;
        row += n;
      }
      more[1].features.middleRows(row, k) = at.rows[1].features;
      more[1].labels.segment(row, k) = at.rows[1].labels;
      row += k;
    }
    more[1].features.row(row) = at.rows[1].features.row(0);
    more[1].labels[row] = at.rows[1].labels[0];
    const double h = 1.0 / static_cast<double>(kCopies * (n + k) + 1);
    const auto utility_of = [&](const TaskSet& injected) {
      return at.utility.value(mtrl::polish(at.risk.with_rows(injected), at.learner, at.fit.weights).weights);
    };
    const double slope = (utility_of(more) - utility_of(at.rows)) / h;
    const auto all = Influence(at.state, at.adjoint);
    TaskSet clean_part = at.tasks;
    const double mean = (all.of_rows(clean_part, 1).sum() + phi.sum()) / static_cast<double>(n + k);
    EXPECT_NEAR(phi[0] - mean, slope, 1e-2 * std::abs(slope)) << name;
  }
}

TEST(Influence, BestRowIsFeasibleAndNoRandomRowIsBetter) {
  for (const std::string& name : mtrl::loss_names()) {
    const Attacked at(mtrl::loss_named(name));
    const Influence influence(at.state, at.adjoint);
    const auto ranges = label_ranges(at.tasks);
    const Eigen::VectorXd like = at.rows[1].features.row(0);
    const Influence::Row best = influence.best_row(at.feasible, 1, ranges[1], like);
    EXPECT_TRUE(at.feasible.contains(best.features, 1e-12)) << name;
    TaskSet draws = at.rows;
    constexpr Eigen::Index kDraws = 5000;
    draws[1].features.resize(kDraws, like.size());
    draws[1].labels.resize(kDraws);
    Rng rng(8);
    for (Eigen::Index j = 0; j < kDraws; ++j) {
      draws[1].features.row(j) = at.feasible.random_row(at.tasks[1], rng).transpose();
      draws[1].labels[j] = rng.below(2) == 0 ? ranges[1].low : ranges[1].high;
    }
    EXPECT_GE(best.influence, influence.of_rows(draws, 1).maxCoeff()) << name;
  }
}

}  // namespace
}  // namespace crosstalk::attack
