#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include <torch/nn.h>

namespace crosstalk::image {

/// k x k without bias, the size kept but for the stride.
inline torch::nn::Conv2d conv(std::int64_t in, std::int64_t out, std::int64_t side, std::int64_t stride = 1) {
  return torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, side).stride(stride).padding(side / 2).bias(false));
}

/// Batch: of a learner. Group (4 groups): of the generator, whose noise for an image must not depend on the others.
enum class Norm { Batch, Group };

inline torch::nn::AnyModule norm_layer(Norm norm, std::int64_t channels) {
  if (norm == Norm::Batch) return torch::nn::AnyModule(torch::nn::BatchNorm2d(channels));
  return torch::nn::AnyModule(torch::nn::GroupNorm(std::min<std::int64_t>(4, channels), channels));
}

/// conv3x3(stride) - norm - ReLU - conv3x3 - norm, plus the input (through conv1x1(stride) - norm where it changes
/// size), ReLU [He et al., CVPR 2016].
class BasicBlockImpl : public torch::nn::Module {
 public:
  BasicBlockImpl(std::int64_t in, std::int64_t out, std::int64_t stride, Norm norm)
      : body_(register_module("body", torch::nn::Sequential(conv(in, out, 3, stride)))) {
    body_->push_back(norm_layer(norm, out));
    body_->push_back(torch::nn::ReLU());
    body_->push_back(conv(out, out, 3));
    body_->push_back(norm_layer(norm, out));
    if (stride == 1 && in == out) return;
    shortcut_ = register_module("shortcut", torch::nn::Sequential(conv(in, out, 1, stride)));
    shortcut_->push_back(norm_layer(norm, out));
  }

  torch::Tensor forward(const torch::Tensor& x) {
    return torch::relu(body_->forward(x) + (shortcut_ ? shortcut_->forward(x) : x));
  }

 private:
  torch::nn::Sequential body_;
  torch::nn::Sequential shortcut_{nullptr};
};
TORCH_MODULE(BasicBlock);

/// A tensor that is learned and belongs to no layer; `initialise` draws it normal with this deviation.
class LearnedTensorImpl : public torch::nn::Module {
 public:
  LearnedTensorImpl(const std::vector<std::int64_t>& sizes, double deviation_)
      : value(register_parameter("value", torch::zeros(sizes))), deviation(deviation_) {}

  torch::Tensor value;
  double deviation;
};
TORCH_MODULE(LearnedTensor);

}  // namespace crosstalk::image
