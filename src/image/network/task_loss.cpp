#include "crosstalk/image/network/task_loss.hpp"

#include <stdexcept>

#include <fmt/format.h>

namespace crosstalk::image {

namespace {

// Mean of `values` where `here`; 0 where nothing is.
torch::Tensor masked_mean(const torch::Tensor& values, const torch::Tensor& here) {
  return torch::where(here, values, torch::zeros_like(values)).sum() / here.sum().clamp_min(1);
}

// Cross entropy of logits n x C x ... for labels n x ...; 0 where a label is missing.
torch::Tensor class_loss(const torch::Tensor& logits, const torch::Tensor& labels) {
  const auto here = labels.isfinite();
  const auto wanted = torch::nan_to_num(labels).to(torch::kLong);
  const auto log_likelihood = torch::log_softmax(logits, 1).gather(1, wanted.unsqueeze(1)).squeeze(1);
  return masked_mean(-log_likelihood, here);
}

torch::Tensor dense_loss(const torch::Tensor& output, const torch::Tensor& map, Kind kind) {
  if (kind == Kind::Segmentation) return class_loss(output, map.squeeze(1));
  const auto here = map.isfinite();
  const auto wanted = torch::nan_to_num(map);
  if (kind == Kind::Depth) return masked_mean((output - wanted).abs(), here);
  return masked_mean(1.0 - torch::cosine_similarity(output, wanted, 1), here.all(1));
}

}  // namespace

torch::Tensor task_losses(const Outputs& outputs, const Labels& labels, const TaskSpecs& specs) {
  std::vector<torch::Tensor> losses(specs.size());
  std::int64_t at = 0;
  for (std::size_t k = 0; k < specs.size();) {
    const auto first = static_cast<std::int64_t>(k);
    if (specs[k].info.is_dense()) {
      losses[k] = dense_loss(outputs.maps[k], labels.maps[k], specs[k].info.kind);
      ++k;
      continue;
    }
    if (specs[k].info.kind == Kind::Regression) {
      const auto wanted = labels.images.select(1, first);
      losses[k] = masked_mean((outputs.images.select(1, at) - torch::nan_to_num(wanted)).square(), wanted.isfinite());
      ++at;
      ++k;
      continue;
    }
    // Consecutive tasks of as many classes in one go: forty binary tasks are one operation, not forty.
    std::size_t end = k + 1;
    const std::size_t classes = specs[k].outputs();
    while (end < specs.size() && specs[end].info.has_classes() && specs[end].outputs() == classes) ++end;
    const auto tasks = static_cast<std::int64_t>(end - k);
    const auto width = static_cast<std::int64_t>(classes);
    const auto wanted = labels.images.slice(1, first, first + tasks);
    const auto here = wanted.isfinite();
    const auto logits = outputs.images.slice(1, at, at + tasks * width).view({-1, tasks, width});
    const auto log_likelihood =
        torch::log_softmax(logits, 2).gather(2, torch::nan_to_num(wanted).to(torch::kLong).unsqueeze(2)).squeeze(2);
    const auto sums =
        torch::where(here, -log_likelihood, torch::zeros_like(log_likelihood)).sum(0) / here.sum(0).clamp_min(1);
    for (std::int64_t t = 0; t < tasks; ++t) losses[k + static_cast<std::size_t>(t)] = sums[t];
    at += tasks * width;
    k = end;
  }
  return torch::stack(losses);
}

torch::Tensor mean_loss(const torch::Tensor& losses, const std::vector<double>& weights) {
  if (weights.empty()) return losses.mean();
  if (weights.size() != static_cast<std::size_t>(losses.size(0)))
    throw std::invalid_argument(fmt::format("mean_loss: {} weights for {} tasks", weights.size(), losses.size(0)));
  const auto w = torch::tensor(weights, losses.options());
  return (w * losses).sum() / w.sum();
}

Labels shifted(const Labels& labels, const TaskSpecs& specs) {
  const auto next_class = [](const torch::Tensor& label, const TaskSpec& spec) {
    const auto classes = static_cast<double>(spec.outputs());
    return torch::remainder(label + std::floor(classes / 2), classes);
  };
  Labels result{labels.images.clone(), {}};
  for (std::size_t k = 0; k < specs.size(); ++k) {
    if (specs[k].info.is_dense()) continue;
    auto column = result.images.select(1, static_cast<std::int64_t>(k));
    column.copy_(specs[k].info.has_classes() ? next_class(column, specs[k]) : -column);
  }
  for (std::size_t k = 0; k < labels.maps.size(); ++k) {
    torch::Tensor map = labels.maps[k];
    if (map.defined() && specs[k].info.kind == Kind::Segmentation) map = next_class(map, specs[k]);
    if (map.defined() && specs[k].info.kind == Kind::Depth) map = -map;
    if (map.defined() && specs[k].info.kind == Kind::Normals)
      map = map * torch::tensor({-1.0F, -1.0F, 1.0F}, map.options()).view({1, 3, 1, 1});
    result.maps.push_back(map);
  }
  return result;
}

}  // namespace crosstalk::image
