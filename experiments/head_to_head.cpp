#include <numeric>
// The exact attack on single-task problems on which other tools were measured (experiments/README.md).
//   head_to_head DATA_FOLDER
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "crosstalk/attack/exact_attack.hpp"
#include "crosstalk/data/csv.hpp"

namespace {

using namespace crosstalk;

struct Parts {
  TaskSet train;
  TaskSet validation;
  TaskSet test;
};

TaskSet rows_of(const TaskSet& all, const std::vector<Eigen::Index>& chosen) {
  Task task{"all", all[0].features(chosen, Eigen::all), all[0].labels(chosen)};
  TaskSet result;
  result.feature_names = all.feature_names;
  result.tasks.push_back(std::move(task));
  return result;
}

TaskSet with_bias(TaskSet tasks) {
  Eigen::MatrixXd& X = tasks[0].features;
  X.conservativeResize(Eigen::NoChange, X.cols() + 1);
  X.rightCols(1).setOnes();
  if (!tasks.feature_names.empty()) tasks.feature_names.emplace_back("bias");
  return tasks;
}

// The fields of every line of a small CSV file, its header skipped.
std::vector<std::vector<std::string>> lines_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<std::vector<std::string>> result;
  std::string line;
  for (std::getline(file, line); std::getline(file, line);) {
    result.emplace_back();
    std::istringstream fields(line);
    for (std::string field; std::getline(fields, field, ',');) result.back().push_back(field);
  }
  return result;
}

struct Attacked {
  mtrl::Fit clean;
  mtrl::Fit start;
  mtrl::Fit fit;
  mtrl::Fit trimmed;
  double seconds;
};

// TRIM (Jagielski et al. 2018): fit, keep as many rows of least loss as are clean, fit these, until they stay the same.
// The number of clean rows is known to it, which is more than an owner knows.
mtrl::Fit trimmed_fit(const TaskSet& clean, const TaskSet& injected, const mtrl::Loss& loss,
                      const mtrl::Options& learner) {
  Task all{"all", Eigen::MatrixXd(clean.rows() + injected.rows(), clean.features()),
           Eigen::VectorXd(clean.rows() + injected.rows())};
  all.features << clean[0].features, injected[0].features;
  all.labels << clean[0].labels, injected[0].labels;
  std::vector<Eigen::Index> kept(static_cast<std::size_t>(all.rows()));
  std::iota(kept.begin(), kept.end(), Eigen::Index{0});
  mtrl::Fit fit;
  for (int round = 0; round < 100; ++round) {
    fit = mtrl::solve(mtrl::EmpiricalRisk({select_rows(all, kept)}, loss), learner);
    const Eigen::VectorXd z = all.features * fit.weights.col(0);
    std::vector<std::pair<double, Eigen::Index>> order;
    for (Eigen::Index j = 0; j < all.rows(); ++j) order.emplace_back(loss.at(z[j], all.labels[j]).value, j);
    std::sort(order.begin(), order.end());
    std::vector<Eigen::Index> best;
    for (Eigen::Index j = 0; j < clean.rows(); ++j) best.push_back(order[static_cast<std::size_t>(j)].second);
    std::sort(best.begin(), best.end());
    if (best == kept) break;
    kept = std::move(best);
  }
  return fit;
}

