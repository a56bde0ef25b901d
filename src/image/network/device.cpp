#include "crosstalk/image/network/device.hpp"

#include <stdexcept>

#include <fmt/format.h>
#include <torch/cuda.h>
#include <torch/utils.h>

namespace crosstalk::image {

std::string device_named(std::string_view word) {
  torch::set_num_threads(1);
  if (word == "cpu") return "cpu";
  if (word != "auto" && word != "cuda")
    throw std::invalid_argument(fmt::format("unknown device \"{}\"; there are auto, cpu and cuda", word));
  if (torch::cuda::is_available()) return "cuda";
  if (word == "cuda") throw std::invalid_argument("device cuda: this LibTorch finds no GPU; take cpu");
  return "cpu";
}

}  // namespace crosstalk::image
