#include "crosstalk/defence/group_certificate.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <Eigen/Cholesky>

#include "crosstalk/error.hpp"
#include "crosstalk/mtrl/coupling.hpp"
#include "crosstalk/parallel.hpp"
#include "crosstalk/rng.hpp"
#include "crosstalk/split.hpp"

namespace crosstalk::defence {

namespace {

constexpr double kUnbounded = std::numeric_limits<double>::infinity();
constexpr Eigen::Index kMostClipFeatures = 200;  // a clip keeps a square matrix for every target

// y -> (y - mean) / unit
struct LabelUnits {
  double mean = 0.0;
  double unit = 1.0;

  [[nodiscard]] bool is_finite() const { return std::isfinite(mean) && std::isfinite(unit); }
};

LabelUnits label_units(const std::vector<const Task*>& tasks) {
  double count = 0.0;
  double sum = 0.0;
  for (const Task* const task : tasks) {
    count += static_cast<double>(task->rows());
    sum += task->labels.sum();
  }
  const double mean = sum / count;
  double squares = 0.0;
  for (const Task* const task : tasks) squares += (task->labels.array() - mean).square().sum();
  const double deviation = std::sqrt(squares / count);
  return {mean, deviation > 0.0 ? deviation : 1.0};
}

// argmin over w of  1/n sum_j loss(w'z_j, y_j) + w'Pw / 2  by Newton's method; none when it leaves the doubles.
std::optional<Eigen::VectorXd> learn_with_penalty(const Eigen::MatrixXd& Z, const Eigen::VectorXd& y,
                                                  const mtrl::Loss& loss, const Eigen::MatrixXd& P) {
  constexpr int most_steps = 100;
  constexpr int most_halvings = 40;
  const auto n = static_cast<double>(y.size());
  Eigen::VectorXd first(y.size());
  Eigen::VectorXd second(y.size());
  const auto value_at = [&](const Eigen::VectorXd& w) {
    const Eigen::VectorXd scores = Z * w;
    double sum = 0.0;
    for (Eigen::Index j = 0; j < y.size(); ++j) {
      const auto jet = loss.at(scores[j], y[j]);
      sum += jet.value;
      first[j] = jet.first / n;
      second[j] = jet.second / n;
    }
    return sum / n + 0.5 * w.dot(P * w);
  };
  Eigen::VectorXd w = Eigen::VectorXd::Zero(Z.cols());
  double value = value_at(w);
  for (int step = 0; step < most_steps && std::isfinite(value); ++step) {
    const Eigen::VectorXd gradient = Z.transpose() * first + P * w;
    const Eigen::LLT<Eigen::MatrixXd> hessian(Z.transpose() * second.asDiagonal() * Z + P);
    if (hessian.info() != Eigen::Success) return {};
    const Eigen::VectorXd direction = -hessian.solve(gradient);
    const double decrease = -gradient.dot(direction);  // twice what the quadratic model promises
    if (!direction.allFinite() || !(decrease > 1e-22 * value)) break;
    double length = 1.0;
    double next = value_at(w + direction);
    for (int half = 0; half < most_halvings && !(next <= value - 0.1 * length * decrease); ++half)
      next = value_at(w + (length *= 0.5) * direction);
    if (!(next < value)) break;
    w += length * direction;
    value = next;
  }
  if (!std::isfinite(value) || !w.allFinite()) return {};
  return w;
}

// l1 I + l2 tau T^-1 with T = (W W' + e^2 I)^(1/2) on the side of the features.
Eigen::MatrixXd shared_penalty(const Eigen::MatrixXd& W, const mtrl::Options& learner) {
  const mtrl::Coupling coupling(W, learner.smoothing);
  const Eigen::Index d = W.rows();
  Eigen::MatrixXd inverse;
  if (coupling.task_side()) {
    // T^-1 = I/e - B diag(1 / (t e (t + e))) B',  B = W U: the rest of 1/t - 1/e once s^2 = t^2 - e^2 cancels.
    const double e = learner.smoothing;
    const Eigen::MatrixXd B = W * coupling.basis();
    const Eigen::VectorXd t = coupling.spectrum();
    inverse = -B * (t.array() * e * (t.array() + e)).inverse().matrix().asDiagonal() * B.transpose();
    inverse.diagonal().array() += 1.0 / e;
  } else {
    inverse = coupling.inverse_root();
  }
  return learner.lambda1 * Eigen::MatrixXd::Identity(d, d) + learner.lambda2 * coupling.tau() * inverse;
}

struct GroupFit {
  FeatureUnits units;
  LabelUnits labels;
  Eigen::MatrixXd penalty;  // width square; empty: this group says nothing
};

GroupFit learn_group(const std::vector<const Task*>& members, const mtrl::Loss& loss, const GroupOptions& options) {
  GroupFit group;
  if (members.empty()) return group;
  TaskSet rows;
  for (const Task* const task : members) rows.tasks.push_back(*task);
  group.units = FeatureUnits::fit(rows, options.preparation);
  if (options.preparation.labels != LabelScale::None) group.labels = label_units(members);
  for (Task& task : rows) {
    task.features = group.units.apply(task.features);
    const LabelUnits own = options.preparation.labels == LabelScale::Task ? label_units({&task}) : group.labels;
    if (!own.is_finite()) return group;
    task.labels = (task.labels.array() - own.mean) / own.unit;
    if (!task.features.allFinite() || !task.labels.allFinite()) return group;
  }
  try {
    const mtrl::Fit fit = mtrl::solve(rows, loss, options.learner);
    if (!fit.weights.allFinite()) return group;
    Eigen::MatrixXd penalty = shared_penalty(fit.weights, options.learner);
    if (penalty.allFinite()) group.penalty = std::move(penalty);
  } catch (const std::runtime_error&) {  // rows beyond what the solver's arithmetic holds: the group says nothing
  }
  return group;
}

// The weights in the label's units of the file, the constant last; empty when there are none within the doubles.
Eigen::VectorXd in_file_units(const std::optional<Eigen::VectorXd>& learned, const LabelUnits& labels) {
  if (!learned) return {};
  Eigen::VectorXd weights = *learned * labels.unit;
  weights[weights.size() - 1] += labels.mean;
  if (!weights.allFinite()) return {};
  return weights;
}

void clip(VotingModel::Target& target, const Eigen::MatrixXd& Z, const Eigen::VectorXd& y, const LabelUnits& labels,
          double lambda) {
  const Eigen::Index d = Z.cols();
  if (d > kMostClipFeatures) return;
  const double weight = 2.0 / static_cast<double>(y.size());
  const Eigen::VectorXd c = weight * (Z.transpose() * y);
  const Eigen::LLT<Eigen::MatrixXd> A(weight * Z.transpose() * Z + lambda * Eigen::MatrixXd::Identity(d, d));
  const Eigen::VectorXd w0 = A.solve(c);
  const Eigen::MatrixXd reach =
      0.5 * labels.unit * std::sqrt(std::max(0.0, c.dot(w0))) * A.matrixL().solve(Eigen::MatrixXd::Identity(d, d));
  const Eigen::VectorXd middle = in_file_units(Eigen::VectorXd(0.5 * w0), labels);
  if (A.info() != Eigen::Success || middle.size() == 0 || !reach.allFinite()) return;
  target.clip_middle = middle;
  target.clip_reach = reach;
}

VotingModel::Target learn_target(const Task& task, const std::vector<GroupFit>& groups, const mtrl::Loss& loss,
                                 const GroupOptions& options) {
  VotingModel::Target target;
  target.name = task.name;
  target.own = FeatureUnits::fit(TaskSet{task}, options.preparation);
  const LabelScale scale = options.preparation.labels;
  LabelUnits own = scale == LabelScale::None ? LabelUnits{} : label_units({&task});
  if (!own.is_finite()) own = {};
  const double lambda = options.learner.lambda1 + options.learner.lambda2;
  const Eigen::MatrixXd Z = target.own.apply(task.features);
  const Eigen::VectorXd y = (task.labels.array() - own.mean) / own.unit;
  const auto alone = learn_with_penalty(Z, y, loss, lambda * Eigen::MatrixXd::Identity(Z.cols(), Z.cols()));
  target.alone = in_file_units(alone, own);
  if (target.alone.size() == 0) target.alone = Eigen::VectorXd::Zero(Z.cols());
  if (loss.is_squared()) clip(target, Z, y, own, lambda);
  target.under.resize(groups.size());
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const GroupFit& group = groups[g];
    if (group.penalty.size() == 0) continue;
    const LabelUnits& units = scale == LabelScale::Task ? own : group.labels;
    const Eigen::VectorXd labels = (task.labels.array() - units.mean) / units.unit;
    target.under[g] =
        in_file_units(learn_with_penalty(group.units.apply(task.features), labels, loss, group.penalty), units);
  }
  return target;
}

}  // namespace

