#pragma once

#include <functional>
#include <vector>

#include "crosstalk/image/countermeasure.hpp"
#include "crosstalk/image/method.hpp"
#include "crosstalk/image/network/loader.hpp"
#include "crosstalk/image/network/multi_task_net.hpp"
#include "crosstalk/rng.hpp"

namespace crosstalk::image {

/// Images that may be mixed from two: then each has its own labels with weight `lambda`, and those of its partner.
struct MixedView {
  View view;
  Labels partner = {};
  double lambda = 1.0;
};

/// lambda L(labels) + (1 - lambda) L(partner's labels), by task.
torch::Tensor mixed_losses(const Outputs& outputs, const MixedView& mixed, const TaskSpecs& specs);

/// The mean of each image and its partner, weighted lambda and 1 - lambda.
/// @param partners  of each image, in the same minibatch.
MixedView mixed_up(const View& view, const std::vector<std::size_t>& partners, double lambda);
/// Each image with the region of its partner; lambda is the share of the image that stays. Maps are pasted as pixels
/// are, and both labels of a dense task are the pasted map.
MixedView cut_and_mixed(const View& view, const std::vector<std::size_t>& partners, const Region& region);

/// A random part of each image, of its proportions and of 25 to 100 % of its area, at the image's size: pixels
/// bilinear, maps of the nearest pixel.
View resized_crop(const View& view, Rng& rng);
/// A random square of half the shorter side of each image has its mean, by channel.
torch::Tensor cut_out(const torch::Tensor& pixels, Rng& rng);
/// With Gaussian noise of this deviation, kept between black and white.
torch::Tensor noisy(const torch::Tensor& pixels, double deviation, Rng& rng);

/// All that is asked for but adversarial images: a part, a square, noise, a partner. With both CutMix and MixUp half
/// the minibatches are mixed, by either.
MixedView robust_view(View view, const RobustTraining& robust_training, Rng& rng);

/// Images within epsilon of these, and between black and white, that have a high loss: ten steps of epsilon / 4 along
/// the sign of the gradient from a random place [Madry18].
/// @param loss  of images.
torch::Tensor attacked(const torch::Tensor& pixels, const std::function<torch::Tensor(const torch::Tensor&)>& loss,
                       double epsilon, Rng& rng);

}  // namespace crosstalk::image
