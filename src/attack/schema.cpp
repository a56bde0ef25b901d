#include "crosstalk/attack/schema.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace crosstalk::attack {

namespace {

constexpr double kRounding = 1e-9;  // relative, of a value on the way to the learner's units and back

Interval observed_range(const TaskSet& raw, Eigen::Index feature) {
  Interval range = {raw[0].features(0, feature), raw[0].features(0, feature)};
  for (const Task& task : raw) {
    range.low = std::min(range.low, task.features.col(feature).minCoeff());
    range.high = std::max(range.high, task.features.col(feature).maxCoeff());
  }
  return range;
}

template <class Predicate>
bool all_values(const TaskSet& raw, Eigen::Index feature, const Predicate& holds) {
  return std::all_of(raw.begin(), raw.end(), [&](const Task& task) {
    const auto column = task.features.col(feature);
    return std::all_of(column.begin(), column.end(), holds);
  });
}

}  // namespace

std::string_view to_string(ColumnKind kind) {
  return kColumnKinds.name_of(kind);
}

ColumnKind column_kind_named(const std::string& name) {
  return kColumnKinds.named(name);
}

std::vector<std::string> feature_names(const TaskSet& tasks) {
  if (!tasks.feature_names.empty()) return tasks.feature_names;
  std::vector<std::string> names;
  for (Eigen::Index k = 0; k < tasks.features(); ++k) names.push_back(fmt::format("x{}", k + 1));
  return names;
}

Schema::Schema(const TaskSet& raw, const std::string& label, const std::vector<ColumnRule>& rules) : raw_(raw) {
  const std::vector<std::string> names = feature_names(raw);
  kinds_.assign(names.size(), ColumnKind::Continuous);
  for (std::size_t k = 0; k < names.size(); ++k) box_.push_back(observed_range(raw, static_cast<Eigen::Index>(k)));
  std::vector<bool> ruled(names.size(), false);
  std::map<std::string, std::vector<Eigen::Index>> groups;
  for (const ColumnRule& rule : rules) {
    const auto fail = [&](const std::string& what) {
      throw std::invalid_argument(fmt::format("column \"{}\" {}", rule.column, what));
    };
    if (rule.kind == ColumnKind::Label) {
      if (rule.column != label) fail(fmt::format("is not the label, which is \"{}\"", label));
      if (label_) fail("has two rules");
      if (rule.low && rule.high && !(*rule.low <= *rule.high))
        fail(fmt::format("has the empty interval [{}, {}]", *rule.low, *rule.high));
      label_ = rule;
      continue;
    }
    const auto found = std::find(names.begin(), names.end(), rule.column);
    if (found == names.end()) {
      const std::string near = nearest_name(rule.column, names);
      fail(near.empty() ? "is not in the data" : fmt::format("is not in the data; did you mean \"{}\"?", near));
    }
    const auto k = static_cast<std::size_t>(found - names.begin());
    if (ruled[k]) fail("has two rules");
    ruled[k] = true;
    kinds_[k] = rule.kind;
    Interval& interval = box_[k];
    if (rule.kind == ColumnKind::Binary || rule.kind == ColumnKind::OneHot) interval = {0.0, 1.0};
    interval = {rule.low.value_or(interval.low), rule.high.value_or(interval.high)};
    if (!(interval.low <= interval.high))
      fail(fmt::format("has the empty interval [{}, {}]", interval.low, interval.high));
    if (rule.kind == ColumnKind::Integer) {
      const Interval whole = {std::ceil(interval.low), std::floor(interval.high)};
      if (whole.low > whole.high)
        fail(fmt::format("is integer and [{}, {}] holds no whole number", interval.low, interval.high));
      interval = whole;
    }
    if ((rule.kind == ColumnKind::Binary || rule.kind == ColumnKind::OneHot) &&
        (interval.low != 0.0 || interval.high != 1.0))
      fail(fmt::format("is {} and has the interval [{}, {}]; it must be [0, 1]", to_string(rule.kind), interval.low,
                       interval.high));
    if ((rule.kind == ColumnKind::OneHot) == rule.group.empty())
      fail(rule.group.empty() ? "is one-hot and has no group"
                              : fmt::format("is {} and has a group; only one-hot columns have", to_string(rule.kind)));
    if (rule.kind == ColumnKind::OneHot) groups[rule.group].push_back(static_cast<Eigen::Index>(k));
  }
  for (auto& [name, members] : groups) {
    if (members.size() == 1)
      throw std::invalid_argument(fmt::format("column \"{}\" is alone in the one-hot group \"{}\"",
                                              names[static_cast<std::size_t>(members[0])], name));
    const bool has_empty_row = std::any_of(raw.begin(), raw.end(), [&columns = members](const Task& task) {
      return (task.features(Eigen::all, columns).rowwise().sum().array() == 0.0).any();
    });
    groups_.push_back({std::move(members), has_empty_row});
  }
}

