#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

#include <fmt/format.h>

#include "blocks.hpp"
#include "crosstalk/image/network/multi_task_net.hpp"

namespace crosstalk::image {

namespace nn = torch::nn;

namespace {

// Below this shorter side a network of large images keeps the full size in its first layer.
constexpr std::int64_t kLargeSide = 100;
constexpr std::int64_t kStemChannels = 64;

void push_norm_relu(nn::Sequential& layers, std::int64_t channels) {
  layers->push_back(nn::BatchNorm2d(channels));
  layers->push_back(nn::ReLU());
}

// Large images: 7 x 7 of stride 2 and a pool, a quarter of the size. Small ones: 3 x 3, the full size.
nn::Sequential stem_of(std::int64_t channels, bool large, std::int64_t out = kStemChannels) {
  nn::Sequential stem(conv(channels, out, large ? 7 : 3, large ? 2 : 1));
  push_norm_relu(stem, out);
  if (large) stem->push_back(nn::MaxPool2d(nn::MaxPool2dOptions(3).stride(2).padding(1)));
  return stem;
}

bool can_be_halved(const torch::Tensor& maps) {
  return std::min(maps.size(2), maps.size(3)) > 1;
}

class SmallBackbone : public Backbone {
 public:
  explicit SmallBackbone(std::int64_t channels)
      : stem_(register_module("stem", nn::Sequential(conv(channels, 16, 3), nn::BatchNorm2d(16), nn::ReLU()))),
        deep_(register_module("deep",
                              nn::Sequential(BasicBlock(16, 16, 2, Norm::Batch), BasicBlock(16, 32, 2, Norm::Batch),
                                             BasicBlock(32, 64, 1, Norm::Batch)))) {}

  Features forward(const torch::Tensor& pixels) override {
    const auto fine = stem_->forward(pixels);
    return {deep_->forward(fine), fine};
  }
  [[nodiscard]] std::int64_t deep_channels() const override { return 64; }
  [[nodiscard]] std::int64_t fine_channels() const override { return 16; }
  [[nodiscard]] std::int64_t pool_side() const override { return 2; }

 private:
  nn::Sequential stem_;
  nn::Sequential deep_;
};

// conv1x1 to a quarter of `out` - conv3x3(stride) - conv1x1, a norm after each, plus the input as in a BasicBlock.
class BottleneckImpl : public nn::Module {
 public:
  BottleneckImpl(std::int64_t in, std::int64_t out, std::int64_t stride)
      : body_(register_module("body", nn::Sequential(conv(in, out / 4, 1)))) {
    push_norm_relu(body_, out / 4);
    body_->push_back(conv(out / 4, out / 4, 3, stride));
    push_norm_relu(body_, out / 4);
    body_->push_back(conv(out / 4, out, 1));
    body_->push_back(nn::BatchNorm2d(out));
    if (stride == 1 && in == out) return;
    shortcut_ = register_module("shortcut", nn::Sequential(conv(in, out, 1, stride), nn::BatchNorm2d(out)));
  }

  torch::Tensor forward(const torch::Tensor& x) {
    return torch::relu(body_->forward(x) + (shortcut_ ? shortcut_->forward(x) : x));
  }

 private:
  nn::Sequential body_;
  nn::Sequential shortcut_{nullptr};
};
TORCH_MODULE(Bottleneck);

// Stages of 64, 128, 256, 512 channels, four times as many with bottlenecks; all but the first halve the size
// [He et al., CVPR 2016].
class ResNet : public Backbone {
 public:
  ResNet(std::int64_t channels, bool large, bool bottlenecks, const std::array<int, 4>& blocks)
      : large_(large),
        stem_(register_module("stem", stem_of(channels, large))),
        stages_(register_module("stages", nn::Sequential())) {
    for (std::size_t s = 0; s < blocks.size(); ++s) {
      const std::int64_t out = (bottlenecks ? 4 : 1) * (kStemChannels << s);
      for (int b = 0; b < blocks[s]; ++b) {
        const std::int64_t stride = s > 0 && b == 0 ? 2 : 1;
        if (bottlenecks)
          stages_->push_back(Bottleneck(deep_channels_, out, stride));
        else
          stages_->push_back(BasicBlock(deep_channels_, out, stride, Norm::Batch));
        deep_channels_ = out;
      }
    }
  }

