#include "crosstalk/evaluate/audit_summary.hpp"

#include <algorithm>
#include <cmath>

#include "audit_json.hpp"
#include "undefined.hpp"

namespace crosstalk::evaluate {

namespace {

using nlohmann::json;

constexpr std::size_t kChangesPerScenario = 10;

/// Mean of the finite numbers that were added; NaN without any.
class Mean {
 public:
  void add(double value) {
    if (!std::isfinite(value)) return;
    sum_ += value;
    count_ += 1.0;
  }
  [[nodiscard]] double value() const { return count_ > 0.0 ? sum_ / count_ : kNaN; }

 private:
  double sum_ = 0.0;
  double count_ = 0.0;
};

double rise(double attacked, double clean) {
  return clean > 0.0 ? attacked / clean - 1.0 : kNaN;
}

template <typename Value>
void sort_and_thin(std::vector<Value>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

// NaN is less than every number.
bool less(double a, double b) {
  return std::isnan(a) ? !std::isnan(b) : a < b;
}

std::optional<Exposure> exposure(const AuditResult& result, attack::Kind kind, Method method, double budget) {
  double loss = 0.0;
  double clean_loss = 0.0;
  double refit_loss = 0.0;
  Mean clean_metric;
  Mean metric;
  Mean utility;
  bool ran = false;
  for (std::size_t s = 0; s < result.scenarios.size(); ++s) {
    const Scenario& scenario = result.scenarios[s];
    const Outcome* const outcome = scenario.kind == kind ? result.find(s, method, budget) : nullptr;
    if (outcome == nullptr) continue;
    ran = true;
    utility.add(rise(outcome->utility, result.clean_utility[static_cast<Eigen::Index>(s)]));
    for (const std::size_t task : scenario.targets) {
      const auto i = static_cast<Eigen::Index>(task);
      loss += outcome->loss[i];
      refit_loss += outcome->refit_loss.size() > 0 ? outcome->refit_loss[i] : kNaN;
      clean_loss += result.clean_loss[i];
      clean_metric.add(result.clean.values(i, 0));
      metric.add(outcome->metrics(i, 0));
    }
  }
  if (!ran) return std::nullopt;
  return Exposure{kind,
                  method,
                  budget,
                  rise(loss, clean_loss),
                  rise(refit_loss, clean_loss),
                  clean_metric.value(),
                  metric.value(),
                  utility.value()};
}

double mean_clean_loss_of_targets(const AuditResult& result) {
  std::vector<bool> is_target(result.task_names.size(), false);
  for (const Scenario& scenario : result.scenarios)
    for (const std::size_t i : scenario.targets) is_target[i] = true;
  Mean loss;
  for (std::size_t i = 0; i < is_target.size(); ++i)
    if (is_target[i]) loss.add(result.clean_loss[static_cast<Eigen::Index>(i)]);
  return loss.value();
}

std::vector<TaskExposure> task_exposures(const AuditResult& result, const AuditSummary& summary) {
  const double unit = mean_clean_loss_of_targets(result);
  std::vector<std::vector<bool>> is_target;
  for (const Scenario& scenario : result.scenarios)
    is_target.push_back(attack::members(scenario.targets, result.task_names.size()));
  std::vector<TaskExposure> tasks;
  for (std::size_t i = 0; i < result.task_names.size(); ++i) {
    const auto row = static_cast<Eigen::Index>(i);
    TaskExposure task;
    task.task = i;
    bool planned = false;
    for (const auto& one : attack::kKinds.values)
      for (const Method method : summary.methods)
        for (std::size_t s = 0; s < result.scenarios.size(); ++s) {
          const Outcome* const outcome = result.scenarios[s].kind == one.value && is_target[s][i]
                                             ? result.find(s, method, *summary.budget)
                                             : nullptr;
          if (outcome == nullptr) continue;
          const double added = outcome->loss[row] - result.clean_loss[row];
          task.attacks.push_back(
              {one.value, method, outcome->loss[row], unit > 0.0 ? added / unit : kNaN, outcome->metrics(row, 0)});
          if (method != summary.planned) continue;
          if (!planned || outcome->loss[row] > task.attacks[task.worst].loss) task.worst = task.attacks.size() - 1;
          planned = true;
        }
    if (planned) tasks.push_back(std::move(task));
  }
  std::stable_sort(tasks.begin(), tasks.end(), [](const TaskExposure& a, const TaskExposure& b) {
    return less(b.attacks[b.worst].added_loss, a.attacks[a.worst].added_loss);
  });
  return tasks;
}

std::vector<CorrelationChange> correlation_changes(const AuditResult& result, Method planned) {
  std::vector<CorrelationChange> all;
  const auto stronger = [](const CorrelationChange& a, const CorrelationChange& b) {
    return std::abs(a.attacked - a.clean) > std::abs(b.attacked - b.clean);
  };
  for (const Outcome& outcome : result.outcomes) {
    if (outcome.method != planned || outcome.correlation.size() == 0) continue;
    std::vector<CorrelationChange> changes;
    const Eigen::Index m = outcome.correlation.rows();
    for (Eigen::Index i = 0; i < m; ++i)
      for (Eigen::Index j = i + 1; j < m; ++j)
        changes.push_back({outcome.scenario, static_cast<std::size_t>(i), static_cast<std::size_t>(j),
                           result.clean_correlation(i, j), outcome.correlation(i, j)});
    std::stable_sort(changes.begin(), changes.end(), stronger);
    changes.resize(std::min(changes.size(), kChangesPerScenario));
    all.insert(all.end(), changes.begin(), changes.end());
  }
  std::stable_sort(all.begin(), all.end(), stronger);
  return all;
}

// Over the audit's own value and those of the repeats that ran.
std::optional<SplitRange> range(const AuditResult& result, double own, double Repeat::*value) {
  SplitRange range{own, own};
  for (const Repeat& repeat : result.repeats) {
    if (!repeat.ran || !std::isfinite(repeat.*value)) continue;
    range.low = std::min(range.low, repeat.*value);
    range.high = std::max(range.high, repeat.*value);
    ++range.splits;
  }
  if (range.splits == 1 || !std::isfinite(own)) return std::nullopt;
  return range;
}

json to_json(const std::optional<SplitRange>& range) {
  if (!range) return nullptr;
  return {{"low", range->low}, {"high", range->high}, {"splits", range->splits}};
}

std::size_t count_unconverged(const AuditResult& result) {
  std::size_t count = result.clean_fit.status == mtrl::Status::Converged ? 0 : 1;
  for (const Outcome& outcome : result.outcomes) count += outcome.converged ? 0 : 1;
  for (const Harm& harm : result.harms) count += harm.converged ? 0 : 1;
  return count;
}

}  // namespace

const TaskExposure::Under* TaskExposure::find(attack::Kind kind, Method method) const {
  const auto found = std::find_if(attacks.begin(), attacks.end(),
                                  [&](const Under& under) { return under.kind == kind && under.method == method; });
  return found == attacks.end() ? nullptr : &*found;
}

const Exposure* AuditSummary::find(attack::Kind kind, Method method, double at_budget) const {
  const auto found = std::find_if(exposures.begin(), exposures.end(), [&](const Exposure& exposure) {
    return exposure.kind == kind && exposure.method == method && exposure.budget == at_budget;
  });
  return found == exposures.end() ? nullptr : &*found;
}

AuditSummary summarise(const AuditResult& result) {
  AuditSummary summary;
  summary.metric = result.clean.names.front();
  for (const Outcome& outcome : result.outcomes) {
    summary.budgets.push_back(outcome.budget);
    summary.methods.push_back(outcome.method);
  }
  sort_and_thin(summary.budgets);
  sort_and_thin(summary.methods);
  if (!summary.methods.empty()) summary.planned = summary.methods.back();
  for (const auto& one : attack::kKinds.values) {
    const attack::Kind kind = one.value;
    const bool there = std::any_of(result.scenarios.begin(), result.scenarios.end(),
                                   [&](const Scenario& scenario) { return scenario.kind == kind; });
    if (!there) continue;
    summary.kinds.push_back(kind);
    for (const Method method : summary.methods)
      for (const double budget : summary.budgets)
        if (const auto found = exposure(result, kind, method, budget)) summary.exposures.push_back(*found);
  }
  for (const Exposure& exposure : summary.exposures)
    if (exposure.method == summary.planned && (!summary.budget || exposure.budget > *summary.budget))
      summary.budget = exposure.budget;
  for (const Exposure& exposure : summary.exposures)
    if (exposure.method == summary.planned && exposure.budget == summary.budget &&
        (!summary.worst || less(summary.worst->loss_rise, exposure.loss_rise)))
      summary.worst = exposure;
  if (summary.worst && summary.worst->kind == result.headline) {
    summary.loss_rise = range(result, summary.worst->loss_rise, &Repeat::loss_rise);
    summary.attacked_metric = range(result, summary.worst->metric, &Repeat::metric);
  }
  if (summary.budget) summary.tasks = task_exposures(result, summary);
  summary.correlation_changes = correlation_changes(result, summary.planned);

  for (const Scenario& scenario : result.scenarios)
    if (scenario.fictitious > 0) {
      summary.fictitious = scenario.fictitious;
      summary.rows_each = scenario.rows_each;
    }
  summary.planned_attacks = result.outcomes.size();
  for (const Outcome& outcome : result.outcomes) summary.finished_attacks += outcome.loss.size() > 0 ? 1 : 0;
  summary.planned_harms = result.harms.size();
  for (std::size_t h = 0; h < result.harms.size(); ++h) {
    if (result.harms[h].loss.size() == 0) continue;
    if (!summary.most_harmful) summary.most_harmful = h;
    ++summary.finished_harms;
  }
  summary.unconverged = count_unconverged(result);
  return summary;
}

json to_json(const AuditSummary& summary, const std::vector<std::string>& task_names) {
  const auto exposure_to_json = [](const Exposure& exposure) -> json {
    return {{"kind", attack::to_string(exposure.kind)},
            {"method", to_string(exposure.method)},
            {"budget", exposure.budget},
            {"loss_rise", json_number(exposure.loss_rise)},
            {"refit_rise", json_number(exposure.refit_rise)},
            {"clean_metric", json_number(exposure.clean_metric)},
            {"metric", json_number(exposure.metric)},
            {"utility_rise", json_number(exposure.utility_rise)}};
  };
  json exposures = json::array();
  for (const Exposure& exposure : summary.exposures) exposures.push_back(exposure_to_json(exposure));
  json tasks = json::array();
  for (std::size_t k = 0; k < std::min(summary.tasks.size(), kRecordTasks); ++k) {
    const TaskExposure& task = summary.tasks[k];
    json attacks = json::array();
    for (const TaskExposure::Under& under : task.attacks)
      attacks.push_back({{"kind", attack::to_string(under.kind)},
                         {"method", to_string(under.method)},
                         {"loss", json_number(under.loss)},
                         {"added_loss", json_number(under.added_loss)},
                         {"metric", json_number(under.metric)}});
    const TaskExposure::Under& worst = task.attacks[task.worst];
    tasks.push_back({{"task", task_names[task.task]},
                     {"worst_kind", attack::to_string(worst.kind)},
                     {"added_loss", json_number(worst.added_loss)},
                     {"attacks", attacks}});
  }
  json changes = json::array();
  for (const CorrelationChange& change : summary.correlation_changes)
    changes.push_back({{"scenario", change.scenario},
                       {"first", task_names[change.first]},
                       {"second", task_names[change.second]},
                       {"clean", json_number(change.clean)},
                       {"attacked", json_number(change.attacked)}});
  return {
      {"metric", summary.metric},
      {"budget", summary.budget ? json(*summary.budget) : json(nullptr)},
      {"worst", summary.worst ? exposure_to_json(*summary.worst) : json(nullptr)},
      {"worst_over_splits", {{"loss_rise", to_json(summary.loss_rise)}, {"metric", to_json(summary.attacked_metric)}}},
      {"exposures", exposures},
      {"tasks", tasks},
      {"correlation_changes", changes},
      {"attacks", {{"planned", summary.planned_attacks}, {"finished", summary.finished_attacks}}},
      {"harms", {{"planned", summary.planned_harms}, {"finished", summary.finished_harms}}},
      {"unconverged", summary.unconverged}};
}

}  // namespace crosstalk::evaluate
