#pragma once

#include <functional>
#include <vector>

#include <torch/optim/adam.h>

#include "crosstalk/image/network/multi_task_net.hpp"
#include "crosstalk/image/network/weighting.hpp"
#include "crosstalk/rng.hpp"

namespace crosstalk::image {

/// Gradients of a network's K losses in one, step after step.
class LossBalance {
 public:
  /// Losses of all tasks, K, from what the network says.
  using Losses = std::function<torch::Tensor(const Outputs&)>;

  /// @param task_weights  of the losses, >= 0, not all 0; empty: all 1. Tasks of weight 0 take no part, and with a
  ///                      single other one every weighting is `ls`; if they differ otherwise, L_k is multiplied by w_k
  ///                      over their mean, and the weighting sees the products.
  LossBalance(Weighting weighting, std::vector<double> task_weights, std::size_t tasks, const torch::Device& device);

  /// Gives to the optimiser what the weighting learns by it; no weight decay there.
  void learn_with(torch::optim::Adam& adam) const;

  /// Adds the gradient to those of the network's parameters. Where the weighting looks at gradients of single tasks,
  /// these are at the features that all heads share (`MultiTaskNet::features`): K times the features of a minibatch,
  /// and no more of the network. The backbone gets sum_k w_k g_k; the heads, with the hidden layer, get the gradient of
  /// the mean loss, or of gradnorm's weighted losses.
  void backward(MultiTaskNet& net, const torch::Tensor& pixels, const Losses& losses, Rng& rng);

 private:
  [[nodiscard]] torch::Tensor of_active(const torch::Tensor& losses) const;
  [[nodiscard]] torch::Tensor weighted(const torch::Tensor& active, Rng& rng) const;

  Weighting weighting_;
  std::vector<double> task_weights_;
  std::vector<std::int64_t> active_;
  GradNorm grad_norm_;
  torch::Tensor log_variances_;  // of uw, by active task
};

/// How the gradients of K losses are combined.
struct GradientWeights {
  Eigen::VectorXd shared;  ///< of the gradients at the shared features
  Eigen::VectorXd heads;   ///< of the losses, for what comes after these features
};

/// The gradients of K losses, each at the shared features alone, their combination through the backbone.
/// @param losses  K, each with a gradient.
/// @param weigh   takes the Gram matrix of the gradients and the losses.
void backward_at_features(
    MultiTaskNet& net, const torch::Tensor& pixels, const LossBalance::Losses& losses,
    const std::function<GradientWeights(const Eigen::MatrixXd& gram, const Eigen::VectorXd& losses)>& weigh);

}  // namespace crosstalk::image
