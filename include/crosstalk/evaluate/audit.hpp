#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/attack/exact_attack.hpp"
#include "crosstalk/attack/patom.hpp"
#include "crosstalk/attack/screen.hpp"
#include "crosstalk/attack/threat.hpp"
#include "crosstalk/defence/defend.hpp"
#include "crosstalk/evaluate/clean_model.hpp"
#include "crosstalk/evaluate/own_model.hpp"
#include "crosstalk/mtrl/metrics.hpp"
#include "crosstalk/mtrl/solve.hpp"
#include "crosstalk/names.hpp"
#include "crosstalk/option_table.hpp"
#include "crosstalk/part_store.hpp"
#include "crosstalk/run_control.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::evaluate {

/// What the injected rows of an attack are.
enum class Method {
  Random,  ///< rows drawn at random in the ball, not optimised
  Patom,   ///< the same rows and labels after PATOM
  Exact,   ///< the strongest that exact gradients find from PATOM's end; labels, too, when they are free
};
/// All, the least planned first.
inline constexpr auto kMethods =
    name_table<Method>("method", {{Method::Random, "random"}, {Method::Patom, "patom"}, {Method::Exact, "exact"}});
std::string_view to_string(Method method);
/// @throws std::invalid_argument for a name that no method has.
Method method_named(const std::string& name);

/// The same data, split or drawn anew.
struct Resplit {
  TaskSet train;
  TaskSet evaluation;  ///< the same tasks
  attack::FeasibleSet feasible;
};

struct AuditOptions {
  mtrl::Options learner;
  /// Tasks under attack. Empty: the tasks are halved at random and each half is the target once, the other half then
  /// standing for the tasks that an indirect attacker controls.
  std::vector<std::size_t> targets = {};
  /// Tasks the attacker controls; needs targets. Empty: direct, indirect and hybrid attacks are all tried.
  std::vector<std::size_t> attackers = {};
  /// the most planned one also measures the harm by task
  std::vector<Method> methods = {Method::Random, Method::Patom, Method::Exact};
  std::vector<double> budgets = {0.05, 0.1, 0.2, 0.3};  ///< each >= 0; the largest also measures the harm by task
  bool drop_small_budgets = false;  ///< leave out, not refuse, what buys no row in a scenario; never the largest budget
  attack::LabelRule labels = attack::LabelRule::Free;
  attack::FeasibleSet feasible;                  ///< without a screen
  std::optional<attack::ScreenOptions> stealth;  ///< a screen, made from the clean fit, that injected rows must pass
  attack::PatomOptions patom;
  attack::ExactOptions exact = {.starts = 1,
                                .iterations = 8};  ///< free_labels follows from `labels`, threads from below
  /// Fictitious tasks of the attacker at the largest budget; of a smaller one as many fewer, at least 1. 0: not tried.
  std::size_t fictitious = 0;
  Eigen::Index rows_each = 2;  ///< >= 2; injected rows of each of them
  /// of a row in each of the m tasks, infinite where there are none to buy; empty: 1 everywhere
  std::vector<double> prices = {};
  /// > 1. The cheapest way in multiplies a task's training loss by this; looked for when labels are free
  double reach = 1.5;
  /// Up to so many tasks, each is tried as the only attacker and as the target of the cheapest way in. Of more tasks
  /// only harm_sample are, those with the most rows: every one costs a whole attack on all the others.
  std::size_t harm_tasks = 40;
  std::size_t harm_sample = 10;
  /// A defence to put before the learner: what it makes of the most planned attack at the largest budget, and what an
  /// attacker does who knows it.
  std::optional<defence::Method> defence = {};
  /// What one unit of the learner's labels is in units of the file, m; empty: all 1. RMSE is told in the file's.
  Eigen::VectorXd label_units = {};
  /// >= 1. Splits in all, this one among them, over which the clean model and the headline's attack are repeated.
  std::size_t repeats = 1;
  /// Gives the rows of a split from its seed; called from several threads at once. What gives the audit's own rows
  /// again, or is not there, is repeated with a bootstrap of the evaluation rows. May throw DataError: the split is
  /// left out.
  std::function<Resplit(std::uint64_t seed)> resplit = {};
  /// What the injected rows do to a learner that also prepares its data anew, from the clean and these rows: the mean
  /// loss of every task on the evaluation rows, m, in the units of the audit's. The injected rows are of m tasks and of
  /// the fictitious ones, whose hosts (attack::FictitiousAttack) are told. Called from several threads at once.
  /// Empty: not told.
  std::function<Eigen::VectorXd(const TaskSet& injected, const std::vector<std::size_t>& hosts)> refit = {};
  /// Learns a model that is not ours and scores it on the evaluation rows; called from several threads at once. It
  /// learns from the clean rows, from the rows of every scenario and method at the largest budget, and from what
  /// `defend` keeps of the most planned (by `defence`, or else by trimming; not where Huber's loss leaves nothing out).
  /// After a failure on the clean rows it is not called again. Empty: there is no such model.
  std::function<OwnModelScores(const OwnModelRows& rows)> own_model = {};
  int own_model_jobs = 1;  ///< calls of it at a time
  /// Called once with a line that tells what random rows and PATOM do at the largest budget, before the rest.
  std::function<void(const std::string& line)> say = {};
  std::uint64_t seed = 1;
  int threads = 1;

