#include "crosstalk/image/network/restoration.hpp"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <torch/nn.h>
#include <torch/optim/adam.h>

#include "crosstalk/image/network/multi_task_net.hpp"
#include "crosstalk/rng.hpp"
#include "learning_rate.hpp"

namespace crosstalk::image {

namespace nn = torch::nn;

namespace {

constexpr int kSteps = 300;
constexpr std::size_t kPatches = 16;     // of a step
constexpr std::int64_t kPatchSide = 64;  // of larger images a random part is learned
constexpr std::int64_t kChannels = 24;   // at full size, twice as many below
constexpr double kLearningRate = 2e-3;
constexpr std::size_t kPixelsAtATime = std::size_t{1} << 18;

std::int64_t extent(std::size_t size) {
  return static_cast<std::int64_t>(size);
}

nn::Sequential two_layers(std::int64_t in, std::int64_t out) {
  const auto layer = [](std::int64_t from, std::int64_t to) {
    return nn::Conv2d(nn::Conv2dOptions(from, to, 3).padding(1));
  };
  return nn::Sequential(layer(in, out), nn::ReLU(), layer(out, out), nn::ReLU());
}

torch::Tensor halved(const torch::Tensor& maps) {
  return nn::functional::avg_pool2d(maps, nn::functional::AvgPool2dFuncOptions(2).ceil_mode(true));
}

// The first maps at the size of the second, and the second.
torch::Tensor merged(const torch::Tensor& coarse, const torch::Tensor& fine) {
  const std::vector<std::int64_t> size = {fine.size(2), fine.size(3)};
  return torch::cat(
      {nn::functional::interpolate(coarse, nn::functional::InterpolateFuncOptions().size(size).mode(torch::kNearest)),
       fine},
      1);
}

// A U-Net of two halvings that says what the protection added, in levels.
class DenoiserImpl : public nn::Module {
 public:
  DenoiserImpl(std::int64_t channels, Rng& rng)
      : down_(register_module("down", two_layers(channels, kChannels))),
        middle_(register_module("middle", two_layers(kChannels, 2 * kChannels))),
        bottom_(register_module("bottom", two_layers(2 * kChannels, 2 * kChannels))),
        up_(register_module("up", two_layers(4 * kChannels, 2 * kChannels))),
        top_(register_module("top", two_layers(3 * kChannels, kChannels))),
        last_(register_module("last", nn::Conv2d(kChannels, channels, 1))) {
    initialise(*this, rng);
    const torch::NoGradGuard no_grad;
    last_->weight.zero_();
  }

  // pixels: n x C x H x W levels.
  torch::Tensor forward(const torch::Tensor& pixels) {
    const auto full = down_->forward(pixels / 255.0 - 0.5);
    const auto half = middle_->forward(halved(full));
    const auto quarter = bottom_->forward(halved(half));
    return last_->forward(top_->forward(merged(up_->forward(merged(quarter, half)), full)));
  }

 private:
  nn::Sequential down_;
  nn::Sequential middle_;
  nn::Sequential bottom_;
  nn::Sequential up_;
  nn::Sequential top_;
  nn::Conv2d last_;
};
TORCH_MODULE(Denoiser);

torch::Tensor as_tensor(const Batch& batch) {
  const auto tensor = torch::empty(
      {extent(batch.size()), extent(batch.shape.channels), extent(batch.shape.height), extent(batch.shape.width)},
      torch::kUInt8);
  std::copy(batch.pixels.begin(), batch.pixels.end(), tensor.data_ptr<std::uint8_t>());
  return tensor;
}

torch::Tensor read_rows(const Source& source, const std::vector<std::size_t>& rows) {
  std::vector<torch::Tensor> images;
  for (const std::size_t row : rows) images.push_back(as_tensor(source.read(row, 1)));
  return torch::cat(images);
}

// The same random part of images of both sets.
std::pair<torch::Tensor, torch::Tensor> patches(const torch::Tensor& published, const torch::Tensor& clean, Rng& rng) {
  std::vector<torch::Tensor> of_published;
  std::vector<torch::Tensor> of_clean;
  const std::int64_t height = std::min(kPatchSide, published.size(2));
  const std::int64_t width = std::min(kPatchSide, published.size(3));
  for (std::size_t i = 0; i < kPatches; ++i) {
    const auto image = extent(rng.below(static_cast<std::size_t>(published.size(0))));
    const auto top = extent(rng.below(static_cast<std::size_t>(published.size(2) - height + 1)));
    const auto left = extent(rng.below(static_cast<std::size_t>(published.size(3) - width + 1)));
    const auto part = [&](const torch::Tensor& images) {
      return images.select(0, image).slice(1, top, top + height).slice(2, left, left + width).to(torch::kFloat);
    };
    of_published.push_back(part(published));
    of_clean.push_back(part(clean));
  }
  return {torch::stack(of_published), torch::stack(of_clean)};
}

// The mean of a class less the mean of all, for each class of each task.
class ClassMeans {
 public:
  ClassMeans(const std::vector<TaskInfo>& tasks, std::size_t values) : mean_(values, 0.0), sums_(tasks.size()) {
    for (std::size_t k = 0; k < tasks.size(); ++k)
      if (tasks[k].has_classes()) sums_[k].resize(tasks[k].classes.size(), {std::vector<double>(values, 0.0), 0.0});
  }

