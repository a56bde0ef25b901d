#include "crosstalk/image/network/noise_options.hpp"

#include <stdexcept>

#include <fmt/format.h>

namespace crosstalk::image {

Base base_named(std::string_view word) {
  if (word == "em") return Base::Em;
  if (word == "tap") return Base::Tap;
  if (word == "sep") return Base::Sep;
  throw std::invalid_argument(fmt::format("unknown base \"{}\"; there are em, tap and sep", word));
}

std::string to_string(Base base) {
  switch (base) {
    case Base::Em: return "em";
    case Base::Tap: return "tap";
    default: return "sep";
  }
}

NoiseOptions usual_options(Base base, bool generator) {
  NoiseOptions options;
  options.base = base;
  options.generator = generator;
  if (generator) return options;
  options.batch = 128;
  switch (base) {
    case Base::Em:
      options.epochs = 60;
      options.round = 5;
      options.step = 1.6;
      break;
    case Base::Tap: options.epochs = 20; break;
    case Base::Sep:
      options.epochs = 10;
      options.step = 1.6;
      options.checkpoints_a_step = options.checkpoints;
      break;
  }
  return options;
}

}  // namespace crosstalk::image
