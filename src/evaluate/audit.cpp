#include "crosstalk/evaluate/audit.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <mutex>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "audit_codec.hpp"
#include "audit_plan.hpp"
#include "crosstalk/attack/fictitious.hpp"
#include "crosstalk/attack/greedy_budget.hpp"
#include "crosstalk/attack/influence.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/evaluate/adaptive_attack.hpp"
#include "crosstalk/evaluate/audit_summary.hpp"
#include "crosstalk/json_number.hpp"
#include "crosstalk/parallel.hpp"
#include "crosstalk/problem/fictitious_tasks.hpp"
#include "locked_parts.hpp"
#include "words.hpp"

namespace crosstalk::evaluate {

namespace {

using nlohmann::json;

bool are_same(const TaskSet& a, const TaskSet& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i].rows() != b[i].rows() || a[i].labels != b[i].labels || a[i].features != b[i].features) return false;
  return true;
}

// As many rows of every task, drawn from these with replacement.
TaskSet bootstrapped(const TaskSet& tasks, Rng& rng) {
  TaskSet drawn;
  drawn.feature_names = tasks.feature_names;
  for (const Task& task : tasks) {
    std::vector<Eigen::Index> rows;
    for (Eigen::Index j = 0; j < task.rows(); ++j)
      rows.push_back(static_cast<Eigen::Index>(rng.below(static_cast<std::size_t>(task.rows()))));
    drawn.tasks.push_back(select_rows(task, rows));
  }
  return drawn;
}

// A piece of work that is remembered by its name.
struct Part {
  std::string name;
  std::function<json()> run;
  std::function<void(const json&)> take;  // what run gave, now or in an earlier audit
};

class Auditor {
 public:
  Auditor(const TaskSet& train, const TaskSet& evaluation, const mtrl::Loss& loss, const AuditOptions& options,
          const AuditPlan& plan)
      : train_(train),
        evaluation_(evaluation),
        loss_(loss),
        options_(options),
        plan_(plan),
        feasible_(options.feasible),
        risk_(train, loss) {}

  AuditResult run(const PartStore& store, const RunControl& control) {
    AuditResult result;
    result.task_names = train_.names();
    result.scenarios = plan_.scenarios;
    result.dropped_budgets = plan_.dropped_budgets;
    learn();

    result.clean_fit = clean_fit_;
    result.clean = mtrl::evaluate(evaluation_, loss_, clean_fit_.weights, options_.label_units);
    result.clean_loss = mtrl::mean_losses(evaluation_, loss_, clean_fit_.weights);
    if (train_.size() <= kCorrelationTasks) result.clean_correlation = clean_fit_.covariance.correlation();
    result.clean_utility.resize(static_cast<Eigen::Index>(result.scenarios.size()));
    for (std::size_t s = 0; s < result.scenarios.size(); ++s)
      result.clean_utility[static_cast<Eigen::Index>(s)] =
          attack::LossUtility(train_, loss_, result.scenarios[s].targets).value(clean_fit_.weights);

    result.outcomes = plan_.outcomes;
    result.harms = plan_.harms;
    result.harm_is_partial = plan_.harm_is_partial;
    result.cheapest_attacks = plan_.cheapest_attacks;
    for (std::size_t s = 0; s < result.scenarios.size(); ++s) {
      if (result.scenarios[s].kind == attack::Kind::Accounts) continue;  // bounds and defences know the m tasks alone
      if (plan_.is_planned()) result.bounds.push_back({.scenario = s});
      if (options_.defence) result.defended.push_back({s, {}, {}});
    }
    if (options_.defence) result.clean_defended.emplace();
    for (std::size_t split = 2; split <= options_.repeats; ++split) result.repeats.push_back({.split = split});
    if (options_.own_model) result.own_model = own_model_outcomes();
    run_parts(result, store, control);
    std::vector<double> elsewhere;
    for (const Repeat& repeat : result.repeats)
      if (repeat.ran) elsewhere.push_back(repeat.model_metric);
    result.clean_model = judge_clean_model(train_, evaluation_, loss_, options_.learner, clean_fit_.weights, elsewhere);
    const auto rise = [&](const Harm& harm) {
      const double value = harm.loss_rise(result.clean_loss);
      return std::isnan(value) ? -std::numeric_limits<double>::infinity() : value;
    };
    std::stable_sort(result.harms.begin(), result.harms.end(),
                     [&](const Harm& a, const Harm& b) { return rise(a) > rise(b); });
    std::stable_sort(result.cheapest_attacks.begin(), result.cheapest_attacks.end(),
                     [](const CheapestAttack& a, const CheapestAttack& b) {
                       return a.reached != b.reached ? a.reached : a.price < b.price;
                     });
    return result;
  }

