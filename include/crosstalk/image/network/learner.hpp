#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "crosstalk/image/countermeasure.hpp"
#include "crosstalk/image/network/backbone_name.hpp"

namespace crosstalk::image {

/// A way to learn published images.
struct Learner {
  std::string name;  ///< usual, network, or the words of its countermeasure
  BackboneName backbone = BackboneName::Small;
  Countermeasure countermeasure = {};
};

/// The cheap learners that a verdict is about when none is named.
inline constexpr std::string_view kCheapLearners = "usual,grey,jpeg10,bits2,network";

/// Learners by their words: `usual`; `network`, the usual one with another backbone (small-vgg in place of small, small
/// in place of the other small ones, vgg16 in place of resnet18, resnet18 in place of the rest); or words of a
/// countermeasure joined by + (countermeasure.hpp).
/// @param usual  backbone of all but `network`
/// @param grey  the images have one channel: learners that only take colours away are left out
/// @throws std::invalid_argument for no word, an unknown word, or one that comes twice.
std::vector<Learner> learners_named(const std::vector<std::string>& words, BackboneName usual, bool grey = false);

}  // namespace crosstalk::image
