#include "crosstalk/evaluate/reproduction.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "audit_json.hpp"
#include "crosstalk/attack/exact_attack.hpp"
#include "crosstalk/attack/patom.hpp"
#include "crosstalk/attack/utility.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/mtrl/cross_validation.hpp"
#include "crosstalk/mtrl/metrics.hpp"
#include "crosstalk/parallel.hpp"
#include "crosstalk/preparation.hpp"
#include "crosstalk/split.hpp"
#include "locked_parts.hpp"
#include "reproduction_plan.hpp"

namespace crosstalk::evaluate {

namespace {

using nlohmann::json;
using plan::Part;

// Certified to a millionth: what figures show is the same from 1e-10, in two thirds of the time.
constexpr double kTolerance = 1e-6;

// One draw of a set, prepared as a reading says.
struct Problem {
  TaskSet train;
  TaskSet test;
  const mtrl::Loss* loss = nullptr;
};

// The first rows of every task to learn from, as many as split_rows leaves for it.
Split split_first_rows(const TaskSet& tasks, double test_fraction) {
  Split split;
  for (const Task& task : tasks) {
    const auto test = static_cast<Eigen::Index>(std::llround(test_fraction * static_cast<double>(task.rows())));
    std::vector<Eigen::Index> rows(static_cast<std::size_t>(task.rows()));
    std::iota(rows.begin(), rows.end(), Eigen::Index{0});
    const auto middle = rows.end() - static_cast<std::ptrdiff_t>(test);
    split.train.tasks.push_back(select_rows(task, {rows.begin(), middle}));
    split.test.tasks.push_back(select_rows(task, {middle, rows.end()}));
  }
  return split;
}

Problem problem_of(const PaperSet& set, std::uint64_t seed, const PaperInterpretation& interpretation) {
  data::Dataset drawn = set.draw(seed);
  Split split;
  if (drawn.test)
    split = {std::move(drawn.train), std::move(*drawn.test)};
  else if (interpretation.first_rows)
    split = split_first_rows(drawn.train, drawn.recipe.test_fraction);
  else
    split = split_rows(drawn.train, drawn.recipe.test_fraction, seed);
  if (interpretation.swap_parts) std::swap(split.train, split.test);
  const auto preparation = Preparation::fit(
      split.train,
      {.labels = interpretation.standardise_labels ? LabelScale::Task : LabelScale::None, .pca = drawn.recipe.pca});
  const mtrl::Loss& loss = mtrl::loss_named(drawn.recipe.loss);
  return {preparation.apply(split.train), preparation.apply(split.test), &loss};
}

mtrl::Options learner_of(const PaperInterpretation& interpretation) {
  return {.lambda1 = interpretation.lambda,
          .lambda2 = interpretation.lambda,
          .smoothing = interpretation.smoothing,
          .tolerance = kTolerance};
}

attack::LabelRule rule_of(InjectedLabels labels) {
  if (labels == InjectedLabels::Clean) return attack::LabelRule::Clean;
  return labels == InjectedLabels::Ends ? attack::LabelRule::Ends : attack::LabelRule::Uniform;
}

// Labels by the rules that are not an attack::LabelRule.
void relabel(TaskSet& rows, InjectedLabels labels, const std::vector<attack::Interval>& ranges, Rng& rng) {
  attack::Interval common = ranges.front();
  for (const attack::Interval& range : ranges)
    common = {std::min(common.low, range.low), std::max(common.high, range.high)};
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (double& label : rows[i].labels) {
      if (labels == InjectedLabels::Largest) label = ranges[i].high;
      if (labels == InjectedLabels::CommonLargest) label = common.high;
      if (labels == InjectedLabels::CommonUniform) label = rng.uniform(common.low, common.high);
    }
}

class Reproduction {
 public:
  Reproduction(const std::vector<PaperSet>& sets, const ReproductionOptions& options, const PartStore& store,
               const RunControl& control)
      : sets_(sets), options_(options), parts_(store), control_(control) {}

