// Bounds by groups of tasks (docs/certificates.md): the table over hash seeds, and attacks on the bounds.
//   certificates table SET TEST_FRACTION LAMBDA1 LAMBDA2 SMOOTHING GROUPS HASH_SEEDS FILE.csv
//   certificates attack SET TEST_FRACTION LAMBDA1 LAMBDA2 SMOOTHING GROUPS RANDOM_SETS OPTIMISED_SETS FILE.csv
// `table` writes a line for each k of each number of groups (a list, 5,11,21) and seed. `attack` writes a line for each
// malicious task set: its k, the loss that it causes, the bound, and how many intervals it violates (0 if the proof and
// the code are right). Its exit code is 1 when there is any violation.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "crosstalk/defence/group_certificate.hpp"
#include "crosstalk/mtrl/solve.hpp"
#include "crosstalk/preparation.hpp"
#include "crosstalk/problem/independent_tasks.hpp"
#include "crosstalk/rng.hpp"
#include "crosstalk/split.hpp"

namespace {

using namespace crosstalk;

struct Setting {
  std::string set;
  Split rows;
  const mtrl::Loss* loss = nullptr;
  defence::GroupOptions options;
};

Setting setting_of(const std::vector<std::string>& words) {
  Setting setting;
  setting.set = words[1];
  IndependentTasks tasks = load_independent_tasks(setting.set, {.test_fraction = std::stod(words[2])});
  setting.loss = tasks.loss;
  setting.rows = {std::move(tasks.train), std::move(tasks.test)};
  setting.options.learner.lambda1 = std::stod(words[3]);
  setting.options.learner.lambda2 = std::stod(words[4]);
  setting.options.learner.smoothing = std::stod(words[5]);
  if (setting.loss->is_classification()) setting.options.preparation.labels = LabelScale::None;
  return setting;
}

std::vector<defence::Votes> votes_of(const defence::VotingModel& model, const TaskSet& rows) {
  std::vector<defence::Votes> votes;
  for (std::size_t i = 0; i < rows.size(); ++i) votes.push_back(model.votes(i, rows[i].features));
  return votes;
}

// RMSE, or the share of wrong signs.
double told(const Setting& setting, const defence::GroupCertificate& certificate, std::size_t k) {
  const auto at = static_cast<Eigen::Index>(k);
  return setting.loss->is_classification() ? 1.0 - certificate.total_correct[at]
                                           : std::sqrt(certificate.total_losses[at]);
}

double error_of(const Setting& setting, const std::vector<Eigen::VectorXd>& predictions) {
  double sum = 0.0;
  for (std::size_t i = 0; i < predictions.size(); ++i)
    for (Eigen::Index r = 0; r < predictions[i].size(); ++r) {
      const double y = setting.rows.test[i].labels[r];
      const double z = predictions[i][r];
      sum += setting.loss->is_classification() ? ((z >= 0.0) == (y > 0.0) ? 0.0 : 1.0) : setting.loss->at(z, y).value;
    }
  sum /= static_cast<double>(setting.rows.test.rows());
  return setting.loss->is_classification() ? sum : std::sqrt(sum);
}

// One MTRL fit of all tasks with the same constants and the smoothing of `fit`.
double error_together(const Setting& setting) {
  const Preparation preparation = Preparation::fit(setting.rows.train, setting.options.preparation);
  mtrl::Options learner = setting.options.learner;
  learner.smoothing = mtrl::Options().smoothing;
  const mtrl::Fit fit = mtrl::solve(preparation.apply(setting.rows.train), *setting.loss, learner);
  const TaskSet test = preparation.apply(setting.rows.test);
  std::vector<Eigen::VectorXd> predictions;
  for (std::size_t i = 0; i < test.size(); ++i) {
    predictions.emplace_back(test[i].features * fit.weights.col(static_cast<Eigen::Index>(i)));
    for (double& z : predictions.back()) z = preparation.label_in_file_units(i, z);
  }
  return error_of(setting, predictions);
}

int table(const std::vector<std::string>& words) {
  Setting setting = setting_of(words);
  const double together = error_together(setting);
  const defence::SingleTasks single =
      defence::learn_alone(setting.rows.train, setting.rows.test, *setting.loss, setting.options, 3, 1);
  const double alone = error_of(setting, single.predictions);
  std::ofstream file(words[8]);
  file << "set,groups,hash_seed,lambda1,lambda2,smoothing,k,proven,single_task,single_task_lambda,together,seconds\n";
  std::istringstream list(words[6]);
  for (std::string groups; std::getline(list, groups, ',');)
    for (std::uint64_t seed = 1; seed <= std::stoul(words[7]); ++seed) {
      setting.options.groups = std::stoul(groups);
      setting.options.seed = seed;
      const auto start = std::chrono::steady_clock::now();
      const auto model = defence::learn_votes(setting.rows.train, *setting.loss, setting.options);
      const std::size_t most = (setting.options.groups - 1) / 2;
      const auto certificate =
          defence::certify_votes(votes_of(model, setting.rows.test), setting.rows.test, *setting.loss, most);
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      for (std::size_t k = 0; k <= most; ++k)
        file << fmt::format("{},{},{},{},{},{},{},{:.6g},{:.6g},{},{:.6g},{:.2f}\n", setting.set, groups, seed,
                            setting.options.learner.lambda1, setting.options.learner.lambda2,
                            setting.options.learner.smoothing, k, told(setting, certificate, k), alone, single.lambda,
                            together, seconds);
      file.flush();
    }
  return 0;
}

// A malicious task: rows of an honest one, turned, stretched and relabelled.
struct Malice {
  std::size_t victim = 0;      // whose place it takes; beyond the tasks: a new one
  double feature_power = 0.0;  // of ten, times the features
  double label_power = 0.0;    // of ten, times the labels
  double label_shift = 0.0;    // in units of the labels' deviation, times 10^label_power
  double noise = 0.0;          // of the features, in units of 10^feature_power
  double label_noise = 0.0;
  bool new_column = false;  // a column that no honest row has
  std::uint64_t seed = 0;
};

Malice random_malice(Rng& rng, std::size_t tasks) {
  Malice malice;
  malice.victim = rng.below(tasks + tasks / 4 + 1);
  malice.feature_power = rng.uniform(-3.0, 6.0);
  malice.label_power = rng.uniform(-3.0, 6.0);
  malice.label_shift = rng.uniform(-10.0, 10.0);
  malice.noise = rng.uniform() < 0.5 ? 0.0 : rng.uniform(0.0, 10.0);
  malice.label_noise = rng.uniform() < 0.5 ? 0.0 : rng.uniform(0.0, 10.0);
  malice.new_column = rng.uniform() < 0.3;
  malice.seed = rng.bits();
  return malice;
}

Malice changed(Malice malice, Rng& rng) {
  malice.feature_power = std::clamp(malice.feature_power + rng.normal(), -3.0, 6.0);
  malice.label_power = std::clamp(malice.label_power + rng.normal(), -3.0, 6.0);
  malice.label_shift += 3.0 * rng.normal();
  malice.noise = std::abs(malice.noise + rng.normal());
  malice.label_noise = std::abs(malice.label_noise + rng.normal());
  if (rng.uniform() < 0.3) malice.seed = rng.bits();
  return malice;
}

std::string name_of(const Malice& malice, const TaskSet& tasks) {
  return malice.victim < tasks.size() ? tasks[malice.victim].name : fmt::format("new task {}", malice.victim);
}

Task malicious_task(const Malice& malice, const TaskSet& tasks, bool classes, bool with_column) {
  Rng rng(malice.seed);
  Task task = tasks[malice.victim < tasks.size() ? malice.victim : rng.below(tasks.size())];
  task.name = name_of(malice, tasks);
  const double spread = std::max(
      1e-9, (task.labels.array() - task.labels.mean()).matrix().norm() / std::sqrt(static_cast<double>(task.rows())));
  for (double& x : task.features.reshaped())
    x = (x + malice.noise * rng.normal()) * std::pow(10.0, malice.feature_power);
  for (double& y : task.labels) {
    if (classes)
      y = rng.uniform() < 0.5 + 0.05 * malice.label_shift ? 1.0 : -1.0;
    else
      y = (y + spread * (malice.label_shift + malice.label_noise * rng.normal())) * std::pow(10.0, malice.label_power);
  }
  if (with_column) {
    task.features.conservativeResize(Eigen::NoChange, task.features.cols() + 1);
    task.features.rightCols(1).setConstant(0.0);
    if (malice.new_column)
      for (double& x : task.features.rightCols(1).reshaped()) x = rng.uniform() < 0.5 ? 1.0 : 0.0;
  }
  return task;
}

struct Outcome {
  double error = 0.0;  // of honest tasks
  std::size_t violated = 0;
};

class Arena {
 public:
  explicit Arena(const Setting& setting)
      : setting_(setting),
        clean_(votes_of(defence::learn_votes(setting.rows.train, *setting.loss, setting.options), setting.rows.test)),
        certificate_(defence::certify_votes(clean_, setting.rows.test, *setting.loss, most())) {}

