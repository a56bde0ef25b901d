#include "crosstalk/image/network/backbone_name.hpp"

#include <stdexcept>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace crosstalk::image {

namespace {

struct NamedBackbone {
  BackboneName name;
  const char* word;
};
constexpr NamedBackbone kNamedBackbones[] = {{BackboneName::Small, "small"},
                                             {BackboneName::SmallVgg, "small-vgg"},
                                             {BackboneName::SmallDenseNet, "small-densenet"},
                                             {BackboneName::SmallViT, "small-vit"},
                                             {BackboneName::ResNet18, "resnet18"},
                                             {BackboneName::ResNet50, "resnet50"},
                                             {BackboneName::Vgg16, "vgg16"},
                                             {BackboneName::DenseNet121, "densenet121"},
                                             {BackboneName::ViTBase, "vit-b"}};

}  // namespace

BackboneName backbone_named(std::string_view word) {
  for (const auto& backbone : kNamedBackbones)
    if (backbone.word == word) return backbone.name;
  throw std::invalid_argument(
      fmt::format("unknown backbone \"{}\"; there are {}", word, fmt::join(backbone_names(), ", ")));
}

std::string to_string(BackboneName name) {
  for (const auto& backbone : kNamedBackbones)
    if (backbone.name == name) return backbone.word;
  return {};
}

const std::vector<std::string>& backbone_names() {
  static const std::vector<std::string> words = [] {
    std::vector<std::string> all;
    for (const auto& backbone : kNamedBackbones) all.emplace_back(backbone.word);
    return all;
  }();
  return words;
}

}  // namespace crosstalk::image
