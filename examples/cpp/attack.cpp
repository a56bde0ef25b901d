// The strongest attack found on one task through rows in another one.
//   attack shops.csv
#include <cstdio>

#include <crosstalk/attack/exact_attack.hpp>
#include <crosstalk/attack/threat.hpp>
#include <crosstalk/problem/problem.hpp>

using namespace crosstalk;

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: attack FILE.csv\n"), 2;
  const Problem shops =
      load_problem(argv[1], {.load = {.csv = {.task_column = "shop", .label_columns = {"sales"}}}, .hold_out = false});
  const TaskSet& train = shops.train;
  const mtrl::Options learner = {.lambda1 = 1e-3, .lambda2 = 1e-2};

  // What the learner makes of the clean rows, and what the attacker wants: a large loss of the task "market".
  const mtrl::EmpiricalRisk clean(train, mtrl::squared_loss());
  const mtrl::Fit fit = mtrl::solve(clean, learner);
  const std::size_t market = task_index(train, "market");
  const attack::LossUtility utility(train, mtrl::squared_loss(), {market});

  // The attacker may add 30 % rows to "harbour", no larger than the largest clean row, with labels of the attacker's
  // own.
  const attack::Threat threat = {{market}, {task_index(train, "harbour")}, 0.3};
  const attack::FeasibleSet feasible = {.radius = shops.preparation.largest_norm(train)};
  Rng rng(1);
  const TaskSet start = attack::random_rows(train, threat, feasible, attack::LabelRule::Ends, rng);
  const attack::AttackResult result =
      attack::exact_attack({clean, utility, feasible, start, learner, fit, rng}, {.starts = 2, .free_labels = true});

  std::printf("%td injected rows in \"harbour\"\n", result.injected.rows());
  std::printf("mean squared error of \"market\": clean %.4f, random rows %.4f, attacked %.4f\n",
              utility.value(fit.weights) / static_cast<double>(utility.rows()),
              result.iterates.front().utility / static_cast<double>(utility.rows()),
              result.iterates.back().utility / static_cast<double>(utility.rows()));
}
