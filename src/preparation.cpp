#include "crosstalk/preparation.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "crosstalk/error.hpp"
#include "crosstalk/principal_axes.hpp"

namespace crosstalk {

namespace {

struct Moments {
  double mean;
  double deviation;  // 0 for values that are all equal up to rounding; infinite beyond the range of a double
};

// Of the values of all parts together, in two passes [Chan, Golub, LeVeque 1983, "corrected two-pass"].
Moments moments_of(const std::vector<Eigen::Ref<const Eigen::VectorXd>>& parts) {
  double largest = 0.0;
  double count = 0.0;
  for (const auto& part : parts) {
    largest = std::max(largest, part.cwiseAbs().maxCoeff());
    count += static_cast<double>(part.size());
  }
  if (largest == 0.0) return {0.0, 0.0};
  // In units of a power of two near the largest value no square can overflow. From the first value on, equal values
  // differ by exactly 0.
  const double unit = std::ldexp(1.0, std::ilogb(largest));
  const double first = parts.front()[0] / unit;
  double shift = 0.0;
  for (const auto& part : parts) shift += (part.array() / unit - first).sum();
  const double mean = first + shift / count;
  double sum = 0.0;
  double squares = 0.0;
  for (const auto& part : parts) {
    sum += (part.array() / unit - mean).sum();
    squares += (part.array() / unit - mean).square().sum();
  }
  const double deviation = std::sqrt(std::max(0.0, squares - sum * sum / count) / count);
  // Some hundred roundings of the largest value: what computing left in a constant, far below what a shift by 10^6
  // deviations leaves of a column.
  constexpr double kConstant = 1e-13;
  if (deviation <= kConstant) return {first * unit, 0.0};
  return {mean * unit, deviation * unit};
}

// Whether a column is one that a reader of words made, `name=value`: 1 where the word stands, else 0.
bool is_indicator(const TaskSet& tasks, Eigen::Index feature) {
  const auto k = static_cast<std::size_t>(feature);
  return k < tasks.feature_names.size() && tasks.feature_names[k].find('=') != std::string::npos &&
         std::all_of(tasks.begin(), tasks.end(), [&](const Task& task) {
           const auto x = task.features.col(feature).array();
           return (x == 0.0 || x == 1.0).all();
         });
}

}  // namespace

std::string_view to_string(Scale scale) {
  return kScales.name_of(scale);
}

Scale scale_named(const std::string& name) {
  return kScales.named(name);
}

std::string_view to_string(LabelScale scale) {
  return kLabelScales.name_of(scale);
}

LabelScale label_scale_named(const std::string& name) {
  if (name == "true") return LabelScale::Task;
  if (name == "false") return LabelScale::None;
  return kLabelScales.named(name);
}

Preparation Preparation::fit(const TaskSet& training, const PreparationOptions& options) {
  require_valid(training, "prepare");
  const Eigen::Index d = training.features();
  if (options.pca < 0 || options.pca > d)
    throw std::invalid_argument(
        fmt::format("prepare: pca is {}; it must be between 0 and the {} features", options.pca, d));
  Preparation result;
  result.options_ = options;
  result.raw_names_ = training.feature_names;
  if (options.scale == Scale::Standard) {
    result.mean_.resize(d);
    result.deviation_.resize(d);
    bool varies = false;
    for (Eigen::Index k = 0; k < d; ++k) {
      std::vector<Eigen::Ref<const Eigen::VectorXd>> columns;
      for (const Task& task : training) columns.emplace_back(task.features.col(k));
      const auto [mean, deviation] = moments_of(columns);
      varies = varies || deviation > 0.0;
      result.mean_[k] = mean;
      // 0 and 1 of a word stay one apart: divided by their deviation, rare words would get the largest weights.
      const bool as_is = deviation == 0.0 ? mean == 0.0 : is_indicator(training, k);
      result.deviation_[k] = as_is ? 1.0 : deviation > 0.0 ? deviation : std::abs(mean);
    }
    if (!varies)
      throw DataError("prepare: every feature has one value in all training rows; there is nothing to learn from");
  }
  if (options.pca > 0) {
    if (options.scale == Scale::Standard) {
      TaskSet standard;
      for (const Task& task : training)
        standard.tasks.push_back({task.name, result.before_division(task.features), task.labels});
      result.components_ = principal_axes(standard, options.pca).axes;
    } else {
      PrincipalAxes principal = principal_axes(training, options.pca);
      result.mean_ = std::move(principal.mean);
      result.components_ = std::move(principal.axes);
    }
  }
  if (options.scale != Scale::None) {
    double largest = 0.0;
    double squares = 0.0;
    for (const Task& task : training) {
      const Eigen::VectorXd norms = result.before_division(task.features).rowwise().norm();
      largest = std::max(largest, norms.maxCoeff());
      squares += norms.squaredNorm();
    }
    if (!std::isfinite(largest))
      throw DataError("prepare: the norm of a training row is too large for a double; scale the features in the file");
    if (largest == 0.0) throw DataError("prepare: all features of all training rows are 0; nothing to scale");
    result.divisor_ =
        options.scale == Scale::UnitBall ? largest : std::sqrt(squares / static_cast<double>(training.rows()));
  }
  if (options.labels != LabelScale::None) {
    const auto m = static_cast<Eigen::Index>(training.size());
    result.label_mean_.resize(m);
    result.label_deviation_.resize(m);
    const auto scale = [&](std::size_t first, std::size_t last, const std::string& whose) {
      std::vector<Eigen::Ref<const Eigen::VectorXd>> labels;
      for (std::size_t i = first; i < last; ++i) labels.emplace_back(training[i].labels);
      const auto [mean, deviation] = moments_of(labels);
      if (deviation == 0.0)
        throw DataError(fmt::format("prepare: all labels{} are {}; they cannot be standardised", whose, mean));
      if (!std::isfinite(1.0 / deviation) || !std::isfinite(deviation))
        throw DataError(
            fmt::format("prepare: the labels{} have the deviation {}; scale them in the file", whose, deviation));
      const auto n = static_cast<Eigen::Index>(last - first);
      result.label_mean_.segment(static_cast<Eigen::Index>(first), n).setConstant(mean);
      result.label_deviation_.segment(static_cast<Eigen::Index>(first), n).setConstant(deviation);
    };
    if (options.labels == LabelScale::Pooled)
      scale(0, training.size(), "");
    else
      for (std::size_t i = 0; i < training.size(); ++i)
        scale(i, i + 1, fmt::format(" of task \"{}\"", training[i].name));
  }
  return result;
}

Eigen::MatrixXd Preparation::before_division(const Eigen::MatrixXd& raw) const {
  Eigen::MatrixXd X = mean_.size() > 0 ? Eigen::MatrixXd(raw.rowwise() - mean_) : raw;
  if (deviation_.size() > 0) X.array().rowwise() /= deviation_.array();
  if (components_.size() > 0) return X * components_;
  return X;
}

TaskSet Preparation::apply(const TaskSet& raw) const {
  TaskSet prepared;
  prepared.tasks.reserve(raw.size());
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const Task& from = raw[i];
    const Eigen::Index k = options_.pca > 0 ? options_.pca : from.features.cols();
    Task to{from.name, Eigen::MatrixXd(from.rows(), k + (options_.bias ? 1 : 0)), from.labels};
    to.features.leftCols(k) = before_division(from.features) / divisor_;
    if (options_.bias) to.features.col(k).setOnes();
    if (options_.labels != LabelScale::None) {
      const auto t = static_cast<Eigen::Index>(i);
      to.labels = (from.labels.array() - label_mean_[t]) / label_deviation_[t];
    }
    prepared.tasks.push_back(std::move(to));
  }
  if (options_.pca > 0)
    for (Eigen::Index k = 0; k < options_.pca; ++k)
      prepared.feature_names.push_back(fmt::format("component {}", k + 1));
  else
    prepared.feature_names = raw.feature_names;
  if (options_.bias && !prepared.feature_names.empty()) prepared.feature_names.emplace_back("(bias)");
  return prepared;
}

