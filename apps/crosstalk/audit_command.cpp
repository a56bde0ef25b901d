#include <algorithm>
#include <memory>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include "attack_files.hpp"
#include "attack_setup.hpp"
#include "commands.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/evaluate/audit.hpp"
#include "crosstalk/evaluate/audit_parts.hpp"
#include "crosstalk/evaluate/audit_summary.hpp"
#include "crosstalk/evaluate/command_model.hpp"
#include "crosstalk/evaluate/problem_audit.hpp"
#include "crosstalk/json_text.hpp"
#include "crosstalk/pages/audit_page.hpp"
#include "crosstalk/report/page.hpp"
#include "crosstalk/report/table.hpp"
#include "described_flag.hpp"
#include "drawing.hpp"
#include "finished_parts.hpp"
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
  double reach = evaluate::AuditOptions().reach;
  std::size_t repeats = 5;  // the library repeats nothing by itself
  std::string defence;
  evaluate::OwnModelOptions own_model;
  bool resume = false;
  std::string figures;
};

std::vector<evaluate::Method> methods_of(const std::string& text) {
  std::vector<evaluate::Method> methods;
  for (const std::string& word : split_list(text))
    methods.push_back(for_flag("--method", [&] { return evaluate::method_named(word); }));
  if (methods.empty()) throw std::invalid_argument(fmt::format("--method: there is no method in \"{}\"", text));
  return methods;
}

// A model of the user's own that shows what the attacks do to it.
void add_own_model(evaluate::AuditOptions& options, const Flags& flags, const Problem& problem,
                   std::optional<attack::Schema> schema, const Session& session) {
  if (flags.own_model.command.find_first_not_of(" \t\n") == std::string::npos) return;
  const auto model = std::make_shared<evaluate::CommandModel>(problem, std::move(schema), flags.own_model,
                                                              session.folder(), flags.common.seed);
  options.own_model = [model](const evaluate::OwnModelRows& rows) { return model->learn(rows); };
  options.own_model_jobs = flags.own_model.jobs > 0 ? static_cast<int>(flags.own_model.jobs) : options.threads;
}

evaluate::AuditOptions audit_options(const Flags& flags, const Problem& problem, const Session& session) {
  evaluate::AuditOptions options;
  Sides sides = sides_of(flags.attack, problem.train);
  options.targets = std::move(sides.targets);
  options.attackers = std::move(sides.attackers);
  options.methods = methods_of(flags.attack.method);
  options.drop_small_budgets =
      flags.attack.budget == evaluate::AuditOptions::table().of(&evaluate::AuditOptions::budgets).by_default;
  options.budgets = number_list("--budgets", flags.attack.budget);
  std::sort(options.budgets.begin(), options.budgets.end());
  const auto twice = std::adjacent_find(options.budgets.begin(), options.budgets.end());
  if (twice != options.budgets.end()) throw std::invalid_argument(fmt::format("--budgets: {} is named twice", *twice));
  options.labels = attack::label_rule_named(flags.attack.labels);
  attack::Limits limits = limits_of(flags.attack, problem);
  options.feasible = std::move(limits.feasible);
  options.stealth = stealth_of(flags.attack, options.feasible);
  if (!flags.attack.prices.empty()) options.prices = read_prices(flags.attack.prices, problem.train);
  const Fictitious fictitious = fictitious_of(flags.attack, problem);
  options.fictitious = fictitious.count;
  if (fictitious.count > 0) options.rows_each = fictitious.rows_each;
  options.reach = flags.reach;
  options.repeats = flags.repeats;
  options.resplit = [&flags, names = problem.train.names()](std::uint64_t seed) {
    CommonOptions common = flags.common;
    common.seed = seed;
    return evaluate::resplit_of(load_problem(common, flags.data, flags.learner), names,
                                [&](const Problem& other) { return limits_of(flags.attack, other).feasible; });
  };
  options.refit = evaluate::refit_of(problem);
  if (!flags.defence.empty())
    options.defence = for_flag("--defence", [&] { return defence::method_named(flags.defence); });
  options.patom = flags.attack.patom;
  options.exact = exact_options(flags.attack);
  options.label_units = problem.preparation.label_units();
  options.seed = flags.common.seed;
  options.threads = thread_count(flags.common);
  add_own_model(options, flags, problem, std::move(limits.schema), session);
  return options;
}

