#include "crosstalk/image/network/noise_options.hpp"

#include <algorithm>
#include <iterator>
#include <stdexcept>

#include <fmt/format.h>

#include "crosstalk/names.hpp"

namespace crosstalk::image {

namespace {

constexpr auto kBases = name_table<Base>("base", {{Base::Em, "em"}, {Base::Tap, "tap"}, {Base::Sep, "sep"}});
constexpr auto kTransformations = name_table<Transformation>("transformation", {{Transformation::Jpeg, "jpeg"},
                                                                                {Transformation::Grey, "grey"},
                                                                                {Transformation::Resize, "resize"},
                                                                                {Transformation::Blur, "blur"},
                                                                                {Transformation::Noise, "noise"}});

}  // namespace

Base base_named(std::string_view word) {
  return kBases.named(word);
}

std::string to_string(Base base) {
  return std::string(kBases.name_of(base));
}

std::string to_string(Transformation transformation) {
  return std::string(kTransformations.name_of(transformation));
}

std::vector<Transformation> transformations_named(const std::vector<std::string>& words) {
  std::vector<Transformation> result;
  for (const std::string& word : words) {
    const Transformation found = kTransformations.named(word);
    if (std::ranges::find(result, found) != result.end())
      throw std::invalid_argument(fmt::format("transformation \"{}\" is named twice", word));
    result.push_back(found);
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