std::size_t group_of(std::string_view task, std::size_t groups, std::uint64_t seed) {
  return Rng::stream(seed, fmt::format("group of {}", task)).below(groups);
}

const OptionTable<GroupOptions>& GroupOptions::table() {
  static const auto table = OptionTable<GroupOptions>("").add(
      &GroupOptions::groups,
      {.key = "groups",
       .meaning = "T: models a task, each with one of T groups of the other tasks. More groups: proven for more "
                  "malicious tasks, and each model learns from fewer",
       .range = Range{.low = 3, .odd = true}});
  return table;
}

void require_valid(const GroupOptions& options) {
  GroupOptions::table().require_valid(options);
  const mtrl::Options& learner = options.learner;
  require_range("", "lambda1", learner.lambda1, above(0));
  require_range("", "lambda2", learner.lambda2, at_least(0));
  require_range("", "smoothing", learner.smoothing, above(0));
  require_range("", "tolerance", learner.tolerance, above(0));
  require_range("", "pca", static_cast<double>(options.preparation.pca), at_least(0));
  if (!options.preparation.bias) throw std::invalid_argument("bias is false; it must be true");
}

FeatureUnits FeatureUnits::fit(const TaskSet& rows, PreparationOptions options) {
  FeatureUnits units;
  for (Eigen::Index k = 0; k < rows.features(); ++k) {
    const double first = rows[0].features(0, k);
    if (std::any_of(rows.begin(), rows.end(),
                    [&](const Task& task) { return (task.features.col(k).array() != first).any(); }))
      units.columns.push_back(k);
  }
  if (units.columns.empty()) return units;
  TaskSet varying;
  for (const Task& task : rows)
    varying.tasks.push_back({task.name, task.features(Eigen::all, units.columns), task.labels});
  if (!rows.feature_names.empty())
    for (const Eigen::Index k : units.columns)
      varying.feature_names.push_back(rows.feature_names[static_cast<std::size_t>(k)]);
  options.labels = LabelScale::None;
  options.pca = std::min(options.pca, static_cast<Eigen::Index>(units.columns.size()));
  try {
    units.preparation = Preparation::fit(varying, options);
  } catch (const DataError&) {  // columns that vary by less than rounding, or beyond the doubles
    units.columns.clear();
  }
  return units;
}

