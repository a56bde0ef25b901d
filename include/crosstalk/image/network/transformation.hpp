#pragma once

#include <vector>

#include <torch/types.h>

#include "crosstalk/image/network/noise_options.hpp"
#include "crosstalk/rng.hpp"

namespace crosstalk::image {

// Stand-ins for what is done to published images, differentiable in the pixels: n x C x H x W, levels / 255.

/// About the pixels that come out of a JPEG file: half-size colours, 8 x 8 cosine transforms, the standard's tables at
/// this quality, 1 to 100. Coefficients are rounded by round(x) + (x - round(x))^3, which has a gradient [Shin17] (28).
torch::Tensor like_jpeg(const torch::Tensor& pixels, int quality);
/// Every channel is the luma 0.299 R + 0.587 G + 0.114 B; a grey image stays.
torch::Tensor like_grey(const torch::Tensor& pixels);
/// At `scale` times the size, at least a pixel, and back; bilinear, over the covered area when it shrinks.
torch::Tensor like_resized(const torch::Tensor& pixels, double scale);
/// Gaussian; the pixels at the edges go on beyond them.
torch::Tensor like_blurred(const torch::Tensor& pixels, double deviation);

/// One of these at random, each as likely as none of them, at a random strength: quality 10 to 90, half to whole size,
/// blur of 0.5 to 1.5 pixels, Gaussian noise of 0 to 8 levels. Without any nothing is drawn.
torch::Tensor transformed(const torch::Tensor& pixels, const std::vector<Transformation>& transformations, Rng& rng);

}  // namespace crosstalk::image