// `count` copies of random training rows with the opposite label are injected and optimised for the loss on the
// validation part.
Attacked attack_with(const Parts& parts, const mtrl::Loss& loss, const attack::FeasibleSet& feasible,
                     Eigen::Index count, double l1, bool free_labels, std::uint64_t seed) {
  const mtrl::Options learner = {.lambda1 = l1, .lambda2 = 0.0, .smoothing = 0.0};
  const mtrl::EmpiricalRisk risk(parts.train, loss);
  const attack::LossUtility utility(parts.validation, loss, {0});
  const mtrl::Fit clean = mtrl::solve(risk, learner);
  Rng rng(seed);
  const auto order = rng.permutation(static_cast<std::size_t>(parts.train.rows()));
  std::vector<Eigen::Index> chosen;
  for (Eigen::Index k = 0; k < count; ++k)
    chosen.push_back(static_cast<Eigen::Index>(order[static_cast<std::size_t>(k)]));
  TaskSet start = rows_of(parts.train, chosen);
  const attack::Interval range = attack::label_ranges(parts.train)[0];
  for (double& y : start[0].labels) y = range.low + range.high - y;
  if (!loss.is_classification())
    for (double& y : start[0].labels) y = y > 0.5 * (range.low + range.high) ? range.high : range.low;
  const mtrl::Fit at_start = mtrl::solve(risk.with_rows(start), learner);
  const auto begin = std::chrono::steady_clock::now();
  const attack::AttackResult result =
      attack::exact_attack({risk, utility, feasible, start, learner, clean, rng},
                           {.starts = 1, .free_labels = free_labels, .patom = {.iterations = 0}});
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return {clean, at_start, result.iterates.back().fit, trimmed_fit(parts.train, result.injected, loss, learner),
          seconds};
}

double mean_squared_error(const TaskSet& rows, const mtrl::Fit& fit) {
  return (rows[0].features * fit.weights.col(0) - rows[0].labels).squaredNorm() / static_cast<double>(rows.rows());
}

double accuracy(const TaskSet& rows, const mtrl::Fit& fit) {
  const Eigen::ArrayXd margin = (rows[0].features * fit.weights.col(0)).cwiseProduct(rows[0].labels);
  return static_cast<double>((margin > 0.0).count()) / static_cast<double>(rows.rows());
}

void house(const std::filesystem::path& folder) {
  const TaskSet all = data::read_csv(folder / "house-processed.csv.gz", {.label_columns = {"SalePrice"}}).tasks;
  std::map<std::string, std::vector<Eigen::Index>> split;
  for (const auto& fields : lines_of(folder / "split.csv")) split[fields.at(1)].push_back(std::stol(fields.at(0)));
  const Parts parts = {with_bias(rows_of(all, split["train"])), with_bias(rows_of(all, split["validation"])),
                       with_bias(rows_of(all, split["test"]))};
  attack::FeasibleSet feasible;
  feasible.radius = std::numeric_limits<double>::infinity();
  feasible.box.assign(all.feature_names.size(), {0.0, 1.0});
  std::map<std::string, std::vector<Eigen::Index>> groups;
  for (std::size_t k = 0; k < all.feature_names.size(); ++k)
    if (const auto colon = all.feature_names[k].find(':'); colon != std::string::npos)
      groups[all.feature_names[k].substr(0, colon)].push_back(static_cast<Eigen::Index>(k));
  for (const auto& [name, group] : groups) feasible.one_hot.push_back({group, true});
  feasible.require_valid(static_cast<Eigen::Index>(all.feature_names.size()));
  fmt::print("house: ridge |Xw - y|^2 + a |w|^2, {} train, {} validation, {} test rows, {} one-hot groups\n",
             parts.train.rows(), parts.validation.rows(), parts.test.rows(), feasible.one_hot.size());
  fmt::print("{:>4} {:>5} {:>10} {:>10} {:>10} {:>10} {:>8}\n", "a", "rows", "clean", "start", "test MSE", "trimmed",
             "seconds");
  for (const double alpha : {0.1, 1.0, 10.0})
    for (const Eigen::Index count : {13, 26, 41, 57, 75}) {
      const double l1 = 2.0 * alpha / static_cast<double>(parts.train.rows() + count);
      const Attacked attacked = attack_with(parts, mtrl::squared_loss(), feasible, count, l1, true, 123);
      fmt::print("{:4} {:5} {:10.6f} {:10.6f} {:10.5f} {:10.5f} {:8.3f}\n", alpha, count,
                 mean_squared_error(parts.test, attacked.clean), mean_squared_error(parts.test, attacked.start),
                 mean_squared_error(parts.test, attacked.fit), mean_squared_error(parts.test, attacked.trimmed),
                 attacked.seconds);
    }
}

