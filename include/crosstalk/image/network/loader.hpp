#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include <torch/types.h>

#include "crosstalk/image/network/tasks.hpp"
#include "crosstalk/rng.hpp"

namespace crosstalk::image {

/// Labels of n images as tensors: numbers are standardised as the task's spec says, NaN where missing.
struct Labels {
  torch::Tensor images = {};             ///< n x K
  std::vector<torch::Tensor> maps = {};  ///< of each dense task n x map_channels x H x W, else undefined; or none
};

struct MiniBatch {
  torch::Tensor pixels;  ///< n x C x H x W, levels / 255
  Labels labels;
  std::vector<std::size_t> rows;  ///< index of each image in its set

  [[nodiscard]] std::size_t size() const { return rows.size(); }
};

/// Images and labels as tensors.
MiniBatch to_tensors(const Batch& batch, const TaskSpecs& specs);

struct LoaderOptions {
  std::size_t batch = 128;
  std::size_t memory_bytes = std::size_t{1} << 29;  ///< of pixels and maps held at a time
  torch::Device device = torch::kCPU;               ///< where minibatches go
};

/// Minibatches of some rows of a set. A set that fits the memory is read once and shuffled whole; of a larger one as
/// many runs of 64 images as fit are read in random order and shuffled among themselves.
class Loader {
 public:
  /// @throws std::invalid_argument without a row.
  Loader(const Source& source, std::vector<std::size_t> rows, TaskSpecs specs, const LoaderOptions& options = {});

  /// Calls `use` with every minibatch of one pass, in random order with an `rng`, else in the order of the rows; ends
  /// when it returns false.
  void pass(Rng* rng, const std::function<bool(const MiniBatch&)>& use) const;

  [[nodiscard]] const Source& source() const { return source_; }
  [[nodiscard]] const std::vector<std::size_t>& rows() const { return rows_; }
  [[nodiscard]] const TaskSpecs& specs() const { return specs_; }
  [[nodiscard]] std::size_t size() const { return rows_.size(); }
  [[nodiscard]] std::size_t batches() const { return (rows_.size() + options_.batch - 1) / options_.batch; }

 private:
  [[nodiscard]] MiniBatch read(const std::vector<std::size_t>& rows) const;

  const Source& source_;
  std::vector<std::size_t> rows_;
  TaskSpecs specs_;
  LoaderOptions options_;
  std::size_t window_;       // images held at a time
  mutable MiniBatch whole_;  // all rows where they fit
};

/// What a learner does to a training image: a random part of it, a random mirror image, and other colours.
struct Augmentation {
  std::size_t height = 0;  ///< of the part; 0: the whole
  std::size_t width = 0;
  bool flip = false;
  /// How far colours change: in an order drawn for each minibatch, brightness, contrast and saturation are multiplied
  /// by factors uniform in 1 +- jitter, drawn for each image. 0 to 1; 0: nothing is drawn.
  double jitter = 0.0;
};

/// The usual part: nine tenths of each side, as the papers' 64 of 70 and 128 of 140.
Augmentation usual_crop(const Shape& shape);

struct View {
  torch::Tensor pixels;
  Labels labels;
};
/// A random part of each image and of its maps, mirrored or not; without `rng` the middle. Differentiable in the
/// pixels.
View augment(const torch::Tensor& pixels, const Labels& labels, const TaskSpecs& specs,
             const Augmentation& augmentation, Rng* rng);

}  // namespace crosstalk::image
