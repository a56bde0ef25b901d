#include <algorithm>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "attack_setup.hpp"
#include "commands.hpp"
#include "crosstalk/attack/gradient_check.hpp"
#include "crosstalk/report/table.hpp"
#include "described_flag.hpp"
#include "problem.hpp"
#include "session.hpp"

namespace crosstalk::app {

namespace {

struct Flags {
  CommonOptions common;
  DataOptions data;
  LearnerOptions learner;
  AttackOptions attack;
  attack::GradientCheckOptions check;  // entries and step
};

int run(const Flags& flags, const Configuration& configuration) {
  Problem problem = load_problem(flags.common, flags.data, flags.learner);
  const Attacker attacker = attacker_of(flags.attack, one_budget(flags.attack), problem, flags.common.seed);
  Session session({"check-gradient", flags.common.out, flags.common.json, flags.common.quiet});
  choose_lambdas(problem, flags.common, flags.learner, session.control());

  const TaskSet rows = first_rows(flags.attack, attacker, problem, flags.common.seed);
  using Layout = mtrl::EmpiricalRisk::Layout;
  const mtrl::EmpiricalRisk risk = problem.risk();
  const attack::LossUtility utility(risk.clean(), *problem.loss, attacker.threat.targets,
                                    attack::LossUtility::Sense::Raise, problem.map ? Layout::Rows : Layout::Automatic);
  const auto inputs = inputs_of(problem);
  attack::GradientCheckOptions options = flags.check;
  options.bias = attacker.feasible.bias;
  options.seed = flags.common.seed;
  const attack::GradientCheck check =
      attack::check_gradients(risk, utility, rows, problem.learner, attack::all_row_gradients(), options,
                              session.control(), inputs ? &*inputs : nullptr);

  auto& record = session.record();
  record["configuration"] = completed(configuration, problem).flags;
  describe(record, problem);
  record["entries"] = check.entries;
  record["differences_seconds"] = check.differences_seconds;
  std::string summary =
      kernel_text(problem) +
      fmt::format("{} entries of {} random injected rows against refits with the entry moved ({:.2f} s)\n",
                  check.entries, rows.rows(), check.differences_seconds);
  summary += fmt::format("{:<18}{:>16}{:>10}{:>10}{:>16}{:>12}\n", "gradient", "relative error", "cosine", "length",
                         "error, labels", "seconds");
  report::Table table;
  for (const char* const column : {"gradient", "relative_error", "cosine", "length", "label_error", "seconds"})
    table.columns.push_back({.name = column, .format = report::NumberFormat{}});
  for (const attack::GradientComparison& one : check.gradients) {
    std::string key = one.name;
    std::replace(key.begin(), key.end(), '-', '_');
    record["gradients"][key] = {{"relative_error", one.relative_error},
                                {"cosine", one.cosine},
                                {"length", one.length},
                                {"label_error", one.label_error},
                                {"seconds", one.seconds}};
    summary += fmt::format("{:<18}{:>16.2e}{:>10.6f}{:>10.4f}{:>16.2e}{:>12.5f}\n", one.name, one.relative_error,
                           one.cosine, one.length, one.label_error, one.seconds);
    table.rows.push_back({one.name, one.relative_error, one.cosine, one.length, one.label_error, one.seconds});
  }
  session.write("gradients.csv", report::to_csv(table));
  session.finish(summary);
  return kDone;
}

}  // namespace

Action add_check_gradient(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  flags->common.out = "crosstalk-out/check-gradient";
  add_options(app, flags->data);
  add_threat_options(app, flags->attack, true);
  add_flag(app, flags->check.entries, &attack::GradientCheckOptions::entries, "Check");
  add_flag(app, flags->check.step, &attack::GradientCheckOptions::step, "Check");
  add_options(app, flags->learner);
  add_kernel_options(app, flags->learner);
  add_options(app, flags->common);
  return [flags](const Configuration& configuration) { return run(*flags, configuration); };
}

}  // namespace crosstalk::app
