#include "crosstalk/image/network/robust_training.hpp"

#include <algorithm>
#include <cmath>

#include <torch/autograd.h>
#include <torch/nn/functional/vision.h>

#include "crosstalk/image/network/task_loss.hpp"

namespace crosstalk::image {

namespace {

std::int64_t extent(std::size_t size) {
  return static_cast<std::int64_t>(size);
}

torch::Tensor index_of(const std::vector<std::size_t>& partners, torch::Device device) {
  return torch::tensor(std::vector<std::int64_t>(partners.begin(), partners.end())).to(device);
}

Labels rows_of(const Labels& labels, const torch::Tensor& index) {
  Labels rows{labels.images.index_select(0, index), {}};
  for (const auto& map : labels.maps) rows.maps.push_back(map.defined() ? map.index_select(0, index) : map);
  return rows;
}

// Values of the size and device of `like`, each a draw of its own.
template <typename Draw>
torch::Tensor drawn(const torch::Tensor& like, Draw draw) {
  auto values = torch::empty(like.sizes(), torch::kFloat);
  float* at = values.data_ptr<float>();
  for (std::int64_t i = 0; i < values.numel(); ++i) at[i] = static_cast<float>(draw());
  return values.to(like.device());
}

// Yun et al.: a rectangle with the image's proportions and a uniform share of its area around a random pixel, cut off
// at the edges.
Region region_to_paste(std::int64_t height, std::int64_t width, Rng& rng) {
  const double side = std::sqrt(1.0 - rng.uniform());
  const auto span = [&](std::int64_t whole) {
    const auto half = static_cast<std::int64_t>(side * static_cast<double>(whole) / 2.0);
    const auto centre = extent(rng.below(static_cast<std::size_t>(whole)));
    const std::int64_t from = std::max<std::int64_t>(0, centre - half);
    return std::pair(static_cast<std::size_t>(from), static_cast<std::size_t>(std::min(whole, centre + half) - from));
  };
  const auto [top, rows] = span(height);
  const auto [left, columns] = span(width);
  return {top, left, rows, columns};
}

}  // namespace

torch::Tensor mixed_losses(const Outputs& outputs, const MixedView& mixed, const TaskSpecs& specs) {
  const auto own = task_losses(outputs, mixed.view.labels, specs);
  if (mixed.lambda == 1.0) return own;
  return mixed.lambda * own + (1.0 - mixed.lambda) * task_losses(outputs, mixed.partner, specs);
}

MixedView mixed_up(const View& view, const std::vector<std::size_t>& partners, double lambda) {
  const auto index = index_of(partners, view.pixels.device());
  return {{lambda * view.pixels + (1.0 - lambda) * view.pixels.index_select(0, index), view.labels},
          rows_of(view.labels, index),
          lambda};
}

MixedView cut_and_mixed(const View& view, const std::vector<std::size_t>& partners, const Region& region) {
  const auto index = index_of(partners, view.pixels.device());
  const auto pasted = [&](const torch::Tensor& images) {
    const auto part = [&](const torch::Tensor& of) {
      return of.slice(2, extent(region.top), extent(region.top + region.height))
          .slice(3, extent(region.left), extent(region.left + region.width));
    };
    auto result = images.clone();
    part(result).copy_(part(images).index_select(0, index));
    return result;
  };
  MixedView mixed{{pasted(view.pixels), {view.labels.images, {}}}, rows_of(view.labels, index), 1.0};
  for (const auto& map : view.labels.maps) mixed.view.labels.maps.push_back(map.defined() ? pasted(map) : map);
  mixed.partner.maps = mixed.view.labels.maps;
  const auto plane = static_cast<double>(view.pixels.size(2) * view.pixels.size(3));
  mixed.lambda = 1.0 - static_cast<double>(region.height * region.width) / plane;
  return mixed;
}

View resized_crop(const View& view, Rng& rng) {
  namespace F = torch::nn::functional;
  const std::int64_t n = view.pixels.size(0);
  // The part of image i is [c - s, c + s] of the image's [-1, 1], along each side.
  auto affine = torch::zeros({n, 2, 3});
  for (std::int64_t i = 0; i < n; ++i) {
    const double scale = std::sqrt(rng.uniform(0.25, 1.0));
    for (std::int64_t side = 0; side < 2; ++side) {
      affine[i][side][side] = scale;
      affine[i][side][2] = rng.uniform(scale - 1.0, 1.0 - scale);
    }
  }
  affine = affine.to(view.pixels.device());
  const auto grid = F::affine_grid(affine, view.pixels.sizes(), false);
  const auto options = F::GridSampleFuncOptions().padding_mode(torch::kBorder).align_corners(false);
  View result{F::grid_sample(view.pixels, grid, F::GridSampleFuncOptions(options).mode(torch::kBilinear)),
              {view.labels.images, {}}};
  for (const auto& map : view.labels.maps)
    result.labels.maps.push_back(
        map.defined() ? F::grid_sample(map, grid, F::GridSampleFuncOptions(options).mode(torch::kNearest)) : map);
  return result;
}

torch::Tensor cut_out(const torch::Tensor& pixels, Rng& rng) {
  const std::int64_t height = pixels.size(2);
  const std::int64_t width = pixels.size(3);
  const std::int64_t side = std::min(height, width) / 2;
  const auto mean = pixels.mean({2, 3}, true);
  auto result = pixels.clone();
  for (std::int64_t i = 0; i < pixels.size(0); ++i) {
    const auto top = extent(rng.below(static_cast<std::size_t>(height - side + 1)));
    const auto left = extent(rng.below(static_cast<std::size_t>(width - side + 1)));
    result[i].slice(1, top, top + side).slice(2, left, left + side).copy_(mean[i].expand({-1, side, side}));
  }
  return result;
}

torch::Tensor noisy(const torch::Tensor& pixels, double deviation, Rng& rng) {
  return (pixels + deviation * drawn(pixels, [&] { return rng.normal(); })).clamp(0.0, 1.0);
}

MixedView robust_view(View view, const RobustTraining& robust_training, Rng& rng) {
  if (robust_training.resized_crop) view = resized_crop(view, rng);
  if (robust_training.cutout) view.pixels = cut_out(view.pixels, rng);
  if (robust_training.noise > 0) view.pixels = noisy(view.pixels, robust_training.noise / 255.0, rng);
  if ((!robust_training.cutmix && !robust_training.mixup) || rng.below(2) == 0) return {std::move(view)};
  const auto partners = rng.permutation(static_cast<std::size_t>(view.pixels.size(0)));
  const bool cuts = robust_training.cutmix && (!robust_training.mixup || rng.below(2) == 0);
  if (!cuts) return mixed_up(view, partners, rng.uniform());
  return cut_and_mixed(view, partners, region_to_paste(view.pixels.size(2), view.pixels.size(3), rng));
}

torch::Tensor attacked(const torch::Tensor& pixels, const std::function<torch::Tensor(const torch::Tensor&)>& loss,
                       double epsilon, Rng& rng) {
  constexpr int steps = 10;
  const auto low = (pixels - epsilon).clamp_min(0.0);
  const auto high = (pixels + epsilon).clamp_max(1.0);
  auto images = pixels + drawn(pixels, [&] { return rng.uniform(-epsilon, epsilon); });
  for (int step = 0; step < steps; ++step) {
    images = torch::min(torch::max(images, low), high).detach().requires_grad_(true);
    const auto gradient = torch::autograd::grad({loss(images)}, {images}).front();
    images = images.detach() + epsilon / 4.0 * gradient.sign();
  }
  return torch::min(torch::max(images, low), high);
}

}  // namespace crosstalk::image