 private:
  void find_way(CheapestAttack& cheapest) const {
    const attack::LossUtility utility(train_, loss_, {cheapest.target});
    const double clean = utility.value(clean_fit_.weights);
    mtrl::Options learner = options_.learner;
    learner.tolerance = std::max(learner.tolerance, kWayTolerance);
    const attack::Threat who = {{cheapest.target},
                                tasks_to_buy_in(train_, options_, cheapest.target, cheapest.by_others),
                                plan_.largest_budget()};
    std::vector<double> prices;
    for (std::size_t i = 0; i < train_.size(); ++i) prices.push_back(price_of(options_, i));
    const attack::GreedyBudget found =
        attack::cheapest_attack({risk_, utility, feasible_, who, std::move(prices), learner, clean_fit_,
                                 Rng::stream(options_.seed, "way", cheapest.target)},
                                options_.reach * clean);
    for (const Task& task : found.rows()) cheapest.rows.push_back(static_cast<std::size_t>(task.rows()));
    cheapest.price = found.price();
    cheapest.factor = clean > 0.0 ? found.utility() / clean : std::numeric_limits<double>::quiet_NaN();
    cheapest.reached = found.utility() >= options_.reach * clean;
  }

  // What the first line says: random rows and PATOM at the largest budget.
  [[nodiscard]] bool is_first(const Outcome& outcome) const {
    return outcome.budget == plan_.largest_budget() && (outcome.method != Method::Exact || plan_.methods.size() == 1);
  }

  [[nodiscard]] std::vector<Part> attacks_of(AuditResult& result, bool first) const {
    std::vector<Part> parts;
    for (Outcome& outcome : result.outcomes)
      if (is_first(outcome) == first)
        parts.push_back(
            {fmt::format("scenario-{}-{}-{}", outcome.scenario + 1, to_string(outcome.method), outcome.budget),
             [this, &outcome, &scenario = result.scenarios[outcome.scenario]] {
               return part_to_json(attacked(scenario, outcome, true));
             },
             [&outcome](const json& part) { part_from_json(part, outcome); }});
    return parts;
  }

  [[nodiscard]] std::vector<Part> other_parts_of(AuditResult& result) const {
    std::vector<Part> parts;
    for (Repeat& repeat : result.repeats)
      parts.push_back({fmt::format("repeat-{}-{}", repeat.split, attack::to_string(result.headline)),
                       [this, &result, repeat]() mutable {
                         run_repeat(result, repeat);
                         return part_to_json(repeat);
                       },
                       [&repeat](const json& part) { part_from_json(part, repeat); }});
    for (Harm& harm : result.harms)
      parts.push_back(
          {fmt::format("harm-{}", harm.attacker + 1),
           [this, &harm] {
             const Scenario alone{all_but(train_.size(), {harm.attacker}), {harm.attacker}, attack::Kind::Indirect};
             Outcome planned;
             planned.method = plan_.strongest();
             planned.budget = plan_.largest_budget();
             return part_to_json(attacked(alone, planned));
           },
           [&harm](const json& part) {
             Outcome outcome;
             part_from_json(part, outcome);
             harm.rows = outcome.rows;
             harm.loss = outcome.loss;
             harm.converged = outcome.converged;
           }});
    for (CheapestAttack& cheapest : result.cheapest_attacks)
      parts.push_back({fmt::format("way-{}-{}", cheapest.target + 1, cheapest.by_others ? "others" : "any"),
                       [this, cheapest]() mutable {
                         find_way(cheapest);
                         return part_to_json(cheapest);
                       },
                       [&cheapest](const json& part) { part_from_json(part, cheapest); }});
    for (Bound& bound : result.bounds)
      parts.push_back({fmt::format("bound-{}", bound.scenario + 1),
                       [this, &scenario = result.scenarios[bound.scenario]]() -> json {
                         const auto [anywhere, screened] = certified(scenario, plan_.largest_budget());
                         return {json_number(anywhere), json_number(screened)};
                       },
                       [&bound](const json& part) {
                         const auto number = [](const json& value) {
                           return value.is_null() ? std::numeric_limits<double>::infinity() : value.get<double>();
                         };
                         bound.anywhere = number(part.at(0));
                         bound.screened = number(part.at(1));
                       }});
    for (DefendedOutcome& outcome : result.defended)
      parts.push_back({fmt::format("defended-{}", outcome.scenario + 1),
                       [this, &scenario = result.scenarios[outcome.scenario]]() -> json {
                         const auto [same, adaptive] = behind_defence(scenario);
                         return {part_to_json(same), part_to_json(adaptive)};
                       },
                       [&outcome](const json& part) {
                         part_from_json(part.at(0), outcome.same);
                         part_from_json(part.at(1), outcome.adaptive);
                       }});
    if (result.clean_defended)
      parts.push_back({"defended-clean", [this] { return part_to_json(clean_behind_defence()); },
                       [&result](const json& part) { part_from_json(part, *result.clean_defended); }});
    return parts;
  }