  Features forward(const torch::Tensor& pixels) override {
    const auto first = stem_->forward(pixels);
    return {stages_->forward(first), large_ ? torch::Tensor() : first};
  }
  [[nodiscard]] std::int64_t deep_channels() const override { return deep_channels_; }
  [[nodiscard]] std::int64_t fine_channels() const override { return large_ ? 0 : kStemChannels; }

 private:
  bool large_;
  std::int64_t deep_channels_ = kStemChannels;
  nn::Sequential stem_;
  nn::Sequential stages_;
};

struct VggSize {
  std::vector<std::int64_t> widths;
  std::vector<int> layers;
  std::int64_t pool_side = 1;

  static VggSize vgg16() { return {{64, 128, 256, 512, 512}, {2, 2, 3, 3, 3}}; }
  static VggSize small() { return {{16, 32, 64}, {2, 2, 2}, 2}; }
};

// Groups of 3 x 3 convolutions with a max-pool after each that has more than one pixel left
// [Simonyan & Zisserman, ICLR 2015], with batch normalisation.
class Vgg : public Backbone {
 public:
  Vgg(std::int64_t channels, const VggSize& size) : size_(size) {
    const auto& [widths, layers, side] = size_;
    for (std::size_t g = 0; g < widths.size(); ++g) {
      groups_.push_back(register_module(fmt::format("group{}", g), nn::Sequential()));
      for (int i = 0; i < layers[g]; ++i) {
        groups_.back()->push_back(conv(channels, widths[g], 3));
        push_norm_relu(groups_.back(), widths[g]);
        channels = widths[g];
      }
    }
  }

  Features forward(const torch::Tensor& pixels) override {
    Features features;
    auto maps = pixels;
    for (auto& group : groups_) {
      maps = group->forward(maps);
      if (!features.fine.defined()) features.fine = maps;
      if (can_be_halved(maps)) maps = torch::max_pool2d(maps, 2);
    }
    features.deep = maps;
    return features;
  }
  [[nodiscard]] std::int64_t deep_channels() const override { return size_.widths.back(); }
  [[nodiscard]] std::int64_t fine_channels() const override { return size_.widths.front(); }
  [[nodiscard]] std::int64_t pool_side() const override { return size_.pool_side; }

 private:
  VggSize size_;
  std::vector<nn::Sequential> groups_;
};

// norm - ReLU - conv1x1 - norm - ReLU - conv3x3; its output is appended to its input.
class DenseLayerImpl : public nn::Module {
 public:
  DenseLayerImpl(std::int64_t in, std::int64_t growth) : body_(register_module("body", nn::Sequential())) {
    push_norm_relu(body_, in);
    body_->push_back(conv(in, 4 * growth, 1));
    push_norm_relu(body_, 4 * growth);
    body_->push_back(conv(4 * growth, growth, 3));
  }

  torch::Tensor forward(const torch::Tensor& x) { return torch::cat({x, body_->forward(x)}, 1); }

 private:
  nn::Sequential body_;
};
TORCH_MODULE(DenseLayer);

struct DenseNetSize {
  std::int64_t stem;
  std::int64_t growth;  // channels that a layer adds
  std::vector<int> layers;
  std::int64_t pool_side = 1;
  bool halves_first = false;  // halves the size before the first block as well

  static DenseNetSize densenet121() { return {kStemChannels, 32, {6, 12, 24, 16}}; }
  static DenseNetSize small() { return {16, 8, {4, 4, 4}, 2, true}; }
};

// Blocks of layers that add channels; between blocks half the channels and half the size, as long as there is more than
// one pixel [Huang et al., CVPR 2017].
class DenseNet : public Backbone {
 public:
  DenseNet(std::int64_t channels, bool large, const DenseNetSize& size)
      : large_(large),
        halves_first_(size.halves_first),
        fine_channels_(large ? 0 : size.stem),
        pool_side_(size.pool_side),
        deep_channels_(size.stem),
        stem_(register_module("stem", stem_of(channels, large, size.stem))) {
    const auto& layers = size.layers;
    for (std::size_t b = 0; b < layers.size(); ++b) {
      blocks_.push_back(register_module(fmt::format("block{}", b), nn::Sequential()));
      for (int i = 0; i < layers[b]; ++i) {
        blocks_.back()->push_back(DenseLayer(deep_channels_, size.growth));
        deep_channels_ += size.growth;
      }
      push_norm_relu(blocks_.back(), deep_channels_);
      if (b + 1 == layers.size()) break;
      blocks_.back()->push_back(conv(deep_channels_, deep_channels_ / 2, 1));
      deep_channels_ /= 2;
    }
  }

