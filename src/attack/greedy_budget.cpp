#include "crosstalk/attack/greedy_budget.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/attack/influence.hpp"

namespace crosstalk::attack {

void require_valid(const Prices& prices, const TaskSet& tasks) {
  if (prices.of_row.size() != tasks.size())
    throw std::invalid_argument(fmt::format("prices: {} prices for {} tasks", prices.of_row.size(), tasks.size()));
  for (std::size_t i = 0; i < tasks.size(); ++i)
    if (!(prices.of_row[i] > 0.0))
      throw std::invalid_argument(
          fmt::format("prices: a row of \"{}\" costs {}; it must be > 0", tasks[i].name, prices.of_row[i]));
  if (!(prices.money > 0.0 && std::isfinite(prices.money)))
    throw std::invalid_argument(fmt::format("prices: the money is {}; it must be > 0", prices.money));
  const double cheapest = *std::min_element(prices.of_row.begin(), prices.of_row.end());
  if (!std::isfinite(cheapest)) throw std::invalid_argument("prices: no task has a price");
  if (cheapest > prices.money)
    throw std::invalid_argument(fmt::format("prices: {} buys no row; the cheapest costs {}", prices.money, cheapest));
}

GreedyBudget::GreedyBudget(const mtrl::EmpiricalRisk& clean, const Utility& utility, const FeasibleSet& feasible,
                           const Threat& threat, std::vector<double> price_of_row, const mtrl::Options& learner,
                           const mtrl::Fit& near, Rng rng)
    : clean_(clean),
      utility_(utility),
      feasible_(feasible),
      threat_(threat),
      prices_(std::move(price_of_row)),
      learner_(learner),
      rng_(rng),
      ranges_(label_ranges(clean.clean(), feasible)),
      most_(injected_rows(threat, clean.clean())),
      risk_(clean),
      fit_(near),
      utility_value_(utility.value(near.weights)) {
  const TaskSet& tasks = clean.clean();
  for (const Task& task : tasks)
    bought_.tasks.push_back({task.name, Eigen::MatrixXd(0, tasks.features()), Eigen::VectorXd(0)});
}

void GreedyBudget::answer() {
  risk_ = clean_.with_rows(bought_);
  fit_ = mtrl::solve_from(risk_, learner_, fit_.weights);
  utility_value_ = utility_.value(fit_.weights);
}

std::vector<GreedyBudget::Offer> GreedyBudget::offers(double limit) {
  const TaskSet& tasks = clean_.clean();
  const Eigen::MatrixXd slope = utility_.gradient(fit_.weights);
  const Eigen::MatrixXd adjoint = mtrl::adjoint(risk_, learner_, fit_.weights, slope, 1e-5);
  const Influence influence({risk_, bought_, fit_, learner_, slope}, adjoint);
  std::vector<Offer> all;
  for (const std::size_t i : threat_.attackers) {
    const Eigen::Index room = std::min(most_[i] - bought_[i].rows(), rows_for(limit, i));
    if (room < 1) continue;
    const auto like = static_cast<Eigen::Index>(rng_.below(static_cast<std::size_t>(tasks[i].rows())));
    Influence::Row row = influence.best_row(feasible_, i, ranges_[i], tasks[i].features.row(like).transpose());
    const auto n = static_cast<double>(tasks[i].rows() + bought_[i].rows());
    const double gain = (row.influence - influence.mean(i)) / ((n + 1.0) * prices_[i]);
    if (gain > 0.0) all.push_back({i, room, std::move(row), gain});
  }
  return all;
}

Eigen::Index GreedyBudget::rows_for(double money, std::size_t task) const {
  return static_cast<Eigen::Index>(std::clamp(std::floor(money / prices_[task] * (1.0 + 1e-12)), 0.0, 1e9));
}

double GreedyBudget::price_of_rest() const {
  double sum = 0.0;
  for (const std::size_t i : threat_.attackers) sum += prices_[i] * static_cast<double>(most_[i] - bought_[i].rows());
  return sum;
}

void GreedyBudget::take(const Offer& offer, Eigen::Index rows) {
  Task& task = bought_[offer.task];
  const Eigen::Index before = task.rows();
  task.features.conservativeResize(before + rows, Eigen::NoChange);
  task.features.bottomRows(rows) = offer.row.features.transpose().replicate(rows, 1);
  task.labels.conservativeResize(before + rows);
  task.labels.tail(rows).setConstant(offer.row.label);
  spent_ += static_cast<double>(rows) * prices_[offer.task];
  last_task_ = offer.task;
  last_rows_ = rows;
}

bool GreedyBudget::buy(double amount, double limit) {
  const std::vector<Offer> all = offers(limit);
  if (all.empty()) return false;
  const Offer& best =
      *std::max_element(all.begin(), all.end(), [](const Offer& a, const Offer& b) { return a.gain < b.gain; });
  take(best, std::clamp<Eigen::Index>(rows_for(amount, best.task), 1, best.room));
  answer();
  return true;
}

void GreedyBudget::give_back(double wanted) {
  Task& task = bought_[last_task_];
  const Task whole = task;
  const Eigen::Index before = whole.rows() - last_rows_;
  const auto keep = [&](Eigen::Index rows) {
    task.features = whole.features.topRows(before + rows);
    task.labels = whole.labels.head(before + rows);
    answer();
    return utility_value_ >= wanted;
  };
  Eigen::Index enough = last_rows_;
  Eigen::Index too_few = 0;
  while (enough - too_few > 1) {
    const Eigen::Index middle = (enough + too_few) / 2;
    (keep(middle) ? enough : too_few) = middle;
  }
  keep(enough);
  spent_ -= static_cast<double>(last_rows_ - enough) * prices_[last_task_];
  last_rows_ = enough;
}

TaskSet allocate_budget(GreedyBudget budget, double money, const RunControl& control) {
  constexpr int kLots = 16;
  while (!control.stop.stop_requested() && budget.buy(money / kLots, money - budget.price()))
    if (control.progress) control.progress(std::min(1.0, budget.price() / money), "spending");
  return budget.rows();
}

GreedyBudget cheapest_attack(const GreedyBudget& start, double wanted, const RunControl& control) {
  constexpr double kHope = 4.0;
  std::optional<GreedyBudget> best(start);
  GreedyBudget now = start;
  while (now.utility() < wanted && !control.stop.stop_requested()) {
    const double price = now.price();
    const double utility = now.utility();
    if (!now.buy(price, std::numeric_limits<double>::infinity())) break;
    const double rate = (now.utility() - utility) / (now.price() - price);
    if (now.utility() > best->utility()) best.emplace(now);
    if (now.utility() + kHope * rate * now.price_of_rest() < wanted) break;
  }
  if (now.utility() >= wanted && now.price() > 0.0) now.give_back(wanted);
  return now.utility() >= wanted ? now : *best;
}

}  // namespace crosstalk::attack