  [[nodiscard]] std::size_t most() const { return (setting_.options.groups - 1) / 2; }
  [[nodiscard]] double bound(std::size_t k) const { return told(setting_, certificate_, k); }

  // Learns anew with the malicious tasks in place, and checks every prediction of every honest task.
  [[nodiscard]] Outcome play(const std::vector<Malice>& malices) const {
    TaskSet train = setting_.rows.train;
    const bool with_column =
        std::any_of(malices.begin(), malices.end(), [](const Malice& malice) { return malice.new_column; });
    if (with_column)
      for (Task& task : train) {
        task.features.conservativeResize(Eigen::NoChange, task.features.cols() + 1);
        task.features.rightCols(1).setZero();
      }
    if (with_column && !train.feature_names.empty()) train.feature_names.emplace_back("word=new");
    std::vector<bool> honest(setting_.rows.train.size(), true);
    for (const Malice& malice : malices) {
      Task task = malicious_task(malice, setting_.rows.train, setting_.loss->is_classification(), with_column);
      if (malice.victim < honest.size()) {
        honest[malice.victim] = false;
        train[malice.victim] = std::move(task);
      } else {
        train.tasks.push_back(std::move(task));
      }
    }
    const auto model = defence::learn_votes(train, *setting_.loss, setting_.options);
    Outcome outcome;
    double rows = 0.0;
    for (std::size_t i = 0; i < honest.size(); ++i) {
      if (!honest[i]) continue;
      Eigen::MatrixXd features = setting_.rows.test[i].features;
      if (with_column) {
        features.conservativeResize(Eigen::NoChange, features.cols() + 1);
        features.rightCols(1).setZero();
      }
      const Eigen::VectorXd z = model.votes(i, features).prediction();
      const Eigen::VectorXd low = clean_[i].lower(malices.size());
      const Eigen::VectorXd high = clean_[i].upper(malices.size());
      for (Eigen::Index r = 0; r < z.size(); ++r) {
        const double y = setting_.rows.test[i].labels[r];
        if (!(z[r] >= low[r] && z[r] <= high[r])) ++outcome.violated;
        outcome.error += setting_.loss->is_classification() ? ((z[r] >= 0.0) == (y > 0.0) ? 0.0 : 1.0)
                                                            : setting_.loss->at(z[r], y).value;
      }
      rows += static_cast<double>(z.size());
    }
    outcome.error /= rows;
    if (!setting_.loss->is_classification()) outcome.error = std::sqrt(outcome.error);
    return outcome;
  }

