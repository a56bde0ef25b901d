#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <stdexcept>

#include <fmt/format.h>

#include "attack_setup.hpp"
#include "commands.hpp"
#include "crosstalk/attack/fictitious.hpp"
#include "crosstalk/data/csv.hpp"
#include "crosstalk/data/csv_scanner.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/evaluate/audit.hpp"
#include "crosstalk/json_number.hpp"
#include "crosstalk/mtrl/metrics.hpp"
#include "crosstalk/report/table.hpp"
#include "problem.hpp"
#include "session.hpp"
#include "src/evaluate/audit_json.hpp"

namespace crosstalk::app {

namespace {

struct Flags {
  CommonOptions common;
  DataOptions data;
  LearnerOptions learner;
  AttackOptions attack;
};

// Whether injected rows can be written into the file as it is: where they obey the kinds of its columns, or these are
// numbers alone.
bool keeps_shape(const Problem& problem, const Attacker& attacker) {
  if (!problem.dataset.csv) return false;
  const auto& columns = problem.dataset.csv->coding.columns;
  return attacker.schema || std::none_of(columns.begin(), columns.end(), [](const data::CsvColumn& column) {
           return column.is_categorical() || column.indicator;
         });
}

// The injected rows as they are written: in the units of the file, as they are read back from it.
TaskSet rows_of_file(const Problem& problem, const Attacker& attacker, const TaskSet& injected) {
  for (std::size_t i = 0; i < injected.size(); ++i)
    for (Eigen::Index j = 0; j < injected[i].rows(); ++j)
      if (!attacker.feasible.passes(i, injected[i].features.row(j).transpose(), injected[i].labels[j]))
        throw std::logic_error(
            fmt::format("injected row {} of \"{}\" does not pass the screen", j + 1, injected[i].name));
  TaskSet rows = problem.preparation.undo(injected);
  if (attacker.schema) attacker.schema->settle(rows, attacker.hosts);
  if (keeps_shape(problem, attacker)) rows = data::as_written(problem.dataset.csv->coding, std::move(rows));
  return rows;
}

// The user's file with the injected rows behind its own. Where there is no such file, or its words cannot be written:
// the clean training rows as features, and the injected rows behind those of their task.
std::string poisoned_csv(const Problem& problem, const Attacker& attacker, const TaskSet& rows) {
  if (keeps_shape(problem, attacker)) {
    const data::CsvData& csv = *problem.dataset.csv;
    std::vector<bool> in_test(csv.lines.size(), false);
    for (const Task& task : problem.raw_test)
      for (const std::size_t record : task.origin) in_test[record] = true;
    return data::with_injected(*csv.text, csv.coding, in_test, rows, problem.dataset.classes);
  }
  data::CsvLayout layout{problem.dataset.task_column, problem.dataset.label_column};
  TaskSet all = join_rows(problem.raw_train, rows);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    layout.injected.emplace_back(static_cast<std::size_t>(problem.raw_train[i].rows()), false);
    layout.injected.back().resize(static_cast<std::size_t>(all[i].rows()), true);
  }
  if (problem.dataset.is_file && problem.raw_test.size() > 0) {
    for (const Task& task : all) layout.in_test.emplace_back(static_cast<std::size_t>(task.rows()), false);
    all = join_rows(std::move(all), problem.raw_test);
    for (std::size_t i = 0; i < all.size(); ++i) {
      layout.injected[i].resize(static_cast<std::size_t>(all[i].rows()), false);
      layout.in_test[i].resize(static_cast<std::size_t>(all[i].rows()), true);
    }
  }
  return data::format_csv(all, layout);
}

// poisoned.csv marks rows in columns of these names.
void require_no_own_column(const Problem& problem) {
  const data::Dataset& dataset = problem.dataset;
  if (dataset.csv && (!dataset.csv->injected.empty() || !dataset.csv->in_test.empty()))
    throw DataError(fmt::format(
        "{}: holds the columns injected or part that attack itself writes: attack the file that it was made from",
        dataset.name));
  const auto& names = problem.raw_train.feature_names;
  for (const std::string own : {"injected", "part"}) {
    if (own == "part" && !dataset.is_file) continue;  // of the user's own files alone
    const bool is_feature = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      return name == own || name.starts_with(own + "=") || name == own + " missing";
    });
    const bool is_in_file =
        dataset.csv && std::count(dataset.csv->text->names.begin(), dataset.csv->text->names.end(), own);
    if (is_feature || is_in_file || dataset.task_column == own || dataset.label_column == own)
      throw DataError(
          fmt::format("{}: there is a column \"{}\", which attack itself writes; rename it", dataset.name, own));
  }
}

