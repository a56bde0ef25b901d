// Attacks through tasks that have no clean rows.
#include "crosstalk/attack/fictitious.hpp"

#include <set>

#include <gmock/gmock.h>

#include "crosstalk/attack/exact_attack.hpp"
#include "crosstalk/attack/gradient_check.hpp"
#include "crosstalk/problem/fictitious_tasks.hpp"
#include "support/problems.hpp"

namespace crosstalk::attack {
namespace {

using Empty = mtrl::EmpiricalRisk::EmptyTasks;
using Layout = mtrl::EmpiricalRisk::Layout;
using testing::ElementsAre;
using testing::ThrowsMessage;

// Four tasks of data, three that are made up.
struct Setting {
  explicit Setting(const mtrl::Loss& of, Eigen::Index features = 5, Eigen::Index rows_each = 6)
      : loss(of), tasks(problems::related_for(of, {.tasks = 4, .rows = 20, .features = features})) {
    Rng rng(3);
    attack = fictitious_attack(tasks, {0, 2}, 3, rows_each, FeasibleSet{.radius = 6.0}, loss, rng);
    near = with_zero_columns(mtrl::solve(tasks, loss, learner), 3);
  }
  [[nodiscard]] AttackProblem problem() const {
    return {risk(), utility, attack.feasible, attack.start, learner, near};
  }
  [[nodiscard]] const mtrl::EmpiricalRisk& risk() const {
    if (!risk_) risk_.emplace(with_empty_tasks(tasks, {"a", "b", "c"}), loss, Layout::Automatic, Empty::Allowed);
    return *risk_;
  }

  const mtrl::Loss& loss;
  TaskSet tasks;
  mtrl::Options learner = {.lambda1 = 0.05, .lambda2 = 0.2, .smoothing = 0.05, .tolerance = 1e-14};
  FictitiousAttack attack;
  mtrl::Fit near;
  LossUtility utility{tasks, loss, {0, 2}};

