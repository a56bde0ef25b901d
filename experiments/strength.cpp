// How much damage the exact attack finds beyond PATOM's (experiments/README.md).
//   strength SET LOSS LAMBDA1 LAMBDA2 SEEDS STARTS
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "crosstalk/attack/exact_attack.hpp"
#include "crosstalk/attack/greedy_budget.hpp"
#include "crosstalk/mtrl/metrics.hpp"
#include "crosstalk/problem/problem.hpp"

namespace {

using namespace crosstalk;
using attack::Moves;

struct Sides {
  std::vector<std::size_t> targets;
  std::vector<std::size_t> attackers;
};

// Direct, hybrid, indirect. On Sarcos those of the issue: targets 1-3, attackers 1-3, 2-5, 4-7; on Landmine the paper's
// two kinds of ground, 1-15 and 16-29; elsewhere random halves.
std::array<Sides, 3> sides_on(const std::string& set, std::size_t tasks, std::uint64_t seed) {
  if (set == "sarcos") return {{{{0, 1, 2}, {0, 1, 2}}, {{0, 1, 2}, {1, 2, 3, 4}}, {{0, 1, 2}, {3, 4, 5, 6}}}};
  attack::Halves halves = attack::random_halves(tasks, seed);
  if (set == "landmine") {
    halves = {};
    for (std::size_t i = 0; i < tasks; ++i) (i < 15 ? halves.first : halves.second).push_back(i);
  }
  const auto& [first, second] = halves;
  std::vector<std::size_t> both(first.begin() + static_cast<std::ptrdiff_t>(first.size() / 2), first.end());
  both.insert(both.end(), second.begin(), second.begin() + static_cast<std::ptrdiff_t>(second.size() / 2));
  return {{{first, first}, {first, both}, {first, second}}};
}

// One attack method and what it reached, summed over seeds.
struct Column {
  const char* name;
  bool free_labels;
  Moves moves;
  double gain = 0.0;
  double metric = 0.0;
  double seconds = 0.0;
  double spread = 0.0;  // of the optima, (best - worst) / best gain
  bool below_patom = false;
};

void run(const std::string& set, const mtrl::Loss& loss, mtrl::Options learner, bool choose, int seeds, int starts) {
  const std::array<const char*, 3> kinds = {"direct", "hybrid", "indirect"};
  std::array<std::vector<Column>, 3> columns;
  columns.fill({{"labels fixed", false, Moves::Both},
                {"labels free", true, Moves::Both},
                {"free, gradient alone", true, Moves::Gradient},
                {"free, replacement alone", true, Moves::Replacement}});
  std::array<double, 3> patom_gain{};
  std::array<double, 3> greedy_gain{};
  std::array<double, 3> patom_metric{};
  double clean_metric = 0.0;
  std::string metric_name;
  for (int seed = 1; seed <= seeds; ++seed) {
    const auto key = static_cast<std::uint64_t>(seed);
    Problem problem = load_problem(set, {.load = {.seed = key}});
    const TaskSet& train = problem.train;
    const TaskSet& test = problem.test;
    if (choose) {
      problem.learner = learner;
      choose_lambdas(problem, mtrl::CrossValidationOptions{.seed = key, .threads = 2});
      learner = problem.learner;
      fmt::print("seed {}: lambda {} {} by cross-validation\n", seed, learner.lambda1, learner.lambda2);
    }
    const mtrl::EmpiricalRisk risk(train, loss);
    const mtrl::Fit clean = mtrl::solve(risk, learner);
    const auto sides = sides_on(set, train.size(), key);
    for (std::size_t k = 0; k < sides.size(); ++k) {
      const attack::Threat threat = {sides[k].targets, sides[k].attackers, 0.3};
      const attack::FeasibleSet feasible = {1.0, true};
      const attack::LossUtility utility(train, loss, threat.targets);
      const double base = utility.value(clean.weights);
      const auto metric = [&](const mtrl::Fit& fit) {
        const mtrl::Metrics metrics = mtrl::evaluate(test, loss, fit.weights);
        metric_name = metrics.names[0];
        return metrics.mean(0, threat.targets) / seeds;
      };
      Rng rng = Rng::stream(key, "injected rows");
      const TaskSet start = attack::random_rows(train, threat, feasible, attack::LabelRule::Uniform, rng);
      const Rng batches = Rng::stream(key, "batches");
      const auto patom = attack::patom({risk, utility, feasible, start, learner, clean, batches}, {});
      const double by_patom = patom.iterates.back().utility - base;
      patom_gain[k] += by_patom / seeds;
      patom_metric[k] += metric(patom.iterates.back().fit);
      if (k == 0) clean_metric += metric(clean);
      std::vector<double> price(train.size(), 1.0);
      const attack::GreedyBudget nothing(risk, utility, feasible, threat, price, learner, clean,
                                         Rng::stream(key, "greedy"));
      const TaskSet greedy = attack::allocate_budget(nothing, static_cast<double>(start.rows()));
      greedy_gain[k] +=
          (utility.value(mtrl::solve_from(risk.with_rows(greedy), learner, clean.weights).weights) - base) / seeds;
      for (Column& column : columns[k]) {
        const auto begin = std::chrono::steady_clock::now();
        const auto exact = attack::exact_attack(
            {risk, utility, feasible, start, learner, clean, batches},
            {.starts = starts, .free_labels = column.free_labels, .moves = column.moves, .threads = 2});
        column.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / seeds;
        const double gain = exact.iterates.back().utility - base;
        column.gain += gain / seeds;
        column.metric += metric(exact.iterates.back().fit);
        column.below_patom = column.below_patom || gain < by_patom;
        const auto [low, high] = std::minmax_element(exact.optima.begin(), exact.optima.end());
        column.spread += (*high - *low) / gain / seeds;
      }
    }
  }
  fmt::print("{}, {} loss, {} seeds, {} starts; clean {} of the targets {:.3f}\n", set, loss.name(), seeds, starts,
             metric_name, clean_metric);
  fmt::print("| attack | PATOM: gain | {0} |", metric_name);
  for (const Column& column : columns[0])
    fmt::print(" {}: x PATOM | {} | spread | seconds |", column.name, metric_name);
  fmt::print(" free labels, greedy: x PATOM |\n");
  for (std::size_t k = 0; k < kinds.size(); ++k) {
    fmt::print("| {} | {:.4g} | {:.3f} |", kinds[k], patom_gain[k], patom_metric[k]);
    for (const Column& column : columns[k])
      fmt::print(" {:.2f}{} | {:.3f} | {:.0f} % | {:.2f} |", column.gain / patom_gain[k],
                 column.below_patom ? " (once below)" : "", column.metric, 100.0 * column.spread, column.seconds);
    fmt::print(" {:.2f} |\n", greedy_gain[k] / patom_gain[k]);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) {
    fmt::print(stderr, "usage: strength SET LOSS LAMBDA1 LAMBDA2 SEEDS STARTS (LAMBDA1 = cv: chosen)\n");
    return EXIT_FAILURE;
  }
  try {
    const bool choose = std::string(argv[3]) == "cv";
    mtrl::Options learner = {.smoothing = 0.1};
    if (!choose) {
      learner.lambda1 = std::stod(argv[3]);
      learner.lambda2 = std::stod(argv[4]);
    }
    run(argv[1], mtrl::loss_named(argv[2]), learner, choose, std::stoi(argv[5]), std::stoi(argv[6]));
  } catch (const std::exception& error) {
    fmt::print(stderr, "strength: {}\n", error.what());
    return EXIT_FAILURE;
  }
}
