#include "crosstalk/image/network/loss_balance.hpp"

#include <algorithm>
#include <numeric>

#include <torch/csrc/autograd/autograd.h>

#include "crosstalk/image/network/task_loss.hpp"

namespace crosstalk::image {

namespace {

std::vector<std::int64_t> active_tasks(const std::vector<double>& weights, std::size_t tasks) {
  std::vector<std::int64_t> active;
  for (std::size_t k = 0; k < tasks; ++k)
    if (weights.empty() || weights[k] > 0.0) active.push_back(static_cast<std::int64_t>(k));
  return active;
}

torch::Tensor tensor_of(const Eigen::VectorXd& values, const torch::TensorOptions& options) {
  return torch::tensor(std::vector<double>(values.begin(), values.end()), options);
}

Eigen::VectorXd vector_of(const torch::Tensor& values) {
  const auto doubles = values.detach().to(torch::kCPU, torch::kDouble).contiguous();
  return Eigen::Map<const Eigen::VectorXd>(doubles.data_ptr<double>(), doubles.numel());
}

}  // namespace

LossBalance::LossBalance(Weighting weighting, std::vector<double> task_weights, std::size_t tasks,
                         const torch::Device& device)
    : weighting_(weighting),
      task_weights_(std::move(task_weights)),
      active_(active_tasks(task_weights_, tasks)),
      grad_norm_(static_cast<Eigen::Index>(active_.size())) {
  if (active_.size() < 2) weighting_ = Weighting::Equal;
  if (weighting_ == Weighting::Uncertainty)
    log_variances_ = torch::full({static_cast<std::int64_t>(active_.size())}, -0.5,
                                 torch::TensorOptions().device(device).requires_grad(true));
}

void LossBalance::learn_with(torch::optim::Adam& adam) const {
  if (!log_variances_.defined()) return;
  auto options =
      std::make_unique<torch::optim::AdamOptions>(static_cast<const torch::optim::AdamOptions&>(adam.defaults()));
  options->weight_decay(0.0);
  adam.add_param_group(torch::optim::OptimizerParamGroup({log_variances_}, std::move(options)));
}

torch::Tensor LossBalance::of_active(const torch::Tensor& losses) const {
  if (task_weights_.empty()) return losses;
  std::vector<double> weights;
  for (const std::int64_t k : active_) weights.push_back(task_weights_[static_cast<std::size_t>(k)]);
  const double mean = std::accumulate(weights.begin(), weights.end(), 0.0) / static_cast<double>(weights.size());
  for (double& weight : weights) weight /= mean;
  return losses.index_select(0, torch::tensor(active_, torch::TensorOptions(torch::kLong).device(losses.device()))) *
         torch::tensor(weights, losses.options());
}

torch::Tensor LossBalance::weighted(const torch::Tensor& active, Rng& rng) const {
  if (weighting_ == Weighting::Uncertainty)
    return (active * torch::exp(-log_variances_) / 2 + log_variances_ / 2).mean();
  const Eigen::MatrixXd unused = Eigen::MatrixXd::Zero(active.size(0), active.size(0));
  return (tensor_of(shared_weights(weighting_, unused, rng), active.options()) * active).sum();
}

void LossBalance::backward(MultiTaskNet& net, const torch::Tensor& pixels, const Losses& losses, Rng& rng) {
  if (weighting_ == Weighting::Equal) {
    mean_loss(losses(net->forward(pixels)), task_weights_).backward();
    return;
  }
  const auto active = [&](const Outputs& outputs) { return of_active(losses(outputs)); };
  if (!needs_gradients(weighting_)) {
    weighted(active(net->forward(pixels)), rng).backward();
    return;
  }
  backward_at_features(net, pixels, active,
                       [&](const Eigen::MatrixXd& gram, const Eigen::VectorXd& values) -> GradientWeights {
                         if (weighting_ == Weighting::GradNorm) {
                           const Eigen::VectorXd w = grad_norm_.step(gram.diagonal().cwiseSqrt(), values);
                           return {w, w};
                         }
                         return {shared_weights(weighting_, gram, rng),
                                 Eigen::VectorXd::Constant(values.size(), 1.0 / static_cast<double>(values.size()))};
                       });
}

void backward_at_features(
    MultiTaskNet& net, const torch::Tensor& pixels, const LossBalance::Losses& losses,
    const std::function<GradientWeights(const Eigen::MatrixXd& gram, const Eigen::VectorXd& losses)>& weigh) {
  const SharedFeatures features = net->features(pixels);
  SharedFeatures leaves = features;
  std::vector<torch::Tensor> ends = {features.deep};
  leaves.deep = features.deep.detach().requires_grad_();
  std::vector<torch::Tensor> starts = {leaves.deep};
  if (features.fine.defined()) {
    leaves.fine = features.fine.detach().requires_grad_();
    ends.push_back(features.fine);
    starts.push_back(leaves.fine);
  }
  const auto values = losses(net->heads(leaves));
  const std::int64_t K = values.size(0);
  std::vector<torch::Tensor> rows;
  for (std::int64_t k = 0; k < K; ++k) {
    std::vector<torch::Tensor> parts;
    const auto gradients = torch::autograd::grad({values[k]}, starts, {}, true, false, true);
    for (std::size_t i = 0; i < starts.size(); ++i)
      parts.push_back((gradients[i].defined() ? gradients[i] : torch::zeros_like(starts[i])).flatten());
    rows.push_back(parts.size() == 1 ? parts.front() : torch::cat(parts));
  }
  const auto G = torch::stack(rows);
  const auto gram = G.to(torch::kDouble).matmul(G.to(torch::kDouble).t()).cpu().contiguous();
  const GradientWeights weights =
      weigh(Eigen::Map<const Eigen::MatrixXd>(gram.data_ptr<double>(), K, K), vector_of(values));
  (tensor_of(weights.heads, values.options()) * values).sum().backward();
  const auto combined = tensor_of(weights.shared, G.options()).matmul(G);
  std::vector<torch::Tensor> parts;
  std::int64_t at = 0;
  for (const auto& end : ends) {
    parts.push_back(combined.slice(0, at, at + end.numel()).view_as(end));
    at += end.numel();
  }
  torch::autograd::backward(ends, parts);
}

}  // namespace crosstalk::image