nlohmann::ordered_json names_of(const std::vector<std::size_t>& chosen, const TaskSet& tasks) {
  auto names = nlohmann::ordered_json::array();
  for (const std::size_t i : chosen) names.push_back(tasks[i].name);
  return names;
}

std::string task_names(const std::vector<std::size_t>& chosen, const TaskSet& tasks) {
  std::vector<std::string> names;
  for (const std::size_t i : chosen) names.push_back(tasks[i].name);
  return data::listed(names);
}

// The primary metric of the targets and their loss, both means over the targets.
struct Effect {
  double metric;
  double loss;
};

Effect effect_on(const std::vector<std::size_t>& targets, const mtrl::Metrics& metrics, const Eigen::VectorXd& losses) {
  double sum = 0.0;
  double count = 0.0;
  for (const std::size_t target : targets) {
    const double loss = losses[static_cast<Eigen::Index>(target)];
    if (std::isnan(loss)) continue;
    sum += loss;
    count += 1.0;
  }
  return {metrics.mean(0, targets), sum / count};
}

nlohmann::ordered_json effect_record(const Effect& clean, const Effect& attacked, const std::string& metric) {
  return {{metric, {{"clean", json_number(clean.metric)}, {"attacked", json_number(attacked.metric)}}},
          {"loss", {{"clean", json_number(clean.loss)}, {"attacked", json_number(attacked.loss)}}}};
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
    const mtrl::Metrics metrics = problem.metrics(problem.evaluation(), fit.weights);
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

std::string utility_text(const Objective& objective, const Problem& problem) {
  if (objective.relation) return "- squared distance from the wanted correlation";
  if (objective.name == "prediction")
    return fmt::format("- summed {} loss of the wanted predictions", problem.loss->name());
  return fmt::format("summed {} loss of the targets' {} rows", problem.loss->name(), objective.name);
}

// The flags that --fictitious stands in place of.
void require_no_other_attacker(const AttackOptions& options, const Configuration& configuration) {
  const auto refuse = [](const char* flag, bool is_given) {
    if (is_given)
      throw std::invalid_argument(fmt::format(
          "{}: it does not go with --fictitious, whose tasks and rows are all that the attacker has", flag));
  };
  refuse("--attackers", !options.attackers.empty());
  refuse("--budget", configuration.flags.value("budget", nlohmann::ordered_json()) !=
                         configuration.defaults.value("budget", nlohmann::ordered_json()));
  refuse("--money", options.money.has_value());
  refuse("--prices", !options.prices.empty());
}

// What an attack was, and what came of it.
struct Run {
  const Flags& flags;
  const Problem& problem;
  const Objective& objective;
  const Attacker& attacker;
  const attack::Utility& utility;
  const mtrl::Fit& clean;
  const Fictitious& fictitious;
  std::size_t honest_tasks;  // those that are not made up; the first ones
  attack::AttackResult result;
  double seconds = 0.0;

  [[nodiscard]] const attack::Threat& threat() const { return attacker.threat; }
  [[nodiscard]] const attack::Iterate& last() const { return result.iterates.back(); }
  [[nodiscard]] bool converged() const {
    return clean.status == mtrl::Status::Converged &&
           std::all_of(result.iterates.begin(), result.iterates.end(),
                       [](const attack::Iterate& iterate) { return iterate.fit.status == mtrl::Status::Converged; });
  }
  // Of the attacker's money.
  [[nodiscard]] double spent() const {
    double sum = 0.0;
    for (std::size_t i = 0; i < result.injected.size(); ++i)
      if (const auto rows = result.injected[i].rows(); rows > 0)
        sum += static_cast<double>(rows) * attacker.prices->of_row[i];
    return sum;
  }
};

// The rows that the attacker buys. @return without rows when there are no prices.
TaskSet bought_rows(Attacker& attacker, const mtrl::EmpiricalRisk& risk, const attack::Utility& utility,
                    const Problem& problem, const mtrl::Fit& clean, std::uint64_t seed, const RunControl& control) {
  if (!attacker.prices) return {};
  const attack::GreedyBudget nothing(risk, utility, attacker.feasible, attacker.threat, attacker.prices->of_row,
                                     problem.learner, clean, Rng::stream(seed, "spending"));
  TaskSet bought = attack::allocate_budget(nothing, attacker.prices->money, control);
  for (const Task& task : bought) attacker.threat.rows.push_back(task.rows());
  return bought;
}

nlohmann::ordered_json attack_record(const Run& run) {
  const attack::Threat& threat = run.threat();
  const TaskSet& injected = run.result.injected;
  nlohmann::ordered_json record = {{"kind", attack::to_string(attack::kind_of(threat))},
                                   {"targets", names_of(threat.targets, run.problem.train)},
                                   {"attackers", names_of(threat.attackers, run.problem.train)},
                                   {"method", run.flags.attack.method},
                                   {"labels", run.flags.attack.labels},
                                   {"objective", run.flags.attack.objective},
                                   {"budget", threat.budget},
                                   {"rows", injected.rows()},
                                   {"utility_clean", run.utility.value(run.clean.weights)},
                                   {"utility_start", run.result.iterates.front().utility},
                                   {"utility", run.last().utility},
                                   {"iterations", run.result.iterates.size() - 1},
                                   {"converged", run.converged()},
                                   {"seconds", run.seconds}};
  if (std::isfinite(run.attacker.feasible.radius)) record["radius"] = run.attacker.feasible.radius;
  if (run.fictitious.count > 0) {
    record["budget"] = nullptr;
    if (run.flags.attack.labels != "free") record["labels"] = "against";
    record["fictitious"] = {{"tasks", run.fictitious.count}, {"rows_each", run.fictitious.rows_each}};
  }
  if (run.flags.attack.method == "exact") record["optima"] = run.result.optima;
  const auto names = run.problem.train.names();
  for (std::size_t i = 0; i < injected.size(); ++i)
    if (const auto rows = injected[i].rows(); rows > 0) record["rows_by_task"][names[i]] = rows;
  if (run.attacker.prices) record["spent"] = run.spent();
  if (run.objective.relation) {
    const auto& [i, j, wanted] = *run.objective.relation;
    const auto correlation = [&, first = static_cast<Eigen::Index>(i), second = static_cast<Eigen::Index>(j)](
                                 const mtrl::Fit& fit) { return fit.covariance.correlation()(first, second); };
    record["correlation"] = {
        {"clean", correlation(run.clean)}, {"wanted", wanted}, {"attacked", correlation(run.last().fit)}};
  }
  return record;
}

// @param record  of the attack.
std::string attack_summary(const Run& run, const nlohmann::ordered_json& record) {
  const attack::Threat& threat = run.threat();
  const TaskSet& tasks = run.problem.train;
  std::string summary = notes_text(run.problem) + kernel_text(run.problem);
  summary += run.fictitious.count > 0
                 ? fmt::format("attack on {} of {} tasks through {} made-up ones: {} rows injected, {} in each\n",
                               threat.targets.size(), run.honest_tasks, run.fictitious.count,
                               run.result.injected.rows(), run.fictitious.rows_each)
                 : fmt::format("{} attack on {} of {} tasks through {}: {} rows injected\n",
                               attack::to_string(attack::kind_of(threat)), threat.targets.size(), run.honest_tasks,
                               threat.attackers.size(), run.result.injected.rows());
  summary += fmt::format("attacked: {}\nthrough: {}\n", task_names(threat.targets, tasks),
                         task_names(threat.attackers, tasks));
  if (run.attacker.prices)
    summary += fmt::format("spent {:.6g} of {:.6g}: {}\n", run.spent(), run.attacker.prices->money,
                           record.value("rows_by_task", nlohmann::ordered_json::object()).dump());
  summary += fmt::format("attacker's utility ({}): clean {:.6g}, starting rows {:.6g}, attacked {:.6g}\n",
                         utility_text(run.objective, run.problem), run.utility.value(run.clean.weights),
                         run.result.iterates.front().utility, run.last().utility);
  if (run.objective.relation) {
    const auto& correlation = record["correlation"];
    summary += fmt::format("learned correlation: clean {:.4f}, wanted {:.4f}, attacked {:.4f}\n",
                           correlation["clean"].get<double>(), run.objective.relation->correlation,
                           correlation["attacked"].get<double>());
  }
  return summary;
}

nlohmann::ordered_json configuration_record(const Flags& flags, const Configuration& configuration,
                                            const Problem& problem) {
  nlohmann::ordered_json record = completed(configuration, problem).flags;
  // The poisoned file says in its column `part` what is held out; a fraction would be another split.
  if (problem.dataset.is_file && !flags.data.test_fraction) record["test-fraction"] = nullptr;
  if (!problem.dataset.csv) {  // it is a CSV file now
    record["task"] = problem.dataset.task_column;
    record["label"] = problem.dataset.label_column;
  }
  return record;
}

// Measures what the rows do as they stand in the file, and writes it.
int finish(const Run& run, const Configuration& configuration, const mtrl::EmpiricalRisk& risk, Session& session) {
  const Problem& problem = run.problem;
  const attack::Threat& threat = run.threat();
  auto names = problem.train.names();
  names.resize(run.honest_tasks);
  const mtrl::Metrics before = problem.metrics(problem.evaluation(), run.clean.weights);
  auto& record = session.record();
  record["configuration"] = configuration_record(run.flags, configuration, problem);
  describe(record, problem);
  record["data"]["tasks"] = run.honest_tasks;
  auto& of_attack = record["attack"] = attack_record(run);
  const TaskSet rows = rows_of_file(problem, run.attacker, run.result.injected);
  const auto effect = [&](const mtrl::Metrics& metrics, const Eigen::MatrixXd& W) {
    return effect_on(threat.targets, metrics, problem.losses(problem.evaluation(), W));
  };
  const Effect clean_effect = effect(before, run.clean.weights);
  const mtrl::Fit damaged = mtrl::solve_from(risk.with_rows(problem.learner_rows(problem.preparation.apply(rows))),
                                             problem.learner, run.last().fit.weights);
  const mtrl::Metrics after = problem.metrics(problem.evaluation(), damaged.weights);
  of_attack["damage"] = effect_record(clean_effect, effect(after, damaged.weights), before.names[0]);
  const Refit relearned = refit(problem, rows);
  const Effect refit_effect = effect_on(threat.targets, relearned.metrics, relearned.losses);
  of_attack["refit"] = effect_record(clean_effect, refit_effect, before.names[0]);
  of_attack["refit"]["objective"] = relearned.fit.objective;
  const bool converged =
      run.converged() && damaged.status == mtrl::Status::Converged && relearned.fit.status == mtrl::Status::Converged;
  of_attack["converged"] = converged;
  of_attack["poisoned_file"] = session.write("poisoned.csv", poisoned_csv(problem, run.attacker, rows)).string();
  of_attack["iterates_file"] =
      session.write("iterates.csv", report::to_csv(iterates_table(problem, run.result, threat))).string();
  record["test"] = {{"rows", evaluation_rows(problem)},
                    {"clean", evaluate::to_json(before, names)},
                    {"poisoned", evaluate::to_json(after, names)}};
  record["test"]["targets"] = {{"clean", before.mean(0, threat.targets)}, {"poisoned", after.mean(0, threat.targets)}};
  const bool as_features = problem.dataset.csv && !keeps_shape(problem, run.attacker);
  session.finish(
      attack_summary(run, record["attack"]) +
      fmt::format("targets' mean {}: clean {}, attacked {}, refit with preparation from the poisoned file {}\n"
                  "poisoned data{}: {}\n",
                  before.names[0], metric_text(before.names[0], before.mean(0, threat.targets)),
                  metric_text(after.names[0], after.mean(0, threat.targets)),
                  metric_text(after.names[0], refit_effect.metric),
                  as_features ? " (as features: --schema auto keeps the shape of the file)" : "",
                  session.path("poisoned.csv").string()));
  return converged ? kDone : kNotConverged;
}

int run(const Flags& flags, const Configuration& configuration) {
  Problem problem = load_problem(flags.common, flags.data, flags.learner);
  require_no_own_column(problem);
  require_goes_with_kernel(flags.attack, problem);
  const Fictitious fictitious = fictitious_of(flags.attack, problem);
  if (fictitious.count > 0) require_no_other_attacker(flags.attack, configuration);
  const Objective objective = objective_of(flags.attack, problem);
  Attacker attacker =
      attacker_of(flags.attack, one_budget(flags.attack), problem, flags.common.seed, objective.targets);
  const auto stealth = stealth_of(flags.attack, attacker.feasible);
  auto utility = utility_of(objective, problem, attacker.threat);
  attack::ExactOptions exact = exact_options(flags.attack);
  exact.threads = thread_count(flags.common);
  attack::require_valid(exact);
  const bool is_exact = flags.attack.method == "exact";
  if (exact.free_labels && !is_exact)
    throw std::invalid_argument(
        fmt::format("--labels: free needs --method exact; {} keeps the labels it draws", flags.attack.method));
  Session session({"attack", flags.common.out, flags.common.json, flags.common.quiet});
  choose_lambdas(problem, flags.common, flags.learner, session.control());

  mtrl::EmpiricalRisk risk = problem.risk();
  mtrl::Fit clean = mtrl::solve(risk, problem.learner);
  const std::size_t honest_tasks = problem.train.size();
  TaskSet made_up;
  if (fictitious.count > 0) {
    made_up = make_up_tasks(fictitious, problem, attacker, flags.common.seed);
    clean = attack::with_zero_columns(std::move(clean), fictitious.count);
    risk = problem.risk(mtrl::EmpiricalRisk::EmptyTasks::Allowed);
  }
  if (fictitious.count > 0 || problem.cross_validation) utility = utility_of(objective, problem, attacker.threat);
  attack::FeasibleSet& feasible = attacker.feasible;
  if (stealth) feasible.screen = attack::Screen(problem.train, clean.weights, feasible.bias, *stealth);
  attack::PatomOptions patom = flags.attack.patom;
  if (flags.attack.method == "random") patom.iterations = 0;

  const auto start = std::chrono::steady_clock::now();
  TaskSet bought = bought_rows(attacker, risk, *utility, problem, clean, flags.common.seed, session.control());
  const TaskSet initial = fictitious.count > 0 ? std::move(made_up)
                          : attacker.prices && exact.free_labels
                              ? std::move(bought)
                              : first_rows(flags.attack, attacker, problem, flags.common.seed);
  const Rng batches = Rng::stream(flags.common.seed, "batches");
  exact.patom = patom;
  std::optional<attack::InputSpace> inputs = inputs_of(problem);
  if (inputs)
    inputs->refitted = [&](const TaskSet& rows) {
      const Problem poisoned = with_landmarks_from(problem, rows);
      const mtrl::EmpiricalRisk on_all =
          poisoned.risk(mtrl::EmpiricalRisk::EmptyTasks::Allowed).with_rows(poisoned.learner_rows(rows));
      return utility_of(objective, poisoned, attacker.threat)->value(mtrl::solve(on_all, poisoned.learner).weights);
    };
  const attack::AttackProblem attacked = {
      risk, *utility, feasible, initial, problem.learner, clean, batches, inputs ? &*inputs : nullptr};
  Run done{flags,
           problem,
           objective,
           attacker,
           *utility,
           clean,
           fictitious,
           honest_tasks,
           is_exact ? attack::exact_attack(attacked, exact, session.control())
                    : attack::patom(attacked, patom, session.control())};
  done.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return finish(done, configuration, risk, session);
}

}  // namespace

Action add_attack(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  flags->common.out = "crosstalk-out/attack";
  flags->data.keep_text = true;
  add_options(app, flags->data);
  add_options(app, flags->attack, true);
  add_options(app, flags->learner);
  add_kernel_options(app, flags->learner);
  add_options(app, flags->common);
  return [flags](const Configuration& configuration) { return run(*flags, configuration); };
}

}  // namespace crosstalk::app
