#pragma once

#include <torch/optim/adam.h>

namespace crosstalk::image {

/// 1, from 60 % of the epochs on 0.1, from 80 % on 0.01 [Yu25].
inline double decay(int epoch, int epochs) {
  return 5 * epoch < 3 * epochs ? 1.0 : 5 * epoch < 4 * epochs ? 0.1 : 0.01;
}

inline void set_learning_rate(torch::optim::Adam& adam, double rate) {
  for (auto& group : adam.param_groups()) static_cast<torch::optim::AdamOptions&>(group.options()).lr(rate);
}

}  // namespace crosstalk::image
