#include "audit_answer.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>

#include <fmt/format.h>

#include "crosstalk/report/text.hpp"
#include "evaluate/words.hpp"

namespace crosstalk::pages::answer {

namespace {

constexpr double kSmallRise = 0.05;  // of the loss; below it and below one step of the metric an attack is harmless
constexpr double kSmallHarm = 0.01;  // of the other tasks' loss, by a single attacking task
constexpr std::size_t kNameInCard = 24;

double steps_worse(const AuditSummary& summary, const Exposure& exposure) {
  return words::steps_worse(summary.metric, exposure.clean_metric, exposure.metric);
}

std::vector<Exposure> planned(const AuditSummary& summary) {
  std::vector<Exposure> found;
  for (const Exposure& exposure : summary.exposures)
    if (exposure.method == summary.planned && summary.budget && exposure.budget == *summary.budget)
      found.push_back(exposure);
  return found;
}

// "AUC falls from 0.98 to 0.71", empty where it is not defined.
std::string metric_change(const AuditSummary& summary, const Exposure& exposure) {
  if (!std::isfinite(exposure.clean_metric) || !std::isfinite(exposure.metric)) return "";
  const std::string name = words::metric(summary.metric);
  const std::string before = words::metric_value(summary.metric, exposure.clean_metric);
  const std::string after = words::metric_value(summary.metric, exposure.metric);
  if (before == after) return fmt::format("mean {} stays at {}", name, before);
  std::string text = fmt::format("mean {} {} from {} to {}", name,
                                 exposure.metric < exposure.clean_metric ? "falls" : "rises", before, after);
  if (summary.metric == "auc" && exposure.metric < 0.5 && exposure.clean_metric >= 0.5) text += ", worse than guessing";
  if (summary.metric == "nmse" && exposure.metric > 1.0 && exposure.clean_metric <= 1.0)
    text += ", worse than predicting the mean";
  return text;
}

// What the attacker does, and to what tasks: "adds 30 % injected rows to the tasks under attack (direct attack)".
std::string who(const AuditSummary& summary, attack::Kind kind) {
  if (kind == attack::Kind::Accounts)
    return fmt::format("makes up {} of {} rows (attack through accounts)", words::count(summary.fictitious, "task"),
                       summary.rows_each);
  const std::string where = kind == attack::Kind::Direct ? "the tasks under attack (direct attack)"
                            : kind == attack::Kind::Indirect
                                ? "other tasks only (indirect attack)"
                                : "some of the tasks under attack and some others (hybrid attack)";
  return fmt::format("adds {} injected rows to {}", words::share(*summary.budget), where);
}

std::string splits_text(const AuditResult& result, std::size_t splits) {
  constexpr std::array kNumbers = {"", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"};
  const std::string count = splits < kNumbers.size() ? kNumbers[splits] : std::to_string(splits);
  const bool bootstrap = std::any_of(result.repeats.begin(), result.repeats.end(),
                                     [](const Repeat& repeat) { return repeat.ran && repeat.bootstrap; });
  return fmt::format("over {} {}", count, bootstrap ? "bootstraps of the rows it is measured on" : "splits");
}

// " (48 to 75 % over five splits)", empty where nothing was repeated.
std::string range_text(const AuditSummary& summary, const AuditResult& result) {
  if (!summary.loss_rise) return "";
  const auto [low, high, splits] = *summary.loss_rise;
  const int decimals = std::max(std::abs(low), std::abs(high)) < 0.1 ? 1 : 0;
  return fmt::format(" ({:.{}f} to {:.{}f}\u00A0% {})", 100.0 * low, decimals, 100.0 * high, decimals,
                     splits_text(result, splits));
}

std::string no_model_text(const AuditResult& result) {
  const CleanModel& model = result.clean_model;
  std::string text = fmt::format(
      "The clean model is no better than a constant: its {} is {}{}, where a constant has {}.",
      words::clean_metric(model.metric), words::metric_value(model.metric, model.value),
      model.splits == 1 ? ""
                        : fmt::format(" ({} to {} {})", words::metric_value(model.metric, model.low),
                                      words::metric_value(model.metric, model.high), splits_text(result, model.splits)),
      model.metric == "auc" ? "0.5" : "1");
  for (const CleanModel::Evidence& evidence : model.evidence) text += " " + evidence.text;
  return text + " So this audit says nothing about how exposed the tasks are.";
}

std::string harmless_text(const AuditSummary& summary, const AuditResult& result) {
  const Exposure& worst = *summary.worst;
  const std::string metric = metric_change(summary, worst);
  std::string text = fmt::format(
      "Injected rows did next to no harm here. Even the worst attacker tried, who {}, changes the summed loss of "
      "the tasks under attack by {}{}{}.",
      who(summary, worst.kind), words::rise(worst.loss_rise), range_text(summary, result),
      metric.empty() ? "" : "; their " + metric);
  const TaskExposure& task = summary.tasks.front();
  const TaskExposure::Under& most = task.attacks[task.worst];
  if (most.added_loss >= 2.0 * kSmallRise)
    text += fmt::format(" Single tasks can still suffer: the loss of {} {} ({} attack).",
                        words::task(result.task_names[task.task]), words::rises_by_share(most.added_loss),
                        words::kind(most.kind));
  return text;
}

// The kind that does most harm by the metric; the attacker aims at the loss, so it may be another.
Exposure worst_by_metric(const AuditSummary& summary) {
  const std::vector<Exposure> all = planned(summary);
  return *std::max_element(all.begin(), all.end(), [&](const Exposure& a, const Exposure& b) {
    return steps_worse(summary, a) < steps_worse(summary, b);
  });
}

// ", AUC 0.957", empty where it is not defined
std::string metric_part(const AuditSummary& summary, const Exposure& exposure) {
  if (!std::isfinite(exposure.metric)) return "";
  return fmt::format(", {} {}", words::metric(summary.metric), words::metric_value(summary.metric, exposure.metric));
}

// "loss +41 %, AUC 0.957"
std::string numbers_of(const AuditSummary& summary, const Exposure& exposure) {
  return fmt::format("loss {}{}", words::rise(exposure.loss_rise), metric_part(summary, exposure));
}

// The same rows at random; null where there is nothing to hold against them.
const Exposure* baseline(const AuditSummary& summary, attack::Kind kind) {
  return summary.has_baseline() ? summary.find(kind, Method::Random, *summary.budget) : nullptr;
}

// "The same rows placed at random: loss +41 %, AUC 0.957."
std::string against_random(const AuditSummary& summary) {
  const Exposure& worst = *summary.worst;
  const Exposure* const random = baseline(summary, worst.kind);
  if (random == nullptr) return "";
  const std::string numbers = numbers_of(summary, *random);
  const bool metric_counts = words::steps_worse(summary.metric, random->metric, worst.metric) >= 1.0;
  if (random->loss_rise > worst.loss_rise + 0.01)
    return fmt::format(" Placed at random, the same rows do {}: {}.",
                       metric_counts ? "more harm by the loss and less by the metric" : "even more harm", numbers);
  return metric_counts || worst.loss_rise > std::max(random->loss_rise, 0.0) + 0.01
             ? fmt::format(" The same rows placed at random: {}.", numbers)
             : fmt::format(" Planning the rows adds nothing: placed at random they do as much ({}).", numbers);
}

// What rows reach that are nowhere near the tasks under attack.
std::string indirect_text(const AuditSummary& summary) {
  const Exposure* const indirect = summary.find(attack::Kind::Indirect, summary.planned, *summary.budget);
  if (indirect == nullptr) return "";
  if (indirect->loss_rise < kSmallRise && steps_worse(summary, *indirect) < 1.0)
    return fmt::format(" Rows injected only into other tasks (indirect attack) do next to nothing: {}.",
                       numbers_of(summary, *indirect));
  const Exposure* const random = baseline(summary, attack::Kind::Indirect);
  return fmt::format(" Rows injected only into other tasks (indirect attack) do harm as well: {}{}.",
                     numbers_of(summary, *indirect),
                     random == nullptr ? "" : fmt::format(" (at random: {})", numbers_of(summary, *random)));
}

std::string damage_text(const AuditSummary& summary, const AuditResult& result) {
  const Exposure& worst = *summary.worst;
  std::string text =
      std::isfinite(worst.loss_rise)
          ? fmt::format("When an attacker {}, the summed loss of {} {}{}.", who(summary, worst.kind),
                        worst.kind == attack::Kind::Direct ? "these tasks" : "the tasks under attack",
                        words::rises(worst.loss_rise), range_text(summary, result))
          : fmt::format("An attacker {}; the tasks under attack have no clean loss, so its rise cannot be stated.",
                        who(summary, worst.kind));
  if (const std::string metric = metric_change(summary, worst); !metric.empty())
    text += fmt::format(" Their {}.", metric);
  if (std::isfinite(worst.refit_rise))
    text += fmt::format(" For a learner that prepares its data anew from the poisoned rows the loss {}.",
                        words::rises(worst.refit_rise));
  const Exposure by_metric = worst_by_metric(summary);
  const bool goes_further =
      by_metric.kind != worst.kind && steps_worse(summary, by_metric) > steps_worse(summary, worst) + 1.0;
  if (goes_further)
    text += fmt::format(" The {} attack ({}) goes further there, to {}.", words::kind(by_metric.kind),
                        words::kind_meaning(by_metric.kind), words::metric_value(summary.metric, by_metric.metric));
  text += against_random(summary);

  const bool said = worst.kind == attack::Kind::Indirect || (goes_further && by_metric.kind == attack::Kind::Indirect);
  return said ? text : text + indirect_text(summary);
}

// No better than guessing, or nearly: there is little to destroy.
bool has_learned_little(const AuditResult& result) {
  const CleanModel& model = result.clean_model;
  return (model.metric == "auc" && model.value < 0.55) || (model.metric == "relative_error" && model.value > 0.95);
}

bool has_smallest_lambda2(const AuditFacts& facts) {
  if (!facts.cross_validation) return false;
  const std::vector<mtrl::CrossValidation::Trial>& trials = facts.cross_validation->trials;
  const double chosen = facts.options.learner.lambda2;
  const bool smaller = std::any_of(trials.begin(), trials.end(), [&](const auto& t) { return t.lambda2 < chosen; });
  const bool larger = std::any_of(trials.begin(), trials.end(), [&](const auto& t) { return t.lambda2 > chosen; });
  return larger && !smaller;
}

// A name that is a number would be read as a result.
std::string name_in_card(const std::string& name) {
  const bool number =
      std::none_of(name.begin(), name.end(), [](unsigned char c) { return std::isalpha(c) || c > 127; });
  return report::shortened(number ? "task " + name : name, kNameInCard);
}

}  // namespace

bool are_apart(const AuditFacts& facts) {
  return facts.options.learner.lambda2 == 0.0;
}

bool is_harmless(const AuditSummary& summary) {
  const std::vector<Exposure> all = planned(summary);
  return std::none_of(all.begin(), all.end(), [&](const Exposure& exposure) {
    return !std::isfinite(exposure.loss_rise) || exposure.loss_rise >= kSmallRise ||
           steps_worse(summary, exposure) >= 1.0;
  });
}

std::string sentences(const AuditSummary& summary, const AuditResult& result, const AuditFacts& facts) {
  std::string text;
  if (result.stopped)
    text =
        fmt::format("Incomplete: the audit was stopped after {} of {} attacks. ",
                    summary.finished_attacks + summary.finished_harms, summary.planned_attacks + summary.planned_harms);
  if (result.clean_model.no_better_than_constant) return text + no_model_text(result);
  if (!summary.worst) return text + "No planned attack has run, so there is no answer yet.";
  text += is_harmless(summary) ? harmless_text(summary, result) : damage_text(summary, result);
  if (has_learned_little(result))
    text += fmt::format(" But the clean model has learned little ({} {}), so there was little to harm.",
                        words::clean_metric(result.clean_model.metric),
                        words::metric_value(result.clean_model.metric, result.clean_model.value));
  if (are_apart(facts))
    text += " lambda2 is 0, so the tasks are learned independently: rows in one task cannot affect another.";
  if (!facts.held_out) text += " All numbers are on the training rows; none were held out.";
  return text;
}

std::vector<report::Card> cards(const AuditSummary& summary, const AuditResult& result) {
  if (!summary.worst || result.clean_model.no_better_than_constant) return {};
  const Exposure& worst = *summary.worst;
  const std::string budget = words::share(*summary.budget);
  std::vector<report::Card> cards = {
      {words::rise(worst.loss_rise),
       fmt::format("rise of the summed loss of the tasks under attack: {} injected rows, {} attack", budget,
                   words::kind(worst.kind)),
       worst.loss_rise}};
  if (std::isfinite(worst.metric) && std::isfinite(worst.clean_metric))
    cards.push_back({words::metric_value(summary.metric, worst.metric),
                     fmt::format("their mean {} after that attack; {} before it", words::metric(summary.metric),
                                 words::metric_value(summary.metric, worst.clean_metric)),
                     worst.metric});
  if (!summary.tasks.empty()) {
    const TaskExposure& task = summary.tasks.front();
    const TaskExposure::Under& under = task.attacks[task.worst];
    if (std::isfinite(under.added_loss))
      cards.push_back({name_in_card(result.task_names[task.task]),
                       summary.tasks.size() > 1
                           ? fmt::format("is the most exposed task: under the {} attack its loss {}",
                                         words::kind(under.kind), words::rises_by_share(under.added_loss))
                           : fmt::format("is the task under attack: loss {} under the {} attack",
                                         words::rise(under.added_loss), words::kind(under.kind)),
                       {}});
  }
  if (summary.finished_harms > 1) {
    const Harm& harm = result.harms[*summary.most_harmful];
    const double rise = harm.loss_rise(result.clean_loss);
    if (rise >= kSmallHarm)
      cards.push_back(
          {name_in_card(result.task_names[harm.attacker]),
           fmt::format("is the most dangerous task: attacking alone, it raises the summed loss of the others by {}",
                       words::amount(rise)),
           {}});
    else if (std::isfinite(rise))
      cards.push_back({words::rise(rise),
                       "is the largest rise of the others' summed loss that a single attacking task causes", rise});
  }
  return cards;
}

std::vector<report::Block> warnings(const AuditSummary& summary, const AuditResult& result, const AuditFacts& facts) {
  using report::Callout;
  std::vector<report::Block> blocks;
  if (result.stopped)
    blocks.emplace_back(Callout{
        Callout::Kind::Warning, "This audit is incomplete",
        fmt::format("It was stopped: {} of {} attacks and {} of {} single attackers have run. Means are over those "
                    "alone, and the worst attack may be among the missing ones.",
                    summary.finished_attacks, summary.planned_attacks, summary.finished_harms, summary.planned_harms)});
  if (summary.unconverged > 0) {
    const bool clean = result.clean_fit.status != mtrl::Status::Converged;
    blocks.emplace_back(Callout{
        Callout::Kind::Warning, "Not every model was fitted to the end",
        fmt::format(
            "{} of {} parts of the audit hold a model whose optimality could not be certified{}. Their numbers are "
            "approximate; the tables say which attacks.",
            summary.unconverged, 1 + summary.finished_attacks + summary.finished_harms,
            clean ? ", the clean model among them" : "")});
  }
  if (result.clean_model.no_better_than_constant) {
    blocks.emplace_back(Callout{Callout::Kind::Warning, "The clean model is no better than a constant",
                                "A model counts as better when it is on every split. There was nothing to destroy, so "
                                "the tables below say nothing about exposure."});
    std::vector<std::string> lines;
    for (const CleanModel::Evidence& evidence : result.clean_model.evidence) lines.push_back(evidence.text);
    blocks.emplace_back(report::List{lines});
  } else if (has_learned_little(result))
    blocks.emplace_back(Callout{Callout::Kind::Warning, "The clean model has learned little",
                                fmt::format("Before any attack its {} over all tasks is {} ({}). Choose other lambdas "
                                            "(cross-validation does) or more "
                                            "rows before the numbers below mean much.",
                                            words::clean_metric(result.clean_model.metric),
                                            words::metric_value(result.clean_model.metric, result.clean_model.value),
                                            words::metric_meaning(result.clean_model.metric))});
  if (are_apart(facts))
    blocks.emplace_back(Callout{
        Callout::Kind::Note, "The tasks are learned apart",
        fmt::format("lambda2 is 0{}, so nothing couples the tasks, and indirect attacks must do nothing. To see what "
                    "injected rows do to tasks that are learned together, repeat the audit with lambda2 above 0.",
                    facts.cross_validation ? ", chosen by cross-validation" : "")});
  else if (has_smallest_lambda2(facts))
    blocks.emplace_back(Callout{
        Callout::Kind::Note, "The tasks gain little from each other",
        fmt::format(
            "Of the values tried, cross-validation chose the smallest lambda2, {}. So weakly coupled, a task can "
            "hardly hurt another; with a larger lambda2 it could.",
            report::exact(facts.options.learner.lambda2))});
  if (!result.dropped_budgets.empty())
    blocks.emplace_back(
        Callout{Callout::Kind::Note, "Budgets left out",
                fmt::format("{} of the clean rows of an attacking task is less than one row in at least one "
                            "scenario, so it was not tried.",
                            words::shares(result.dropped_budgets))});
  if (!facts.held_out)
    blocks.emplace_back(
        Callout{Callout::Kind::Warning, "No rows were held out",
                "Losses and metrics are on the clean training rows, so the clean model looks better than it "
                "is and the rises look larger."});
  if (summary.worst && !std::isfinite(summary.worst->loss_rise))
    blocks.emplace_back(Callout{Callout::Kind::Note, "No clean loss",
                                "The tasks under attack have no loss before it, so its rise cannot be stated."});
  std::vector<std::string> undefined;
  for (std::size_t i = 0; i < result.task_names.size(); ++i)
    if (std::isnan(result.clean.values(static_cast<Eigen::Index>(i), 0)))
      undefined.push_back(words::task(result.task_names[i]));
  if (!undefined.empty())
    blocks.emplace_back(
        Callout{Callout::Kind::Note, fmt::format("Tasks without {}", words::metric(summary.metric)),
                fmt::format("{} is not defined for {}: {} in the rows it was measured on. The means leave {} out; the "
                            "tables show a dash.",
                            words::metric(summary.metric), words::list(undefined),
                            summary.metric == "auc" ? "there is one class only" : "all labels are the same",
                            undefined.size() == 1 ? "it" : "them")});
  return blocks;
}

}  // namespace crosstalk::pages::answer
