#include <algorithm>
#include <chrono>
#include <memory>

#include <fmt/format.h>

#include "attack_setup.hpp"
#include "commands.hpp"
#include "crosstalk/data/csv.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/evaluate/audit.hpp"
#include "crosstalk/mtrl/metrics.hpp"
#include "crosstalk/report/table.hpp"
#include "problem.hpp"
#include "session.hpp"

namespace crosstalk::app {

namespace {

struct Flags {
  CommonOptions common;
  DataOptions data;
  LearnerOptions learner;
  AttackOptions attack;
};

// The clean training rows as they were read, and the injected rows in the same units behind them.
std::string poisoned_csv(const Problem& problem, const TaskSet& injected) {
  TaskSet poisoned = problem.raw_train;
  const TaskSet rows = problem.preparation.undo(injected);
  data::CsvLayout layout{problem.dataset.task_column, problem.dataset.label_column, {}};
  for (std::size_t i = 0; i < poisoned.size(); ++i) {
    Task& task = poisoned[i];
    const Eigen::Index clean = task.rows();
    const Eigen::Index added = rows[i].rows();
    task.features.conservativeResize(clean + added, Eigen::NoChange);
    task.features.bottomRows(added) = rows[i].features;
    task.labels.conservativeResize(clean + added);
    task.labels.tail(added) = rows[i].labels;
    layout.injected.emplace_back(static_cast<std::size_t>(clean), false);
    layout.injected.back().resize(static_cast<std::size_t>(clean + added), true);
  }
  return data::format_csv(poisoned, layout);
}

// poisoned.csv marks the injected rows in a column of that name.
void require_no_injected_column(const Problem& problem) {
  const data::Dataset& dataset = problem.dataset;
  const auto& names = problem.raw_train.feature_names;
  const bool is_feature = std::find(names.begin(), names.end(), "injected") != names.end();
  if (is_feature || dataset.task_column == "injected" || dataset.label_column == "injected")
    throw DataError(fmt::format("{}: there is a column \"injected\", which attack itself writes; rename it{}", dataset.name,
                                is_feature ? ", or leave it out with --ignore injected" : ""));
}

nlohmann::ordered_json names_of(const std::vector<std::size_t>& chosen, const TaskSet& tasks) {
  auto names = nlohmann::ordered_json::array();
  for (const std::size_t i : chosen) names.push_back(tasks[i].name);
  return names;
}

// One row an iterate: utility, the targets' mean metrics, and Omega's entries above the diagonal.
report::Table iterates_table(const Problem& problem, const attack::AttackResult& result, const attack::Threat& threat) {
  report::Table table;
  const auto add_column = [&](std::string name) {
    table.columns.push_back({.name = std::move(name), .format = report::NumberFormat{}});
  };
  add_column("iteration");
  add_column("utility");
  const auto& tasks = problem.train;
  const bool with_covariance = tasks.size() <= evaluate::kCorrelationTasks;
  for (std::size_t t = 0; t < result.iterates.size(); ++t) {
    const auto& [utility, fit] = result.iterates[t];
    const mtrl::Metrics metrics = mtrl::evaluate(problem.evaluation(), *problem.loss, fit.weights);
    const Eigen::MatrixXd Omega = with_covariance ? fit.covariance.dense() : Eigen::MatrixXd();
    std::vector<report::Cell> row = {static_cast<double>(t), utility};
    for (std::size_t k = 0; k < metrics.names.size(); ++k) {
      if (t == 0) add_column("targets' mean " + metrics.names[k]);
      row.emplace_back(metrics.mean(k, threat.targets));
    }
    for (Eigen::Index i = 0; i < Omega.rows(); ++i)
      for (Eigen::Index j = 0; j <= i; ++j) {
        if (t == 0)
          add_column(fmt::format("covariance of {} and {}", tasks[static_cast<std::size_t>(j)].name,
                                 tasks[static_cast<std::size_t>(i)].name));
        row.emplace_back(Omega(i, j));
      }
    table.rows.push_back(std::move(row));
  }
  return table;
}

int run(const Flags& flags, const Configuration& configuration) {
  Problem problem = load_problem(flags.common, flags.data, flags.learner);
  require_no_injected_column(problem);
  const attack::Threat threat = threat_of(flags.attack, one_budget(flags.attack), problem.train, flags.common.seed);
  attack::require_valid(threat, problem.train);
  attack::ExactOptions exact = exact_options(flags.attack);
  exact.threads = thread_count(flags.common);
  attack::require_valid(exact);
  const bool is_exact = flags.attack.method == "exact";
  const bool on_held_out = flags.attack.objective == "held-out";
  for (const std::size_t target : threat.targets)
    if (on_held_out && (problem.test.size() == 0 || problem.test[target].rows() == 0))
      throw std::invalid_argument(
          fmt::format("--objective: held-out needs a held-out row of every target; \"{}\" has none", problem.train[target].name));
  if (exact.free_labels && !is_exact)
    throw std::invalid_argument(fmt::format("--labels: free needs --method exact; {} keeps the labels it draws", flags.attack.method));
  Session session({"attack", flags.common.out, flags.common.json, flags.common.quiet});
  choose_lambdas(problem, flags.common, flags.learner, false, session.watch());

  const mtrl::EmpiricalRisk risk(problem.train, *problem.loss);
  const mtrl::Fit clean = mtrl::solve(risk, problem.learner);
  const attack::Utility utility(on_held_out ? problem.test : problem.train, *problem.loss, threat.targets);
  const attack::FeasibleSet feasible = feasible_set(threat, problem);
  attack::PatomOptions patom = patom_options(flags.attack);
  if (flags.attack.method == "random") patom.iterations = 0;

  const auto start = std::chrono::steady_clock::now();
  TaskSet initial = first_rows(flags.attack, threat, problem, flags.common.seed);
  const Rng batches = Rng::stream(flags.common.seed, "batches");
  const auto result =
      is_exact ? attack::exact_attack(risk, utility, feasible, initial, problem.learner, exact, patom, clean, batches,
                                      session.watch())
               : attack::patom(risk, utility, feasible, std::move(initial), problem.learner, patom, clean,
                               batches, attack::patom_row_gradient, session.watch());
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  const attack::Iterate& last = result.iterates.back();
  const auto names = problem.train.names();
  const mtrl::Metrics before = mtrl::evaluate(problem.evaluation(), *problem.loss, clean.weights);
  const mtrl::Metrics after = mtrl::evaluate(problem.evaluation(), *problem.loss, last.fit.weights);
  bool converged = clean.status == mtrl::Status::Converged;
  for (const attack::Iterate& iterate : result.iterates)
    converged = converged && iterate.fit.status == mtrl::Status::Converged;

  auto& record = session.record();
  record["configuration"] = completed(configuration, problem).flags;
  describe(record, problem);
  record["attack"] = {{"kind", attack::to_string(attack::kind_of(threat))},
                      {"targets", names_of(threat.targets, problem.train)},
                      {"attackers", names_of(threat.attackers, problem.train)},
                      {"method", flags.attack.method},
                      {"labels", flags.attack.labels},
                      {"objective", flags.attack.objective},
                      {"budget", threat.budget},
                      {"rows", result.injected.rows()},
                      {"radius", threat.radius},
                      {"utility_clean", utility.value(clean.weights)},
                      {"utility_start", result.iterates.front().utility},
                      {"utility", last.utility},
                      {"iterations", result.iterates.size() - 1},
                      {"converged", converged},
                      {"seconds", seconds}};
  if (is_exact) record["attack"]["optima"] = result.optima;
  record["attack"]["poisoned_file"] = session.write("poisoned.csv", poisoned_csv(problem, result.injected)).string();
  record["attack"]["iterates_file"] =
      session.write("iterates.csv", report::to_csv(iterates_table(problem, result, threat))).string();
  record["test"] = {{"rows", evaluation_rows(problem)},
                    {"clean", evaluate::to_json(before, names)},
                    {"poisoned", evaluate::to_json(after, names)}};
  record["test"]["targets"] = {{"clean", before.mean(0, threat.targets)}, {"poisoned", after.mean(0, threat.targets)}};

  std::string summary = fmt::format(
      "{} attack on {} of {} tasks through {}: {} rows injected\nutility (summed {} loss of the targets): clean {:.6g}, random "
      "rows {:.6g}, attacked {:.6g}\n",
      attack::to_string(attack::kind_of(threat)), threat.targets.size(), names.size(), threat.attackers.size(),
      result.injected.rows(), flags.attack.objective, utility.value(clean.weights), result.iterates.front().utility, last.utility);
  summary += fmt::format("targets' mean {}: clean {:.4f}, attacked {:.4f}\npoisoned data: {}\n", before.names[0],
                         before.mean(0, threat.targets), after.mean(0, threat.targets), session.path("poisoned.csv").string());
  session.finish(summary);
  return converged ? kDone : kNotConverged;
}

}  // namespace

Action add_attack(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  flags->common.out = "crosstalk-out/attack";
  add_options(app, flags->data);
  add_options(app, flags->attack, true);
  add_options(app, flags->learner);
  add_options(app, flags->common);
  return [flags](const Configuration& configuration) { return run(*flags, configuration); };
}

}  // namespace crosstalk::app