  ReproductionResult run() {
    ReproductionResult result;
    std::vector<std::size_t> tasks;
    for (const PaperSet& set : sets_) {
      result.sets.push_back(described(set));
      tasks.push_back(result.sets.back().task_names.size());
    }
    for (std::size_t s = 0; s < sets_.size(); ++s)
      for (const Experiment experiment :
           {Experiment::Figure1, Experiment::Starts, Experiment::Figure2, Experiment::Figure3, Experiment::Readings})
        result.sets[s].threats[experiment] = threats_of(experiment, sets_[s], tasks[s], options_);

    const std::vector<Part> parts = plan::parts_of(sets_, tasks, options_);
    std::vector<std::size_t> order(parts.size());  // the longest first, so that no thread is left with one at the end
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return parts[a].cost > parts[b].cost; });
    double all = 0.0;
    for (const Part& part : parts) all += part.cost;
    double done = 0.0;
    std::vector<std::vector<Trial>> trials(parts.size());
    parallel_for(parts.size(), options_.threads, [&](std::size_t k) {
      const Part& part = parts[order[k]];
      const ReproductionResult::Set& set = result.sets[part.set];
      const std::string name = plan::name_of(part, sets_[part.set]);
      trials[order[k]] =
          trials_from(parts_.recall_or(name, [&] { return outcome_of(part, set); }), part, set.task_names.size(), name);
      const std::lock_guard lock(mutex_);
      done += part.cost;
      if (control_.progress) control_.progress(kShareOfLambdas + (1.0 - kShareOfLambdas) * done / all, name);
    });
    for (auto& some : trials)
      result.trials.insert(result.trials.end(), std::make_move_iterator(some.begin()),
                           std::make_move_iterator(some.end()));
    return result;
  }

 private:
  static constexpr double kShareOfLambdas = 0.02;  // of the time

  [[nodiscard]] static DataError damaged(const std::string& name) {
    return DataError(fmt::format("the part \"{}\" of an earlier run is damaged; start anew", name));
  }

  // What a set is, from its first draw, and its lambdas by cross-validation.
  ReproductionResult::Set described(const PaperSet& set) {
    const std::string name = "set-" + set.name;
    if (control_.progress) control_.progress(0.0, "lambdas for " + set.name);
    const std::size_t fewest = std::max<std::size_t>(set.first_targets + 2, 2);
    const json facts = parts_.recall_or(name, [&]() -> json {
      const PaperInterpretation interpretation = interpretations_for(set.name).front();
      const Problem problem = problem_of(set, options_.seed, interpretation);
      if (problem.train.size() < fewest)
        throw DataError(fmt::format("{}: has {} tasks; the paper's experiments need at least {}", set.name,
                                    problem.train.size(), fewest));
      mtrl::Options chosen = learner_of(interpretation);
      if (options_.slow_seeds > 0)
        chosen = mtrl::cross_validate(problem.train, *problem.loss, chosen,
                                      {.seed = options_.seed, .threads = options_.threads})
                     .best;
      return {{"tasks", problem.train.names()},
              {"metric", problem.loss->is_classification() ? "auc" : "nmse"},
              {"training_rows", problem.train.rows()},
              {"test_rows", problem.test.rows()},
              {"lambda1", chosen.lambda1},
              {"lambda2", chosen.lambda2}};
    });
    try {
      ReproductionResult::Set result;
      result.name = set.name;
      facts.at("tasks").get_to(result.task_names);
      facts.at("metric").get_to(result.metric);
      result.training_rows = whole_from<std::size_t>(facts.at("training_rows"));
      result.test_rows = whole_from<std::size_t>(facts.at("test_rows"));
      facts.at("lambda1").get_to(result.lambda1);
      facts.at("lambda2").get_to(result.lambda2);
      const auto is_positive = [](double value) { return value > 0.0 && std::isfinite(value); };
      if (result.task_names.size() < fewest || !is_positive(result.lambda1) || !is_positive(result.lambda2))
        throw damaged(name);
      return result;
    } catch (const json::exception&) {
      throw damaged(name);
    }
  }

