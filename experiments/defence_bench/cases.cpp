#include "cases.hpp"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <numeric>

#include <fmt/format.h>

#include "crosstalk/defence/defend.hpp"
#include "crosstalk/mtrl/cross_validation.hpp"
#include "crosstalk/mtrl/metrics.hpp"
#include "crosstalk/quantile.hpp"

namespace bench {

using namespace crosstalk;

namespace {

template <class Number>
void put(std::ostream& out, Number value) {
  out.write(reinterpret_cast<const char*>(&value), sizeof value);
}

template <class Number>
Number get(std::istream& in) {
  Number value{};
  in.read(reinterpret_cast<char*>(&value), sizeof value);
  return value;
}

void write(std::ostream& out, const Case& problem) {
  put(out, problem.rows.size());
  for (std::size_t i = 0; i < problem.rows.size(); ++i) {
    const Task& task = problem.rows[i];
    put(out, task.features.rows());
    put(out, task.features.cols());
    for (const double x : task.features.reshaped()) put(out, x);
    for (const double y : task.labels) put(out, y);
    for (const bool injected : problem.injected[i]) put(out, injected);
  }
  put(out, problem.targets.size());
  for (const std::size_t target : problem.targets) put(out, target);
}

void read(std::istream& in, Case& problem) {
  const auto tasks = get<std::size_t>(in);
  for (std::size_t i = 0; i < tasks; ++i) {
    const auto n = get<Eigen::Index>(in);
    const auto d = get<Eigen::Index>(in);
    Task task{i < problem.honest.train.size() ? problem.honest.train[i].name : fmt::format("fictitious {}", i),
              Eigen::MatrixXd(n, d), Eigen::VectorXd(n)};
    for (double& x : task.features.reshaped()) x = get<double>(in);
    for (double& y : task.labels) y = get<double>(in);
    problem.injected.emplace_back();
    for (Eigen::Index j = 0; j < n; ++j) problem.injected.back().push_back(get<bool>(in));
    problem.rows.tasks.push_back(std::move(task));
  }
  problem.targets.resize(get<std::size_t>(in));
  for (std::size_t& target : problem.targets) target = get<std::size_t>(in);
}

void attack_case(const CaseName& name, Case& problem) {
  const HonestSet& honest = problem.honest;
  const std::size_t m = honest.train.size();
  problem.targets.resize(m);
  std::iota(problem.targets.begin(), problem.targets.end(), std::size_t{0});
  if (name.attacker == "none") {
    problem.rows = honest.train;
    for (const Task& task : honest.train) problem.injected.emplace_back(static_cast<std::size_t>(task.rows()), false);
    return;
  }
  const Preparation preparation = Preparation::fit(honest.train, honest.preparation);
  const TaskSet prepared = preparation.apply(honest.train);
  const mtrl::EmpiricalRisk risk(prepared, *honest.loss);
  const mtrl::Options learner = chosen_learner(prepared, *honest.loss);
  const mtrl::Fit fit = mtrl::solve(risk, learner);
  attack::Threat threat;
  if (m == 1) {
    threat.targets = threat.attackers = {0};
  } else {
    const attack::Halves halves = attack::random_halves(m, name.seed);
    threat.attackers = halves.first;
    threat.targets = name.kind == "direct" ? halves.first : halves.second;
  }
  threat.budget = name.budget;
  const bool has_fictitious = name.attacker.starts_with("fictitious");
  if (!has_fictitious) problem.targets = threat.targets;
  Poisoned poisoned =
      attacked(name.attacker, {risk, fit, learner, preparation.largest_norm(prepared)}, threat, name.seed);
  // Fictitious tasks have no label scale of their own; scales of labels are pooled in all sets.
  TaskSet known = poisoned.rows;
  known.tasks.resize(m);
  problem.rows = preparation.undo(known);
  for (std::size_t i = m; i < poisoned.rows.size(); ++i) {
    TaskSet one = known;
    one[0] = poisoned.rows[i];
    problem.rows.tasks.push_back(preparation.undo(one)[0]);
    problem.rows.tasks.back().name = poisoned.rows[i].name;
  }
  for (std::size_t i = 0; i < m; ++i) {  // to the digit
    const Task& clean = honest.train[i];
    problem.rows[i].features.topRows(clean.rows()) = clean.features;
    for (Eigen::Index j = 0; j < clean.rows(); ++j)
      if (!poisoned.injected[i][static_cast<std::size_t>(j)]) problem.rows[i].labels[j] = clean.labels[j];
  }
  problem.injected = std::move(poisoned.injected);
}

}  // namespace

std::string CaseName::text() const {
  return fmt::format("{},{},{},{:g},{}", set, attacker, kind, budget, seed);
}

std::vector<CaseName> cases_of(Half half, std::uint64_t seed) {
  std::vector<CaseName> cases;
  for (const std::string& set : sets_of(half))
    for (const std::string& attacker : attackers_of(half)) {
      const bool is_fictitious = attacker.starts_with("fictitious");
      if (set == "one-task" || set == "boston")
        if (is_fictitious || attacker == "relation" || attacker == "between-tasks") continue;
      cases.push_back({set, attacker, "direct", attacker == "none" ? 0.0 : 0.2, seed});
      if (is_fictitious)
        for (const double budget : {0.1, 0.3}) cases.push_back({set, attacker, "direct", budget, seed});
      if (attacker != "patom" && attacker != "exact") continue;
      cases.push_back({set, attacker, "direct", 0.05, seed});
      cases.push_back({set, attacker, "direct", 0.3, seed});
      if (set != "one-task" && set != "boston") cases.push_back({set, attacker, "indirect", 0.2, seed});
    }
  return cases;
}

mtrl::Options chosen_learner(const TaskSet& prepared, const mtrl::Loss& loss) {
  const std::vector<double> grid = {1e-5, 1e-3, 1e-2, 1e-1};
  return mtrl::cross_validate(prepared, loss, {}, {.lambda1 = grid, .lambda2 = grid}).best;
}

Case case_of(const CaseName& name, const std::string& folder) {
  Case problem;
  problem.honest = honest_set(name.set, name.seed);
  const std::filesystem::path file = std::filesystem::path(folder) / (name.text() + ".bin");
  if (!folder.empty() && std::filesystem::exists(file)) {
    std::ifstream in(file, std::ios::binary);
    read(in, problem);
    problem.rows.feature_names = problem.honest.train.feature_names;
    return problem;
  }
  attack_case(name, problem);
  problem.rows.feature_names = problem.honest.train.feature_names;
  if (!folder.empty()) {
    std::ofstream out(file, std::ios::binary);
    write(out, problem);
  }
  return problem;
}

double learned_metric(const Case& problem, const defence::Rows& kept, std::vector<bool> left_out) {
  const TaskSet rows = defence::select(problem.rows, kept);
  const Preparation preparation = Preparation::fit(rows, problem.honest.preparation);
  const TaskSet prepared = preparation.apply(rows);
  const mtrl::Loss& loss = *problem.honest.loss;
  left_out.resize(prepared.size());
  TaskSet sharing;
  for (std::size_t i = 0; i < prepared.size(); ++i)
    if (!left_out[i]) sharing.tasks.push_back(prepared[i]);
  const mtrl::Options learner = chosen_learner(sharing, loss);
  Eigen::MatrixXd W = defence::fit_shared(prepared, left_out, loss, learner).weights;
  for (std::size_t i = 0; i < prepared.size(); ++i)
    if (left_out[i]) W.col(static_cast<Eigen::Index>(i)) = mtrl::solve({prepared[i]}, loss, learner).weights;
  return metric_of(problem, preparation, W);
}

double metric_of(const Case& problem, const Preparation& preparation, const Eigen::MatrixXd& W) {
  const HonestSet& honest = problem.honest;
  const TaskSet test = preparation.apply(honest.test);
  std::vector<Eigen::VectorXd> predicted;
  for (std::size_t i = 0; i < test.size(); ++i) {
    predicted.emplace_back(test[i].features * W.col(static_cast<Eigen::Index>(i)));
    if (!honest.loss->is_classification())
      for (double& value : predicted.back()) value = preparation.label_in_file_units(i, value);
  }
  double sum = 0.0;
  double count = 0.0;
  if (honest.loss->is_classification()) {
    for (const std::size_t i : problem.targets) {
      const double auc = mtrl::auc(predicted[i], honest.test[i].labels);
      if (std::isnan(auc)) continue;
      sum += 1.0 - auc;
      count += 1.0;
    }
    return sum / count;
  }
  std::vector<double> labels;
  for (const std::size_t i : problem.targets)
    labels.insert(labels.end(), honest.test[i].labels.begin(), honest.test[i].labels.end());
  const auto all = Eigen::VectorXd::Map(labels.data(), static_cast<Eigen::Index>(labels.size()));
  const double centre = honest.is_heavy_tailed ? median(all) : all.mean();
  const auto error = [&](const Eigen::ArrayXd& r) { return honest.is_heavy_tailed ? r.abs().sum() : r.square().sum(); };
  for (const std::size_t i : problem.targets) sum += error((predicted[i] - honest.test[i].labels).array());
  return sum / error((all.array() - centre));
}

}  // namespace bench
