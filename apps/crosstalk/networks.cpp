#include "networks.hpp"

#include <stdexcept>

#include <fmt/format.h>

#include "crosstalk/data/files.hpp"
#include "crosstalk/image/network/device.hpp"

namespace crosstalk::app {

void use_networks() {}

image::LearnedNoise learn_noise(const image::Source& source, image::NoiseOptions options, const std::string& device,
                                const image::Checkpoints& checkpoints, const Watch& watch) {
  options.device = image::device_named(device);
  return image::learn_noise(source, options, checkpoints, watch);
}

std::unique_ptr<image::Method> open_generator(const std::string& file, const image::Source& source) {
  return image::open_generator(data::read_file(file), file, source);
}

}  // namespace crosstalk::app