  // What a model that is not ours is to learn from.
  [[nodiscard]] std::vector<OwnModelOutcome> own_model_outcomes() const {
    std::vector<OwnModelOutcome> outcomes = {{.name = "clean"}};
    const bool leaves_out = options_.defence != defence::Method::Huber;
    for (std::size_t s = 0; s < plan_.scenarios.size(); ++s) {
      for (const Method method : plan_.methods)
        outcomes.push_back(
            {.name = fmt::format("scenario-{}-{}", s + 1, to_string(method)), .scenario = s, .method = method});
      if (leaves_out && plan_.scenarios[s].kind != attack::Kind::Accounts)
        outcomes.push_back({.name = fmt::format("scenario-{}-defended", s + 1),
                            .scenario = s,
                            .method = plan_.strongest(),
                            .defended = true});
    }
    return outcomes;
  }

  // @param clean  the part on the clean rows, or all others.
  [[nodiscard]] std::vector<Part> own_model_parts(AuditResult& result, bool clean) const {
    std::vector<Part> parts;
    for (OwnModelOutcome& own : result.own_model)
      if (clean != own.scenario.has_value())
        parts.push_back({"own-" + own.name,
                         [this, own]() mutable {
                           learn_own_model(own);
                           return part_to_json(own);
                         },
                         [&own](const json& part) { part_from_json(part, own); }});
    return parts;
  }

  void learn_own_model(OwnModelOutcome& own) const {
    OwnModelRows rows;
    rows.name = own.name;
    if (own.scenario) {
      const Scenario& scenario = plan_.scenarios[*own.scenario];
      const double budget = plan_.largest_budget();
      rows.injected = injected_by(*own.scenario, own.method);
      rows.hosts = attack::fictitious_hosts(scenario.targets, accounts_at(scenario, budget, budget));
    }
    if (own.defended) try {
        const defence::Defended defended = defence::defend(join_rows(train_, rows.injected), loss_, defence_options());
        rows.kept = defence::cleaned_rows(defended);
        own.ours = mtrl::evaluate(evaluation_, loss_, defended.weights, options_.label_units).values;
      } catch (const std::invalid_argument& error) {
        own.scores.failure = fmt::format("the defence before it: {}", error.what());
        return;
      }
    own.scores = options_.own_model(rows);
  }

  // The injected rows of an attack at the largest budget: kept by this run, or found again where an earlier one had it.
  [[nodiscard]] TaskSet injected_by(std::size_t scenario, Method method) const {
    {
      const std::lock_guard lock(injected_mutex_);
      if (const auto known = injected_.find({scenario, method}); known != injected_.end()) return known->second;
    }
    return attack_on(plan_.scenarios[scenario], method, plan_.largest_budget()).injected;
  }

