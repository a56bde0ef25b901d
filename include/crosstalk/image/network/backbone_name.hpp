#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace crosstalk::image {

/// The networks that victims and surrogates are made of. The small ones train in about a minute on one core: Small is a
/// residual network of 16, 32 and 64 channels; the others are the usual ones, trained from nothing.
enum class BackboneName { Small, SmallVgg, SmallDenseNet, SmallViT, ResNet18, ResNet50, Vgg16, DenseNet121, ViTBase };

/// @throws std::invalid_argument naming the word and those that are known.
BackboneName backbone_named(std::string_view word);
std::string to_string(BackboneName name);
/// Their words: small, small-vgg, small-densenet, small-vit, resnet18, resnet50, vgg16, densenet121, vit-b.
const std::vector<std::string>& backbone_names();

}  // namespace crosstalk::image
