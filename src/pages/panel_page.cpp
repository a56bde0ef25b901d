#include "crosstalk/pages/panel_page.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/json_number.hpp"
#include "crosstalk/report/number.hpp"

namespace crosstalk::pages {

using image::PanelResult;

namespace {

using report::NumberFormat;

constexpr NumberFormat kShare = {NumberFormat::Kind::Percent, 1};

std::string heading_of(const std::string& group) {
  if (group == "usual") return "The usual learner";
  if (group == "backbones") return "Other networks";
  if (group == "weightings") return "Task weightings";
  if (group == "countermeasures") return "Countermeasures";
  return "Clean images that the learner has too";
}

std::string percent(double share) {
  return report::shown(share, kShare);
}

nlohmann::ordered_json to_json(const std::optional<ConfidenceInterval>& estimate) {
  if (!estimate) return nullptr;
  return {{"mean", json_number(estimate->mean)},
          {"low", json_number(estimate->low)},
          {"high", json_number(estimate->high)}};
}

double mean_of(const std::optional<ConfidenceInterval>& estimate) {
  return estimate ? estimate->mean : std::nan("");
}

// The clean images learned in the same way, or else in the usual way with the same backbone.
const PanelResult* reference_of(const std::vector<PanelResult>& results, const PanelResult& result) {
  if (result.clean) return &result;
  const auto found = std::find_if(results.begin(), results.end(), [&](const PanelResult& other) {
    return other.clean && other.cell.backbone == result.cell.backbone && other.cell.mtl == result.cell.mtl &&
           other.cell.countermeasure == "none" && other.cell.weighting == "ls";
  });
  return found == results.end() ? nullptr : &*found;
}

// Of those who have protected images alone; null when none was trained to the end.
const PanelResult* best_learner(const std::vector<PanelResult>& results) {
  const PanelResult* best = nullptr;
  for (const PanelResult& result : results)
    if (result.published && result.cell.leak == 0 &&
        (best == nullptr || result.published->mean > best->published->mean))
      best = &result;
  return best;
}

}  // namespace

report::Table panel_table(const std::vector<PanelResult>& results, const std::string& group) {
  report::Table table{"Right answers on clean test images, mean over the tasks",
                      {{.name = "learner"},
                       {.name = "learns from clean images", .format = kShare},
                       {.name = "from protected ones", .format = kShare},
                       {.name = "low", .format = kShare},
                       {.name = "high", .format = kShare},
                       {.name = "left of what can be learned", .format = kShare},
                       {.name = "majority baseline", .format = kShare}}};
  if (group.empty()) table.columns.insert(table.columns.begin(), {.name = "group"});
  for (const PanelResult& result : results) {
    if (!group.empty() && result.cell.group != group) continue;
    const PanelResult* const reference = reference_of(results, result);
    const double clean = reference == nullptr ? std::nan("") : reference->clean->mean;
    const double published = mean_of(result.published);
    const ConfidenceInterval estimate =
        result.published.value_or(ConfidenceInterval{std::nan(""), std::nan(""), std::nan("")});
    const std::string label =
        result.cell.label() + (result.failure.empty() ? "" : fmt::format(" (failed: {})", result.failure));
    std::vector<report::Cell> row = {label,
                                     mean_of(result.clean),
                                     published,
                                     estimate.low,
                                     estimate.high,
                                     (published - result.baseline) / (clean - result.baseline),
                                     result.failure.empty() ? result.baseline : std::nan("")};
    if (group.empty()) row.insert(row.begin(), result.cell.group);
    table.rows.push_back(std::move(row));
  }
  return table;
}

nlohmann::ordered_json to_json(const std::vector<PanelResult>& results) {
  auto cells = nlohmann::ordered_json::array();
  for (const PanelResult& result : results) {
    cells.push_back({{"group", result.cell.group},
                     {"backbone", result.cell.backbone},
                     {"weighting", result.cell.weighting},
                     {"countermeasure", result.cell.countermeasure},
                     {"leak", result.cell.leak},
                     {"victims", result.cell.mtl ? "mtl" : "stl"},
                     {"clean", to_json(result.clean)},
                     {"protected", to_json(result.published)},
                     {"yardstick", json_number(result.baseline)}});
    if (!result.failure.empty()) cells.back()["failure"] = result.failure;
  }
  return cells;
}

std::string panel_answer(const std::vector<PanelResult>& results) {
  const PanelResult* const most = best_learner(results);
  if (most == nullptr) return "No learner was trained to the end.";
  const PanelResult& usual = results.front();
  return fmt::format(
      "An unauthorised learner that trains as usual gets {} from the protected images{}; the majority baseline gets "
      "{}. The best of "
      "those who have protected images alone gets {}: {}.",
      percent(mean_of(usual.published)),
      usual.clean ? fmt::format(" and {} from the clean ones", percent(usual.clean->mean)) : "",
      percent(usual.baseline), percent(most->published->mean), most->cell.label());
}

report::Page panel_page(const std::vector<PanelResult>& results, const PanelFacts& facts) {
  report::Page page;
  page.title = "What other unauthorised learners get";
  page.subtitle = fmt::format("{}, and its protected copy in {}.", facts.set, facts.published);
  page.answer = panel_answer(results);
  if (const PanelResult* const most = best_learner(results); most != nullptr) {
    const PanelResult& usual = results.front();
    page.cards = {{percent(mean_of(usual.clean)), "from clean images, as usual", mean_of(usual.clean)},
                  {percent(mean_of(usual.published)), "from protected ones, as usual", mean_of(usual.published)},
                  {percent(most->published->mean), most->cell.label() + ", from protected ones", most->published->mean},
                  {percent(usual.baseline), "majority baseline", usual.baseline}};
    if (!usual.clean) page.cards.erase(page.cards.begin());
  }
  page.facts = {{"Panel", fmt::format("{}, {} learners", facts.panel, results.size())},
                {"Seeds", std::to_string(facts.seeds)},
                {"Version", facts.version}};
  std::vector<std::string> groups;
  for (const PanelResult& result : results)
    if (groups.empty() || groups.back() != result.cell.group) groups.push_back(result.cell.group);
  for (const std::string& group : groups)
    page.sections.push_back({heading_of(group), {report::TableBlock{panel_table(results, group)}}});
  page.sections.push_back(
      {"How to read this",
       {report::List{{"Each row is one learner, trained from nothing on the protected copy and tested on clean images: "
                      "mean over the "
                      "tasks, with a 95 % interval over the seeds where there are several.",
                      "Left of what can be learned: 0 % for the majority baseline, 100 % for what the clean images "
                      "give to the "
                      "same learner; where that was not trained, to the usual one.",
                      "Countermeasures that process images process those to be answered, too."}},
        report::Callout{report::Callout::Kind::Limit, "Limits",
                        "A row with much left is a way around this protection. There are more ways than rows."}}});
  if (!facts.command.empty())
    page.sections.push_back({"Repeat it", {report::Code{facts.command, "The same numbers come out again with:"}}});
  page.footer = report::footer(facts.version);
  return page;
}

}  // namespace crosstalk::pages
