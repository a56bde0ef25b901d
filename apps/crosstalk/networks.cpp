#include "networks.hpp"

#include <malloc.h>

#include "crosstalk/data/files.hpp"
#include "crosstalk/image/network/device.hpp"

namespace crosstalk::app {

// Layers of large images are tens of megabytes each, made and freed by the hundred. Left to itself the C library gives
// each back to the system at once, and clearing them anew takes a tenth of the time.
void use_networks() {
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
}

image::LearnedNoise learn_noise(const image::Source& source, image::NoiseOptions options, const std::string& device,
                                const image::Checkpoints& checkpoints, const RunControl& control) {
  options.device = image::device_named(device);
  return image::learn_noise(source, options, checkpoints, control);
}

image::GeneratorFacts generator_facts(const std::string& file) {
  return image::generator_facts(data::read_file(file), file);
}

std::unique_ptr<image::Method> open_generator(const std::string& file, const image::Source& source) {
  return image::open_generator(data::read_file(file), file, source);
}

}  // namespace crosstalk::app
