#include "crosstalk/image/panel.hpp"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

#include "crosstalk/names.hpp"

namespace crosstalk::image {

namespace {

constexpr const char* kUsual = "usual";
constexpr const char* kBackbones = "backbones";
constexpr const char* kWeightings = "weightings";
constexpr const char* kCountermeasures = "countermeasures";
constexpr const char* kLeaks = "leaks";

// Countermeasures with what they cost in place of a usual training.
struct Countermeasure {
  const char* word;
  double cost;
  bool of_colour = false;  ///< does nothing to grey images, or nothing that another does not
};
constexpr Countermeasure kCountermeasureList[] = {
    {"jpeg10", 1}, {"jpeg50", 1}, {"jpeg75", 1},   {"grey", 1, true},   {"squeeze", 1, true},
    {"bits2", 1},  {"blur", 1},   {"resize50", 1}, {"class-means", 2},  {"noise", 1},
    {"cutout", 1}, {"cutmix", 1}, {"mixup", 1},    {"resized-crop", 1}, {"adversarial", 11},
    {"long", 4},   {"rate3", 1},  {"rate0.3", 1},  {"early-stop", 1}};

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
  static constexpr auto names =
      name_table<PanelSize>("panel", {{PanelSize::Quick, "quick"}, {PanelSize::Paper, "paper"}});
  return names.named(word);
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

}  // namespace crosstalk::image
