// How the AUC of MNIST's targets follows the injected rows when the paper is read in other ways (docs/papers.md).
//   mnist_readings SEED
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "crosstalk/attack/patom.hpp"
#include "crosstalk/data/dataset.hpp"
#include "crosstalk/mtrl/metrics.hpp"
#include "crosstalk/preparation.hpp"

namespace {

using namespace crosstalk;

struct Reading {
  const char* name;
  double smoothing = 0.1;
  double lambda = 0.1;
  double radius = 1.0;
  double step = 100.0;
  Eigen::Index pca = 128;
  Eigen::Index every = 1;  // training rows that are kept
  attack::LabelRule labels = attack::LabelRule::Uniform;
  double one_label = 0.0;  // of all injected rows; 0: by the rule
  const mtrl::Loss* loss = &mtrl::squared_hinge_loss();
};

TaskSet thinned(const TaskSet& tasks, Eigen::Index every) {
  TaskSet kept = tasks;
  for (Task& task : kept) {
    std::vector<Eigen::Index> rows;
    for (Eigen::Index r = 0; r < task.rows(); r += every) rows.push_back(r);
    task = select_rows(task, rows);
  }
  return kept;
}

void run(std::uint64_t seed) {
  const data::Dataset set = data::load("mnist", {.seed = seed});
  const attack::Halves halves = attack::random_halves(set.train.size(), seed);
  fmt::print(
      "| reading | clean | direct 5 % | 10 % | 20 % | 30 % | 40 % | indirect 5 % | 10 % | 20 % | 30 % | 40 % |\n");
  const std::vector<Reading> readings = {
      {"e = 0.1"},
      {"e = 0.01", 0.01},
      {"hinge as printed", 0.1, 0.1, 1.0, 100.0, 128, 1, attack::LabelRule::Uniform, 0.0, &mtrl::squared_loss()},
      {"labels drawn from the task's", 0.1, 0.1, 1.0, 100.0, 128, 1, attack::LabelRule::Clean},
      {"labels +1", 0.1, 0.1, 1.0, 100.0, 128, 1, attack::LabelRule::Uniform, 1.0},
      {"labels -1", 0.1, 0.1, 1.0, 100.0, 128, 1, attack::LabelRule::Uniform, -1.0},
      {"twice the radius", 0.1, 0.1, 2.0},
      {"twice the radius, e = 0.01", 0.01, 0.1, 2.0},
      {"half the radius", 0.1, 0.1, 0.5},
      {"a quarter of the radius", 0.1, 0.1, 0.25},
      {"lambdas 0.01", 0.1, 0.01},
      {"step 1", 0.1, 0.1, 1.0, 1.0},
      {"150 training rows", 0.1, 0.1, 1.0, 100.0, 128, 4},
      {"20 components", 0.1, 0.1, 1.0, 100.0, 20}};
  for (const Reading& reading : readings) {
    const TaskSet kept = thinned(set.train, reading.every);
    const Preparation preparation = Preparation::fit(kept, {.pca = reading.pca});
    const TaskSet train = preparation.apply(kept);
    const TaskSet test = preparation.apply(*set.test);
    const mtrl::Options learner = {
        .lambda1 = reading.lambda, .lambda2 = reading.lambda, .smoothing = reading.smoothing, .tolerance = 1e-6};
    const mtrl::EmpiricalRisk risk(train, *reading.loss);
    const mtrl::Fit clean = mtrl::solve(risk, learner);
    const auto auc = [&](const mtrl::Fit& fit) {
      return mtrl::evaluate(test, mtrl::squared_hinge_loss(), fit.weights).mean(0, halves.first);
    };
    fmt::print("| {} | {:.3f} |", reading.name, auc(clean));
    for (const auto& attackers : {halves.first, halves.second})
      for (const double budget : {0.05, 0.1, 0.2, 0.3, 0.4}) {
        const attack::Threat threat = {halves.first, attackers, budget};
        const attack::FeasibleSet feasible = {reading.radius, true};
        Rng rng = Rng::stream(seed, "injected rows");
        TaskSet start = attack::random_rows(train, threat, feasible, reading.labels, rng);
        if (reading.one_label != 0.0)
          for (Task& task : start) task.labels.setConstant(reading.one_label);
        const attack::LossUtility utility(train, *reading.loss, threat.targets);
        const auto attacked = attack::patom(
            {risk, utility, feasible, start, learner, clean, Rng::stream(seed, "batches")}, {.step = reading.step});
        fmt::print(" {:.3f} |", auc(attacked.iterates.back().fit));
      }
    fmt::print("\n");
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: mnist_readings SEED\n");
    return EXIT_FAILURE;
  }
  try {
    run(std::stoull(argv[1]));
  } catch (const std::exception& error) {
    fmt::print(stderr, "mnist_readings: {}\n", error.what());
    return EXIT_FAILURE;
  }
}
