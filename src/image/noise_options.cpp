#include "crosstalk/image/network/noise_options.hpp"

#include <algorithm>
#include <iterator>
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

std::string to_string(Transformation transformation) {
  switch (transformation) {
    case Transformation::Jpeg: return "jpeg";
    case Transformation::Grey: return "grey";
    case Transformation::Resize: return "resize";
    case Transformation::Blur: return "blur";
    default: return "noise";
  }
}

std::vector<Transformation> transformations_named(const std::vector<std::string>& words) {
  std::vector<Transformation> result;
  for (const std::string& word : words) {
    using enum Transformation;
    constexpr Transformation all[] = {Jpeg, Grey, Resize, Blur, Noise};
    const auto* const found = std::ranges::find_if(all, [&](Transformation each) { return to_string(each) == word; });
    if (found == std::end(all))
      throw std::invalid_argument(
          fmt::format("unknown transformation \"{}\"; there are jpeg, grey, resize, blur and noise", word));
    if (std::ranges::find(result, *found) != result.end())
      throw std::invalid_argument(fmt::format("transformation \"{}\" is named twice", word));
    result.push_back(*found);
  }
  return result;
}

int passes_for(std::size_t images, std::size_t batch, std::size_t steps, int least) {
  const std::size_t batches = std::max<std::size_t>(1, (images + batch - 1) / batch);
  return std::max(least, static_cast<int>((steps + batches - 1) / batches));
}

int usual_epochs(std::size_t images) {
  return passes_for(images, 128, 480, 12);
}

int victim_epochs(std::size_t images, const std::vector<TaskInfo>& tasks) {
  const bool dense = std::ranges::any_of(tasks, &TaskInfo::is_dense);
  return dense ? passes_for(images, 128, 1920, 48) : usual_epochs(images);
}

NoiseOptions usual_options(Base base, bool generator, std::size_t images) {
  NoiseOptions options;
  options.base = base;
  options.generator = generator;
  options.surrogate_epochs = usual_epochs(images);
  if (generator) {
    options.epochs = passes_for(images, options.batch, 3200, 40);
    return options;
  }
  options.batch = 128;
  switch (base) {
    case Base::Em:
      options.epochs = 60;
      options.round = 5;
      options.step = 1.6;
      break;
    case Base::Tap: options.epochs = 60; break;
    case Base::Sep:
      options.epochs = 10;
      options.step = 1.6;
      options.checkpoints_a_step = options.checkpoints;
      break;
  }
  return options;
}

}  // namespace crosstalk::image
