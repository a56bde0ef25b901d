#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crosstalk/confidence_interval.hpp"

namespace crosstalk::image {

/// How one learner learns.
struct PanelCell {
  std::string group;  ///< what this cell varies
  std::string backbone = "small";
  std::string weighting = "ls";
  std::string countermeasure = "none";
  int leak = 0;       ///< per cent of the images that the learner has without protection
  bool mtl = true;    ///< one network for all tasks, else one a task
  bool clean = true;  ///< the same learner also learns the clean images, for comparison
  double cost = 1.0;  ///< roughly, in trainings of one small network

  /// A name for files: small-ls-jpeg10-leak0-mtl
  [[nodiscard]] std::string name() const;
  /// What differs from the usual learner, as a reader is told.
  [[nodiscard]] std::string label() const;
};

enum class PanelSize { Quick, Paper };
/// @throws std::invalid_argument naming the word and those that are known.
PanelSize panel_named(std::string_view word);

/// The unauthorised learners of a panel. Quick: small networks; each backbone, task weighting, countermeasure and leak
/// by itself. Paper: the five backbones with each of the paper's five weightings, and the rest with ResNet-18 [Yu25].
/// @param grey  the images have one channel: countermeasures that take colours away are left out.
/// @param groups  some of backbones, weightings, countermeasures and leaks; all when empty. The usual learner is in any
///   panel, and the first.
/// @throws std::invalid_argument for another group.
std::vector<PanelCell> panel_cells(PanelSize size, bool grey, const std::vector<std::string>& groups = {});

/// What a learner got.
struct PanelResult {
  PanelCell cell;
  std::optional<ConfidenceInterval> clean;
  std::optional<ConfidenceInterval> published;
  double baseline = 0.0;  ///< the majority baseline
  std::string failure;    ///< why there is no result; empty when there is
};

}  // namespace crosstalk::image