  void run_parts(AuditResult& result, const PartStore& store, const RunControl& control) const {
    const std::vector<Part> own_clean = own_model_parts(result, true);
    const std::vector<Part> own = own_model_parts(result, false);
    const std::size_t planned = own_clean.size() + attacks_of(result, true).size() + attacks_of(result, false).size() +
                                other_parts_of(result).size() + own.size();
    LockedParts parts(store);
    std::size_t done = 0;
    run_parts(own_clean, done, planned, parts, control);  // first: a command that cannot run is known at once
    const bool own_fails = !own_clean.empty() && !result.own_model.front().scores.failure.empty();
    if (own_fails && options_.say)
      options_.say(fmt::format("your model fails on the clean rows: {}", result.own_model.front().scores.failure));
    const std::vector<Part> first = attacks_of(result, true);
    run_parts(first, done, planned, parts, control);
    if (done == own_clean.size() + first.size() && options_.say) options_.say(first_numbers(result));
    run_parts(attacks_of(result, false), done, planned, parts, control);
    if (const std::optional<Exposure> worst = summarise(result).worst) result.headline = worst->kind;
    run_parts(other_parts_of(result), done, planned, parts, control);
    if (own_fails)
      done += own.size();
    else
      run_parts(own, done, planned, parts, control, options_.own_model_jobs);
    result.stopped = done < planned;
  }

  [[nodiscard]] std::string first_numbers(const AuditResult& result) const {
    const AuditSummary summary = summarise(result);
    std::string text;
    for (const attack::Kind kind : summary.kinds)
      for (const Method method : summary.methods)
        if (const Exposure* const found = summary.find(kind, method, plan_.largest_budget()))
          text += fmt::format("{}{} {}: {}", text.empty() ? "" : ", ", words::kind(kind), words::method(method),
                              words::rise(found->loss_rise));
    return fmt::format("first numbers, {} injected rows, rise of the targets' summed loss: {}",
                       words::share(plan_.largest_budget()), text);
  }

  void run_parts(const std::vector<Part>& parts, std::size_t& done, std::size_t planned, LockedParts& store,
                 const RunControl& control) const {
    run_parts(parts, done, planned, store, control, options_.threads);
  }

  static void run_parts(const std::vector<Part>& parts, std::size_t& done, std::size_t planned, LockedParts& store,
                        const RunControl& control, int threads) {
    std::mutex mutex;  // of what the parts are taken into
    parallel_for(parts.size(), threads, [&](std::size_t k) {
      if (control.stop.stop_requested()) return;
      const Part& part = parts[k];
      const json value = store.recall_or(part.name, part.run);
      const std::lock_guard lock(mutex);
      try {
        part.take(value);
      } catch (const json::exception&) {
        throw DataError(fmt::format("the part \"{}\" of an earlier run is damaged; start anew", part.name));
      }
      ++done;
      if (control.progress)
        control.progress(static_cast<double>(done) / static_cast<double>(planned),
                         fmt::format("attack {} of {}", done, planned));
    });
  }

  // The lambdas stay; the rows, the clean model and the injected rows are others.
  void run_repeat(const AuditResult& result, Repeat& repeat) const {
    AuditOptions options = options_;
    options.seed = Rng::stream(options_.seed, "repeat", repeat.split).bits();
    Resplit rows{train_, evaluation_, options_.feasible};
    try {
      if (options_.resplit) rows = options_.resplit(options.seed);
    } catch (const DataError&) {
      return;
    }
    if (rows.evaluation.size() == evaluation_.size() && are_same(rows.evaluation, evaluation_)) {
      Rng rng(options.seed);
      rows.evaluation = bootstrapped(evaluation_, rng);
      repeat.bootstrap = true;
    }
    if (rows.train.size() != train_.size()) return;
    options.feasible = rows.feasible;
    Auditor other(rows.train, rows.evaluation, loss_, options, plan_);
    other.learn();
    const mtrl::Metrics clean = mtrl::evaluate(rows.evaluation, loss_, other.clean_fit_.weights);
    const Eigen::VectorXd clean_loss = mtrl::mean_losses(rows.evaluation, loss_, other.clean_fit_.weights);
    std::vector<std::size_t> targets;
    double loss_before = 0.0;
    double loss_after = 0.0;
    double metric = 0.0;
    double defined = 0.0;
    for (const Scenario& scenario : result.scenarios) {
      if (scenario.kind != result.headline) continue;
      Outcome planned;
      planned.method = plan_.strongest();
      planned.budget = plan_.largest_budget();
      const Outcome outcome = other.attacked(scenario, planned);
      repeat.converged = repeat.converged && outcome.converged;
      for (const std::size_t task : scenario.targets) {
        const auto i = static_cast<Eigen::Index>(task);
        targets.push_back(task);
        loss_before += clean_loss[i];
        loss_after += outcome.loss[i];
        if (!std::isfinite(outcome.metrics(i, 0))) continue;
        metric += outcome.metrics(i, 0);
        defined += 1.0;
      }
    }
    repeat.model_metric = relative_error_or_auc(rows.train, rows.evaluation, loss_, other.clean_fit_.weights);
    repeat.clean_metric = clean.mean(0, targets);
    repeat.metric = metric / defined;
    repeat.loss_rise = loss_before > 0.0 ? loss_after / loss_before - 1.0 : std::numeric_limits<double>::quiet_NaN();
    repeat.ran = true;
  }

