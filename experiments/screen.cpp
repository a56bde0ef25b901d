// What `crosstalk screen` rejects of clean batches, and finds in attacked ones (docs/guide/screen.md).
//   screen SEEDS FILE.csv
// Generated laws: 10 tasks of 100 trusted rows, 8 features, batches of 30 honest rows a task. Injected rows stand in a
// random half of the tasks: `far` rows (honest rows with features five times as long), `flipped` labels (the
// other end of the range, or the other class, on honest features), PATOM's and the exact attack's rows (free labels,
// ball of the largest trusted norm, targets the tasks that they stand in). Means over the seeds.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "crosstalk/attack/exact_attack.hpp"
#include "crosstalk/attack/patom.hpp"
#include "crosstalk/attack/threat.hpp"
#include "crosstalk/evaluate/batch_screen.hpp"
#include "crosstalk/mtrl/cross_validation.hpp"
#include "crosstalk/preparation.hpp"

namespace {

using namespace crosstalk;

constexpr std::size_t kTasks = 10;
constexpr Eigen::Index kTrusted = 100;
constexpr Eigen::Index kBatch = 30;
constexpr Eigen::Index kFeatures = 8;

// One row of a law and its label.
struct Law {
  std::string name;
  bool classes = false;

  [[nodiscard]] double noise(Rng& rng) const {
    if (name == "heavy tails") return 0.3 * rng.normal() / std::sqrt(-std::log(1.0 - rng.uniform()));  // t, 2 degrees
    if (name == "skewed") return 0.3 * (std::exp(rng.normal()) - 1.6);
    return 0.5 * rng.normal();
  }
  [[nodiscard]] double feature(Rng& rng) const {
    return name == "skewed" ? std::exp(0.7 * rng.normal()) : rng.normal();
  }
};

const std::vector<Law> kLaws = {{"gauss"}, {"heavy tails"}, {"skewed"}, {"classes", true}};

TaskSet rows_of(const Law& law, Eigen::Index rows, std::uint64_t seed, const std::string& part) {
  TaskSet set;
  Rng common = Rng::stream(seed, "law " + law.name);
  Eigen::VectorXd shared(kFeatures);
  for (double& w : shared) w = common.normal();
  for (std::size_t i = 0; i < kTasks; ++i) {
    Eigen::VectorXd w = shared;
    for (double& x : w) x += 0.5 * common.normal();
    Rng rng = Rng::stream(seed, part + law.name, i);
    Task task{fmt::format("task {}", i + 1), Eigen::MatrixXd(rows, kFeatures), Eigen::VectorXd(rows)};
    for (double& x : task.features.reshaped()) x = law.feature(rng);
    for (Eigen::Index j = 0; j < rows; ++j) {
      const double y = task.features.row(j).dot(w) + law.noise(rng);
      task.labels[j] = !law.classes ? y : y > 0.0 ? 1.0 : -1.0;
    }
    set.tasks.push_back(std::move(task));
  }
  return set;
}

const std::vector<std::string> kAttacks = {"none", "far", "flipped", "patom", "exact"};

// Rows to inject into each task of a random half, in the learner's units.
TaskSet injected(const std::string& attack, const TaskSet& trusted, const TaskSet& honest, const mtrl::Loss& loss,
                 const mtrl::Options& learner, double ball, Eigen::Index rows, std::uint64_t seed) {
  const auto targets = attack::random_halves(kTasks, seed).first;
  attack::Threat threat{targets, targets};
  threat.rows.assign(kTasks, 0);
  for (const std::size_t i : targets) threat.rows[i] = rows;
  const attack::FeasibleSet feasible{.radius = ball};
  Rng rng = Rng::stream(seed, "injected");
  TaskSet start = attack::random_rows(trusted, threat, feasible, attack::LabelRule::Uniform, rng);
  if (attack == "far" || attack == "flipped") {
    const std::vector<attack::Interval> ranges = attack::label_ranges(trusted);
    for (const std::size_t i : targets)
      for (Eigen::Index j = 0; j < rows; ++j) {
        const Eigen::Index like = j % honest[i].rows();
        start[i].features.row(j) = honest[i].features.row(like);
        start[i].labels[j] = honest[i].labels[like];
        if (attack == "far") {
          start[i].features.row(j).head(kFeatures) *= 5.0;
        } else if (loss.is_classification()) {
          start[i].labels[j] *= -1.0;
        } else {
          const auto [low, high] = ranges[i];
          start[i].labels[j] = start[i].labels[j] - low > high - start[i].labels[j] ? low : high;
        }
      }
    return start;
  }
  const mtrl::EmpiricalRisk risk(trusted, loss);
  const mtrl::Fit clean = mtrl::solve(risk, learner);
  const attack::LossUtility utility(trusted, loss, targets);
  const attack::AttackProblem problem = {risk, utility, feasible, start, learner, clean, Rng(seed)};
  if (attack == "patom") return attack::patom(problem).injected;
  return attack::exact_attack(problem, {.starts = 1, .iterations = 8, .free_labels = true}).injected;
}

struct Sums {
  double rejected = 0.0;   // share of all rows
  double any = 0.0;        // batches with a rejection
  double power = 0.0;      // share of the injected rows that are rejected
  double discovery = 0.0;  // share of honest rows among the rejected ones
  double task_power = 0.0;
  double task_false = 0.0;
};

// Trusted rows and a batch in the learner's units.
struct Draw {
  std::uint64_t seed = 0;
  TaskSet trusted;
  TaskSet batch;
  double injected_rows = 0.0;
};

const mtrl::Options kLearner = {.lambda1 = 1e-3, .lambda2 = 1e-3};

Draw draw_of(const Law& law, const std::string& attack, Eigen::Index rows, const mtrl::Loss& loss, std::uint64_t seed) {
  const TaskSet raw = rows_of(law, kTrusted, seed, "trusted ");
  const Preparation preparation =
      Preparation::fit(raw, {.scale = Scale::Standard, .labels = law.classes ? LabelScale::None : LabelScale::Pooled});
  Draw draw{seed, preparation.apply(raw), preparation.apply(rows_of(law, kBatch, seed, "batch "))};
  if (rows == 0) return draw;
  const TaskSet bad =
      injected(attack, draw.trusted, draw.batch, loss, kLearner, preparation.largest_norm(draw.trusted), rows, seed);
  draw.injected_rows = static_cast<double>(bad.rows());
  draw.batch = join_rows(draw.batch, bad);
  return draw;
}

void run(std::uint64_t seeds, std::ofstream& file) {
  file << "law,attack,injected share,reference,dependence,batches,rejected,batches with a rejection,power,false "
          "discovery proportion,tasks found,honest tasks rejected\n";
  for (const Law& law : kLaws) {
    const mtrl::Loss& loss = law.classes ? mtrl::loss_named("squared-hinge") : mtrl::squared_loss();
    for (const std::string& attack : kAttacks)
      for (const Eigen::Index rows :
           attack == "none" ? std::vector<Eigen::Index>{0} : std::vector<Eigen::Index>{3, 12}) {
        std::vector<Draw> draws;
        for (std::uint64_t seed = 1; seed <= seeds; ++seed) draws.push_back(draw_of(law, attack, rows, loss, seed));
        for (const auto reference : {evaluate::Reference::Task, evaluate::Reference::All})
          for (const bool any_dependence : {false, true}) {
            Sums sums;
            double share = 0.0;
            for (const Draw& draw : draws) {
              const TaskSet& batch = draw.batch;
              evaluate::BatchScreenOptions options;
              options.learner = kLearner;
              options.reference = reference;
              options.any_dependence = any_dependence;
              options.seed = draw.seed;
              const Task nobody{"", Eigen::MatrixXd(0, draw.trusted.features()), Eigen::VectorXd(0)};
              const evaluate::BatchScreen screen = evaluate::screen_batch(draw.trusted, batch, nobody, loss, options);
              double found = 0.0;
              double tasks_found = 0.0;
              double attacked_tasks = 0.0;
              double wrong_tasks = 0.0;
              for (std::size_t i = 0; i < kTasks; ++i) {
                for (Eigen::Index j = kBatch; j < batch[i].rows(); ++j)
                  found += screen.tasks[i].rejected[static_cast<std::size_t>(j)] ? 1.0 : 0.0;
                const bool is_attacked = batch[i].rows() > kBatch;
                attacked_tasks += is_attacked ? 1.0 : 0.0;
                (is_attacked ? tasks_found : wrong_tasks) += screen.tasks[i].task_rejected ? 1.0 : 0.0;
              }
              const auto rejected = static_cast<double>(screen.rejected);
              share = draw.injected_rows / static_cast<double>(screen.rows);
              sums.rejected += screen.rejected_share();
              sums.any += screen.rejected > 0 ? 1.0 : 0.0;
              sums.power += draw.injected_rows > 0.0 ? found / draw.injected_rows : 0.0;
              sums.discovery += rejected > 0.0 ? (rejected - found) / rejected : 0.0;
              sums.task_power += attacked_tasks > 0.0 ? tasks_found / attacked_tasks : 0.0;
              sums.task_false += wrong_tasks / (static_cast<double>(kTasks) - attacked_tasks);
            }
            const auto n = static_cast<double>(seeds);
            file << fmt::format("{},{},{:.3f},{},{},{},{:.5f},{:.3f},{:.4f},{:.4f},{:.3f},{:.3f}\n", law.name, attack,
                                share, reference == evaluate::Reference::Task ? "task" : "all",
                                any_dependence ? "any" : "positive", seeds, sums.rejected / n, sums.any / n,
                                sums.power / n, sums.discovery / n, sums.task_power / n, sums.task_false / n)
                 << std::flush;
          }
      }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "screen SEEDS FILE.csv\n");
    return 2;
  }
  try {
    std::ofstream file(argv[2]);
    run(std::strtoull(argv[1], nullptr, 10), file);
    return file ? 0 : 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "screen: {}\n", error.what());
    return 1;
  }
}
