#include "crosstalk/attack/screen.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <stdexcept>

#include <fmt/format.h>

#include "crosstalk/names.hpp"
#include "crosstalk/quantile.hpp"
#include "crosstalk/split.hpp"

namespace crosstalk::attack {

const OptionTable<ScreenOptions>& ScreenOptions::table() {
  static const auto table = OptionTable<ScreenOptions>("screen").add(
      &ScreenOptions::quantile, {.key = "stealth-quantile",
                                 .meaning = "Share of a task's clean rows that passes each screen",
                                 .range = Range{.low = 0, .high = 1, .low_is_open = true},
                                 .field = "quantile"});
  return table;
}

void require_valid(const ScreenOptions& options) {
  ScreenOptions::table().require_valid(options);
  if (!options.distance && !options.residual) throw std::invalid_argument("screen: there is nothing to look at");
}

Screen::Screen(const TaskSet& clean, const Eigen::MatrixXd& weights, bool bias, const ScreenOptions& options)
    : options_(options), signs_(has_sign_labels(clean)), weights_(weights) {
  require_valid(options);
  const auto m = static_cast<Eigen::Index>(clean.size());
  const Eigen::Index d = weights.rows() - (bias ? 1 : 0);
  centres_.resize(d, m);
  distances_.resize(m);
  residuals_.resize(m);
  for (Eigen::Index i = 0; i < m; ++i) {
    const Task& task = clean[static_cast<std::size_t>(i)];
    const auto rows = task.features.leftCols(d);
    centres_.col(i) = rows.colwise().mean().transpose();
    distances_[i] = quantile((rows.rowwise() - centres_.col(i).transpose()).rowwise().norm(), options.quantile);
    const Eigen::VectorXd z = task.features * weights.col(i);
    residuals_[i] = quantile(signs_ ? Eigen::VectorXd(-task.labels.cwiseProduct(z)) : (task.labels - z).cwiseAbs(),
                             options.quantile);
  }
}

Screen::Limits Screen::limits(std::size_t task) const {
  constexpr double kNone = std::numeric_limits<double>::infinity();
  const auto i = static_cast<Eigen::Index>(task);
  return {centres_.col(i), options_.distance ? distances_[i] : kNone, weights_.col(i),
          options_.residual ? residuals_[i] : kNone};
}

bool Screen::passes(std::size_t task, const Eigen::VectorXd& x, double label, double tolerance) const {
  const auto i = static_cast<Eigen::Index>(task);
  if (options_.distance && (x.head(centres_.rows()) - centres_.col(i)).norm() > distances_[i] + tolerance) return false;
  const double z = weights_.col(i).dot(x);
  return !options_.residual || (signs_ ? -label * z : std::abs(label - z)) <= residuals_[i] + tolerance;
}

void Screen::project_distance(std::size_t task, Eigen::VectorXd& x) const {
  if (!options_.distance) return;
  const auto i = static_cast<Eigen::Index>(task);
  const Eigen::VectorXd away = x.head(centres_.rows()) - centres_.col(i);
  if (away.norm() > distances_[i]) x.head(centres_.rows()) = centres_.col(i) + away * (distances_[i] / away.norm());
}

void Screen::project_residual(std::size_t task, Eigen::VectorXd& x, Interval labels) const {
  if (!options_.residual) return;
  const auto i = static_cast<Eigen::Index>(task);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  // z = w'x may be in [low, high]; for a sign -y z <= residual is one of the two ends.
  Interval z = {labels.low - residuals_[i], labels.high + residuals_[i]};
  if (signs_) z = labels.low > 0.0 ? Interval{-residuals_[i], kInfinity} : Interval{-kInfinity, residuals_[i]};
  const auto w = weights_.col(i).head(centres_.rows());
  const double now = weights_.col(i).dot(x);
  const double wanted = std::clamp(now, z.low, z.high);
  if (const double square = w.squaredNorm(); wanted != now && square > 0.0)
    x.head(centres_.rows()) += w * ((wanted - now) / square);
}

double Screen::nearest_label(std::size_t task, const Eigen::VectorXd& x, double label) const {
  if (!options_.residual) return label;
  const auto i = static_cast<Eigen::Index>(task);
  const double z = weights_.col(i).dot(x);
  if (signs_) return -label * z <= residuals_[i] ? label : -label;
  return std::clamp(label, z - residuals_[i], z + residuals_[i]);
}

ScreenOptions screen_named(const std::string& words) {
  ScreenOptions options = {.distance = false, .residual = false};
  std::istringstream stream(words);
  for (std::string word; std::getline(stream, word, ',');) {
    if (word == "distance")
      options.distance = true;
    else if (word == "residual")
      options.residual = true;
    else
      refuse_name("screen", word, {"distance", "residual"});
  }
  if (!options.distance && !options.residual)
    throw std::invalid_argument(fmt::format("there is no screen in \"{}\"", words));
  return options;
}

}  // namespace crosstalk::attack