  void add(const std::vector<double>& image, const Batch& batch, std::size_t row) {
    add_to(mean_, image);
    ++images_;
    for (std::size_t k = 0; k < sums_.size(); ++k)
      if (Sum* const sum = sum_of(batch, row, k)) {
        add_to(sum->values, image);
        ++sum->images;
      }
  }

  void finish(bool subtract_mean) {
    for (double& value : mean_) value /= std::max(1.0, images_);
    for (auto& classes : sums_)
      for (Sum& sum : classes)
        for (std::size_t p = 0; p < mean_.size(); ++p)
          sum.values[p] = sum.images > 0 ? sum.values[p] / sum.images - mean_[p] : 0.0;
    if (!subtract_mean) std::fill(mean_.begin(), mean_.end(), 0.0);
  }

  void subtract_from(Batch& batch) const {
    for (std::size_t row = 0; row < batch.size(); ++row) {
      std::vector<double> change = mean_;
      for (std::size_t k = 0; k < sums_.size(); ++k)
        if (const Sum* const sum = sum_of(batch, row, k)) add_to(change, sum->values);
      const auto image = batch.image(row);
      for (std::size_t p = 0; p < change.size(); ++p)
        image[p] = static_cast<std::uint8_t>(std::lround(std::clamp(image[p] - change[p], 0.0, 255.0)));
    }
  }

 private:
  struct Sum {
    std::vector<double> values;
    double images = 0;
  };

  static void add_to(std::vector<double>& to, const std::vector<double>& values) {
    for (std::size_t p = 0; p < to.size(); ++p) to[p] += values[p];
  }
  [[nodiscard]] const Sum* sum_of(const Batch& batch, std::size_t row, std::size_t k) const {
    const double label = batch.label(row, k);
    return sums_[k].empty() || is_missing(label) ? nullptr : &sums_[k][static_cast<std::size_t>(label)];
  }
  [[nodiscard]] Sum* sum_of(const Batch& batch, std::size_t row, std::size_t k) {
    return const_cast<Sum*>(std::as_const(*this).sum_of(batch, row, k));
  }

  std::vector<double> mean_;
  double images_ = 0;
  std::vector<std::vector<Sum>> sums_;  // by task and class
};

class RestoredImages : public Source {
 public:
  RestoredImages(const Source& published, const Source& clean, std::vector<std::size_t> rows,
                 const Restoration& restoration, std::uint64_t seed, const std::string& device, std::stop_token stop)
      : published_(published),
        clean_(clean),
        rows_(std::move(rows)),
        restoration_(restoration),
        seed_(seed),
        device_(device),
        stop_(std::move(stop)) {
    const std::size_t most = std::max(restoration.pairs, restoration.class_mean_pairs.value_or(0));
    if (most > rows_.size())
      throw std::invalid_argument(fmt::format(
          "the number of pairs is {}; it must be at most the number of images to train on, {}", most, rows_.size()));
  }

