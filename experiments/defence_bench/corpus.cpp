#include "corpus.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include <fmt/format.h>

#include "crosstalk/data/dataset.hpp"
#include "crosstalk/rng.hpp"
#include "crosstalk/split.hpp"

namespace bench {

using namespace crosstalk;

namespace {

constexpr Eigen::Index kFeatures = 6;

double student_t2(Rng& rng) {
  const double z = rng.normal();
  return z / std::sqrt(-std::log(1.0 - rng.uniform()));  // chi square of 2 degrees over 2 is exponential
}

double cauchy(Rng& rng) {
  return std::tan(3.14159265358979 * (rng.uniform() - 0.5));
}

// What one law draws, and how large it is.
struct Law {
  std::string name;
  std::size_t tasks = 20;
  Eigen::Index rows = 40;
  bool is_classification = false;
  bool is_heavy_tailed = false;
};

const std::vector<Law>& laws() {
  static const std::vector<Law> all = {{"gauss-6", 40, 6},
                                       {"gauss-10", 40, 10},
                                       {"gauss-15", 40, 15},
                                       {"gauss-20", 40, 20},
                                       {"gauss-40", 20, 40},
                                       {"student-t2", 20, 40, false, true},
                                       {"cauchy", 20, 40, false, true},
                                       {"log-normal"},
                                       {"mixture"},
                                       {"zero-inflated"},
                                       {"heteroscedastic"},
                                       {"nonlinear", 10, 80},
                                       {"curved", 10, 200},
                                       {"fan", 20, 60},
                                       {"duplicated-rows"},
                                       {"whole-numbers"},
                                       {"time-series"},
                                       {"binary-words", 12, 80, true},
                                       {"one-task", 1, 200},
                                       {"gauss-8", 30, 8},
                                       {"gauss-25", 16, 25},
                                       {"laplace", 16, 50},
                                       {"skewed", 16, 60},
                                       {"correlated", 20, 40},
                                       {"product", 10, 100},
                                       {"two-groups", 20, 30},
                                       {"ratings", 30, 25},
                                       {"half-noise", 20, 40},
                                       {"classes", 15, 60, true},
                                       {"odd-tasks", 16, 40},
                                       {"unlike", 16, 40},
                                       {"levels", 20, 25},
                                       {"gauss-12", 30, 12},
                                       {"uniform", 20, 30},
                                       {"low-rank", 24, 20},
                                       {"few-odd", 30, 30},
                                       {"unrelated", 12, 50},
                                       {"task-noise", 20, 40},
                                       {"task-places", 20, 40},
                                       {"counts", 16, 40},
                                       {"small-classes", 25, 36, true}};
  return all;
}

const Law& law_named(const std::string& name) {
  for (const Law& law : laws())
    if (law.name == name) return law;
  throw std::invalid_argument(fmt::format("there is no law \"{}\"", name));
}

Eigen::RowVectorXd features_of(const Law& law, const Eigen::RowVectorXd& before, Rng& rng) {
  Eigen::RowVectorXd x(law.name == "binary-words" ? 40 : kFeatures);
  for (double& value : x) value = rng.normal();
  const std::string& name = law.name;
  if (name == "student-t2")
    for (double& value : x) value = student_t2(rng);
  if (name == "cauchy")
    for (double& value : x) value = cauchy(rng);
  if (name == "log-normal") x = x.array().exp();
  if (name == "mixture") x.array() += 6.0 * static_cast<double>(rng.below(3));
  if (name == "zero-inflated")
    for (double& value : x) value = rng.uniform() < 0.7 ? 0.0 : std::exp(value);
  if (name == "whole-numbers") x = (2.0 * x.array()).round();
  if (name == "skewed") x = x.array().square();
  if (name == "correlated") x = 0.3 * x.array() + rng.normal();
  if (name == "ratings") x = (x.array() > 0.5).cast<double>();
  if (name == "uniform")
    for (double& value : x) value = 2.0 * rng.uniform() - 1.0;
  if (name == "time-series" && before.size() > 0) x = 0.95 * before + 0.31 * x;
  if (name == "binary-words")
    for (Eigen::Index k = 0; k < x.size(); ++k) x[k] = rng.uniform() < 0.5 / static_cast<double>(1 + k / 3) ? 1.0 : 0.0;
  return x;
}

double noise_of(const Law& law, const Eigen::RowVectorXd& x, double before, Rng& rng) {
  const std::string& name = law.name;
  if (name == "student-t2") return student_t2(rng);
  if (name == "cauchy") return cauchy(rng);
  if (name == "fan") return 0.3 * x.norm() * rng.normal();
  if (name == "heteroscedastic") return std::exp(x[0]) * rng.normal();
  if (name == "laplace") return std::log(1.0 - rng.uniform()) * (rng.uniform() < 0.5 ? -0.7 : 0.7);
  if (name == "skewed") return 1.5 * (-std::log(1.0 - rng.uniform()) - 1.0);
  if (name == "half-noise") return 3.0 * rng.normal();
  if (name == "time-series") return 0.9 * before + 0.44 * rng.normal();
  return rng.normal();
}

Task drawn_task(const Law& law, const std::string& name, const Eigen::VectorXd& w, Eigen::Index rows, Rng& rng) {
  Task task{name, Eigen::MatrixXd(rows, w.size()), Eigen::VectorXd(rows)};
  const double level = law.name == "levels" ? 4.0 * rng.normal() : 0.0;
  const double noise_scale = law.name == "task-noise" ? std::exp(rng.normal()) : 1.0;
  Eigen::RowVectorXd place = Eigen::RowVectorXd::Zero(w.size());
  if (law.name == "task-places")
    for (double& value : place) value = 2.0 * rng.normal();
  Eigen::RowVectorXd x;
  double noise = 0.0;
  for (Eigen::Index j = 0; j < rows; ++j) {
    if (law.name == "duplicated-rows" && j > 0 && rng.uniform() < 0.3) {
      const auto twin = static_cast<Eigen::Index>(rng.below(static_cast<std::size_t>(j)));
      task.features.row(j) = task.features.row(twin);
      task.labels[j] = task.labels[twin];
      continue;
    }
    x = features_of(law, x, rng) + place;
    noise = noise_scale * noise_of(law, x, noise, rng);
    task.features.row(j) = x;
    double label = x.dot(w) + noise + level;
    if (law.name == "nonlinear") label += 3.0 * std::sin(2.0 * x[0]) + x[1] * x[1];
    if (law.name == "product") label += x[0] * x[1];
    if (law.name == "ratings") label = std::clamp(std::round(3.0 + 0.7 * label), 1.0, 5.0);
    if (law.name == "curved") label = 10.0 * std::exp(0.15 * label);
    if (law.name == "whole-numbers") label = std::round(label);
    if (law.name == "counts") label = std::floor(std::exp(0.5 * label));
    if (law.is_classification) label = label + 0.4 * noise >= 0.0 ? 1.0 : -1.0;
    task.labels[j] = label;
  }
  return task;
}

HonestSet drawn_set(const Law& law, std::uint64_t seed) {
  constexpr Eigen::Index kTestRows = 20;
  Rng rng = Rng::stream(seed, law.name);
  const Eigen::Index d = law.name == "binary-words" ? 40 : kFeatures;
  const auto drawn = [&] {
    Eigen::VectorXd w(d);
    for (double& value : w) value = rng.normal();
    return w;
  };
  const Eigen::VectorXd common = drawn();
  const Eigen::VectorXd second = law.name == "low-rank" ? drawn() : common;
  HonestSet set;
  for (std::size_t i = 0; i < law.tasks; ++i) {
    Eigen::VectorXd w = common;
    for (double& value : w) value += 0.5 * rng.normal();
    if (law.name == "two-groups" && i % 2 == 1) w = -w;
    const bool is_odd = (law.name == "odd-tasks" && i % 8 == 3) || (law.name == "few-odd" && i % 10 == 4);
    if (is_odd || law.name == "unlike" || law.name == "unrelated") w = drawn();
    if (law.name == "low-rank") w = rng.normal() * common + rng.normal() * second;
    Task all = drawn_task(law, fmt::format("t{}", i), w, law.rows + kTestRows, rng);
    Task& train = set.train.tasks.emplace_back(all);
    train.features = all.features.topRows(law.rows);
    train.labels = all.labels.head(law.rows);
    Task& test = set.test.tasks.emplace_back(all);
    test.features = all.features.bottomRows(kTestRows);
    test.labels = all.labels.tail(kTestRows);
  }
  set.loss = law.is_classification ? &mtrl::squared_hinge_loss() : &mtrl::squared_loss();
  set.preparation = {.scale = Scale::Standard, .labels = law.is_classification ? LabelScale::None : LabelScale::Pooled};
  set.is_heavy_tailed = law.is_heavy_tailed;
  return set;
}

// Tasks with this many rows at least, both classes where there are classes.
TaskSet large_tasks(TaskSet tasks, Eigen::Index fewest) {
  const bool signs = has_sign_labels(tasks);
  std::erase_if(tasks.tasks, [&](const Task& task) {
    return task.rows() < fewest ||
           (signs && ((task.labels.array() > 0.0).count() < 3 || (task.labels.array() < 0.0).count() < 3));
  });
  return tasks;
}

// Names "SET by COLUMN": another column of the file as the task.
HonestSet loaded_set(const std::string& words, std::uint64_t seed) {
  const std::size_t by = words.find(" by ");
  const std::string name = words.substr(0, by);
  const char* folder = std::getenv("CROSSTALK_DATA");
  if (folder == nullptr) throw std::runtime_error("CROSSTALK_DATA is not set; it must be the folder of the data sets");
  const char* r_sets = std::getenv("CROSSTALK_R_SETS");
  std::filesystem::path file = std::filesystem::path(folder) / "grouped" / (name + ".csv");
  if (r_sets != nullptr && !std::filesystem::exists(file)) file = std::filesystem::path(r_sets) / (name + ".csv");
  const bool is_file = std::filesystem::exists(file);
  data::LoadOptions options{.seed = seed};
  options.csv.task_column = by != std::string::npos ? words.substr(by + 4) : is_file ? "task" : "";
  if (name == "insteval") options.loss = "squared";
  data::Dataset data = data::load(is_file ? file.string() : name, options);
  HonestSet set;
  set.loss = &mtrl::loss_named(name == "insteval" ? "squared" : data.recipe.loss);
  set.preparation = {.scale = data.recipe.scale, .labels = data.recipe.labels};
  if (set.loss->is_classification()) set.preparation.labels = LabelScale::None;
  Split split{large_tasks(std::move(data.train), name == "movielens" ? 100 : 5), {}};
  if (name == "movielens") split.train.tasks.resize(100);
  if (data.test)
    split.test = std::move(*data.test);
  else
    split = split_rows(split.train, 0.3, seed);
  if (data.recipe.pca > 0) {
    constexpr Eigen::Index kComponents = 30;
    const Preparation components =
        Preparation::fit(split.train, {.scale = Scale::None, .pca = kComponents, .bias = false});
    split = {components.apply(split.train), components.apply(split.test)};
  }
  std::erase_if(split.test.tasks, [](const Task& task) { return task.rows() == 0; });
  if (split.test.size() != split.train.size()) throw std::runtime_error(name + ": a task has no test rows");
  set.train = std::move(split.train);
  set.test = std::move(split.test);
  return set;
}

}  // namespace

Half half_named(const std::string& name) {
  if (name == "development") return Half::Development;
  if (name == "reported") return Half::Reported;
  if (name == "blind") return Half::Blind;
  if (name == "fresh") return Half::Fresh;
  throw std::invalid_argument(fmt::format("\"{}\" is no half; there are development, reported, blind, fresh", name));
}

const std::vector<std::string>& sets_of(Half half) {
  static const std::vector<std::string> development = {"gauss-6",
                                                       "gauss-15",
                                                       "student-t2",
                                                       "log-normal",
                                                       "zero-inflated",
                                                       "nonlinear",
                                                       "curved",
                                                       "fan",
                                                       "whole-numbers",
                                                       "one-task",
                                                       "guns",
                                                       "parkinsons",
                                                       "sarcos",
                                                       "landmine",
                                                       "school",
                                                       "mnist",
                                                       "gauss-10",
                                                       "gauss-20",
                                                       "gauss-40",
                                                       "cauchy",
                                                       "mixture",
                                                       "heteroscedastic",
                                                       "duplicated-rows",
                                                       "time-series",
                                                       "binary-words",
                                                       "diamonds",
                                                       "boston",
                                                       "radon",
                                                       "wages",
                                                       "produc",
                                                       "hsb82",
                                                       "insteval",
                                                       "bike",
                                                       "contraception",
                                                       "student",
                                                       "movielens",
                                                       "odd-tasks",
                                                       "unlike",
                                                       "levels"};
  static const std::vector<std::string> reported = {
      "gauss-8", "gauss-25",   "laplace", "skewed",       "correlated",        "product",         "two-groups",
      "ratings", "half-noise", "classes", "guns by year", "diamonds by color", "bike by weekday", "boston by c8"};
  static const std::vector<std::string> blind = {
      "gauss-12", "uniform",       "low-rank", "few-odd",   "unrelated", "task-noise", "task-places",
      "counts",   "small-classes", "exam",     "egsingle",  "scotssec",  "bdf",        "milk",
      "spruce",   "cigar",         "gasoline", "ricefarms", "males",     "fatalities", "schools-by-county",
      "sumhes",   "remifentanil",  "arrests",  "immunised", "verbagg"};
  static const std::vector<std::string> fresh = {"chicks", "oxboys",  "math",       "ovary",     "soybean", "theoph",
                                                 "igf",    "wheat",   "earthquake", "quinidine", "sleep",   "grunfeld",
                                                 "labour", "hedonic", "crime",      "chem",      "gcse"};
  switch (half) {
    case Half::Development: return development;
    case Half::Reported: return reported;
    case Half::Blind: return blind;
    case Half::Fresh: return fresh;
  }
  throw std::logic_error("half");
}

const std::vector<std::string>& attackers_of(Half half) {
  static const std::vector<std::string> development = {"none",
                                                       "patom",
                                                       "exact",
                                                       "copies",
                                                       "hull",
                                                       "far",
                                                       "flips",
                                                       "fictitious-opposed",
                                                       "stealth",
                                                       "moved-copies",
                                                       "between-tasks",
                                                       "drift",
                                                       "rare-feature",
                                                       "relation",
                                                       "fictitious-random",
                                                       "fictitious-patom",
                                                       "adaptive",
                                                       "slander",
                                                       "fictitious-slander"};
  static const std::vector<std::string> reported = {"none",
                                                    "patom",
                                                    "exact",
                                                    "single-task",
                                                    "influence-flips",
                                                    "mimic",
                                                    "repeated-far",
                                                    "fictitious-copies",
                                                    "fictitious-one-label",
                                                    "fictitious-noise",
                                                    "fictitious-exact",
                                                    "adaptive",
                                                    "slander",
                                                    "fictitious-slander"};
  return half == Half::Development ? development : reported;
}

HonestSet honest_set(const std::string& name, std::uint64_t seed) {
  return is_law(name) ? drawn_set(law_named(name), seed) : loaded_set(name, seed);
}

bool is_law(const std::string& name) {
  return std::ranges::any_of(laws(), [&](const Law& law) { return law.name == name; });
}

}  // namespace bench