  void learn() {
    clean_fit_ = mtrl::solve(risk_, options_.learner);
    if (options_.stealth)
      feasible_.screen = attack::Screen(train_, clean_fit_.weights, feasible_.bias, *options_.stealth);
  }

  // @param in_full  also measure what one injected row does and what a learner makes of the rows that prepares its data
  // anew, where the report has it.
  [[nodiscard]] Outcome attacked(const Scenario& scenario, Outcome outcome, bool in_full = false) const {
    const attack::LossUtility utility(train_, loss_, scenario.targets);
    const std::size_t accounts = accounts_at(scenario, outcome.budget, plan_.largest_budget());
    const attack::AttackResult attacked = attack_on(scenario, outcome.method, outcome.budget);
    if (in_full && options_.own_model && outcome.budget == plan_.largest_budget()) {
      const std::lock_guard lock(injected_mutex_);
      injected_.insert_or_assign({outcome.scenario, outcome.method}, attacked.injected);
    }
    const auto m = static_cast<Eigen::Index>(train_.size());
    outcome.rows = static_cast<std::size_t>(attacked.injected.rows());
    const auto count = static_cast<Eigen::Index>(attacked.iterates.size());
    outcome.utility_curve.resize(count);
    outcome.metric_curve.resize(count);
    for (Eigen::Index t = 0; t < count; ++t) {
      const attack::Iterate& iterate = attacked.iterates[static_cast<std::size_t>(t)];
      const mtrl::Metrics metrics =
          mtrl::evaluate(evaluation_, loss_, iterate.fit.weights.leftCols(m), options_.label_units);
      outcome.utility_curve[t] = iterate.utility;
      outcome.metric_curve[t] = metrics.mean(0, scenario.targets);
      outcome.converged = outcome.converged && iterate.fit.status == mtrl::Status::Converged;
      outcome.metrics = metrics.values;
    }
    const mtrl::Fit& last = attacked.iterates.back().fit;
    outcome.utility = attacked.iterates.back().utility;
    outcome.loss = mtrl::mean_losses(evaluation_, loss_, last.weights.leftCols(m));
    if (outcome.budget == plan_.largest_budget() && train_.size() + accounts <= kCorrelationTasks)
      outcome.correlation = last.covariance.correlation().topLeftCorner(m, m);
    if (in_full && outcome.budget == plan_.largest_budget() && outcome.method == plan_.strongest()) {
      if (accounts == 0) outcome.row_harm = row_harm(attacked.injected, last, utility);
      if (options_.refit)
        outcome.refit_loss = options_.refit(attacked.injected, attack::fictitious_hosts(scenario.targets, accounts));
    }
    return outcome;
  }

  [[nodiscard]] attack::AttackResult attack_on(const Scenario& scenario, Method method, double budget) const {
    const attack::LossUtility utility(train_, loss_, scenario.targets);
    const std::string rows = rows_key(scenario, budget);
    Rng rng = Rng::stream(options_.seed, rows);
    const std::size_t accounts = accounts_at(scenario, budget, plan_.largest_budget());
    if (accounts > 0) return through_accounts(scenario, accounts, method, utility, rows, rng);
    const TaskSet start = attack::random_rows(train_, threat_of(scenario, budget), feasible_, options_.labels, rng);
    return attacked_by(method, risk_, utility, feasible_, start, rows, clean_fit_);
  }

  // Through fictitious tasks: the injected rows are of m + accounts tasks, and so is every fit.
  [[nodiscard]] attack::AttackResult through_accounts(const Scenario& scenario, std::size_t accounts, Method method,
                                                      const attack::Utility& utility, const std::string& rows,
                                                      Rng& rng) const {
    const attack::FictitiousAttack attack =
        attack::fictitious_attack(train_, scenario.targets, accounts, scenario.rows_each, feasible_, loss_, rng);
    const mtrl::EmpiricalRisk risk(with_empty_tasks(train_, fictitious_names(train_.names(), accounts)), loss_,
                                   mtrl::EmpiricalRisk::Layout::Automatic, mtrl::EmpiricalRisk::EmptyTasks::Allowed);
    return attacked_by(method, risk, utility, attack.feasible, attack.start, rows,
                       attack::with_zero_columns(clean_fit_, accounts));
  }