  Features forward(const torch::Tensor& pixels) override {
    const auto first = stem_->forward(pixels);
    auto maps = first;
    for (std::size_t b = 0; b < blocks_.size(); ++b) {
      if ((b > 0 || halves_first_) && can_be_halved(maps)) maps = torch::avg_pool2d(maps, 2);
      maps = blocks_[b]->forward(maps);
    }
    return {maps, large_ ? torch::Tensor() : first};
  }
  [[nodiscard]] std::int64_t deep_channels() const override { return deep_channels_; }
  [[nodiscard]] std::int64_t fine_channels() const override { return fine_channels_; }
  [[nodiscard]] std::int64_t pool_side() const override { return pool_side_; }

 private:
  bool large_;
  bool halves_first_;
  std::int64_t fine_channels_;
  std::int64_t pool_side_;
  std::int64_t deep_channels_;
  nn::Sequential stem_;
  std::vector<nn::Sequential> blocks_;
};

struct ViTSize {
  const char* name;
  std::int64_t token;
  std::int64_t heads;
  int layers;
  std::int64_t fewest_patches;  // along the shorter side, of an image that has as many pixels
  std::int64_t pool_side = 1;
  std::int64_t stem = 0;  // channels of two 3 x 3 convolutions before the patches; 0: patches of pixels

  static ViTSize base() { return {"vit-b", 768, 12, 12, 4}; }
  static ViTSize small() { return {"small-vit", 64, 4, 3, 5, 2, 16}; }
};

nn::LayerNorm token_norm(std::int64_t token) {
  return nn::LayerNorm(nn::LayerNormOptions({token}).eps(1e-6));
}

// Attention and a perceptron of four times the token's size, each after a norm and added to its input.
// n x tokens x size.
class TransformerLayerImpl : public nn::Module {
 public:
  TransformerLayerImpl(std::int64_t token, std::int64_t heads)
      : token_(token),
        heads_(heads),
        attention_norm_(register_module("attention_norm", token_norm(token))),
        queries_keys_values_(register_module("queries_keys_values", nn::Linear(token, 3 * token))),
        projection_(register_module("projection", nn::Linear(token, token))),
        perceptron_(register_module("perceptron", nn::Sequential(token_norm(token), nn::Linear(token, 4 * token),
                                                                 nn::GELU(), nn::Linear(4 * token, token)))) {}

  torch::Tensor forward(const torch::Tensor& x) {
    const std::int64_t head_size = token_ / heads_;
    const auto n = x.size(0);
    const auto tokens = x.size(1);
    const auto parts = queries_keys_values_(attention_norm_(x)).view({n, tokens, 3, heads_, head_size});
    const auto by_head = [&](std::int64_t part) { return parts.select(2, part).transpose(1, 2); };
    const auto products =
        torch::matmul(by_head(0), by_head(1).transpose(2, 3)) / std::sqrt(static_cast<double>(head_size));
    const auto seen = torch::matmul(torch::softmax(products, 3), by_head(2));
    const auto attended = x + projection_(seen.transpose(1, 2).reshape({n, tokens, token_}));
    return attended + perceptron_->forward(attended);
  }

