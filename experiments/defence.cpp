// How much of an attack's damage each defence wins back (experiments/README.md).
//   defence SET LAMBDA1 LAMBDA2 FIRST_SEED LAST_SEED BUDGETS ATTACKS FILE.csv
// Appends a line a defence; a case whose lines are in the file is passed over.
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
#include <vector>

#include <fmt/format.h>

#include "crosstalk/attack/exact_attack.hpp"
#include "crosstalk/data/dataset.hpp"
#include "crosstalk/defence/defend.hpp"
#include "crosstalk/mtrl/cross_validation.hpp"
#include "crosstalk/mtrl/metrics.hpp"
#include "crosstalk/preparation.hpp"
#include "crosstalk/split.hpp"

namespace {

using namespace crosstalk;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  std::istringstream stream(text);
  for (std::string word; std::getline(stream, word, ',');) words.push_back(word);
  return words;
}

struct Problem {
  TaskSet train;
  TaskSet test;
  const mtrl::Loss* loss;
  mtrl::Options learner;
};

Problem problem_of(const std::string& set, const std::string& lambda1, const std::string& lambda2, std::uint64_t seed) {
  data::Dataset data = data::load(set, {.seed = seed});
  Split rows{std::move(data.train), {}};
  if (data.test)
    rows.test = std::move(*data.test);
  else
    rows = split_rows(rows.train, data.recipe.test_fraction, seed);
  const Preparation preparation =
      Preparation::fit(rows.train, {.standardise_labels = data.recipe.standardise_labels, .pca = data.recipe.pca});
  Problem problem{preparation.apply(rows.train), preparation.apply(rows.test), &mtrl::loss_named(data.recipe.loss), {}};
  if (lambda1 == "cv") {
    problem.learner = mtrl::cross_validate(problem.train, *problem.loss, {}, {.seed = seed}).best;
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
attack::AttackResult attacked(const Problem& problem, const mtrl::EmpiricalRisk& risk, const mtrl::Fit& clean,
                              const attack::Threat& threat, const std::string& how, std::uint64_t seed) {
  attack::FeasibleSet feasible;
  if (how == "stealth") feasible.screen = attack::Screen(problem.train, clean.weights, true, {});
  if (how == "copy") {
    for (Eigen::Index k = 0; k + 1 < problem.train.features(); ++k) feasible.fixed.push_back(k);
    feasible.screen = attack::Screen(problem.train, clean.weights, true, {.distance = false});
  }
  const attack::LossUtility utility(problem.train, *problem.loss, threat.targets);
  Rng rng = Rng::stream(seed, "injected rows");
  TaskSet start = attack::random_rows(problem.train, threat, feasible, attack::LabelRule::Uniform, rng);
  const Rng batches = Rng::stream(seed, "batches");
  if (how == "patom")
    return attack::patom(risk, utility, feasible, std::move(start), problem.learner, {}, clean, batches);
  return attack::exact_attack(risk, utility, feasible, start, problem.learner,
                              {.starts = 1, .iterations = 8, .free_labels = how != "exact"}, {}, clean, batches);
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

struct Counts {
  double flagged = 0.0;
  double left_out = 0.0;
  double rows = 0.0;
};

// Of rows first to last of every task.
Counts count(const defence::Defended& defended, const TaskSet& clean, bool injected) {
  Counts counts;
  for (std::size_t i = 0; i < clean.size(); ++i) {
    const auto& flagged = defended.rows[i].flagged;
    const auto n = static_cast<std::size_t>(clean[i].rows());
    std::vector<bool> kept(flagged.size());
    for (const Eigen::Index j : defended.kept[i]) kept[static_cast<std::size_t>(j)] = true;
    for (std::size_t j = injected ? n : 0; j < (injected ? flagged.size() : n); ++j) {
      counts.flagged += flagged[j] ? 1.0 : 0.0;
      counts.left_out += kept[j] ? 0.0 : 1.0;
      counts.rows += 1.0;
    }
  }
  return counts;
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// All defences against one set of injected rows (none: the clean data).
void defend_all(std::ofstream& file, const std::string& key, const Problem& problem, const TaskSet& injected,
                const attack::Threat& threat, double clean_metric) {
  TaskSet rows = problem.train;
  Eigen::VectorXd is_attacked = -Eigen::VectorXd::Ones(static_cast<Eigen::Index>(rows.size()));
  for (std::size_t i = 0; i < injected.size(); ++i) {
    Task& task = rows[i];
    const Eigen::Index n = task.rows();
    const Eigen::Index added = injected[i].rows();
    if (added == 0) continue;
    is_attacked[static_cast<Eigen::Index>(i)] = 1.0;
    task.features.conservativeResize(n + added, Eigen::NoChange);
    task.features.bottomRows(added) = injected[i].features;
    task.labels.conservativeResize(n + added);
    task.labels.tail(added) = injected[i].labels;
  }
  const auto metric = [&](const Eigen::MatrixXd& W) {
    return mtrl::evaluate(problem.test, *problem.loss, W).mean(0, threat.targets);
  };
  const auto fit_begin = std::chrono::steady_clock::now();
  const double undefended = metric(mtrl::solve(rows, *problem.loss, problem.learner).weights);
  const double fit_seconds = seconds_since(fit_begin);
  std::string lines;
  const auto line = [&](const std::string& defence, double value, const defence::Defended* defended, double seconds) {
    lines += fmt::format("{},{},{:.6g},{:.6g},{:.6g},{:.4f}", key, defence, clean_metric, undefended, value,
                         (undefended - value) / (undefended - clean_metric));
    if (defended == nullptr) {
      lines += fmt::format(",nan,nan,nan,nan,nan,nan,{:.3f},{:.3f}\n", seconds, fit_seconds);
      return;
    }
    const Counts clean = count(*defended, problem.train, false);
    const Counts planted = count(*defended, problem.train, true);
    Eigen::VectorXd scores(is_attacked.size());
    double alone = 0.0;
    for (Eigen::Index i = 0; i < scores.size(); ++i) {
      scores[i] = defended->tasks[static_cast<std::size_t>(i)].score;
      alone += defended->tasks[static_cast<std::size_t>(i)].alone ? 1.0 : 0.0;
    }
    lines += fmt::format(",{:.4f},{:.4f},{:.4f},{:.4f},{:.4f},{},{:.3f},{:.3f}\n", mtrl::auc(scores, is_attacked),
                         clean.flagged / clean.rows, planted.flagged / planted.rows, clean.left_out / clean.rows,
                         planted.left_out / planted.rows, alone, seconds, fit_seconds);
  };
  line("none", undefended, nullptr, fit_seconds);
  const auto run = [&](const std::string& name, const defence::Options& options) {
    const auto begin = std::chrono::steady_clock::now();
    const defence::Defended defended = defence::defend(rows, *problem.loss, options);
    line(name, metric(defended.weights), &defended, seconds_since(begin));
    if (name == "trim") line("trim without fallback", metric(defended.fit.weights), &defended, seconds_since(begin));
  };
  using defence::Method;
  run("trim", {.learner = problem.learner, .method = Method::Trim});
  run("huber", {.learner = problem.learner, .method = Method::Huber});
  run("sphere+slab", {.learner = problem.learner, .method = Method::Screen});
  const auto begin = std::chrono::steady_clock::now();
  line("TRIM per task", metric(trim_per_task(rows, problem.train, problem)), nullptr, seconds_since(begin));
  file << lines << std::flush;
}

void run(const std::string& set, const std::string& lambda1, const std::string& lambda2, int first, int last,
         const std::string& budgets, const std::string& attacks, const std::string& path) {
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
          if (none) {  // every task counts
            threat.targets.clear();
            defend_all(file, key, problem, {}, threat,
                       mtrl::evaluate(problem.test, *problem.loss, clean.weights).mean(0));
            continue;
          }
          const double clean_metric =
              mtrl::evaluate(problem.test, *problem.loss, clean.weights).mean(0, threat.targets);
          const auto result = attacked(problem, risk, clean, threat, attack, number);
          defend_all(file, key, problem, result.injected, threat, clean_metric);
        }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 9) {
    fmt::print(stderr,
               "usage: defence SET LAMBDA1 LAMBDA2 FIRST_SEED LAST_SEED BUDGETS ATTACKS FILE.csv\n"
               "  LAMBDA1 = cv: chosen; ATTACKS of none,patom,exact,free,stealth,copy\n");
    return EXIT_FAILURE;
  }
  try {
    run(argv[1], argv[2], argv[3], std::stoi(argv[4]), std::stoi(argv[5]), argv[6], argv[7], argv[8]);
  } catch (const std::exception& error) {
    fmt::print(stderr, "defence: {}\n", error.what());
    return EXIT_FAILURE;
  }
}