Eigen::Index FeatureUnits::width() const {
  if (!preparation) return 1;
  const Eigen::Index pca = preparation->options().pca;
  return (pca > 0 ? pca : static_cast<Eigen::Index>(columns.size())) + 1;
}

Eigen::MatrixXd FeatureUnits::apply(const Eigen::MatrixXd& features) const {
  if (!preparation) return Eigen::MatrixXd::Ones(features.rows(), 1);
  const TaskSet rows{Task{"", features(Eigen::all, columns), Eigen::VectorXd::Zero(features.rows())}};
  return preparation->apply(rows)[0].features;
}

Eigen::VectorXd Votes::prediction() const {
  return sorted.col((sorted.cols() - 1) / 2);
}

Eigen::VectorXd Votes::lower(std::size_t k) const {
  const Eigen::Index position = (sorted.cols() - 1) / 2 - static_cast<Eigen::Index>(k);
  return position >= 0 ? Eigen::VectorXd(sorted.col(position)) : low;
}

Eigen::VectorXd Votes::upper(std::size_t k) const {
  const Eigen::Index position = (sorted.cols() - 1) / 2 + static_cast<Eigen::Index>(k);
  return position < sorted.cols() ? Eigen::VectorXd(sorted.col(position)) : high;
}

std::size_t VotingModel::most_malicious() const {
  const bool is_clipped =
      std::all_of(targets.begin(), targets.end(), [](const Target& target) { return target.clip_middle.size() > 0; });
  return (groups.size() - 1) / 2 + (is_clipped ? 1 : 0);
}

