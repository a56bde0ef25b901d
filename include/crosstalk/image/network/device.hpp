#pragma once

#include <string>
#include <string_view>

namespace crosstalk::image {

/// The device that networks run on: `cpu`, `cuda`, or for `auto` the latter where there is one. One thread a network on
/// the CPU.
/// @throws std::invalid_argument for another word, or for cuda where LibTorch finds none.
std::string device_named(std::string_view word);

}  // namespace crosstalk::image