  [[nodiscard]] std::size_t size() const override { return published_.size(); }
  [[nodiscard]] Shape shape() const override { return published_.shape(); }
  [[nodiscard]] const std::vector<TaskInfo>& tasks() const override { return published_.tasks(); }
  [[nodiscard]] std::string stem(std::size_t index) const override { return published_.stem(index); }
  [[nodiscard]] Batch read(std::size_t first, std::size_t count) const override {
    std::call_once(learned_, [this] { learn(); });
    Batch batch = published_.read(first, count);
    if (restoration_.class_mean_pairs) means_->subtract_from(batch);
    if (restoration_.pairs > 0) denoise(batch);
    return batch;
  }

 private:
  [[nodiscard]] std::vector<std::size_t> known_rows(std::size_t pairs) const {
    const auto order = Rng::stream(seed_, "verify/pairs").permutation(rows_.size());
    std::vector<std::size_t> known;
    for (std::size_t i = 0; i < pairs; ++i) known.push_back(rows_[order[i]]);
    return known;
  }

  void learn() const {
    if (restoration_.class_mean_pairs) learn_means();
    if (restoration_.pairs > 0) learn_denoiser();
  }

  void learn_means() const {
    const std::size_t pairs = *restoration_.class_mean_pairs;
    means_.emplace(published_.tasks(), published_.shape().values());
    for (const std::size_t row : pairs > 0 ? known_rows(pairs) : rows_) {
      if (stop_.stop_requested()) break;
      const Batch batch = published_.read(row, 1);
      std::vector<double> values(batch.pixels.begin(), batch.pixels.end());
      if (pairs > 0) {
        const Batch original = clean_.read(row, 1);
        for (std::size_t p = 0; p < values.size(); ++p) values[p] -= original.pixels[p];
      }
      means_->add(values, batch, 0);
    }
    means_->finish(pairs > 0);
  }

  void learn_denoiser() const {
    Rng rng = Rng::stream(seed_, "verify/denoiser");
    const auto known = known_rows(restoration_.pairs);
    const auto published = read_rows(published_, known);
    const auto clean = read_rows(clean_, known);
    net_ = Denoiser(extent(published_.shape().channels), rng);
    net_->to(device_);
    torch::optim::Adam adam(net_->parameters(), torch::optim::AdamOptions(kLearningRate));
    for (int step = 0; step < kSteps && !stop_.stop_requested(); ++step) {
      set_learning_rate(adam, kLearningRate * decay(step, kSteps));
      const auto [seen, original] = patches(published, clean, rng);
      adam.zero_grad();
      torch::mse_loss(net_->forward(seen.to(device_)), (seen - original).to(device_)).backward();
      adam.step();
    }
  }

  void denoise(Batch& batch) const {
    const torch::NoGradGuard no_grad;
    const std::size_t step = std::max<std::size_t>(1, kPixelsAtATime / batch.shape.plane());
    const auto images = as_tensor(batch);
    auto pixel = batch.pixels.begin();
    for (std::size_t first = 0; first < batch.size(); first += step) {
      const auto seen =
          images.slice(0, extent(first), extent(std::min(first + step, batch.size()))).to(torch::kFloat).to(device_);
      const auto restored = (seen - net_->forward(seen)).round().clamp(0, 255).to(torch::kUInt8).cpu().contiguous();
      pixel = std::copy_n(restored.data_ptr<std::uint8_t>(), restored.numel(), pixel);
    }
  }

  const Source& published_;
  const Source& clean_;
  std::vector<std::size_t> rows_;
  Restoration restoration_;
  std::uint64_t seed_;
  torch::Device device_;
  std::stop_token stop_;
  mutable std::once_flag learned_;
  mutable std::optional<ClassMeans> means_;
  mutable Denoiser net_{nullptr};
};

}  // namespace

std::unique_ptr<Source> restored_images(const Source& published, const Source& clean, std::vector<std::size_t> rows,
                                        const Restoration& restoration, std::uint64_t seed, const std::string& device,
                                        std::stop_token stop) {
  return std::make_unique<RestoredImages>(published, clean, std::move(rows), restoration, seed, device,
                                          std::move(stop));
}

}  // namespace crosstalk::image