Votes VotingModel::votes(std::size_t target, const Eigen::MatrixXd& features) const {
  const Target& one = targets[target];
  const Eigen::Index n = features.rows();
  const Eigen::MatrixXd own = one.own.apply(features);
  const Eigen::VectorXd alone = own * one.alone;
  Votes votes{Eigen::MatrixXd(n, static_cast<Eigen::Index>(groups.size())), Eigen::VectorXd::Constant(n, -kUnbounded),
              Eigen::VectorXd::Constant(n, kUnbounded)};
  if (one.clip_middle.size() > 0) {
    const Eigen::VectorXd middle = own * one.clip_middle;
    const Eigen::VectorXd half_width = (own * one.clip_reach.transpose()).rowwise().norm();
    votes.low = middle - half_width;
    votes.high = middle + half_width;
  }
  for (std::size_t g = 0; g < groups.size(); ++g) {
    auto column = votes.sorted.col(static_cast<Eigen::Index>(g));
    column = one.under[g].size() > 0 ? Eigen::VectorXd(groups[g].apply(features) * one.under[g]) : alone;
    for (Eigen::Index r = 0; r < n; ++r) {
      if (!std::isfinite(column[r])) column[r] = alone[r];
      column[r] = std::min(std::max(column[r], votes.low[r]), votes.high[r]);
    }
  }
  for (Eigen::Index r = 0; r < n; ++r) {
    Eigen::VectorXd row = votes.sorted.row(r);
    std::sort(row.begin(), row.end());
    votes.sorted.row(r) = row;
  }
  return votes;
}

VotingModel learn_votes(const TaskSet& tasks, const mtrl::Loss& loss, const GroupOptions& options,
                        const RunControl& control) {
  require_valid(options);
  require_valid(tasks, "certify");
  const Eigen::Index d = options.preparation.pca > 0 ? options.preparation.pca : tasks.features();
  if (d > kMostGroupFeatures)
    throw std::invalid_argument(fmt::format(
        "certify: {} features; there may be at most {}: keep fewer principal components", d, kMostGroupFeatures));
  std::vector<std::vector<const Task*>> members(options.groups);
  for (const Task& task : tasks) members[group_of(task.name, options.groups, options.seed)].push_back(&task);

  std::atomic<std::size_t> done = 0;
  const auto units = static_cast<double>(options.groups + tasks.size());
  const auto tell = [&] {
    const std::size_t now = ++done;
#pragma omp critical(certify_progress)
    if (control.progress) control.progress(static_cast<double>(now) / units, "learning groups and targets");
  };
  std::vector<GroupFit> groups(options.groups);
  parallel_for(groups.size(), options.threads, [&](std::size_t g) {
    groups[g] = learn_group(members[g], loss, options);
    tell();
  });
  VotingModel model;
  model.targets.resize(tasks.size());
  parallel_for(tasks.size(), options.threads, [&](std::size_t i) {
    model.targets[i] = learn_target(tasks[i], groups, loss, options);
    tell();
  });
  for (GroupFit& group : groups) model.groups.push_back(std::move(group.units));
  return model;
}

double largest_mean(const Eigen::VectorXd& sums, const Eigen::VectorXd& counts, std::size_t left_out) {
  std::vector<Eigen::Index> tasks;
  for (Eigen::Index i = 0; i < counts.size(); ++i)
    if (counts[i] > 0.0) tasks.push_back(i);
  if (tasks.size() <= left_out) return std::nan("");
  if (!sums.allFinite()) return kUnbounded;
  const auto mean_of = [&](std::size_t count) {
    double sum = 0.0;
    double rows = 0.0;
    for (std::size_t k = 0; k < count; ++k) {
      sum += sums[tasks[k]];
      rows += counts[tasks[k]];
    }
    return sum / rows;
  };
  const std::size_t kept = tasks.size() - left_out;
  double mean = mean_of(tasks.size());
  for (;;) {
    std::stable_sort(tasks.begin(), tasks.end(), [&](Eigen::Index a, Eigen::Index b) {
      return sums[a] - mean * counts[a] > sums[b] - mean * counts[b];
    });
    const double next = mean_of(kept);
    if (!(next > mean)) return next;
    mean = next;
  }
}

