#include "crosstalk/image/network/generator.hpp"

#include <algorithm>
#include <stdexcept>

#include <ATen/CPUGeneratorImpl.h>
#include <fmt/format.h>

#include "blocks.hpp"
#include "crosstalk/image/network/multi_task_net.hpp"

namespace crosstalk::image {

namespace nn = torch::nn;

namespace {

std::int64_t extent(std::size_t size) {
  return static_cast<std::int64_t>(size);
}

// Large images are looked at from an eighth of their size, small ones from half.
int halvings(const Shape& shape) {
  return std::min(shape.height, shape.width) < 200 ? 1 : 3;
}

std::int64_t halved(std::size_t side, int times) {
  auto size = extent(side);
  for (int i = 0; i < times; ++i) size = (size + 1) / 2;
  return size;
}

nn::Conv2d biased(std::int64_t in, std::int64_t out) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, 3).padding(1));
}

void push_norm_relu(nn::Sequential& layers, std::int64_t channels) {
  layers->push_back(nn::InstanceNorm2d(channels));
  layers->push_back(nn::ReLU());
}

void push_doubling(nn::Sequential& layers, std::int64_t in, std::int64_t out) {
  layers->push_back(biased(in, 4 * out));
  layers->push_back(nn::PixelShuffle(2));
}

// GroupNorm needs groups of one size, which holds for up to three channels and for multiples of four.
void check(const GeneratorSize& size) {
  constexpr std::size_t most = 512;
  constexpr std::size_t most_blocks = 16;
  for (const std::size_t channels : {size.stem, size.latent, size.embedding, size.decoder, size.last})
    if (channels < 1 || channels > most)
      throw std::invalid_argument(
          fmt::format("generator: {} channels in a layer; there must be 1 to {}", channels, most));
  for (const std::size_t channels : {size.stem, size.latent})
    if (channels > 3 && channels % 4 != 0)
      throw std::invalid_argument(
          fmt::format("generator: {} channels in the encoder; above 3 they must be a multiple of 4", channels));
  for (const std::size_t blocks : {size.stem_blocks, size.latent_blocks})
    if (blocks > most_blocks)
      throw std::invalid_argument(fmt::format("generator: {} blocks; there may be {}", blocks, most_blocks));
}

// As many channels as a pixel's label has, missing values 0.
torch::Tensor dense_input(const torch::Tensor& map, const TaskSpec& spec) {
  if (spec.info.kind != Kind::Segmentation) return torch::nan_to_num(map);
  const auto here = map.isfinite();
  const auto one_hot = torch::one_hot(torch::nan_to_num(map).squeeze(1).to(torch::kLong), extent(spec.outputs()));
  return one_hot.permute({0, 3, 1, 2}).to(torch::kFloat) * here;
}

}  // namespace

Regularisers regularisers(const std::vector<torch::Tensor>& tables) {
  std::vector<std::int64_t> task_of;
  std::vector<double> pair_weights;  // of a pair within task k
  for (std::size_t k = 0; k < tables.size(); ++k) {
    const auto classes = tables[k].size(0);
    for (std::int64_t c = 0; c < classes; ++c) {
      task_of.push_back(extent(k));
      pair_weights.push_back(classes < 2 ? 0.0 : 1.0 / static_cast<double>(classes * (classes - 1)));
    }
  }
  const auto rows = torch::nn::functional::normalize(torch::cat(tables).flatten(1));
  const auto products = torch::matmul(rows, rows.t());
  const auto task = torch::tensor(task_of).to(products.device());
  const auto same_task = task.unsqueeze(0) == task.unsqueeze(1);
  const auto itself = torch::eye(products.size(0), products.options()).to(torch::kBool);
  const auto weights = torch::tensor(pair_weights, products.options()).unsqueeze(1);
  const auto K = static_cast<double>(tables.size());
  const auto zero = torch::zeros({}, products.options());
  const auto within = torch::where(same_task.logical_and(itself.logical_not()), products * weights, zero).sum();
  const auto across = torch::where(same_task, zero, products.abs());
  return {1.0 + within / K, across.sum() / same_task.logical_not().sum().clamp_min(1)};
}

