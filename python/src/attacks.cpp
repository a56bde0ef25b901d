// Attacks and the check of their gradients, set up as the commands `attack` and `check-gradient` do.
#include <algorithm>
#include <memory>

#include "bindings.hpp"
#include "crosstalk/attack/exact_attack.hpp"
#include "crosstalk/attack/gradient_check.hpp"
#include "crosstalk/attack/limits.hpp"
#include "crosstalk/attack/patom.hpp"
#include "crosstalk/attack/threat.hpp"
#include "crosstalk/data/csv.hpp"
#include "crosstalk/mtrl/empirical_risk.hpp"

namespace crosstalk::python {

attack::PatomOptions patom_of(const py::dict& settings) {
  attack::PatomOptions patom;
  take(settings, "step", patom.step);
  take(settings, "iterations", patom.iterations);
  take(settings, "batch_share", patom.batch_share);
  take(settings, "full_batch", patom.full_batch);
  attack::require_valid(patom);
  return patom;
}

void take_exact(const py::dict& settings, attack::ExactOptions& exact) {
  take(settings, "starts", exact.starts);
  take(settings, "exact_iterations", exact.iterations);
  attack::require_valid(exact);
}

attack::LimitOptions limit_options_of(const Problem& problem, const py::dict& settings, bool screened) {
  attack::LimitOptions options;
  std::optional<double> radius;
  take(settings, "radius", radius);
  if (radius) require_range("", "radius", *radius, above(0));
  options.radius = radius.value_or(1.0);
  std::optional<std::string> schema;
  take(settings, "schema", schema);
  // A screen, PCA and columns of few values do not go together.
  const bool by_default = !schema && !screened && problem.preparation.options().pca == 0;
  if (by_default || schema == "auto")
    options.rules = attack::suggested_rules(problem.raw_train);
  else if (schema && schema != "none")
    throw std::invalid_argument("schema is \"" + *schema + "\"; it must be \"auto\", \"none\" or None");
  using Ball = attack::LimitOptions::Ball;
  options.ball = radius ? Ball::Always : by_default ? Ball::WithoutJumps : Ball::Never;
  return options;
}

std::optional<attack::ScreenOptions> stealth_of(const py::dict& settings) {
  std::vector<std::string> looks;
  take(settings, "stealth", looks);
  if (looks.empty()) return std::nullopt;
  attack::ScreenOptions screen{.distance = false, .residual = false};
  for (const std::string& look : looks) {
    if (look == "distance")
      screen.distance = true;
    else if (look == "residual")
      screen.residual = true;
    else
      throw std::invalid_argument("stealth is \"" + look + "\"; it must be \"distance\" or \"residual\"");
  }
  take(settings, "stealth_quantile", screen.quantile);
  attack::require_valid(screen);
  return screen;
}

namespace {

// With attackers alone all other tasks are the targets; with targets alone they attack themselves; with neither a
// random half of the tasks does.
attack::Threat threat_of(const Problem& problem, const py::dict& settings, std::uint64_t seed) {
  attack::Threat threat;
  take(settings, "targets", threat.targets);
  take(settings, "attackers", threat.attackers);
  take(settings, "budget", threat.budget);
  if (threat.targets.empty() && !threat.attackers.empty()) {
    for (std::size_t i = 0; i < problem.train.size(); ++i)
      if (std::find(threat.attackers.begin(), threat.attackers.end(), i) == threat.attackers.end())
        threat.targets.push_back(i);
    if (threat.targets.empty()) threat.targets = threat.attackers;
  }
  if (threat.targets.empty()) threat.targets = attack::random_halves(problem.train.size(), seed).first;
  if (threat.attackers.empty()) threat.attackers = threat.targets;
  attack::require_valid(threat, problem.train);
  return threat;
}

struct Attacked {
  attack::AttackResult result;
  TaskSet rows;  // in the units of the data
  double utility_clean = 0.0;
  mtrl::Metrics clean;
  mtrl::Metrics poisoned;
  Eigen::VectorXd clean_losses;
  Eigen::VectorXd poisoned_losses;
  Refit refit;
  bool converged = true;
};

Attacked run_attack(const Problem& problem, const attack::Threat& threat, const attack::LimitOptions& limit_options,
                    const std::optional<attack::ScreenOptions>& stealth, attack::LabelRule labels,
                    const std::string& method, const attack::PatomOptions& patom, const attack::ExactOptions& exact,
                    bool held_out, std::uint64_t seed, const RunControl& control) {
  const mtrl::EmpiricalRisk risk(problem.train, *problem.loss);
  const mtrl::Fit clean = mtrl::solve(problem.train, *problem.loss, problem.learner);
  attack::Limits limits = attack::limits_of(problem, limit_options);
  if (stealth) {
    if (limits.feasible.has_jumps())
      throw std::invalid_argument("stealth: a screen cannot be combined with one-hot, binary or integer columns");
    limits.feasible.screen = attack::Screen(problem.train, clean.weights, limits.feasible.bias, *stealth);
  }
  const attack::LossUtility utility(held_out ? problem.test : problem.train, *problem.loss, threat.targets);
  Rng rng = Rng::stream(seed, "injected rows");
  const TaskSet start = attack::random_rows(problem.train, threat, limits.feasible, labels, rng);
  const attack::AttackProblem attacked = {
      risk, utility, limits.feasible, start, problem.learner, clean, Rng::stream(seed, "batches")};
  Attacked done;
  done.result =
      method == "exact" ? attack::exact_attack(attacked, exact, control) : attack::patom(attacked, patom, control);
  done.utility_clean = utility.value(clean.weights);
  done.rows = problem.preparation.undo(done.result.injected);
  if (limits.schema) {
    limits.schema->settle(done.rows);
    if (problem.dataset.csv) done.rows = data::as_written(problem.dataset.csv->coding, std::move(done.rows));
  }
  const mtrl::Fit damaged = mtrl::solve_from(risk.with_rows(problem.preparation.apply(done.rows)), problem.learner,
                                             done.result.iterates.back().fit.weights);
  const TaskSet& evaluation = problem.evaluation();
  done.clean = problem.metrics(evaluation, clean.weights);
  done.poisoned = problem.metrics(evaluation, damaged.weights);
  done.clean_losses = mtrl::mean_losses(evaluation, *problem.loss, clean.weights);
  done.poisoned_losses = mtrl::mean_losses(evaluation, *problem.loss, damaged.weights);
  done.refit = refit(problem, done.rows);
  const auto converged = [](const mtrl::Fit& fit) { return fit.status == mtrl::Status::Converged; };
  done.converged = converged(clean) && converged(damaged) && converged(done.refit.fit) &&
                   std::all_of(done.result.iterates.begin(), done.result.iterates.end(),
                               [&](const attack::Iterate& iterate) { return converged(iterate.fit); });
  return done;
}

py::dict attack_record(const Problem& problem, const py::dict& settings) {
  std::uint64_t seed = 1;
  take(settings, "seed", seed);
  std::string method = "patom";
  take(settings, "method", method);
  const attack::Threat threat = threat_of(problem, settings, seed);
  const auto stealth = stealth_of(settings);
  const attack::LimitOptions limits = limit_options_of(problem, settings, stealth.has_value());
  attack::LabelRule labels = attack::LabelRule::Uniform;
  take_named(settings, "labels", labels, [](const std::string& word) { return attack::label_rule_named(word); });
  if (labels == attack::LabelRule::Free && method != "exact")
    throw std::invalid_argument("labels is \"free\"; " + method + " keeps the labels it draws: use Exact");
  attack::PatomOptions patom = patom_of(settings);
  if (method == "random") patom.iterations = 0;
  attack::ExactOptions exact;
  take_exact(settings, exact);
  exact.patom = patom;
  exact.free_labels = labels == attack::LabelRule::Free;
  exact.threads = thread_count(settings);
  std::string objective = "training";
  take(settings, "objective", objective);
  if (objective != "training" && objective != "held-out")
    throw std::invalid_argument("objective is \"" + objective + "\"; it must be \"training\" or \"held-out\"");
  const bool held_out = objective == "held-out";
  if (held_out)
    for (const std::size_t target : threat.targets)
      if (problem.test.size() == 0 || problem.test[target].rows() == 0)
        throw std::invalid_argument("objective is \"held-out\"; it needs a held-out row of every target, and task \"" +
                                    problem.train[target].name + "\" has none");
  const Attacked done = without_gil([&](const RunControl& control) {
    return run_attack(problem, threat, limits, stealth, labels, method, patom, exact, held_out, seed, control);
  });
  py::dict record;
  record["rows"] = rows_of(done.rows);
  record["kind"] = std::string(attack::to_string(attack::kind_of(threat)));
  record["targets"] = threat.targets;
  record["attackers"] = threat.attackers;
  std::vector<double> utilities;
  for (const attack::Iterate& iterate : done.result.iterates) utilities.push_back(iterate.utility);
  record["utility_clean"] = done.utility_clean;
  record["utilities"] = utilities;
  record["optima"] = done.result.optima;
  record["clean_metrics"] = metrics_record(done.clean);
  record["poisoned_metrics"] = metrics_record(done.poisoned);
  record["refit_metrics"] = metrics_record(done.refit.metrics);
  record["clean_losses"] = done.clean_losses;
  record["poisoned_losses"] = done.poisoned_losses;
  record["refit_losses"] = done.refit.losses;
  record["converged"] = done.converged;
  return record;
}

py::list gradient_check(const Problem& problem, const py::dict& settings) {
  attack::GradientCheckOptions options;
  take(settings, "entries", options.entries);
  take(settings, "step", options.step);
  options.seed = 1;
  take(settings, "seed", options.seed);
  const attack::Threat threat = threat_of(problem, settings, options.seed);
  const attack::LimitOptions limit_options = limit_options_of(problem, settings, false);
  attack::LabelRule labels = attack::LabelRule::Uniform;
  take_named(settings, "labels", labels, [](const std::string& word) { return attack::label_rule_named(word); });
  const attack::GradientCheck check = without_gil([&](const RunControl& control) {
    const attack::Limits limits = attack::limits_of(problem, limit_options);
    options.bias = limits.feasible.bias;
    Rng rng = Rng::stream(options.seed, "injected rows");
    const TaskSet rows = attack::random_rows(problem.train, threat, limits.feasible, labels, rng);
    const mtrl::EmpiricalRisk risk(problem.train, *problem.loss);
    const attack::LossUtility utility(problem.train, *problem.loss, threat.targets);
    return attack::check_gradients(risk, utility, rows, problem.learner, attack::all_row_gradients(), options, control);
  });
  py::list all;
  for (const attack::GradientComparison& one : check.gradients) {
    py::dict record;
    record["gradient"] = one.name;
    record["relative_error"] = one.relative_error;
    record["cosine"] = one.cosine;
    record["length"] = one.length;
    record["label_error"] = one.label_error;
    record["seconds"] = one.seconds;
    all.append(record);
  }
  return all;
}

}  // namespace

void bind_attacks(py::class_<LoadedProblem>& problem) {
  problem
      .def("attack", [](const LoadedProblem& self, const py::dict& settings) { return attack_record(self, settings); })
      .def("check_gradient",
           [](const LoadedProblem& self, const py::dict& settings) { return gradient_check(self, settings); });
}

}  // namespace crosstalk::python
