#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crosstalk/image/processing.hpp"

namespace crosstalk::image {

/// What a learner does to the training images of each minibatch, besides cutting a part out, so that it depends less on
/// their details. All off: nothing is done, and no random number is drawn.
struct RobustTraining {
  bool cutout = false;        ///< a square of half the shorter side has the image's mean                    [DeVries17]
  bool cutmix = false;        ///< half the minibatches: a rectangle comes from another image                   [Yun19]
  bool mixup = false;         ///< half the minibatches: a weighted mean with another image                   [Zhang18]
  bool resized_crop = false;  ///< a quarter to the whole of the area, enlarged to the same size
  double noise = 0.0;         ///< deviation of Gaussian noise, levels
  double adversarial = 0.0;   ///< levels by which an image is led towards a high loss in each step           [Madry18]
};

/// What a learner takes off the published images that it trains on (network/restoration.hpp). By default nothing.
struct Restoration {
  std::size_t pairs = 0;  ///< a denoiser learned from so many pairs of original and published image; 0: none
  /// The mean change of each class over so many pairs; 0: what the mean of the class's published images differs by from
  /// that of all. Empty: nothing.
  std::optional<std::size_t> class_mean_pairs = {};
  [[nodiscard]] bool does_something() const { return pairs > 0 || class_mean_pairs; }
};

/// What an unauthorised learner does against protection: to images before a model sees them, and while it learns.
struct Countermeasure {
  std::string words = "none";
  std::vector<Processing> processing = {};  ///< of the images to train and to test on, in this order
  Restoration restoration = {};             ///< before the processing, of the published images to train on alone
  RobustTraining robust_training = {};
  bool longer = false;         ///< four times the epochs
  double learning_rate = 1.0;  ///< times the usual one
  bool stops_early = false;    ///< a tenth of the images is held out, clean; the epoch that knows most of them counts
};

/// Words joined by `+`, as docs/guide/verify.md lists them; "none" for none.
/// @throws std::invalid_argument naming the word and those that are known, or the number and its range.
Countermeasure countermeasure_named(std::string_view words);

}  // namespace crosstalk::image