GeneratorImpl::GeneratorImpl(const Shape& shape, TaskSpecs specs, const std::vector<std::size_t>& tasks, int epsilon,
                             const GeneratorOptions& options, Rng& rng)
    : specs_(std::move(specs)),
      protected_(specs_.size(), false),
      options_(options),
      epsilon_(epsilon / 255.0),
      latent_height_(halved(shape.height, halvings(shape))),
      latent_width_(halved(shape.width, halvings(shape))) {
  if (!options.latent && !options.embeddings)
    throw std::invalid_argument("generator: the decoder sees neither the image nor its labels");
  check(options.size);
  for (const std::size_t k : tasks) protected_.at(k) = true;
  const int doublings = halvings(shape);
  const GeneratorSize& size = options_.size;
  const auto stem = extent(size.stem);
  const auto latent = extent(size.latent);
  std::int64_t channels = 0;

  if (options_.latent) {
    encoder_ = register_module("encoder", nn::Sequential());
    encoder_->push_back(conv(extent(shape.channels), stem, 3));
    encoder_->push_back(norm_layer(Norm::Group, stem));
    encoder_->push_back(nn::ReLU());
    // Before the blocks all halvings but one, so that the work stays that of a small image.
    for (int i = 1; i < doublings; ++i) encoder_->push_back(BasicBlock(stem, stem, 2, Norm::Group));
    for (std::size_t b = 0; b < size.stem_blocks; ++b) encoder_->push_back(BasicBlock(stem, stem, 1, Norm::Group));
    encoder_->push_back(BasicBlock(stem, latent, 2, Norm::Group));
    for (std::size_t b = 1; b < size.latent_blocks; ++b)
      encoder_->push_back(BasicBlock(latent, latent, 1, Norm::Group));
    channels += latent;
  }
  tables_.resize(specs_.size());
  dense_.resize(specs_.size(), nn::Sequential{nullptr});
  if (options_.embeddings) {
    auto generator = at::detail::createCPUGenerator(rng.bits());
    const auto maps = extent(size.embedding);
    for (std::size_t k = 0; k < specs_.size(); ++k) {
      channels += maps;
      if (!specs_[k].info.is_dense()) {
        const auto rows = specs_[k].info.has_classes() ? extent(specs_[k].outputs()) : 2;
        tables_[k] =
            register_parameter(fmt::format("table{}", k),
                               torch::empty({rows, maps, latent_height_, latent_width_}).normal_(0.0, 1.0, generator));
        continue;
      }
      dense_[k] = register_module(fmt::format("dense{}", k),
                                  nn::Sequential(biased(extent(specs_[k].outputs()), 16), nn::ReLU()));
      for (int i = 1; i <= doublings; ++i) {
        const bool last = i == doublings;
        dense_[k]->push_back(nn::Conv2d(nn::Conv2dOptions(16, last ? maps : 16, 3).stride(2).padding(1)));
        if (!last) dense_[k]->push_back(nn::ReLU());
      }
    }
  }

  const auto wide = extent(size.decoder);
  const auto narrow = extent(size.last);
  decoder_ = register_module("decoder", nn::Sequential());
  push_doubling(decoder_, channels, wide);
  decoder_->push_back(biased(wide, wide));
  push_norm_relu(decoder_, wide);
  if (doublings > 1)
    push_doubling(decoder_, wide, narrow);
  else
    decoder_->push_back(biased(wide, narrow));
  push_norm_relu(decoder_, narrow);
  if (doublings > 2)
    push_doubling(decoder_, narrow, extent(shape.channels));
  else
    decoder_->push_back(biased(narrow, extent(shape.channels)));
  initialise(*this, rng);
}

torch::Tensor GeneratorImpl::embedding(std::size_t k, const Labels& labels) {
  const auto n = labels.images.size(0);
  if (dense_[k]) {
    const auto map = protected_[k] ? labels.maps[k] : torch::zeros_like(labels.maps[k]);
    return dense_[k]->forward(dense_input(map, specs_[k]));
  }
  const auto& table = tables_[k];
  const auto mean = table.mean(0, true);
  if (!protected_[k]) return mean.expand({n, -1, -1, -1});
  const auto label = labels.images.select(1, extent(k));
  const auto here = label.isfinite().view({-1, 1, 1, 1});
  const auto known = torch::nan_to_num(label);
  torch::Tensor rows;
  if (specs_[k].info.has_classes()) {
    rows = table.index_select(0, known.to(torch::kLong));
  } else {  // two deviations below the mean the first row, two above it the second
    const auto share = (0.5 + known / 4.0).clamp(0.0, 1.0).view({-1, 1, 1, 1});
    rows = (1.0 - share) * table.slice(0, 0, 1) + share * table.slice(0, 1, 2);
  }
  return torch::where(here, rows, mean);
}

torch::Tensor GeneratorImpl::forward(const torch::Tensor& pixels, const Labels& labels) {
  std::vector<torch::Tensor> parts;
  if (options_.embeddings)
    for (std::size_t k = 0; k < specs_.size(); ++k) parts.push_back(embedding(k, labels));
  if (options_.latent) parts.push_back(encoder_->forward(pixels));
  const auto output = decoder_->forward(torch::cat(parts, 1)).slice(2, 0, pixels.size(2)).slice(3, 0, pixels.size(3));
  if (options_.squash == Squash::Clamp) return (options_.gain * output).clamp(-epsilon_, epsilon_);
  return epsilon_ * torch::tanh(output * (options_.gain / epsilon_));
}

torch::Tensor GeneratorImpl::penalty() {
  std::vector<torch::Tensor> tables;
  for (std::size_t k = 0; k < specs_.size(); ++k)
    if (protected_[k] && tables_[k].defined()) tables.push_back(tables_[k]);
  if (tables.empty()) return torch::zeros({}, parameters().front().options());
  const Regularisers terms = regularisers(tables);
  return options_.intra * terms.intra + options_.inter * terms.inter;
}

}  // namespace crosstalk::image
