#include "crosstalk/image/network/multi_task_net.hpp"

#include <cmath>

#include <ATen/CPUGeneratorImpl.h>
#include <fmt/format.h>

#include "blocks.hpp"

namespace crosstalk::image {

namespace nn = torch::nn;

namespace {

constexpr std::int64_t kHidden = 128;
constexpr std::int64_t kDenseChannels = 32;

}  // namespace

MultiTaskNetImpl::MultiTaskNetImpl(BackboneName name, const Shape& shape, TaskSpecs specs, Rng& rng)
    : specs_(std::move(specs)),
      backbone_(register_module("backbone", make_backbone(name, shape.channels, shape.height, shape.width))) {
  std::int64_t outputs = 0;
  bool dense = false;
  for (const TaskSpec& spec : specs_) {
    if (!spec.info.is_dense()) outputs += static_cast<std::int64_t>(spec.outputs());
    dense = dense || spec.info.is_dense();
  }
  const std::int64_t side = backbone_->pool_side();
  if (outputs > 0) {
    hidden_ = register_module("hidden", nn::Linear(backbone_->deep_channels() * side * side, kHidden));
    heads_ = register_module("heads", nn::Linear(kHidden, outputs));
  }
  if (dense) {
    lateral_ = register_module("lateral", conv(backbone_->deep_channels(), kDenseChannels, 1));
    merge_ = register_module(
        "merge",
        nn::Conv2d(nn::Conv2dOptions(kDenseChannels + backbone_->fine_channels(), kDenseChannels, 3).padding(1)));
    for (std::size_t k = 0; k < specs_.size(); ++k) {
      nn::Conv2d head{nullptr};
      if (specs_[k].info.is_dense())
        head = register_module(fmt::format("dense{}", k),
                               nn::Conv2d(kDenseChannels, static_cast<std::int64_t>(specs_[k].outputs()), 1));
      dense_heads_.push_back(head);
    }
  }
  initialise(*this, rng);
}

torch::Tensor MultiTaskNetImpl::pooled(const torch::Tensor& deep) const {
  const std::int64_t side = backbone_->pool_side();
  return torch::adaptive_avg_pool2d(deep, {side, side});
}

SharedFeatures MultiTaskNetImpl::features(const torch::Tensor& pixels) {
  const Features seen = backbone_->forward(pixels);
  if (dense_heads_.empty()) return {pooled(seen.deep), {}, pixels.size(2), pixels.size(3)};
  return {seen.deep, seen.fine, pixels.size(2), pixels.size(3)};
}

Outputs MultiTaskNetImpl::heads(const SharedFeatures& features) {
  Outputs outputs;
  if (heads_) {
    const auto deep = dense_heads_.empty() ? features.deep : pooled(features.deep);
    outputs.images = heads_(torch::elu(hidden_(deep.flatten(1))));
  }
  if (dense_heads_.empty()) return outputs;
  auto wide = nn::functional::interpolate(lateral_(features.deep),
                                          nn::functional::InterpolateFuncOptions()
                                              .size(std::vector<std::int64_t>{features.height, features.width})
                                              .mode(torch::kBilinear)
                                              .align_corners(false));
  if (features.fine.defined()) wide = torch::cat({wide, features.fine}, 1);
  const auto merged = torch::relu(merge_(wide));
  for (auto& head : dense_heads_) outputs.maps.push_back(head ? head(merged) : torch::Tensor());
  return outputs;
}

void initialise(nn::Module& module, Rng& rng) {
  const torch::NoGradGuard no_grad;
  auto generator = at::detail::createCPUGenerator(rng.bits());
  for (const auto& part : module.modules(false)) {
    if (auto* layer = part->as<nn::Conv2d>()) {
      const auto& size = layer->weight.sizes();
      layer->weight.normal_(0.0, std::sqrt(2.0 / static_cast<double>(size[0] * size[2] * size[3])), generator);
      if (layer->bias.defined()) layer->bias.zero_();
    } else if (auto* linear = part->as<nn::Linear>()) {
      const double bound = 1.0 / std::sqrt(static_cast<double>(linear->weight.size(1)));
      linear->weight.uniform_(-bound, bound, generator);
      if (linear->bias.defined()) linear->bias.uniform_(-bound, bound, generator);
    } else if (auto* learned = part->as<LearnedTensor>()) {
      learned->value.normal_(0.0, learned->deviation, generator);
    }
  }
}

}  // namespace crosstalk::image
