#include "crosstalk/image/network/transformation.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include <torch/nn/functional/conv.h>
#include <torch/nn/functional/padding.h>

#include "crosstalk/image/network/robust_training.hpp"

namespace crosstalk::image {

namespace {

namespace F = torch::nn::functional;

using Table = std::array<int, 64>;

// ITU-T T.81, tables K.1 and K.2: steps of the coefficients at quality 50, by rows.
constexpr Table kLuma = {16, 11, 10, 16, 24,  40,  51,  61,  12, 12, 14, 19, 26,  58,  60,  55,
                         14, 13, 16, 24, 40,  57,  69,  56,  14, 17, 22, 29, 51,  87,  80,  62,
                         18, 22, 37, 56, 68,  109, 103, 77,  24, 35, 55, 64, 81,  104, 113, 92,
                         49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99};
constexpr Table kColour = {17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99,
                           99, 99, 47, 66, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
                           99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99};

// libjpeg's scaling of a table to a quality.
torch::Tensor steps_of(const Table& table, int quality, const torch::TensorOptions& options) {
  const int scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;
  std::vector<double> steps;
  for (const int step : table) steps.push_back(std::clamp((step * scale + 50) / 100, 1, 255));
  return torch::tensor(steps, options);
}

// Of a block of 64 pixels, by rows: row (u, v) has the products of the u-th and the v-th cosine. Orthogonal.
torch::Tensor cosines(const torch::TensorOptions& options) {
  std::vector<double> values;
  const auto cosine = [](int u, int x) {
    return (u == 0 ? std::sqrt(0.125) : 0.5) * std::cos((2 * x + 1) * u * std::numbers::pi / 16);
  };
  for (int u = 0; u < 8; ++u)
    for (int v = 0; v < 8; ++v)
      for (int y = 0; y < 8; ++y)
        for (int x = 0; x < 8; ++x) values.push_back(cosine(u, y) * cosine(v, x));
  return torch::tensor(values, options).view({64, 64});
}

torch::Tensor padded(const torch::Tensor& pixels, std::int64_t multiple) {
  const auto missing = [&](std::int64_t size) { return (multiple - size % multiple) % multiple; };
  return F::pad(pixels,
                F::PadFuncOptions({0, missing(pixels.size(3)), 0, missing(pixels.size(2))}).mode(torch::kReplicate));
}

torch::Tensor softly_rounded(const torch::Tensor& values) {
  const auto whole = values.detach().round();
  return whole + (values - whole).pow(3);
}

// n x 1 x H x W levels around 0, as they come back from the file.
torch::Tensor coded(const torch::Tensor& levels, const Table& table, int quality) {
  const auto whole = padded(levels, 8);
  const std::int64_t n = whole.size(0);
  const std::int64_t rows = whole.size(2) / 8;
  const std::int64_t columns = whole.size(3) / 8;
  const auto basis = cosines(levels.options().requires_grad(false));
  const auto steps = steps_of(table, quality, levels.options().requires_grad(false));
  const auto blocks = whole.view({n, rows, 8, columns, 8}).permute({0, 1, 3, 2, 4}).reshape({-1, 64});
  const auto kept = softly_rounded(blocks.matmul(basis.t()) / steps) * steps;
  return kept.matmul(basis)
      .view({n, rows, columns, 8, 8})
      .permute({0, 1, 3, 2, 4})
      .reshape(whole.sizes())
      .slice(2, 0, levels.size(2))
      .slice(3, 0, levels.size(3));
}

// What libjpeg does to a colour: means of 2 x 2, coded, and interpolated to the size that it had.
torch::Tensor coded_at_half_size(const torch::Tensor& levels, int quality) {
  const auto half = coded(torch::avg_pool2d(padded(levels, 2), 2), kColour, quality);
  return torch::upsample_bilinear2d(half, {2 * half.size(2), 2 * half.size(3)}, false)
      .slice(2, 0, levels.size(2))
      .slice(3, 0, levels.size(3));
}

}  // namespace

torch::Tensor like_jpeg(const torch::Tensor& pixels, int quality) {
  const auto levels = pixels * 255.0;
  if (pixels.size(1) == 1) return (coded(levels - 128.0, kLuma, quality) + 128.0).clamp(0.0, 255.0) / 255.0;
  const auto red = levels.slice(1, 0, 1);
  const auto green = levels.slice(1, 1, 2);
  const auto blue = levels.slice(1, 2, 3);
  const auto y = coded(0.299 * red + 0.587 * green + 0.114 * blue - 128.0, kLuma, quality) + 128.0;
  const auto cb = coded_at_half_size(-0.168736 * red - 0.331264 * green + 0.5 * blue, quality);
  const auto cr = coded_at_half_size(0.5 * red - 0.418688 * green - 0.081312 * blue, quality);
  return torch::cat({y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb}, 1).clamp(0.0, 255.0) / 255.0;
}

torch::Tensor like_grey(const torch::Tensor& pixels) {
  if (pixels.size(1) == 1) return pixels;
  const auto luma = 0.299 * pixels.slice(1, 0, 1) + 0.587 * pixels.slice(1, 1, 2) + 0.114 * pixels.slice(1, 2, 3);
  return luma.expand_as(pixels);
}

torch::Tensor like_resized(const torch::Tensor& pixels, double scale) {
  const auto scaled = [&](std::int64_t size) {
    return std::max<std::int64_t>(1, std::lround(scale * static_cast<double>(size)));
  };
  const auto small = torch::_upsample_bilinear2d_aa(pixels, {scaled(pixels.size(2)), scaled(pixels.size(3))}, false);
  return torch::upsample_bilinear2d(small, {pixels.size(2), pixels.size(3)}, false);
}

torch::Tensor like_blurred(const torch::Tensor& pixels, double deviation) {
  const auto radius = static_cast<std::int64_t>(std::ceil(3.0 * deviation));
  const auto distance = torch::arange(-radius, radius + 1, pixels.options().requires_grad(false));
  auto weights = (-0.5 * (distance / deviation).square()).exp();
  weights = (weights / weights.sum()).view({1, 1, -1, 1});
  const std::int64_t channels = pixels.size(1);
  const auto along = [&](const torch::Tensor& of, const torch::Tensor& kernel) {
    return F::conv2d(of, kernel.expand({channels, 1, kernel.size(2), kernel.size(3)}),
                     F::Conv2dFuncOptions().groups(channels));
  };
  const auto wide = F::pad(pixels, F::PadFuncOptions({radius, radius, radius, radius}).mode(torch::kReplicate));
  return along(along(wide, weights), weights.transpose(2, 3));
}

torch::Tensor transformed(const torch::Tensor& pixels, const std::vector<Transformation>& transformations, Rng& rng) {
  if (transformations.empty()) return pixels;
  const std::size_t choice = rng.below(transformations.size() + 1);
  if (choice == transformations.size()) return pixels;
  switch (transformations[choice]) {
    case Transformation::Jpeg: return like_jpeg(pixels, 10 + static_cast<int>(rng.below(81)));
    case Transformation::Grey: return like_grey(pixels);
    case Transformation::Resize: return like_resized(pixels, rng.uniform(0.5, 1.0));
    case Transformation::Blur: return like_blurred(pixels, rng.uniform(0.5, 1.5));
    default: return noisy(pixels, rng.uniform(0.0, 8.0) / 255.0, rng);
  }
}

}  // namespace crosstalk::image
