// How much of an attack's damage each defence wins back (experiments/README.md).
//   defence SET LAMBDA1 LAMBDA2 FIRST_SEED LAST_SEED BUDGETS ATTACKS FILE.csv [short]
// Appends a line a defence; a case whose lines are in the file is passed over. Two lines tell attacked tasks from
// others instead: "leave one out" by its score, "trim or leave one out" by the larger of this and the score of trim. Of
// these, false_alarms and found are shares of tasks with p <= 0.05. `short` leaves out RONI, influence and these two,
// which take hundreds of fits.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iterator>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "crosstalk/attack/exact_attack.hpp"
#include "crosstalk/defence/defend.hpp"
#include "crosstalk/defence/row_influence.hpp"
#include "crosstalk/defence/task_influence.hpp"
#include "crosstalk/mtrl/metrics.hpp"
#include "crosstalk/problem/problem.hpp"
#include "crosstalk/quantile.hpp"

namespace {

using namespace crosstalk;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  std::istringstream stream(text);
  for (std::string word; std::getline(stream, word, ',');) words.push_back(word);
  return words;
}

Problem problem_of(const std::string& set, const std::string& lambda1, const std::string& lambda2, std::uint64_t seed) {
  Problem problem = load_problem(set, {.load = {.seed = seed}});
  if (lambda1 == "cv") {
    choose_lambdas(problem, mtrl::CrossValidationOptions{.seed = seed});
  } else {
    problem.learner.lambda1 = std::stod(lambda1);
    problem.learner.lambda2 = std::stod(lambda2);
  }
  return problem;
}

// Words that name an attack: direct or indirect, then how.
//   patom, exact       labels drawn uniformly in the range of the task's labels
//   free               exact, labels free
//   stealth            exact, labels free, rows where 95 % of the clean ones are by distance and by residual
//   copy               exact, features those of clean rows, labels free where 95 % of the clean rows' residuals are
//   jitter0.1          the same, features a tenth of the way from one clean row of the task to another
attack::AttackResult attacked(const Problem& problem, const mtrl::EmpiricalRisk& risk, const mtrl::Fit& clean,
                              const attack::Threat& threat, const std::string& how, std::uint64_t seed) {
  attack::FeasibleSet feasible;
  if (how == "stealth") feasible.screen = attack::Screen(problem.train, clean.weights, true, {});
  const bool jittered = how.starts_with("jitter");
  if (how == "copy" || jittered) {
    for (Eigen::Index k = 0; k + 1 < problem.train.features(); ++k) feasible.fixed.push_back(k);
    feasible.screen = attack::Screen(problem.train, clean.weights, true, {.distance = false});
  }
  const attack::LossUtility utility(problem.train, *problem.loss, threat.targets);
  Rng rng = Rng::stream(seed, "injected rows");
  TaskSet start = attack::random_rows(problem.train, threat, feasible, attack::LabelRule::Uniform, rng);
  if (jittered)
    attack::move_towards_clean(start, problem.train, feasible, std::stod(how.substr(std::string("jitter").size())),
                               rng);
  const Rng batches = Rng::stream(seed, "batches");
  if (how == "patom") return attack::patom({risk, utility, feasible, start, problem.learner, clean, batches}, {});
  return attack::exact_attack({risk, utility, feasible, start, problem.learner, clean, batches},
                              {.starts = 1, .iterations = 8, .free_labels = how != "exact"});
}

// TRIM of each task alone, which knows how many rows are clean; then all tasks together on what it keeps.
Eigen::MatrixXd trim_per_task(const TaskSet& rows, const TaskSet& clean, const Problem& problem) {
  defence::Rows kept;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const TaskSet one = {rows[i]};
    auto strata = defence::strata_of(one, defence::all_rows(one), false);
    strata[0].keep = static_cast<std::size_t>(clean[i].rows());
    const mtrl::Fit start = mtrl::solve(one, *problem.loss, problem.learner);
    kept.push_back(defence::trim(one, *problem.loss, problem.learner, strata, start.weights).kept[0]);
  }
  return mtrl::solve(defence::select(rows, kept), *problem.loss, problem.learner).weights;
}

