#include "crosstalk/image/network/learner.hpp"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

namespace crosstalk::image {

namespace {

BackboneName another(BackboneName usual) {
  switch (usual) {
    case BackboneName::Small: return BackboneName::SmallVgg;
    case BackboneName::SmallVgg:
    case BackboneName::SmallDenseNet:
    case BackboneName::SmallViT: return BackboneName::Small;
    case BackboneName::ResNet18: return BackboneName::Vgg16;
    default: return BackboneName::ResNet18;
  }
}

bool changes_colours_only(const Countermeasure& countermeasure) {
  return countermeasure.words == "grey";
}

}  // namespace

std::vector<Learner> learners_named(const std::vector<std::string>& words, BackboneName usual, bool grey) {
  if (words.empty()) throw std::invalid_argument("learners: there is none; the usual one is \"usual\"");
  std::vector<Learner> learners;
  for (const std::string& word : words) {
    if (std::count(words.begin(), words.end(), word) > 1)
      throw std::invalid_argument(fmt::format("learners: \"{}\" is named twice", word));
    Learner learner{word, usual, {}};
    if (word == "network") {
      learner.backbone = another(usual);
    } else if (word != "usual") {
      try {
        learner.countermeasure = countermeasure_named(word);
      } catch (const std::invalid_argument& error) {
        throw std::invalid_argument(
            fmt::format("learners: \"{}\" is neither usual nor network nor a countermeasure: {}", word, error.what()));
      }
      if (word == "none") throw std::invalid_argument("learners: \"none\" is called usual here");
    }
    if (!(grey && changes_colours_only(learner.countermeasure))) learners.push_back(std::move(learner));
  }
  if (learners.empty()) throw std::invalid_argument("learners: grey does nothing to grey images; name another");
  return learners;
}

}  // namespace crosstalk::image
