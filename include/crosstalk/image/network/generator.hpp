#pragma once

#include <memory>
#include <string>
#include <vector>

#include <torch/nn.h>

#include "crosstalk/image/network/loader.hpp"
#include "crosstalk/image/network/noise_options.hpp"
#include "crosstalk/rng.hpp"

namespace crosstalk::image {

/// (27) of docs/methods/images.md. With rows e_m^k of table k divided by their length, C_k rows a table:
///   intra = mean over k of 1 + sum_{m != n} <e_m^k, e_n^k> / (C_k (C_k - 1)),
///           least when a task's rows point apart as far as they can: 1 - 1 / (C_k - 1) a task
///   inter = mean over k < l, m, n of |<e_m^k, e_n^l>|, 0 where rows of different tasks are orthogonal
/// as the authors' code has it [Yu25]; the paper pools the pairs of all tasks.
struct Regularisers {
  torch::Tensor intra;
  torch::Tensor inter;
};
/// Both from one matrix of products. Tables C_k x d.
Regularisers regularisers(const std::vector<torch::Tensor>& tables);

/// The noise of an image with its labels (26), n x C x H x W in [-epsilon, epsilon] / 255:
///   z   = E(x)            convolutions and residual blocks, half the size or an eighth
///   e_k = table k's row of the label, a map of the size of z
///   x's noise = squash(gain D(e_1, ..., e_K, z)),   D: convolutions, twice the size by rearranging channels
/// A task that is not protected, and a label that is missing, give the mean of the table's rows: no information. A
/// number lies between two rows; a dense label goes through convolutions of its own in place of a table. [Yu25]
class GeneratorImpl : public torch::nn::Module {
 public:
  /// @param tasks  protected: positions.
  /// @throws std::invalid_argument for a layer without or with more than 512 channels, for an encoder's that are more
  ///         than 3 and no multiple of 4, for more than 16 blocks, or when the decoder sees nothing.
  GeneratorImpl(const Shape& shape, TaskSpecs specs, const std::vector<std::size_t>& tasks, int epsilon,
                const GeneratorOptions& options, Rng& rng);

  torch::Tensor forward(const torch::Tensor& pixels, const Labels& labels);
  /// intra and inter with their weights; 0 where embeddings are not used.
  torch::Tensor penalty();

 private:
  torch::Tensor embedding(std::size_t k, const Labels& labels);

  TaskSpecs specs_;
  std::vector<bool> protected_;
  GeneratorOptions options_;
  double epsilon_;
  std::int64_t latent_height_;
  std::int64_t latent_width_;
  std::vector<torch::Tensor> tables_;  // by task, undefined for dense ones
  std::vector<torch::nn::Sequential> dense_;
  torch::nn::Sequential encoder_{nullptr};
  torch::nn::Sequential decoder_{nullptr};
};
TORCH_MODULE(Generator);

}  // namespace crosstalk::image