// Keeps what is not rejected; the half of each task that is nearest to its mean is trusted.
defence::Rows not_rejected(const TaskSet& rows, const Problem& problem) {
  defence::Rows trusted;
  for (const Eigen::VectorXd& distances : defence::distance_from_mean(rows, true)) {
    const double middle = median(distances);
    trusted.emplace_back();
    for (Eigen::Index j = 0; j < distances.size(); ++j)
      if (distances[j] <= middle) trusted.back().push_back(j);
  }
  constexpr double kTooManyStandardErrors = 2.0;
  defence::Rows kept;
  for (const Eigen::VectorXd& impacts : defence::roni(rows, *problem.loss, trusted, {.learner = problem.learner})) {
    kept.emplace_back();
    for (Eigen::Index j = 0; j < impacts.size(); ++j)
      if (impacts[j] <= kTooManyStandardErrors) kept.back().push_back(j);
  }
  return kept;
}

// What a line says of rows and tasks.
struct Found {
  double task_auc = kNaN;
  double false_alarms = kNaN;
  double found = kNaN;
  double clean_left_out = kNaN;
  double injected_left_out = kNaN;
  double alone = kNaN;
};

double share(double part, double whole) {
  return part / whole;  // NaN for none of none
}

// The rows of task i beyond those of the clean set are injected.
Found left_out(const defence::Rows& kept, const TaskSet& rows, const TaskSet& clean) {
  double clean_kept = 0.0;
  double injected_kept = 0.0;
  for (std::size_t i = 0; i < clean.size(); ++i)
    for (const Eigen::Index j : kept[i]) (j < clean[i].rows() ? clean_kept : injected_kept) += 1.0;
  const auto n = static_cast<double>(clean.rows());
  const double injected = static_cast<double>(rows.rows()) - n;
  Found found;
  found.clean_left_out = 1.0 - share(clean_kept, n);
  found.injected_left_out = 1.0 - share(injected_kept, injected);
  return found;
}