 private:
  const Setting& setting_;
  std::vector<defence::Votes> clean_;
  defence::GroupCertificate certificate_;
};

std::vector<Malice> random_set(Rng& rng, std::size_t k, std::size_t tasks) {
  std::vector<Malice> set;
  while (set.size() < k) {
    const Malice next = random_malice(rng, tasks);
    if (std::none_of(set.begin(), set.end(), [&](const Malice& one) { return one.victim == next.victim; }))
      set.push_back(next);
  }
  return set;
}

// Where an optimised attack begins: k tasks in k groups, all of which push the labels to one side.
std::vector<Malice> concerted_set(Rng& rng, std::size_t k, const Setting& setting) {
  const TaskSet& tasks = setting.rows.train;
  const defence::GroupOptions& options = setting.options;
  const auto group = [&](const Malice& one) {
    return defence::group_of(name_of(one, tasks), options.groups, options.seed);
  };
  const double shift = rng.uniform() < 0.5 ? -5.0 : 5.0;
  std::vector<Malice> set;
  while (set.size() < k) {
    Malice next = random_malice(rng, tasks.size());
    next.feature_power = next.noise = next.label_noise = 0.0;
    next.label_power = rng.uniform(0.0, 2.0);
    next.label_shift = shift;
    if (std::none_of(set.begin(), set.end(), [&](const Malice& one) { return group(one) == group(next); }))
      set.push_back(next);
  }
  return set;
}

int attack(const std::vector<std::string>& words) {
  Setting setting = setting_of(words);
  setting.options.groups = std::stoul(words[6]);
  const Arena arena(setting);
  const std::size_t random_sets = std::stoul(words[7]);
  const std::size_t optimised_sets = std::stoul(words[8]);
  constexpr int steps = 20;
  std::ofstream file(words[9]);
  file << "kind,set,k,error,bound,clean,violated,learned\n";
  std::size_t violated = 0;
  for (std::size_t n = 0; n < random_sets + optimised_sets; ++n) {
    const bool optimised = n >= random_sets;
    Rng rng = Rng::stream(7, optimised ? "optimised" : "random", n);
    const std::size_t k = 1 + n % std::min<std::size_t>(arena.most(), 5);
    std::vector<Malice> set =
        optimised ? concerted_set(rng, k, setting) : random_set(rng, k, setting.rows.train.size());
    Outcome best = arena.play(set);
    std::size_t all = best.violated;
    for (int step = 0; optimised && step < steps; ++step) {
      std::vector<Malice> next = set;
      for (Malice& malice : next) malice = changed(malice, rng);
      const Outcome outcome = arena.play(next);
      all += outcome.violated;
      if (outcome.error > best.error) {
        best = outcome;
        set = std::move(next);
      }
    }
    violated += all;
    file << fmt::format("{},{},{},{:.6g},{:.6g},{:.6g},{},{}\n", optimised ? "optimised" : "random", setting.set, k,
                        best.error, arena.bound(k), arena.bound(0), all, optimised ? steps + 1 : 1);
    file.flush();
  }
  fmt::print("{} random and {} optimised malicious task sets: {} intervals violated\n", random_sets, optimised_sets,
             violated);
  return violated == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  try {
    if (words.size() == 9 && words[0] == "table") return table(words);
    if (words.size() == 10 && words[0] == "attack") return attack(words);
  } catch (const std::exception& error) {
    fmt::print(stderr, "certificates: {}\n", error.what());
    return 1;
  }
  fmt::print(stderr, "certificates: the first lines of certificates.cpp say what there is\n");
  return 2;
}