  [[nodiscard]] std::pair<double, double> certified(const Scenario& scenario, double budget) const {
    const attack::Threat who = threat_of(scenario, budget);
    const std::vector<Eigen::Index> injected = attack::injected_rows(who, train_);
    const auto most = [&](const attack::FeasibleSet& feasible) {
      return defence::certify(risk_, options_.learner, clean_fit_, admitted_rows(train_, feasible), injected,
                              scenario.targets, feasible.bias)
          .most;
    };
    attack::FeasibleSet screened = feasible_;
    screened.screen = attack::Screen(train_, clean_fit_.weights, feasible_.bias, kBoundScreen);
    return {most(feasible_), most(screened)};
  }

  [[nodiscard]] defence::Options defence_options() const {
    defence::Options options;
    options.learner = options_.learner;
    options.method = options_.defence.value_or(defence::Method::Trim);
    options.bias = feasible_.bias;
    return options;
  }

  [[nodiscard]] DefendedModel measured(const Eigen::MatrixXd& weights) const {
    DefendedModel behind;
    behind.loss = mtrl::mean_losses(evaluation_, loss_, weights);
    behind.metrics = mtrl::evaluate(evaluation_, loss_, weights, options_.label_units).values;
    return behind;
  }

  [[nodiscard]] DefendedModel clean_behind_defence() const {
    const defence::Defended defended = defence::defend(train_, loss_, defence_options());
    DefendedModel behind = measured(defended.weights);
    behind.honest_left_out = defended.left_out;
    return behind;
  }

  [[nodiscard]] std::pair<DefendedModel, DefendedModel> behind_defence(const Scenario& scenario) const {
    const double budget = plan_.largest_budget();
    const attack::LossUtility utility(train_, loss_, scenario.targets);
    const DefendedProblem problem{risk_,
                                  utility,
                                  feasible_,
                                  options_.stealth ? options_.stealth->quantile : 1.0,
                                  threat_of(scenario, budget),
                                  options_.labels,
                                  clean_fit_,
                                  defence_options()};
    const std::string rows = rows_key(scenario, budget);
    const RowPlacement place = [&](const mtrl::EmpiricalRisk& clean, const attack::FeasibleSet& feasible,
                                   TaskSet start) {
      return attacked_by(plan_.strongest(), clean, utility, feasible, start, rows, clean_fit_).injected;
    };
    const auto [same, adaptive] = adaptive_attack(problem, place, Rng::stream(options_.seed, rows));
    const auto told = [&](const DefendedAttack& attack) {
      DefendedModel behind = measured(attack.weights);
      behind.plan = attack.plan;
      behind.utility = attack.utility;
      behind.injected_left_out = attack.injected_left_out;
      behind.honest_left_out = attack.honest_left_out;
      return behind;
    };
    return {told(same), told(adaptive)};
  }

  [[nodiscard]] Eigen::VectorXd row_harm(const TaskSet& injected, const mtrl::Fit& fit,
                                         const attack::Utility& utility) const {
    const mtrl::EmpiricalRisk risk = risk_.with_rows(injected);
    const Eigen::MatrixXd slope = utility.gradient(fit.weights);
    const Eigen::MatrixXd adjoint = mtrl::adjoint(risk, options_.learner, fit.weights, slope, 1e-5);
    const attack::Influence influence({risk, injected, fit, options_.learner, slope}, adjoint);
    const double clean = utility.value(clean_fit_.weights);
    Eigen::VectorXd harm =
        Eigen::VectorXd::Constant(static_cast<Eigen::Index>(injected.size()), std::numeric_limits<double>::quiet_NaN());
    for (std::size_t i = 0; i < injected.size(); ++i) {
      if (injected[i].rows() == 0) continue;
      const auto n = static_cast<double>(train_[i].rows() + injected[i].rows());
      harm[static_cast<Eigen::Index>(i)] = (influence.of_rows(injected, i).mean() - influence.mean(i)) / (n * clean);
    }
    return harm;
  }