Found found_by(const defence::Defended& defended, const TaskSet& rows, const TaskSet& clean,
               const Eigen::VectorXd& is_attacked) {
  Found found = left_out(defended.kept, rows, clean);
  double clean_flagged = 0.0;
  double injected_flagged = 0.0;
  for (std::size_t i = 0; i < clean.size(); ++i)
    for (std::size_t j = 0; j < defended.rows[i].flagged.size(); ++j)
      if (defended.rows[i].flagged[j])
        (j < static_cast<std::size_t>(clean[i].rows()) ? clean_flagged : injected_flagged) += 1.0;
  const auto n = static_cast<double>(clean.rows());
  found.false_alarms = share(clean_flagged, n);
  found.found = share(injected_flagged, static_cast<double>(rows.rows()) - n);
  Eigen::VectorXd scores(is_attacked.size());
  found.alone = 0.0;
  for (Eigen::Index i = 0; i < scores.size(); ++i) {
    scores[i] = defended.tasks[static_cast<std::size_t>(i)].score;
    found.alone += defended.tasks[static_cast<std::size_t>(i)].alone ? 1.0 : 0.0;
  }
  found.task_auc = mtrl::auc(scores, is_attacked);
  return found;
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// All defences against one set of injected rows (none: the clean data); a line each.
class Trial {
 public:
  Trial(std::string key, const Problem& problem, const TaskSet& injected, const attack::Threat& threat,
        double clean_metric)
      : key_(std::move(key)),
        problem_(problem),
        targets_(threat.targets),
        clean_metric_(clean_metric),
        rows_(injected.size() == 0 ? problem.train : join_rows(problem.train, injected)),
        is_attacked_(-Eigen::VectorXd::Ones(static_cast<Eigen::Index>(rows_.size()))) {
    for (std::size_t i = 0; i < injected.size(); ++i)
      if (injected[i].rows() > 0) is_attacked_[static_cast<Eigen::Index>(i)] = 1.0;
    const auto begin = std::chrono::steady_clock::now();
    undefended_ = metric_of(defence::all_rows(rows_));
    fit_seconds_ = seconds_since(begin);
    line("none", undefended_, {}, fit_seconds_);
  }

  void defend() {
    using defence::Method;
    trimmed_ = run("trim", Method::Trim);
    run("huber", Method::Huber);
    run("sphere+slab", Method::Screen);
  }

  // Hundreds of fits.
  void reject_and_leave_out() {
    auto begin = std::chrono::steady_clock::now();
    const defence::Rows kept = not_rejected(rows_, problem_);
    double seconds = seconds_since(begin);
    line("RONI", metric_of(kept), left_out(kept, rows_, problem_.train), seconds);

    begin = std::chrono::steady_clock::now();
    const double injected_share =
        1.0 - share(static_cast<double>(problem_.train.rows()), static_cast<double>(rows_.rows()));
    const defence::Rows all = defence::all_rows(rows_);
    const defence::Rows uninfluential = defence::trim_fraction(
        all, defence::influence_on_others(rows_, *problem_.loss, problem_.learner, all), injected_share);
    seconds = seconds_since(begin);
    line("influence on others", metric_of(uninfluential), left_out(uninfluential, rows_, problem_.train), seconds);

    begin = std::chrono::steady_clock::now();
    const auto influences =
        defence::leave_one_task_out(rows_, *problem_.loss, trimmed_.kept, {.learner = problem_.learner});
    seconds = seconds_since(begin);
    Eigen::VectorXd scores(is_attacked_.size());
    Eigen::VectorXd larger(is_attacked_.size());
    double attacked_tasks = 0.0;
    Found of_tasks;
    of_tasks.false_alarms = of_tasks.found = 0.0;
    for (Eigen::Index i = 0; i < scores.size(); ++i) {
      const defence::TaskInfluence& task = influences[static_cast<std::size_t>(i)];
      scores[i] = task.score;
      larger[i] = std::max(task.score, trimmed_.tasks[static_cast<std::size_t>(i)].score);
      const bool attacked = is_attacked_[i] > 0.0;
      attacked_tasks += attacked ? 1.0 : 0.0;
      if (task.p <= 0.05) (attacked ? of_tasks.found : of_tasks.false_alarms) += 1.0;
    }
    of_tasks.false_alarms = share(of_tasks.false_alarms, static_cast<double>(scores.size()) - attacked_tasks);
    of_tasks.found = share(of_tasks.found, attacked_tasks);
    of_tasks.task_auc = mtrl::auc(scores, is_attacked_);
    line("leave one out", kNaN, of_tasks, seconds);
    of_tasks.task_auc = mtrl::auc(larger, is_attacked_);
    line("trim or leave one out", kNaN, of_tasks, seconds);
  }

  void trim_each_task() {
    const auto begin = std::chrono::steady_clock::now();
    const Eigen::MatrixXd W = trim_per_task(rows_, problem_.train, problem_);
    line("TRIM per task", metric(W), {}, seconds_since(begin));
  }

  [[nodiscard]] const std::string& lines() const { return lines_; }

 private:
  [[nodiscard]] double metric(const Eigen::MatrixXd& W) const {
    return mtrl::evaluate(problem_.test, *problem_.loss, W).mean(0, targets_);
  }
  [[nodiscard]] double metric_of(const defence::Rows& kept) const {
    return metric(mtrl::solve(defence::select(rows_, kept), *problem_.loss, problem_.learner).weights);
  }

  void line(const std::string& defence, double value, const Found& found, double seconds) {
    lines_ +=
        fmt::format("{},{},{:.6g},{:.6g},{:.6g},{:.4f},{:.4f},{:.4f},{:.4f},{:.4f},{:.4f},{},{:.3f},{:.3f}\n", key_,
                    defence, clean_metric_, undefended_, value, (undefended_ - value) / (undefended_ - clean_metric_),
                    found.task_auc, found.false_alarms, found.found, found.clean_left_out, found.injected_left_out,
                    found.alone, seconds, fit_seconds_);
  }

  defence::Defended run(const std::string& name, defence::Method method) {
    const auto begin = std::chrono::steady_clock::now();
    defence::Defended defended =
        defence::defend(rows_, *problem_.loss, {.learner = problem_.learner, .method = method});
    const double seconds = seconds_since(begin);
    const Found found = found_by(defended, rows_, problem_.train, is_attacked_);
    line(name, metric(defended.weights), found, seconds);
    if (method == defence::Method::Trim) line("trim without fallback", metric(defended.fit.weights), found, seconds);
    return defended;
  }

  std::string key_;
  const Problem& problem_;
  std::vector<std::size_t> targets_;
  double clean_metric_;
  TaskSet rows_;
  Eigen::VectorXd is_attacked_;
  double undefended_ = kNaN;
  double fit_seconds_ = kNaN;
  defence::Defended trimmed_;
  std::string lines_;
};

void run(const std::string& set, const std::string& lambda1, const std::string& lambda2, int first, int last,
         const std::string& budgets, const std::string& attacks, const std::string& path, bool is_short) {
  std::string done;
  {
    std::ifstream file(path);
    done.assign(std::istreambuf_iterator<char>(file), {});
  }
  std::ofstream file(path, std::ios::app);
  if (done.empty())
    file << "set,lambda1,lambda2,kind,attack,budget,seed,defence,clean,attacked,defended,won_back,task_auc,"
            "false_alarms,found,clean_left_out,planted_left_out,alone,seconds,fit_seconds\n";
  for (int seed = first; seed <= last; ++seed) {
    const auto number = static_cast<std::uint64_t>(seed);
    const Problem problem = problem_of(set, lambda1, lambda2, number);
    const mtrl::EmpiricalRisk risk(problem.train, *problem.loss);
    const mtrl::Fit clean = mtrl::solve(risk, problem.learner);
    const auto halves = attack::random_halves(problem.train.size(), number);
    for (const std::string& attack : words_of(attacks))
      for (const char* kind : {"direct", "indirect"})
        for (const std::string& budget : words_of(budgets)) {
          const bool none = attack == "none";
          if (none && (std::string(kind) == "indirect" || budget != words_of(budgets)[0])) continue;
          const std::string key = fmt::format("{},{},{},{},{},{},{}", set, problem.learner.lambda1,
                                              problem.learner.lambda2, kind, attack, none ? "0" : budget, seed);
          if (done.find(key + ",TRIM") != std::string::npos) continue;
          attack::Threat threat;
          threat.targets = halves.first;
          threat.attackers = std::string(kind) == "direct" ? halves.first : halves.second;
          threat.budget = none ? 0.0 : std::stod(budget);
          TaskSet injected;
          if (none)
            threat.targets.clear();  // every task counts
          else
            injected = attacked(problem, risk, clean, threat, attack, number).injected;
          Trial trial(key, problem, injected, threat,
                      mtrl::evaluate(problem.test, *problem.loss, clean.weights).mean(0, threat.targets));
          trial.defend();
          if (!is_short) trial.reject_and_leave_out();
          trial.trim_each_task();  // last: its line says that the case is done
          file << trial.lines() << std::flush;
        }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bool is_short = argc == 10 && argv[9] == std::string("short");
  if (argc != 9 && !is_short) {
    fmt::print(stderr,
               "usage: defence SET LAMBDA1 LAMBDA2 FIRST_SEED LAST_SEED BUDGETS ATTACKS FILE.csv [short]\n"
               "  LAMBDA1 = cv: chosen; ATTACKS of none,patom,exact,free,stealth,copy,jitterSHARE\n");
    return EXIT_FAILURE;
  }
  try {
    run(argv[1], argv[2], argv[3], std::stoi(argv[4]), std::stoi(argv[5]), argv[6], argv[7], argv[8], is_short);
  } catch (const std::exception& error) {
    fmt::print(stderr, "defence: {}\n", error.what());
    return EXIT_FAILURE;
  }
}
