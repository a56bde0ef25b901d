#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include <torch/nn.h>

#include "crosstalk/image/network/backbone_name.hpp"
#include "crosstalk/image/network/tasks.hpp"
#include "crosstalk/rng.hpp"

namespace crosstalk::image {

/// What a backbone sees in images of n x C x H x W.
struct Features {
  torch::Tensor deep;  ///< n x deep_channels x h x w
  torch::Tensor fine;  ///< n x fine_channels x H x W, before anything is lost; undefined where there is none
};

class Backbone : public torch::nn::Module {
 public:
  virtual Features forward(const torch::Tensor& pixels) = 0;
  [[nodiscard]] virtual std::int64_t deep_channels() const = 0;
  [[nodiscard]] virtual std::int64_t fine_channels() const { return 0; }
  /// Deep features are averaged over a grid of this side before the hidden layer.
  [[nodiscard]] virtual std::int64_t pool_side() const { return 1; }
};

/// The usual architectures, fitted to small images, and small ones that keep the full size in their first layers:
///   ResNets, DenseNet  with a shorter side below 100 a first layer of 3 x 3 at full size; else of 7 x 7 and stride 2,
///                      and a max-pool
///   VGG, DenseNet      halve the size while there is more than one pixel
///   ViT                patches of 16, or the largest that leave four along the shorter side (small-vit: five, of
///                      the 16 channels of two convolutions, without which it learns nothing in 12 passes); an
///                      image is padded with zeros at the right and below to whole patches
/// Their weights are to be drawn by `initialise`.
/// @param height, width  of the images it will see; ViT takes no others.
std::shared_ptr<Backbone> make_backbone(BackboneName name, std::size_t channels, std::size_t height, std::size_t width);

/// What all heads of a network look at: with dense tasks its backbone's features as they are, else the deep ones
/// averaged over the backbone's grid.
struct SharedFeatures {
  torch::Tensor deep;
  torch::Tensor fine;       ///< undefined without dense tasks, or where the backbone has none
  std::int64_t height = 0;  ///< of the images
  std::int64_t width = 0;
};

/// What a network says of n images: a row of outputs an image, all tasks' in turn, and a map a dense task.
struct Outputs {
  torch::Tensor images;                  ///< n x sum of outputs of the tasks that are not dense
  std::vector<torch::Tensor> maps = {};  ///< by task: n x outputs x H x W, undefined unless dense
};

/// A backbone, a hidden layer of 128 with ELU, and a linear head for each task [Yu25]; for dense tasks 32 channels of
/// deep and fine features at full size and a 1 x 1 convolution.
class MultiTaskNetImpl : public torch::nn::Module {
 public:
  /// Weights are drawn with `rng`: of convolutions He normal by outputs, of linear layers uniform in 1 / sqrt(inputs).
  MultiTaskNetImpl(BackboneName name, const Shape& shape, TaskSpecs specs, Rng& rng);

  Outputs forward(const torch::Tensor& pixels) { return heads(features(pixels)); }
  SharedFeatures features(const torch::Tensor& pixels);
  Outputs heads(const SharedFeatures& features);
  [[nodiscard]] const TaskSpecs& specs() const { return specs_; }

 private:
  [[nodiscard]] torch::Tensor pooled(const torch::Tensor& deep) const;

  TaskSpecs specs_;
  std::shared_ptr<Backbone> backbone_;
  torch::nn::Linear hidden_{nullptr};
  torch::nn::Linear heads_{nullptr};
  torch::nn::Conv2d lateral_{nullptr};
  torch::nn::Conv2d merge_{nullptr};
  std::vector<torch::nn::Conv2d> dense_heads_;  // by task
};
TORCH_MODULE(MultiTaskNet);

/// Draws all weights anew: the same for one `rng`, whatever was drawn elsewhere.
void initialise(torch::nn::Module& module, Rng& rng);

}  // namespace crosstalk::image