  /// Keys, ranges and meanings.
  static const OptionTable<AuditOptions>& table();
};

/// Who attacks whom in one part of the audit.
struct Scenario {
  std::vector<std::size_t> targets;
  std::vector<std::size_t> attackers;
  attack::Kind kind;
  std::size_t fictitious = 0;  ///< Kind::Accounts: tasks of the attacker's own, which are none of the m; else 0
  Eigen::Index rows_each = 0;  ///< likewise
};

/// One attack and what it did.
struct Outcome {
  std::size_t scenario = 0;  ///< position in AuditResult::scenarios
  Method method = Method::Random;
  double budget = 0.0;
  std::size_t rows = 0;           ///< injected rows in all
  double utility = 0.0;           ///< the attacker's: summed loss on the targets' clean training rows
  Eigen::VectorXd loss;           ///< mean loss of every task on the evaluation rows, m
  Eigen::MatrixXd metrics;        ///< m x metrics, columns as AuditResult::clean.names
  Eigen::VectorXd utility_curve;  ///< utility of the start and after every iteration; one entry for Random
  Eigen::VectorXd metric_curve;   ///< mean primary metric of the targets, likewise
  Eigen::MatrixXd correlation;    ///< m x m, for the largest budget and at most kCorrelationTasks tasks; else empty
  bool converged = true;          ///< every fit inside
  /// By how much one injected row of each task raises the utility, to first order in its weight, as a share of the
  /// clean utility: the mean over the task's injected rows of (phi - mean of phi over all of its rows) / N_i
  /// (attack::Influence). NaN for tasks without injected rows. For the most planned method and the largest budget, else
  /// empty.
  Eigen::VectorXd row_harm = {};
  Eigen::VectorXd refit_loss = {};  ///< AuditOptions::refit, m; there where row_harm is
};
inline constexpr std::size_t kCorrelationTasks = 200;

/// What one task can do to all others as the only attacker, with the most planned method at the largest budget.
struct Harm {
  std::size_t attacker = 0;
  std::size_t rows = 0;  ///< injected rows
  Eigen::VectorXd loss;  ///< mean loss of every task on the evaluation rows
  bool converged = true;
  /// Sum of the other tasks' losses / sum of their clean losses - 1; NaN when it was not run or that sum is 0.
  [[nodiscard]] double loss_rise(const Eigen::VectorXd& clean_loss) const;
};

/// The cheapest rows found that multiply one task's summed training loss by AuditOptions::reach
/// (attack::cheapest_attack).
struct CheapestAttack {
  std::size_t target = 0;
  bool by_others = false;           ///< through other tasks only; else through any, its own included
  std::vector<std::size_t> rows{};  ///< in each of the m tasks; empty when it was not run
  double price = 0.0;
  double factor = 1.0;   ///< of the loss with these rows
  bool reached = false;  ///< else these are the rows that came nearest, a largest budget's share of each task at most
};

/// The learner behind a defence.
struct DefendedModel {
  std::string plan;                ///< how the rows were placed (adaptive_attack); empty for the clean rows
  double utility = 0.0;            ///< the attacker's
  Eigen::VectorXd loss;            ///< mean loss of every task on the evaluation rows, m
  Eigen::MatrixXd metrics;         ///< m x metrics, columns as AuditResult::clean.names
  double injected_left_out = 0.0;  ///< share of the injected rows that the defence left out
  double honest_left_out = 0.0;    ///< share of the clean rows
};