  static bool has_relations(const Part& part) {
    return part.experiment == Experiment::Figure3 || part.experiment == Experiment::Readings;
  }

  [[nodiscard]] json outcome_of(const Part& part, const ReproductionResult::Set& facts) const {
    const PaperSet& set = sets_[part.set];
    const std::uint64_t seed = options_.seed + part.seed;
    const Problem problem = problem_of(set, seed, part.interpretation);
    if (problem.train.size() != facts.task_names.size()) throw damaged("set-" + set.name);
    const mtrl::Loss& loss = part.interpretation.hinge_max ? *problem.loss : mtrl::squared_loss();
    mtrl::Options learner = learner_of(part.interpretation);
    if (part.lambdas == Lambdas::Chosen) {
      learner.lambda1 = facts.lambda1;
      learner.lambda2 = facts.lambda2;
    }
    const mtrl::EmpiricalRisk risk(problem.train, loss);
    const mtrl::Fit clean = mtrl::solve(risk, learner);
    const bool relations = has_relations(part);
    const attack::FeasibleSet feasible = {part.interpretation.radius, true};
    const auto& threats = facts.threats.at(part.experiment);
    const auto ranges = attack::label_ranges(problem.train);

    json trials = json::array();
    for (const Part::Attack& one : part.attacks) {
      const PaperThreat& who = threats[one.threat];
      const attack::Threat threat = {who.targets, who.attackers, one.budget};
      // The same rows whatever is done with them afterwards.
      const std::string key = fmt::format("{} {} {} {}", to_string(part.experiment), set.name, who.name, one.budget);
      const auto rows_of = [&](std::size_t start) {
        Rng rng = Rng::stream(seed, "rows of " + key, start);
        TaskSet rows = attack::random_rows(problem.train, threat, feasible, rule_of(part.interpretation.labels), rng);
        relabel(rows, part.interpretation.labels, ranges, rng);
        return rows;
      };
      TaskSet start = rows_of(one.start);
      if (one.start > 0 && one.start < options_.starts) {  // the labels stay; from there on they are drawn anew, too
        const TaskSet first = rows_of(0);
        for (std::size_t i = 0; i < start.size(); ++i) start[i].labels = first[i].labels;
      }
      const Rng batches = Rng::stream(seed, "batches of " + key, one.start);
      const attack::LossUtility utility(problem.train, loss, who.targets);
      const attack::PatomOptions patom = {.iterations = part.interpretation.iterations};
      const auto attacked = one.placement == PlacementMethod::Patom
                                ? attack::patom({risk, utility, feasible, start, learner, clean, batches}, patom)
                                : attack::exact_attack({risk, utility, feasible, start, learner, clean, batches},
                                                       {.starts = 1,
                                                        .iterations = kExactSteps,
                                                        .free_labels = one.placement == PlacementMethod::ExactFree});
      trials.push_back(told(attacked, problem, utility, who.targets, clean, relations));
    }
    return trials;
  }

  // Metrics are those of the set's own loss, also where the learner has another one.
  [[nodiscard]] static json told(const attack::AttackResult& attacked, const Problem& problem,
                                 const attack::Utility& utility, const std::vector<std::size_t>& targets,
                                 const mtrl::Fit& clean, bool relations) {
    const auto metric = [&](const mtrl::Fit& fit) {
      return mtrl::evaluate(problem.test, *problem.loss, fit.weights).mean(0, targets);
    };
    const auto count = static_cast<Eigen::Index>(attacked.iterates.size());
    Eigen::VectorXd utilities(count);
    Eigen::VectorXd metrics(count);
    bool converged = clean.status == mtrl::Status::Converged;
    for (Eigen::Index t = 0; t < count; ++t) {
      const attack::Iterate& iterate = attacked.iterates[static_cast<std::size_t>(t)];
      utilities[t] = iterate.utility;
      metrics[t] = metric(iterate.fit);
      converged = converged && iterate.fit.status == mtrl::Status::Converged;
    }
    json trial = {{"clean_utility", utility.value(clean.weights)},
                  {"clean_metric", json_number(metric(clean))},
                  {"utility", vector_to_json(utilities)},
                  {"metric", vector_to_json(metrics)},
                  {"converged", converged}};
    if (relations) {
      trial["clean_correlation"] = matrix_to_json(clean.covariance.correlation());
      trial["correlation"] = matrix_to_json(attacked.iterates.back().fit.covariance.correlation());
    }
    return trial;
  }