  // The random rows and PATOM's start are the same rows: one stream a scenario and budget, not a method.
  static std::string rows_key(const Scenario& scenario, double budget) {
    return fmt::format("rows-{}-{}", scenario_key(scenario), budget);
  }

  [[nodiscard]] attack::AttackResult attacked_by(Method method, const mtrl::EmpiricalRisk& clean,
                                                 const attack::Utility& utility, const attack::FeasibleSet& feasible,
                                                 const TaskSet& start, const std::string& rows,
                                                 const mtrl::Fit& near) const {
    const Rng batches =
        Rng::stream(options_.seed, "batches-" + rows);  // the same for PATOM and for the exact attack from its end
    const attack::AttackProblem problem = {clean, utility, feasible, start, options_.learner, near, batches};
    attack::PatomOptions patom = options_.patom;
    if (method == Method::Exact) {
      attack::ExactOptions exact = options_.exact;
      exact.free_labels = options_.labels == attack::LabelRule::Free;
      exact.threads = 1;  // the audit's parts are spread already
      exact.patom = patom;
      return attack::exact_attack(problem, exact);
    }
    if (method == Method::Random) patom.iterations = 0;
    return attack::patom(problem, patom);
  }

  static std::string scenario_key(const Scenario& scenario) {
    std::string key;
    for (const std::size_t i : scenario.targets) key += fmt::format("{},", i);
    key += "/";
    for (const std::size_t i : scenario.attackers) key += fmt::format("{},", i);
    if (scenario.fictitious > 0) key += fmt::format("{} accounts of {}", scenario.fictitious, scenario.rows_each);
    return key;
  }

  // Of the fits on a cheapest way, which decide between rows and not about the last digits of a loss.
  static constexpr double kWayTolerance = 1e-6;

  const TaskSet& train_;
  const TaskSet& evaluation_;
  const mtrl::Loss& loss_;
  const AuditOptions& options_;
  const AuditPlan& plan_;
  attack::FeasibleSet feasible_;  // with the screen, once the clean rows are fitted
  mtrl::EmpiricalRisk risk_;
  mtrl::Fit clean_fit_;
  mutable std::mutex injected_mutex_;
  mutable std::map<std::pair<std::size_t, Method>, TaskSet> injected_;  // for the own model
};

}  // namespace

std::string_view to_string(Method method) {
  return kMethods.name_of(method);
}

Method method_named(const std::string& name) {
  return kMethods.named(name);
}

double Harm::loss_rise(const Eigen::VectorXd& clean_loss) const {
  double sum = 0.0;
  double clean = 0.0;
  for (Eigen::Index i = 0; i < loss.size(); ++i) {
    if (i == static_cast<Eigen::Index>(attacker)) continue;
    sum += loss[i];
    clean += clean_loss[i];
  }
  return clean > 0.0 ? sum / clean - 1.0 : std::numeric_limits<double>::quiet_NaN();
}

const Outcome* AuditResult::find(std::size_t scenario, Method method, double budget) const {
  const auto found = std::find_if(outcomes.begin(), outcomes.end(), [&](const Outcome& outcome) {
    return outcome.scenario == scenario && outcome.method == method && outcome.budget == budget &&
           outcome.loss.size() > 0;
  });
  return found == outcomes.end() ? nullptr : &*found;
}

const Outcome* AuditResult::strongest(std::size_t scenario) const {
  const auto found = std::find_if(outcomes.rbegin(), outcomes.rend(),
                                  [&](const Outcome& outcome) { return outcome.scenario == scenario; });
  return found == outcomes.rend() || found->loss.size() == 0 ? nullptr : &*found;
}

Eigen::MatrixXd AuditResult::ours(const OwnModelOutcome& own) const {
  if (!own.scenario) return clean.values;
  if (own.defended) return own.ours;
  double largest = 0.0;
  for (const Outcome& outcome : outcomes) largest = std::max(largest, outcome.budget);
  const Outcome* const outcome = find(*own.scenario, own.method, largest);
  return outcome == nullptr ? Eigen::MatrixXd() : outcome->metrics;
}

AuditResult audit(const TaskSet& train, const TaskSet& evaluation, const mtrl::Loss& loss, const AuditOptions& options,
                  const PartStore& store, const RunControl& control) {
  const AuditPlan plan = plan_audit(train, options);
  return Auditor(train, evaluation, loss, options, plan).run(store, control);
}

}  // namespace crosstalk::evaluate