int run(const Flags& flags, Configuration configuration) {
  const auto formats = drawing_formats(flags.figures);
  Problem problem = load_problem(flags.common, flags.data, flags.learner);
  for (const Task& task : problem.evaluation())
    if (task.rows() == 0)
      throw DataError(
          problem.test_fraction
              ? fmt::format(
                    "{}: the test fraction leaves task \"{}\" no row to test on; make it larger, or 0 to measure "
                    "on the training rows",
                    problem.dataset.name, task.name)
              : fmt::format(
                    "{}: no row of task \"{}\" is held out, and an audit measures every task; hold out others, or "
                    "leave the task out",
                    problem.dataset.name, task.name));
  Session session({"audit", flags.common.out, flags.common.json, flags.common.quiet});
  evaluate::AuditOptions options = audit_options(flags, problem, session);
  FinishedParts finished(session, run_identity(configuration.flags), flags.resume);
  choose_lambdas(problem, flags.common, flags.learner, session.control());
  options.learner = problem.learner;
  const auto store = evaluate::checked_parts(finished.store(), problem.train.size(), *problem.loss);
  options.say = [&session](const std::string& line) { session.say("\n" + line); };  // after the line of the progress
  const auto result =
      evaluate::audit(problem.train, problem.evaluation(), *problem.loss, options, store, session.control());

  if (!result.dropped_budgets.empty())
    session.say(fmt::format("budgets left out, as they buy no row in some scenario: {}",
                            fmt::join(result.dropped_budgets, ", ")));
  configuration = completed(std::move(configuration), problem);
  pages::AuditFacts facts = pages::facts_of(problem);
  facts.preparation = preparation_text(problem);
  facts.options = options;
  facts.own_model = flags.own_model.command;
  facts.command = command_text("audit", configuration);
  facts.version = CROSSTALK_VERSION;

  for (const auto& [name, table] : pages::audit_tables(result, facts))
    session.write(name + ".csv", report::to_csv(table));
  const auto svgs = draw_all(session, pages::audit_figures(result, facts), formats);
  const report::Page page = pages::audit_page(result, facts, svgs);
  const auto report_path = session.write("report.html", report::to_html(page));

  auto& record = session.record();
  record["configuration"] = configuration.flags;
  describe(record, problem);
  record["fit"] = {{"objective", result.clean_fit.objective},
                   {"gradient_norm", result.clean_fit.gradient_norm},
                   {"gap", result.clean_fit.gap},
                   {"status", to_string(result.clean_fit.status)}};
  record["audit"] = evaluate::to_json(result);
  record["summary"] = evaluate::to_json(evaluate::summarise(result), result.task_names);
  record["audit"]["report_file"] = report_path.string();
  session.finish(notes_text(problem) + fmt::format("{}\nreport: {}\n", page.answer, report_path.string()));
  finished.forget();

  bool converged = result.clean_fit.status == mtrl::Status::Converged;
  for (const auto& outcome : result.outcomes) converged = converged && outcome.converged;
  for (const auto& harm : result.harms) converged = converged && harm.converged;
  bool own_model_failed = false;
  for (const auto& own : result.own_model) {
    if (own.scores.failure.empty()) continue;
    own_model_failed = true;
    print_error(fmt::format("crosstalk: --victim on {}: {} ({})\n", own.name, own.scores.failure,
                            session.path(std::filesystem::path("victim") / own.name / "log.txt").string()));
  }
  if (own_model_failed) return kDataError;
  return converged ? kDone : kNotConverged;
}

}  // namespace

Action add_audit(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  flags->common.out = "crosstalk-out/audit";
  flags->data.data = "fashion-mnist";
  add_options(app, flags->data);
  add_options(app, flags->attack, false);
  add_options(app, flags->learner);
  add_options(app, flags->common);
  app.add_option("--prices", flags->attack.prices,
                 "CSV with the columns task, price: the price of a row for the cheapest attack; 1 without it")
      ->group("Attack");
  add_flag(app, flags->reach, &evaluate::AuditOptions::reach, "Attack");
  add_flag(app, flags->repeats, &evaluate::AuditOptions::repeats, "Attack");
  add_flag(app, flags->defence, &evaluate::AuditOptions::defence, "Attack");
  add_flag(app, flags->own_model.command, &evaluate::OwnModelOptions::command, "Your own model");
  add_flag(app, flags->own_model.minutes, &evaluate::OwnModelOptions::minutes, "Your own model");
  add_flag(app, flags->own_model.jobs, &evaluate::OwnModelOptions::jobs, "Your own model");
  app.add_flag("--resume", flags->resume, "Continue a stopped run of the same audit")->group("General");
  app.add_option("--figures", flags->figures, "Also draw every figure as png, pdf or both (png,pdf), beside its SVG")
      ->group("General");
  return [flags](const Configuration& configuration) {
    flags->data.keep_text = !flags->own_model.command.empty();
    return run(*flags, configuration);
  };
}

}  // namespace crosstalk::app