void breast_cancer(const std::filesystem::path& folder) {
  const auto lines = lines_of(folder / "breast_cancer.csv");
  const auto features = static_cast<Eigen::Index>(lines.front().size()) - 1;
  TaskSet all;
  all.tasks.push_back({"all", Eigen::MatrixXd(static_cast<Eigen::Index>(lines.size()), features),
                       Eigen::VectorXd(static_cast<Eigen::Index>(lines.size()))});
  for (std::size_t j = 0; j < lines.size(); ++j) {
    const auto row = static_cast<Eigen::Index>(j);
    for (Eigen::Index k = 0; k < features; ++k)
      all[0].features(row, k) = std::stod(lines[j][static_cast<std::size_t>(k)]);
    all[0].labels[row] = lines[j].back() == "1" ? 1.0 : -1.0;
  }
  const Eigen::RowVectorXd low = all[0].features.colwise().minCoeff();
  const Eigen::RowVectorXd width = all[0].features.colwise().maxCoeff() - low;
  all[0].features = (all[0].features.rowwise() - low).array().rowwise() / width.array();
  attack::FeasibleSet feasible;
  feasible.radius = std::numeric_limits<double>::infinity();
  feasible.box.assign(static_cast<std::size_t>(features), {0.0, 1.0});
  std::map<std::string, std::vector<Eigen::Index>> orders;
  for (const auto& fields : lines_of(folder / "splits.csv")) orders[fields.at(0)].push_back(std::stol(fields.at(2)));
  constexpr Eigen::Index kInjected = 20;
  fmt::print("\nbreast_cancer: 100 train, 100 validation, 369 test rows, 20 injected; test accuracy\n");
  fmt::print("{:>14} {:>6} {:>5} {:>7} {:>7} {:>9} {:>8} {:>8}\n", "loss", "labels", "split", "clean", "start",
             "attacked", "trimmed", "seconds");
  for (const auto& [loss, l1] : {std::pair<const mtrl::Loss*, double>{&mtrl::squared_loss(), 2.0 / 120},
                                 {&mtrl::logistic_loss(), 1.0 / 120},
                                 {&mtrl::squared_hinge_loss(), 1.0 / 120}})
    for (const bool free_labels : {false, true}) {
      double mean = 0.0;
      double trimmed = 0.0;
      for (const std::string seed : {"7", "1", "2", "3"}) {
        const auto part = [&, &order = orders[seed]](std::ptrdiff_t from, std::ptrdiff_t to) {
          return with_bias(rows_of(all, {order.begin() + from, order.begin() + to}));
        };
        const Parts parts = {part(0, 100), part(100, 200), part(200, static_cast<std::ptrdiff_t>(orders[seed].size()))};
        const Attacked attacked = attack_with(parts, *loss, feasible, kInjected, l1, free_labels, 1);
        mean += accuracy(parts.test, attacked.fit) / 4.0;
        trimmed += accuracy(parts.test, attacked.trimmed) / 4.0;
        fmt::print("{:>14} {:>6} {:>5} {:7.3f} {:7.3f} {:9.3f} {:8.3f} {:8.3f}\n", loss->name(),
                   free_labels ? "free" : "flip", seed, accuracy(parts.test, attacked.clean),
                   accuracy(parts.test, attacked.start), accuracy(parts.test, attacked.fit),
                   accuracy(parts.test, attacked.trimmed), attacked.seconds);
      }
      fmt::print("{:>14} {:>6} {:>5} {:7} {:7} {:9.3f} {:8.3f}\n", loss->name(), free_labels ? "free" : "flip", "mean",
                 "", "", mean, trimmed);
    }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: head_to_head DATA_FOLDER (with house/ and breast_cancer/)\n");
    return EXIT_FAILURE;
  }
  try {
    const std::filesystem::path folder = argv[1];
    house(folder / "house");
    breast_cancer(folder / "breast_cancer");
  } catch (const std::exception& error) {
    fmt::print(stderr, "head_to_head: {}\n", error.what());
    return EXIT_FAILURE;
  }
}