TaskSet Preparation::undo(const TaskSet& prepared) const {
  TaskSet raw;
  raw.feature_names = raw_names_;
  for (std::size_t i = 0; i < prepared.size(); ++i) {
    const Task& from = prepared[i];
    Eigen::MatrixXd features = from.features.leftCols(from.features.cols() - (options_.bias ? 1 : 0)) * divisor_;
    if (components_.size() > 0) features = features * components_.transpose();
    if (deviation_.size() > 0) features.array().rowwise() *= deviation_.array();
    if (mean_.size() > 0) features.rowwise() += mean_;
    Task to{from.name, std::move(features), from.labels};
    for (double& label : to.labels) label = label_in_file_units(i, label);
    raw.tasks.push_back(std::move(to));
  }
  return raw;
}

Preparation Preparation::with_tasks_like(const std::vector<std::size_t>& like) const {
  Preparation result = *this;
  const Eigen::Index m = label_mean_.size();
  if (m == 0) return result;
  const auto added = static_cast<Eigen::Index>(like.size());
  result.label_mean_.conservativeResize(m + added);
  result.label_deviation_.conservativeResize(m + added);
  for (Eigen::Index k = 0; k < added; ++k) {
    const auto from = static_cast<Eigen::Index>(like[static_cast<std::size_t>(k)]);
    result.label_mean_[m + k] = label_mean_[from];
    result.label_deviation_[m + k] = label_deviation_[from];
  }
  return result;
}

double Preparation::label_in_file_units(std::size_t task, double label) const {
  if (options_.labels == LabelScale::None) return label;
  const auto t = static_cast<Eigen::Index>(task);
  return label * label_deviation_[t] + label_mean_[t];
}

double Preparation::unit_step(Eigen::Index feature) const {
  return (deviation_.size() > 0 ? 1.0 / deviation_[feature] : 1.0) / divisor_;
}

double Preparation::largest_norm(const TaskSet& prepared) const {
  double largest = 0.0;
  for (const Task& task : prepared)
    largest = std::max(
        largest, task.features.leftCols(task.features.cols() - (options_.bias ? 1 : 0)).rowwise().norm().maxCoeff());
  return largest;
}

bool Preparation::fits(Eigen::Index raw_features) const {
  const auto has = [&](Eigen::Index size) { return size == 0 || size == raw_features; };
  return has(mean_.size()) && has(deviation_.size()) && has(components_.rows()) &&
         has(static_cast<Eigen::Index>(raw_names_.size()));
}

Eigen::Index Preparation::raw_features(Eigen::Index prepared_features) const {
  return options_.pca > 0 ? components_.rows() : prepared_features - (options_.bias ? 1 : 0);
}

}  // namespace crosstalk