 private:
  mutable std::optional<mtrl::EmpiricalRisk> risk_;
};

const std::vector<const mtrl::Loss*> kLosses = {&mtrl::squared_loss(), &mtrl::logistic_loss()};

TEST(FictitiousNames, LookLikeThoseOfTheDataAndCollideWithNone) {
  EXPECT_THAT(fictitious_names({"1", "7", "3"}, 2), ElementsAre("8", "9"));
  EXPECT_THAT(fictitious_names({"user 08", "user 09", "user 10"}, 2), ElementsAre("user 11", "user 12"));
  EXPECT_THAT(fictitious_names({"s-007", "s-009", "other"}, 2), ElementsAre("s-010", "s-011"));
  EXPECT_THAT(fictitious_names({"park", "market"}, 3), ElementsAre("park-2", "market-2", "park-3"));
  EXPECT_THAT(fictitious_names({"park", "park-2"}, 2), ElementsAre("park-2-2", "park-3"));
  EXPECT_THAT(fictitious_names({"12345678901234567890"}, 1), ElementsAre("12345678901234567890-2"));
}

TEST(FictitiousAttack, BeginsWithRowsOfItsHostsAndLabelsAgainstThem) {
  const Setting setting(mtrl::squared_loss());
  const FictitiousAttack& attack = setting.attack;
  EXPECT_THAT(attack.hosts, ElementsAre(0, 2, 0));
  EXPECT_THAT(attack.threat.attackers, ElementsAre(4, 5, 6));
  EXPECT_EQ(kind_of(attack.threat), Kind::Accounts);
  EXPECT_EQ(to_string(Kind::Accounts), "accounts");
  ASSERT_EQ(attack.start.size(), 7U);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(attack.start[i].rows(), 0);
  for (std::size_t k = 0; k < 3; ++k) {
    const Task& host = setting.tasks[attack.hosts[k]];
    const Task& rows = attack.start[4 + k];
    ASSERT_EQ(rows.rows(), 6);
    const double low = host.labels.minCoeff();
    const double high = host.labels.maxCoeff();
    for (Eigen::Index j = 0; j < 6; ++j) {
      Eigen::Index like = 0;
      EXPECT_LT((host.features.rowwise() - rows.features.row(j)).rowwise().norm().minCoeff(&like), 1e-12);
      EXPECT_EQ(rows.labels[j], host.labels[like] > 0.5 * (low + high) ? low : high);
    }
  }
}

TEST(FictitiousAttack, OfClassesHasBothWhateverItIsAllowed) {
  for (const Eigen::Index rows : {2, 6}) {
    const Setting setting(mtrl::logistic_loss(), 5, rows);
    for (const bool free : {false, true}) {
      const AttackResult result =
          exact_attack(setting.problem(), {.starts = 2, .iterations = 6, .free_labels = free, .patom = {.step = 1.0}});
      for (std::size_t i = 4; i < 7; ++i) {
        EXPECT_EQ(result.injected[i].labels.minCoeff(), -1.0) << rows;
        EXPECT_EQ(result.injected[i].labels.maxCoeff(), 1.0) << rows;
      }
    }
  }
}

// Squared loss, classes, and more features than rows: each has a layout of its own.
TEST(FictitiousAttack, IsLearnedAsASetWithItsRows) {
  for (const mtrl::Loss* loss : kLosses)
    for (const Eigen::Index features : {5, 150}) {
      const Setting setting(*loss, features);
      const mtrl::EmpiricalRisk poisoned = setting.risk().with_rows(setting.attack.start);
      const mtrl::EmpiricalRisk plain(join_rows(with_empty_tasks(setting.tasks, {"a", "b", "c"}), setting.attack.start),
                                      *loss);
      const mtrl::Fit found = mtrl::solve_from(poisoned, setting.learner, setting.near.weights);
      const mtrl::Fit wanted = mtrl::solve(plain, setting.learner);
      EXPECT_EQ(found.status, mtrl::Status::Converged);
      EXPECT_LT((found.weights - wanted.weights).norm(), 1e-6 * wanted.weights.norm()) << features;
      EXPECT_NEAR(found.objective, wanted.objective, 1e-10 * wanted.objective);
    }
}

TEST(FictitiousAttack, GradientsAreThoseOfRefits) {
  for (const mtrl::Loss* loss : kLosses)
    for (const Eigen::Index features : {5, 110}) {
      const Setting setting(*loss, features);
      const GradientCheck check = check_gradients(setting.risk(), setting.utility, setting.attack.start,
                                                  setting.learner, {{"exact", exact_row_gradient}}, {.entries = 2});
      EXPECT_LT(check.gradients[0].relative_error, 1e-6) << features;
    }
}

TEST(FictitiousAttack, TheMorePlannedTheStronger) {
  for (const mtrl::Loss* loss : kLosses) {
    const Setting setting(*loss);
    PatomOptions none;
    none.iterations = 0;
    const double start = patom(setting.problem(), none).iterates.back().utility;
    const double exact =
        exact_attack(setting.problem(), {.starts = 1, .iterations = 6, .free_labels = true}).iterates.back().utility;
    EXPECT_GT(exact, 1.001 * start);
    EXPECT_GT(start, setting.utility.value(setting.near.weights));
  }
}

TEST(FictitiousAttack, IsRefusedWhenItBreaksARule) {
  const Setting setting(mtrl::squared_loss());
  Rng rng(1);
  const auto expect = [&](std::size_t count, Eigen::Index rows, const std::string& message) {
    EXPECT_THAT([&] { fictitious_attack(setting.tasks, {0}, count, rows, {}, setting.loss, rng); },
                ThrowsMessage<std::invalid_argument>(message));
  };
  expect(0, 5, "fictitious tasks: there are 0; there must be at least 1");
  expect(2, 1, "fictitious tasks: 1 rows each; a learner needs at least 2 in a task");
  EXPECT_THAT([&] { mtrl::EmpiricalRisk(with_empty_tasks(setting.tasks, {"a"}), setting.loss); },
              ThrowsMessage<std::invalid_argument>("empirical risk: task 5 (\"a\") has no rows"));
}

}  // namespace
}  // namespace crosstalk::attack