 private:
  std::int64_t token_;
  std::int64_t heads_;
  nn::LayerNorm attention_norm_;
  nn::Linear queries_keys_values_;
  nn::Linear projection_;
  nn::Sequential perceptron_;
};
TORCH_MODULE(TransformerLayer);

// Attention over the patches of an image and a class token, which is added to every patch at the end
// [Dosovitskiy et al., ICLR 2021].
class VisionTransformer : public Backbone {
 public:
  VisionTransformer(std::int64_t channels, std::int64_t height, std::int64_t width, const ViTSize& size)
      : size_(size),
        height_(height),
        width_(width),
        patch_(std::clamp<std::int64_t>((std::min(height, width) - 1) / (size.fewest_patches - 1), 1, 16)),
        rows_((height + patch_ - 1) / patch_),
        columns_((width + patch_ - 1) / patch_),
        stem_(register_module("stem", nn::Sequential())),
        patches_(register_module(
            "patches",
            nn::Conv2d(nn::Conv2dOptions(size.stem > 0 ? size.stem : channels, size.token, patch_).stride(patch_)))),
        class_token_(register_module("class_token", LearnedTensor(std::vector<std::int64_t>{1, 1, size.token}, 0.02))),
        positions_(register_module(
            "positions", LearnedTensor(std::vector<std::int64_t>{1, 1 + rows_ * columns_, size.token}, 0.02))),
        layers_(register_module("layers", nn::Sequential())) {
    for (std::int64_t in = channels; size.stem > 0 && stem_->size() < 6; in = size.stem) {
      stem_->push_back(conv(in, size.stem, 3));
      push_norm_relu(stem_, size.stem);
    }
    for (int i = 0; i < size.layers; ++i) layers_->push_back(TransformerLayer(size.token, size.heads));
    layers_->push_back(token_norm(size.token));
  }

  Features forward(const torch::Tensor& pixels) override {
    if (pixels.size(2) != height_ || pixels.size(3) != width_)
      throw std::invalid_argument(fmt::format("{} was made for images of {} x {}, these have {} x {}", size_.name,
                                              height_, width_, pixels.size(2), pixels.size(3)));
    const auto fine = stem_->is_empty() ? torch::Tensor() : stem_->forward(pixels);
    const auto whole = torch::constant_pad_nd(fine.defined() ? fine : pixels,
                                              {0, columns_ * patch_ - width_, 0, rows_ * patch_ - height_});
    const auto patches = patches_(whole).flatten(2).transpose(1, 2);
    const auto tokens = torch::cat({class_token_->value.expand({pixels.size(0), -1, -1}), patches}, 1);
    const auto seen = layers_->forward(tokens + positions_->value);
    const auto deep = seen.slice(1, 1) + seen.slice(1, 0, 1);
    return {deep.transpose(1, 2).reshape({pixels.size(0), size_.token, rows_, columns_}), fine};
  }
  [[nodiscard]] std::int64_t deep_channels() const override { return size_.token; }
  [[nodiscard]] std::int64_t fine_channels() const override { return size_.stem; }
  [[nodiscard]] std::int64_t pool_side() const override { return size_.pool_side; }

 private:
  ViTSize size_;
  std::int64_t height_;
  std::int64_t width_;
  std::int64_t patch_;
  std::int64_t rows_;
  std::int64_t columns_;
  nn::Sequential stem_;
  nn::Conv2d patches_;
  LearnedTensor class_token_;
  LearnedTensor positions_;
  nn::Sequential layers_;
};

}  // namespace

std::shared_ptr<Backbone> make_backbone(BackboneName name, std::size_t channels, std::size_t height,
                                        std::size_t width) {
  const auto in = static_cast<std::int64_t>(channels);
  const auto h = static_cast<std::int64_t>(height);
  const auto w = static_cast<std::int64_t>(width);
  const bool large = std::min(h, w) >= kLargeSide;
  switch (name) {
    case BackboneName::Small: return std::make_shared<SmallBackbone>(in);
    case BackboneName::SmallVgg: return std::make_shared<Vgg>(in, VggSize::small());
    case BackboneName::SmallDenseNet: return std::make_shared<DenseNet>(in, false, DenseNetSize::small());
    case BackboneName::SmallViT: return std::make_shared<VisionTransformer>(in, h, w, ViTSize::small());
    case BackboneName::ResNet18: return std::make_shared<ResNet>(in, large, false, std::array{2, 2, 2, 2});
    case BackboneName::ResNet50: return std::make_shared<ResNet>(in, large, true, std::array{3, 4, 6, 3});
    case BackboneName::Vgg16: return std::make_shared<Vgg>(in, VggSize::vgg16());
    case BackboneName::DenseNet121: return std::make_shared<DenseNet>(in, large, DenseNetSize::densenet121());
    case BackboneName::ViTBase: return std::make_shared<VisionTransformer>(in, h, w, ViTSize::base());
  }
  throw std::invalid_argument("make_backbone: no such backbone");
}

}  // namespace crosstalk::image