  [[nodiscard]] std::vector<Trial> trials_from(const json& stored, const Part& part, std::size_t tasks,
                                               const std::string& name) const {
    try {
      if (stored.size() != part.attacks.size()) throw damaged(name);
      std::vector<Trial> trials;
      for (std::size_t k = 0; k < part.attacks.size(); ++k) {
        const json& from = stored.at(k);
        Trial trial;
        trial.experiment = part.experiment;
        trial.set = sets_[part.set].name;
        trial.lambdas = part.lambdas;
        trial.interpretation = part.interpretation.name;
        trial.seed = part.seed;
        trial.threat = part.attacks[k].threat;
        trial.placement = part.attacks[k].placement;
        trial.budget = part.attacks[k].budget;
        trial.start = part.attacks[k].start;
        from.at("clean_utility").get_to(trial.clean_utility);
        trial.clean_metric = vector_from_json(json::array({from.at("clean_metric")}))[0];
        trial.utility = vector_from_json(from.at("utility"));
        trial.metric = vector_from_json(from.at("metric"));
        from.at("converged").get_to(trial.converged);
        if (has_relations(part)) {
          trial.clean_correlation = matrix_from_json(from.at("clean_correlation"));
          trial.correlation = matrix_from_json(from.at("correlation"));
        }
        // What figures and claims look up by position must be there.
        const auto has_sizes = [&, m = has_relations(part) ? static_cast<Eigen::Index>(tasks) : 0](const auto& matrix) {
          return matrix.rows() == m && matrix.cols() == m;
        };
        const bool as_planned = trial.placement != PlacementMethod::Patom ||
                                trial.utility.size() == Eigen::Index{part.interpretation.iterations} + 1;
        if (trial.utility.size() == 0 || trial.metric.size() != trial.utility.size() || !as_planned ||
            !has_sizes(trial.clean_correlation) || !has_sizes(trial.correlation))
          throw damaged(name);
        trials.push_back(std::move(trial));
      }
      return trials;
    } catch (const json::exception&) {
      throw damaged(name);
    } catch (const std::invalid_argument&) {  // rows of different length
      throw damaged(name);
    }
  }

  static constexpr int kExactSteps = 8;  // as the audit's

  const std::vector<PaperSet>& sets_;
  const ReproductionOptions& options_;
  LockedParts parts_;
  const RunControl& control_;
  std::mutex mutex_;  // around the caller's functions
};

void require_valid(const ReproductionOptions& options) {
  ReproductionOptions::table().require_valid(options);
  if (options.figures.empty()) throw std::invalid_argument("reproduce: there is no figure");
  for (const int figure : options.figures)
    if (figure < 1 || figure > 3)
      throw std::invalid_argument(fmt::format("reproduce: figure {} does not exist; there are 1, 2, 3", figure));
}

}  // namespace

const OptionTable<ReproductionOptions>& ReproductionOptions::table() {
  static const auto table = OptionTable<ReproductionOptions>("reproduce")
                                .add(&ReproductionOptions::seeds,
                                     {.key = "seeds",
                                      .meaning = "Draws of the data and of everything random; intervals are over them",
                                      .range = from_to(1, 1000)});
  return table;
}

const ReproductionResult::Set* ReproductionResult::find(const std::string& name) const {
  const auto found = std::find_if(sets.begin(), sets.end(), [&](const Set& set) { return set.name == name; });
  return found == sets.end() ? nullptr : &*found;
}

ReproductionResult reproduce(const std::vector<PaperSet>& sets, const ReproductionOptions& options,
                             const PartStore& store, const RunControl& control) {
  require_valid(options);
  return Reproduction(sets, options, store, control).run();
}

}  // namespace crosstalk::evaluate
