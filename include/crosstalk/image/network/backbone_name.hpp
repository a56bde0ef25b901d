#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "crosstalk/names.hpp"

namespace crosstalk::image {

/// The networks that victims and surrogates are made of. The small ones train in about a minute on one core: Small is a
/// residual network of 16, 32 and 64 channels; the others are the usual ones, trained from nothing.
enum class BackboneName { Small, SmallVgg, SmallDenseNet, SmallViT, ResNet18, ResNet50, Vgg16, DenseNet121, ViTBase };

inline constexpr auto kBackboneNames =
    name_table<BackboneName>("backbone", {{BackboneName::Small, "small"},
                                          {BackboneName::SmallVgg, "small-vgg"},
                                          {BackboneName::SmallDenseNet, "small-densenet"},
                                          {BackboneName::SmallViT, "small-vit"},
                                          {BackboneName::ResNet18, "resnet18"},
                                          {BackboneName::ResNet50, "resnet50"},
                                          {BackboneName::Vgg16, "vgg16"},
                                          {BackboneName::DenseNet121, "densenet121"},
                                          {BackboneName::ViTBase, "vit-b"}});
/// @throws std::invalid_argument naming the word and those that are known.
BackboneName backbone_named(std::string_view word);
std::string to_string(BackboneName name);
/// Their words.
const std::vector<std::string>& backbone_names();

}  // namespace crosstalk::image
