// Audits, set up as the command `audit` does.
#include <algorithm>
#include <memory>

#include "bindings.hpp"
#include "crosstalk/evaluate/audit.hpp"
#include "crosstalk/evaluate/audit_summary.hpp"
#include "crosstalk/evaluate/problem_audit.hpp"
#include "crosstalk/pages/audit_page.hpp"
#include "crosstalk/report/figure.hpp"
#include "crosstalk/report/page.hpp"

namespace crosstalk::python {

py::dict table_record(const report::Table& table) {
  py::list columns;
  for (const report::Column& column : table.columns) columns.append(column.name);
  py::list rows;
  for (const std::vector<report::Cell>& row : table.rows) rows.append(py::cast(row));
  py::dict record;
  record["columns"] = columns;
  record["rows"] = rows;
  return record;
}

namespace {

// A finished audit, and what its report says beside it.
struct Audited {
  evaluate::AuditResult result;
  evaluate::AuditSummary summary;
  pages::AuditFacts facts;
};

// @param problem  is kept by the options, for refits.
evaluate::AuditOptions options_of(const LoadedProblem& problem, const py::dict& settings) {
  evaluate::AuditOptions options;
  take(settings, "seed", options.seed);
  take(settings, "targets", options.targets);
  take(settings, "attackers", options.attackers);
  take(settings, "budgets", options.budgets);
  std::sort(options.budgets.begin(), options.budgets.end());
  take(settings, "drop_small_budgets", options.drop_small_budgets);
  std::vector<std::string> methods;
  take(settings, "methods", methods);
  if (!methods.empty()) options.methods.clear();
  for (const std::string& method : methods) options.methods.push_back(evaluate::method_named(method));
  take_named(settings, "labels", options.labels,
             [](const std::string& word) { return attack::label_rule_named(word); });
  options.stealth = stealth_of(settings);
  const attack::LimitOptions limits = limit_options_of(problem, settings, options.stealth.has_value());
  options.feasible = attack::limits_of(problem, limits).feasible;
  if (options.stealth && options.feasible.has_jumps())
    throw std::invalid_argument("stealth: a screen cannot be combined with one-hot, binary or integer columns");
  take(settings, "fictitious", options.fictitious);
  take(settings, "rows_each", options.rows_each);
  take(settings, "reach", options.reach);
  take(settings, "repeats", options.repeats);
  std::optional<std::string> defence;
  take(settings, "defence", defence);
  if (defence) options.defence = defence::method_named(*defence);
  options.patom = patom_of(settings);
  take_exact(settings, options.exact);
  options.label_units = problem.preparation.label_units();
  options.threads = thread_count(settings);
  if (problem.with_seed)
    options.resplit = [&problem, limits, names = problem.train.names()](std::uint64_t seed) {
      return evaluate::resplit_of(problem.with_seed(seed), names, [&](const Problem& other) {
        attack::LimitOptions there = limits;
        if (there.rules) there.rules = attack::suggested_rules(other.raw_train);
        return attack::limits_of(other, there).feasible;
      });
    };
  options.refit = evaluate::refit_of(problem);
  return options;
}

void require_rows_to_measure_on(const Problem& problem) {
  for (const Task& task : problem.evaluation())
    if (task.rows() == 0)
      throw DataError(problem.dataset.name + ": no row of task \"" + task.name +
                      "\" is held out, and an audit measures every task; hold out others, or leave the task out");
}

std::unique_ptr<Audited> run_audit(const LoadedProblem& problem, const py::dict& settings) {
  require_rows_to_measure_on(problem);
  evaluate::AuditOptions options = options_of(problem, settings);
  options.learner = problem.learner;
  auto audited = std::make_unique<Audited>();
  pages::AuditFacts& facts = audited->facts;
  facts = pages::facts_of(problem);
  take(settings, "command", facts.command);
  without_gil([&](const RunControl& control) {
    audited->result = evaluate::audit(problem.train, problem.evaluation(), *problem.loss, options, {}, control);
    return true;
  });
  audited->summary = evaluate::summarise(audited->result);
  const PreparationOptions& preparation = problem.preparation.options();
  facts.preparation = "Scale of the features: " + std::string(to_string(preparation.scale)) +
                      "; of the labels: " + std::string(to_string(preparation.labels)) +
                      "; principal components: " + (preparation.pca > 0 ? std::to_string(preparation.pca) : "all") +
                      ".";
  facts.version = CROSSTALK_VERSION;
  // These refer to the problem, and nothing that is still to come calls them.
  options.resplit = {};
  options.refit = {};
  facts.options = std::move(options);
  return audited;
}

std::string kind_text(attack::Kind kind) {
  return std::string(attack::to_string(kind));
}
std::string method_text(evaluate::Method method) {
  return std::string(evaluate::to_string(method));
}

// One record a scenario, method, budget and task.
py::list outcomes_record(const Audited& self) {
  const evaluate::AuditResult& result = self.result;
  py::list all;
  for (const evaluate::Outcome& outcome : result.outcomes) {
    const evaluate::Scenario& scenario = result.scenarios[outcome.scenario];
    for (std::size_t i = 0; i < result.task_names.size(); ++i) {
      const auto task = static_cast<Eigen::Index>(i);
      py::dict one;
      one["scenario"] = outcome.scenario;
      one["kind"] = kind_text(scenario.kind);
      one["method"] = method_text(outcome.method);
      one["budget"] = outcome.budget;
      one["task"] = i;
      const auto in = [&](const std::vector<std::size_t>& set) {
        return std::find(set.begin(), set.end(), i) != set.end();
      };
      one["target"] = in(scenario.targets);
      one["attacker"] = in(scenario.attackers);
      one["clean_loss"] = result.clean_loss[task];
      one["loss"] = outcome.loss[task];
      one["rise"] = outcome.loss[task] / result.clean_loss[task] - 1.0;
      one["metric"] = outcome.metrics(task, 0);
      one["clean_metric"] = result.clean.values(task, 0);
      one["converged"] = outcome.converged;
      all.append(one);
    }
  }
  return all;
}

py::list summary_record(const Audited& self) {
  py::list all;
  for (const evaluate::Exposure& exposure : self.summary.exposures) {
    py::dict one;
    one["kind"] = kind_text(exposure.kind);
    one["method"] = method_text(exposure.method);
    one["budget"] = exposure.budget;
    one["rise"] = exposure.loss_rise;
    one["refit_rise"] = exposure.refit_rise;
    one["clean_metric"] = exposure.clean_metric;
    one["metric"] = exposure.metric;
    one["utility_rise"] = exposure.utility_rise;
    all.append(one);
  }
  return all;
}

}  // namespace

void bind_audit(py::module_& module, py::class_<LoadedProblem>& problem) {
  problem.def("audit", &run_audit);
  py::class_<Audited>(module, "Audited", "A finished audit.")
      .def_property_readonly("answer",
                             [](const Audited& self) { return pages::audit_page(self.result, self.facts, {}).answer; })
      .def_property_readonly("metric", [](const Audited& self) { return self.summary.metric; })
      .def_property_readonly("planned_method", [](const Audited& self) { return method_text(self.summary.planned); })
      .def_property_readonly("clean_objective", [](const Audited& self) { return self.result.clean_fit.objective; })
      .def("scenarios",
           [](const Audited& self) {
             py::list all;
             for (const evaluate::Scenario& scenario : self.result.scenarios) {
               py::dict one;
               one["kind"] = kind_text(scenario.kind);
               one["targets"] = scenario.targets;
               one["attackers"] = scenario.attackers;
               one["fictitious"] = scenario.fictitious;
               all.append(one);
             }
             return all;
           })
      .def("outcomes", &outcomes_record)
      .def("summary", &summary_record)
      .def("tables",
           [](const Audited& self) {
             py::dict tables;
             for (const auto& [name, table] : pages::audit_tables(self.result, self.facts))
               tables[py::str(name)] = table_record(table);
             return tables;
           })
      .def("figures",
           [](const Audited& self) {
             py::list figures;
             for (const pages::AuditFigure& figure : pages::audit_figures(self.result, self.facts))
               figures.append(py::make_tuple(
                   figure.name, report::csv(figure.figure),
                   report::gnuplot_script(figure.figure, figure.name + ".csv", "/dev/stdout", report::Format::Svg)));
             return figures;
           })
      .def("html", [](const Audited& self, const std::map<std::string, std::string>& svgs) {
        return report::to_html(pages::audit_page(self.result, self.facts, svgs));
      });
}

}  // namespace crosstalk::python