FeasibleSet Schema::in_learner_units(const Preparation& preparation, double radius) const {
  if (preparation.options().pca > 0)
    throw std::invalid_argument("a schema needs the data's own columns; PCA mixes them (`pca=0` keeps them)");
  const auto d = static_cast<Eigen::Index>(box_.size());
  // The corners of the box, with the ends of every task's labels, go the way of all rows.
  TaskSet corners;
  for (const Task& task : raw_) {
    Task corner{task.name, Eigen::MatrixXd(2, d), Eigen::VectorXd(2)};
    for (Eigen::Index k = 0; k < d; ++k) {
      corner.features(0, k) = box_[static_cast<std::size_t>(k)].low;
      corner.features(1, k) = box_[static_cast<std::size_t>(k)].high;
    }
    corner.labels << task.labels.minCoeff(), task.labels.maxCoeff();
    if (label_) corner.labels << label_->low.value_or(corner.labels[0]), label_->high.value_or(corner.labels[1]);
    corners.tasks.push_back(std::move(corner));
  }
  const TaskSet prepared = preparation.apply(corners);
  FeasibleSet set;
  set.radius = radius;
  set.bias = preparation.options().bias;
  for (Eigen::Index k = 0; k < d; ++k) {
    const Interval interval = {prepared[0].features(0, k), prepared[0].features(1, k)};
    set.box.push_back(interval);
    const ColumnKind kind = kinds_[static_cast<std::size_t>(k)];
    if (kind == ColumnKind::Fixed) set.fixed.push_back(k);
    if (kind == ColumnKind::Binary || kind == ColumnKind::Integer) set.lattice.push_back({k, preparation.unit_step(k)});
  }
  set.one_hot = groups_;
  if (label_)
    for (const Task& task : prepared) set.labels.push_back({task.labels[0], task.labels[1]});
  set.require_valid(d);
  return set;
}

void Schema::settle(TaskSet& rows, const std::vector<std::size_t>& hosts) const {
  const std::vector<std::string> names = feature_names(raw_);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Eigen::MatrixXd& X = rows[i].features;
    for (Eigen::Index j = 0; j < X.rows(); ++j)
      for (std::size_t k = 0; k < box_.size(); ++k) {
        double& x = X(j, static_cast<Eigen::Index>(k));
        double settled = std::clamp(x, box_[k].low, box_[k].high);
        if (kinds_[k] == ColumnKind::Fixed) {
          const auto column =
              raw_[i < raw_.size() ? i : hosts.at(i - raw_.size())].features.col(static_cast<Eigen::Index>(k));
          Eigen::Index nearest = 0;
          (column.array() - x).abs().minCoeff(&nearest);
          settled = column[nearest];
        } else if (kinds_[k] != ColumnKind::Continuous) {
          settled = std::round(settled);
        }
        if (!(std::abs(settled - x) <= kRounding * std::max({1.0, std::abs(box_[k].low), std::abs(box_[k].high)})))
          throw std::logic_error(fmt::format("injected row {} of \"{}\" has {} in column \"{}\", which is {}", j + 1,
                                             rows[i].name, x, names[k], to_string(kinds_[k])));
        x = settled;
      }
  }
}

std::vector<ColumnRule> suggested_rules(const TaskSet& raw) {
  const std::vector<std::string> names = feature_names(raw);
  std::map<std::string, int> prefixes;
  const auto prefix_of = [](const std::string& name) { return name.substr(0, name.find('=')); };
  const auto zero_or_one = [](double x) { return x == 0.0 || x == 1.0; };
  for (const std::string& name : names)
    if (name.find('=') != std::string::npos) ++prefixes[prefix_of(name)];
  std::vector<ColumnRule> rules;
  for (std::size_t k = 0; k < names.size(); ++k) {
    const auto feature = static_cast<Eigen::Index>(k);
    const Interval range = observed_range(raw, feature);
    ColumnRule rule{names[k], ColumnKind::Continuous, range.low, range.high};
    if (all_values(raw, feature, zero_or_one)) {
      const bool in_group = names[k].find('=') != std::string::npos && prefixes[prefix_of(names[k])] > 1;
      rule = {names[k], in_group ? ColumnKind::OneHot : ColumnKind::Binary, 0.0, 1.0,
              in_group ? prefix_of(names[k]) : ""};
    } else if (all_values(raw, feature, [](double x) { return x == std::round(x); })) {
      rule.kind = ColumnKind::Integer;
    }
    rules.push_back(std::move(rule));
  }
  return rules;
}

}  // namespace crosstalk::attack
