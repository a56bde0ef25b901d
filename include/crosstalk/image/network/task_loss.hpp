#pragma once

#include <vector>

#include "crosstalk/image/network/loader.hpp"
#include "crosstalk/image/network/multi_task_net.hpp"

namespace crosstalk::image {

/// Loss of each task, K: cross entropy of classes (mean over images, or pixels), squared error of a standardised
/// number, absolute error of a standardised depth, 1 - cosine of normals. Missing labels do not count; a task without
/// any label in the batch has loss 0.
torch::Tensor task_losses(const Outputs& outputs, const Labels& labels, const TaskSpecs& specs);

/// sum_k w_k L_k / sum_k w_k.
/// @param weights  K, >= 0, not all 0; empty: all 1.
torch::Tensor mean_loss(const torch::Tensor& losses, const std::vector<double>& weights);

/// The labels that a targeted noise aims at: class y becomes (y + floor(C / 2)) mod C [Yu25, TAP]; a standardised
/// number or depth changes its sign, and a normal leans the other way.
Labels shifted(const Labels& labels, const TaskSpecs& specs);

}  // namespace crosstalk::image
