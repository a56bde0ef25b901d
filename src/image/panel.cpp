#include "crosstalk/image/panel.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include <fmt/format.h>

#include "crosstalk/json_number.hpp"
#include "crosstalk/report/number.hpp"

namespace crosstalk::image {

namespace {

using report::NumberFormat;

constexpr NumberFormat kShare = {NumberFormat::Kind::Percent, 1};
constexpr const char* kUsual = "usual";
constexpr const char* kBackbones = "backbones";
constexpr const char* kWeightings = "weightings";
constexpr const char* kCountermeasures = "countermeasures";
constexpr const char* kLeaks = "leaks";

std::string heading_of(const std::string& group) {
  if (group == kUsual) return "The usual learner";
  if (group == kBackbones) return "Other networks";
  if (group == kWeightings) return "Task weightings";
  if (group == kCountermeasures) return "Countermeasures";
  return "Clean images that the learner has too";
}

// Countermeasures with what they cost in place of a usual training.
struct Countermeasure {
  const char* word;
  double cost;
  bool of_colour = false;  ///< does nothing to grey images, or nothing that another does not
};
constexpr Countermeasure kCountermeasureList[] = {
    {"jpeg10", 1},       {"jpeg50", 1}, {"jpeg75", 1}, {"grey", 1, true}, {"squeeze", 1, true}, {"bits2", 1},
    {"blur", 1},         {"noise", 1},  {"cutout", 1}, {"cutmix", 1},     {"mixup", 1},         {"resized-crop", 1},
    {"adversarial", 11}, {"long", 4},   {"rate3", 1},  {"rate0.3", 1},    {"early-stop", 1}};

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

std::string PanelCell::name() const {
  return fmt::format("{}-{}-{}-leak{}-{}", backbone, weighting, countermeasure, leak, mtl ? "mtl" : "stl");
}

std::string PanelCell::label() const {
  std::string words = backbone;
  if (!mtl) words += ", one network a task";
  if (weighting != "ls") words += ", " + weighting;
  if (countermeasure != "none") words += ", " + countermeasure;
  if (leak > 0) words += fmt::format(", {} % clean", leak);
  return words;
}

PanelSize panel_named(std::string_view word) {
  if (word == "quick") return PanelSize::Quick;
  if (word == "paper") return PanelSize::Paper;
  throw std::invalid_argument(fmt::format("unknown panel \"{}\"; there are quick and paper", word));
}

std::vector<PanelCell> panel_cells(PanelSize size, bool grey, const std::vector<std::string>& groups) {
  for (const std::string& group : groups)
    if (group != kBackbones && group != kWeightings && group != kCountermeasures && group != kLeaks)
      throw std::invalid_argument(fmt::format(
          "unknown group \"{}\" of a panel; there are backbones, weightings, countermeasures and leaks", group));
  const bool quick = size == PanelSize::Quick;
  const std::vector<std::string> backbones =
      quick ? std::vector<std::string>{"small", "small-vgg", "small-densenet", "small-vit"}
            : std::vector<std::string>{"resnet18", "resnet50", "vgg16", "densenet121", "vit-b"};
  const std::vector<std::string> papers = {"uw", "rlw", "aligned-mtl", "fairgrad"};
  const std::vector<std::string> others = {"pcgrad", "cagrad", "mgda", "gradnorm"};
  const std::string& usual = backbones.front();

  std::vector<PanelCell> cells;
  for (const std::string& backbone : backbones)
    cells.push_back({.group = backbone == usual ? kUsual : kBackbones, .backbone = backbone, .cost = 2.0});
  cells.push_back({.group = kBackbones, .backbone = usual, .mtl = false, .cost = 6.0});
  for (const std::string& backbone : backbones) {
    if (quick && backbone != usual) continue;
    for (const std::string& weighting : papers)
      cells.push_back(
          {.group = kWeightings, .backbone = backbone, .weighting = weighting, .clean = !quick, .cost = 1.5});
  }
  for (const std::string& weighting : others)
    cells.push_back({.group = kWeightings, .backbone = usual, .weighting = weighting, .clean = !quick, .cost = 1.5});
  for (const Countermeasure& countermeasure : kCountermeasureList) {
    if (grey && countermeasure.of_colour) continue;
    // What the clean images give to a slow learner is worth its time only where there is time.
    const bool clean = !quick || countermeasure.cost < 2.0;
    cells.push_back({.group = kCountermeasures,
                     .backbone = usual,
                     .countermeasure = countermeasure.word,
                     .clean = clean,
                     .cost = (clean ? 2.0 : 1.0) * countermeasure.cost});
  }
  for (const int leak : quick ? std::vector<int>{20, 50, 80} : std::vector<int>{20, 40, 60, 80})
    cells.push_back({.group = kLeaks, .backbone = usual, .leak = leak, .clean = false});
  std::erase_if(cells, [&](const PanelCell& cell) {
    return !groups.empty() && cell.group != kUsual &&
           std::find(groups.begin(), groups.end(), cell.group) == groups.end();
  });
  return cells;
}

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

}  // namespace crosstalk::image