GroupCertificate certify_votes(const std::vector<Votes>& votes, const TaskSet& test, const mtrl::Loss& loss,
                               std::size_t most) {
  const auto m = static_cast<Eigen::Index>(votes.size());
  const auto count = static_cast<Eigen::Index>(most) + 1;
  GroupCertificate result{Eigen::VectorXd(m), Eigen::MatrixXd(m, count), Eigen::MatrixXd(m, count),
                          Eigen::VectorXd(count), Eigen::VectorXd(count)};
  Eigen::MatrixXd sums = Eigen::MatrixXd::Zero(m, count);
  Eigen::MatrixXd right = Eigen::MatrixXd::Zero(m, count);
  for (Eigen::Index i = 0; i < m; ++i) {
    const Eigen::VectorXd& labels = test[static_cast<std::size_t>(i)].labels;
    result.rows[i] = static_cast<double>(labels.size());
    for (std::size_t k = 0; k <= most; ++k) {
      const auto column = static_cast<Eigen::Index>(k);
      const Eigen::VectorXd low = votes[static_cast<std::size_t>(i)].lower(k);
      const Eigen::VectorXd high = votes[static_cast<std::size_t>(i)].upper(k);
      for (Eigen::Index r = 0; r < labels.size(); ++r) {
        const double y = labels[r];
        // A convex loss is largest at an end of the interval.
        sums(i, column) += std::max(loss.at(low[r], y).value, loss.at(high[r], y).value);
        right(i, column) += (y > 0.0 ? low[r] >= 0.0 : high[r] < 0.0) ? 1.0 : 0.0;
      }
    }
  }
  result.losses = sums.array().colwise() / result.rows.array();
  result.correct = right.array().colwise() / result.rows.array();
  for (Eigen::Index k = 0; k < count; ++k) {
    result.total_losses[k] = largest_mean(sums.col(k), result.rows, static_cast<std::size_t>(k));
    result.total_correct[k] = -largest_mean(-right.col(k), result.rows, static_cast<std::size_t>(k));
  }
  return result;
}

SingleTasks learn_alone(const TaskSet& train, const TaskSet& test, const mtrl::Loss& loss, const GroupOptions& options,
                        std::size_t folds, std::uint64_t seed) {
  const std::vector<double> lambdas = {1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.05, 0.1, 0.3, 1.0, 3.0, 10.0};
  // The predictions at `at` of the task learned alone with each lambda, one column each.
  const auto learn = [&](const Task& task, const Eigen::MatrixXd& at, const std::vector<double>& with) {
    const FeatureUnits units = FeatureUnits::fit(TaskSet{task}, options.preparation);
    const LabelUnits labels = options.preparation.labels == LabelScale::None ? LabelUnits{} : label_units({&task});
    const Eigen::VectorXd y = (task.labels.array() - labels.mean) / labels.unit;
    const Eigen::MatrixXd X = units.apply(task.features);
    const Eigen::MatrixXd at_units = units.apply(at);
    Eigen::MatrixXd predicted = Eigen::MatrixXd::Zero(at.rows(), static_cast<Eigen::Index>(with.size()));
    for (std::size_t l = 0; l < with.size(); ++l) {
      const Eigen::MatrixXd P = with[l] * Eigen::MatrixXd::Identity(units.width(), units.width());
      const Eigen::VectorXd weights = in_file_units(learn_with_penalty(X, y, loss, P), labels);
      if (weights.size() > 0) predicted.col(static_cast<Eigen::Index>(l)) = at_units * weights;
    }
    return predicted;
  };
  const auto fold_of = assign_folds(train, folds, seed);
  Eigen::MatrixXd held_out =
      Eigen::MatrixXd::Zero(static_cast<Eigen::Index>(lambdas.size()), static_cast<Eigen::Index>(train.size()));
  parallel_for(train.size(), options.threads, [&](std::size_t i) {
    for (std::size_t fold = 0; fold < folds; ++fold) {
      std::vector<Eigen::Index> kept;
      std::vector<Eigen::Index> left;
      for (std::size_t r = 0; r < fold_of[i].size(); ++r)
        (fold_of[i][r] == fold ? left : kept).push_back(static_cast<Eigen::Index>(r));
      if (kept.empty() || left.empty()) continue;
      const Task rest = select_rows(train[i], kept);
      const Task out = select_rows(train[i], left);
      const Eigen::MatrixXd predicted = learn(rest, out.features, lambdas);
      for (Eigen::Index l = 0; l < predicted.cols(); ++l)
        for (Eigen::Index r = 0; r < predicted.rows(); ++r)
          held_out(l, static_cast<Eigen::Index>(i)) += loss.at(predicted(r, l), out.labels[r]).value;
    }
  });
  Eigen::Index best = 0;
  held_out.rowwise().sum().minCoeff(&best);
  SingleTasks result{lambdas[static_cast<std::size_t>(best)], std::vector<Eigen::VectorXd>(train.size())};
  parallel_for(train.size(), options.threads,
               [&](std::size_t i) { result.predictions[i] = learn(train[i], test[i].features, {result.lambda}); });
  return result;
}

}  // namespace crosstalk::defence
