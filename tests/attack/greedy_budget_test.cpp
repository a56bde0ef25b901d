#include "crosstalk/attack/greedy_budget.hpp"

#include <limits>

#include <gmock/gmock.h>

#include "support/problems.hpp"

namespace crosstalk::attack {
namespace {

using testing::ThrowsMessage;

constexpr double kNotForSale = std::numeric_limits<double>::infinity();

struct Market {
  TaskSet tasks = problems::related_regression({.tasks = 4, .rows = 25, .features = 5});
  FeasibleSet feasible = {.radius = 1.0, .bias = true};
  mtrl::Options learner = {.lambda1 = 0.05, .lambda2 = 0.1, .smoothing = 0.05, .tolerance = 1e-13};
  mtrl::EmpiricalRisk risk{tasks, mtrl::squared_loss()};
  LossUtility utility{tasks, mtrl::squared_loss(), {0}};
  mtrl::Fit near = mtrl::solve(risk, learner);

  [[nodiscard]] TaskSet buy(const Threat& threat, const Prices& prices) const {
    return allocate_budget({risk, utility, feasible, threat, prices.of_row, learner, near, Rng(1)}, prices.money);
  }
  [[nodiscard]] double utility_with(const TaskSet& rows) const {
    return utility.value(mtrl::solve_from(risk.with_rows(rows), learner, near.weights).weights);
  }
  static double cost(const TaskSet& rows, const Prices& prices) {
    double sum = 0.0;
    for (std::size_t i = 0; i < rows.size(); ++i)
      if (rows[i].rows() > 0) sum += static_cast<double>(rows[i].rows()) * prices.of_row[i];
    return sum;
  }
};

TEST(Spending, StaysWithinTheMoneyAndTheBudgetOfEveryTask) {
  const Market market;
  const Threat threat = {{0}, {0, 1, 2}, 0.2};
  const Prices prices = {{3.0, 1.0, 2.0, kNotForSale}, 20.0};
  const TaskSet rows = market.buy(threat, prices);
  EXPECT_LE(Market::cost(rows, prices), prices.money);
  EXPECT_GT(Market::cost(rows, prices), prices.money - 3.0);
  EXPECT_EQ(rows[3].rows(), 0);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_LE(rows[i].rows(), injected_rows(threat, market.tasks, i));
  for (const Task& task : rows)
    for (Eigen::Index j = 0; j < task.rows(); ++j)
      EXPECT_TRUE(market.feasible.contains(task.features.row(j).transpose(), 1e-9));
}

TEST(Spending, GoesWhereMoneyDoesTheMost) {
  const Market market;
  const Threat threat = {{0}, {0, 1, 2, 3}, 1.0};
  // The target's own rows do the most, until they cost too much.
  const TaskSet same_price = market.buy(threat, {{1.0, 1.0, 1.0, 1.0}, 10.0});
  EXPECT_EQ(same_price[0].rows(), same_price.rows());
  const TaskSet dear = market.buy(threat, {{1000.0, 1.0, 1.0, 1.0}, 10.0});
  EXPECT_EQ(dear[0].rows(), 0);
  EXPECT_GT(dear.rows(), 0);
  EXPECT_GT(market.utility_with(dear), market.utility.value(market.near.weights));
  // No task that one could have bought into instead does more.
  for (const std::size_t only : {1U, 2U, 3U})
    EXPECT_GE(market.utility_with(dear),
              0.95 * market.utility_with(market.buy({{0}, {only}, 1.0}, {{1.0, 1.0, 1.0, 1.0}, 10.0})));
}

TEST(CheapestWay, ReachesTheValueWithNoRowTooMany) {
  const Market market;
  const double clean = market.utility.value(market.near.weights);
  const std::vector<double> prices = {3.0, 1.0, 2.0, 1.0};
  for (const std::vector<std::size_t>& through : {std::vector<std::size_t>{0, 1, 2, 3}, {1, 2, 3}}) {
    const Threat threat = {{0}, through, 1.0};
    const GreedyBudget start(market.risk, market.utility, market.feasible, threat, prices, market.learner, market.near,
                             Rng(1));
    double before = 0.0;
    for (const double rise : {1.2, 1.5, 2.0}) {
      const GreedyBudget cheapest = cheapest_attack(start, rise * clean);
      ASSERT_GE(cheapest.utility(), rise * clean);
      EXPECT_NEAR(cheapest.utility(), market.utility_with(cheapest.rows()), 1e-6 * cheapest.utility());
      EXPECT_NEAR(cheapest.price(), Market::cost(cheapest.rows(), {prices, 0.0}), 1e-12);
      EXPECT_GE(cheapest.price(), before);
      before = cheapest.price();
      // The last row was needed.
      bool needed = false;
      for (const std::size_t i : through) {
        TaskSet less = cheapest.rows();
        if (less[i].rows() == 0) continue;
        less[i] =
            Task{less[i].name, less[i].features.topRows(less[i].rows() - 1), less[i].labels.head(less[i].rows() - 1)};
        needed = needed || market.utility_with(less) < rise * clean;
      }
      EXPECT_TRUE(needed) << rise;
    }
  }
}

TEST(CheapestWay, SaysWhenThereIsNone) {
  const Market market;
  const double clean = market.utility.value(market.near.weights);
  const Threat threat = {{0}, {3}, 0.1};
  const GreedyBudget cheapest = cheapest_attack(
      {market.risk, market.utility, market.feasible, threat, {1.0, 1.0, 1.0, 1.0}, market.learner, market.near, Rng(1)},
      100.0 * clean);
  EXPECT_LT(cheapest.utility(), 100.0 * clean);
  EXPECT_LE(cheapest.rows()[3].rows(), injected_rows(threat, market.tasks, 3));
}

TEST(Spending, NamesAPriceListThatBuysNothing) {
  const TaskSet tasks = problems::related_regression({.tasks = 2, .rows = 10, .features = 2});
  const auto expect = [&](const Prices& prices, const char* what) {
    EXPECT_THAT([&] { require_valid(prices, tasks); },
                ThrowsMessage<std::invalid_argument>(std::string("prices: ") + what));
  };
  EXPECT_NO_THROW(require_valid({{1.0, kNotForSale}, 1.0}, tasks));
  expect({{1.0}, 1.0}, "1 prices for 2 tasks");
  expect({{1.0, 0.0}, 1.0}, "a row of \"task 2\" costs 0; it must be > 0");
  expect({{1.0, 1.0}, -2.0}, "the money is -2; it must be > 0");
  expect({{kNotForSale, kNotForSale}, 1.0}, "no task has a price");
  expect({{3.0, 2.5}, 2.0}, "2 buys no row; the cheapest costs 2.5");
}

}  // namespace
}  // namespace crosstalk::attack