/// One scenario, attacked by the most planned method at the largest budget, with a defence before the learner.
struct DefendedOutcome {
  std::size_t scenario = 0;
  DefendedModel same;      ///< the attack as it is without a defence
  DefendedModel adaptive;  ///< the attacker knows the defence
};

/// How far a scenario's attackers can get at all with the largest budget (defence::certify).
struct Bound {
  std::size_t scenario = 0;
  /// The utility is below this wherever their rows are feasible; NaN when it was not looked for.
  double anywhere = std::numeric_limits<double>::quiet_NaN();
  /// The same where each of their rows passes kBoundScreen, too.
  double screened = std::numeric_limits<double>::quiet_NaN();
};
/// A screen that the bounds are told for: distance and residual of 95 % of each task's clean rows.
inline constexpr attack::ScreenOptions kBoundScreen = {};

/// The clean model and the headline's attack once more, on another split.
struct Repeat {
  std::size_t split = 2;      ///< the audit's own is 1
  bool bootstrap = false;     ///< the same training rows; the evaluation rows drawn from themselves
  double model_metric = 0.0;  ///< relative_error_or_auc of the clean model
  double clean_metric = 0.0;  ///< over the targets of the kind, as Exposure
  double metric = 0.0;        ///< likewise after the attack
  double loss_rise = 0.0;     ///< as Exposure
  bool converged = true;
  bool ran = false;  ///< else the split was left out, or the audit was stopped before
};

/// A model that is not ours, learned from one set of rows.
struct OwnModelOutcome {
  std::string name;                          ///< OwnModelRows::name
  std::optional<std::size_t> scenario = {};  ///< whose rows are injected; none: the clean rows alone
  Method method = Method::Random;
  bool defended = false;  ///< without the rows that a defence leaves out
  OwnModelScores scores = {};
  Eigen::MatrixXd ours = {};  ///< m x metrics of MTRL on the same rows; where defended, else empty
  bool ran = false;
};

struct AuditResult {
  std::vector<std::string> task_names;
  std::vector<Scenario> scenarios;
  mtrl::Fit clean_fit;
  mtrl::Metrics clean;            ///< on the evaluation rows
  Eigen::VectorXd clean_loss;     ///< mean loss of every task on the evaluation rows
  Eigen::VectorXd clean_utility;  ///< of every scenario
  Eigen::MatrixXd clean_correlation;
  std::vector<double> dropped_budgets;               ///< ascending; left out by AuditOptions::drop_small_budgets
  std::vector<Outcome> outcomes;                     ///< scenario by scenario, method by method, budgets ascending
  std::vector<Harm> harms;                           ///< most harmful first
  std::vector<CheapestAttack> cheapest_attacks;      ///< the cheapest first, those that reach nothing last
  std::optional<DefendedModel> clean_defended = {};  ///< of the clean rows, utility 0; when there is a defence
  std::vector<DefendedOutcome> defended;             ///< scenario by scenario; empty without a defence
  std::vector<Bound> bounds;                         ///< scenario by scenario; none for random rows alone
  attack::Kind headline = attack::Kind::Direct;      ///< the kind with the largest rise of the loss, which is repeated
  std::vector<Repeat> repeats;                       ///< one a split, without the audit's own
  std::vector<OwnModelOutcome> own_model = {};       ///< clean, then scenario by scenario; empty without such a model
  CleanModel clean_model;
  bool harm_is_partial = false;  ///< more tasks than harm_tasks: a sample was tried
  bool stopped = false;          ///< ended early on request; outcomes are incomplete

  /// Outcome of a scenario, nullptr when it was not run.
  [[nodiscard]] const Outcome* find(std::size_t scenario, Method method, double budget) const;
  /// Of the most planned method at the largest budget, nullptr when it was not run.
  [[nodiscard]] const Outcome* strongest(std::size_t scenario) const;
  /// The metrics of MTRL on the rows of the own model's outcome; empty when they were not measured.
  [[nodiscard]] Eigen::MatrixXd ours(const OwnModelOutcome& own) const;
};

/// Learns on the clean rows, attacks, learns again, and measures every task each time.
/// @param train       clean training rows in the learner's units.
/// @param evaluation  rows to measure on, the same tasks; held-out rows, or the training rows when there are no others.
/// @throws std::invalid_argument for options that do not fit the tasks.
AuditResult audit(const TaskSet& train, const TaskSet& evaluation, const mtrl::Loss& loss, const AuditOptions& options,
                  const PartStore& store = {}, const RunControl& control = {});

}  // namespace crosstalk::evaluate
