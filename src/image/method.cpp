#include "crosstalk/image/method.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "classwise.hpp"
#include "crosstalk/names.hpp"
#include "crosstalk/parallel.hpp"
#include "crosstalk/rng.hpp"

namespace crosstalk::image {

namespace {

// The first values again, as often as they fit in.
void repeat_plane(std::span<float> change, std::size_t values) {
  for (std::size_t at = values; at < change.size(); ++at) change[at] = change[at - values];
}

class UniformNoise : public PerImageMethod {
 public:
  explicit UniformNoise(const MethodOptions& options) : options_(options) {}

  void perturb(const Batch& batch, std::size_t row, std::span<float> change) const override {
    Rng rng = Rng::stream(options_.seed, "noise", batch.first + row);
    const std::size_t values = options_.luma ? batch.shape.plane() : change.size();
    for (float& level : change.first(values))
      level = static_cast<float>(rng.uniform(-options_.epsilon, options_.epsilon));
    repeat_plane(change, values);
  }

 private:
  MethodOptions options_;
};

// Linearly separable: +-1 a block, another pattern for each class of a task.
class Blocks : public Classwise {
 public:
  Blocks(const Source& source, const MethodOptions& options) : Classwise(source, options) {
    for (std::size_t k = 0; k < tasks(); ++k) signs_.push_back(distinct_patterns(k));
  }

 protected:
  void add(std::size_t k, std::size_t label, const Place& place, std::span<float> change) const override {
    const Grid grid = grid_of(place.region);
    const auto& signs = signs_[k][label];
    for (std::size_t c = 0; c < shape().channels; ++c)
      for (std::size_t y = 0; y < place.region.height; ++y)
        for (std::size_t x = 0; x < place.region.width; ++x) {
          const std::size_t block = (c * grid.rows + y / grid.side) * grid.columns + x / grid.side;
          change[c * shape().plane() + (place.region.top + y) * shape().width + place.region.left + x] +=
              signs[block] ? place.strength : -place.strength;
        }
  }

 private:
  struct Grid {
    std::size_t side;
    std::size_t rows;
    std::size_t columns;
  };

  // Four blocks on the shorter side, as the paper has on 32 x 32 pixels.
  static Grid grid_of(const Region& region) {
    const std::size_t side = std::max<std::size_t>(1, std::min(region.height, region.width) / 4);
    return {side, (region.height + side - 1) / side, (region.width + side - 1) / side};
  }

  [[nodiscard]] std::vector<std::vector<bool>> distinct_patterns(std::size_t k) const {
    const Grid grid = grid_of(region(k));
    const std::size_t blocks = shape().channels * grid.rows * grid.columns;
    const std::size_t classes = task(k).classes.size();
    if (blocks < 20 && classes > std::size_t{1} << blocks)
      throw std::invalid_argument(fmt::format(
          "task \"{}\" has {} classes, but its {} x {} pixels hold {} patterns; protect fewer tasks, or by average",
          task(k).name, classes, region(k).width, region(k).height, std::size_t{1} << blocks));
    std::set<std::vector<bool>> taken;
    std::vector<std::vector<bool>> patterns;
    Rng rng = Rng::stream(options().seed, "lsp/" + task(k).name);
    while (patterns.size() < classes) {
      std::vector<bool> signs(blocks);
      for (std::size_t b = 0; b < blocks; ++b) signs[b] = rng.below(2) == 1;
      if (taken.insert(signs).second) patterns.push_back(std::move(signs));
    }
    return patterns;
  }

  std::vector<std::vector<std::vector<bool>>> signs_;  // by task, class, block
};

}  // namespace

MethodName method_named(std::string_view word) {
  static constexpr auto names = name_table<MethodName>(
      "method",
      {{MethodName::Lsp, "lsp"}, {MethodName::Ar, "ar"}, {MethodName::Ops, "ops"}, {MethodName::Noise, "noise"}});
  return names.named(word);
}

Composition composition_named(std::string_view word) {
  static constexpr auto names =
      name_table<Composition>("composition", {{Composition::Average, "average"}, {Composition::Patch, "patch"}});
  return names.named(word);
}

std::vector<Region> regions(Composition composition, const Shape& shape, std::size_t tasks) {
  if (composition == Composition::Average) return std::vector<Region>(tasks, Region{0, 0, shape.height, shape.width});
  std::size_t cells = 1;
  while (cells * cells < tasks) cells *= 2;
  const std::size_t height = shape.height / cells;
  const std::size_t width = shape.width / cells;
  if (height == 0 || width == 0)
    throw std::invalid_argument(fmt::format("{} tasks need a grid of {} x {} cells, but images have {} x {} pixels",
                                            tasks, cells, cells, shape.width, shape.height));
  const std::size_t top = (shape.height - cells * height) / 2;
  const std::size_t left = (shape.width - cells * width) / 2;
  std::vector<Region> result;
  for (std::size_t k = 0; k < tasks; ++k)
    result.push_back({top + (k / cells) * height, left + (k % cells) * width, height, width});
  return result;
}

Classwise::Classwise(const Source& source, const MethodOptions& options)
    : options_(options), shape_(source.shape()), regions_(regions(options.composition, shape_, options.tasks.size())) {
  for (const std::size_t k : options.tasks) tasks_.push_back(source.tasks()[k]);
  if (options.luma && options.name != MethodName::Ops) shape_.channels = 1;
}

void Classwise::perturb(const Batch& batch, std::size_t row, std::span<float> change) const {
  std::fill(change.begin(), change.end(), 0.0F);
  const float share = options_.composition == Composition::Average ? 1.0F / static_cast<float>(tasks_.size()) : 1.0F;
  for (std::size_t k = 0; k < tasks_.size(); ++k) {
    const double label = batch.label(row, options_.tasks[k]);
    if (is_missing(label)) continue;
    add(k, static_cast<std::size_t>(label), {batch, row, regions_[k], share * static_cast<float>(options_.epsilon)},
        change);
  }
  repeat_plane(change, shape_.values());
}

std::unique_ptr<Method> make_method(const Source& source, const MethodOptions& options, const RunControl& control) {
  if (options.epsilon < 1 || options.epsilon > 255)
    throw std::invalid_argument(fmt::format("epsilon is {}; it must be between 1 and 255 levels", options.epsilon));
  if (options.name == MethodName::Noise) return std::make_unique<UniformNoise>(options);
  if (options.tasks.empty()) throw std::invalid_argument("make_method: no task to protect");
  for (const std::size_t k : options.tasks)
    if (k >= source.tasks().size() || !source.tasks()[k].has_classes())
      throw std::invalid_argument(fmt::format("make_method: there is no task {} with classes", k));
  switch (options.name) {
    case MethodName::Ar: return make_autoregressive(source, options);
    case MethodName::Ops: return make_one_pixel(source, options, control);
    default: return std::make_unique<Blocks>(source, options);
  }
}

std::vector<float> PerImageMethod::changes(const Batch& batch, int threads) const {
  const std::size_t values = batch.shape.values();
  std::vector<float> all(batch.size() * values);
  parallel_for(batch.size(), threads,
               [&](std::size_t row) { perturb(batch, row, std::span(all).subspan(row * values, values)); });
  return all;
}

Batch protect(const Batch& batch, const Method& method, int threads) {
  return with_changes(batch, method.changes(batch, threads));
}

Batch with_changes(const Batch& batch, std::span<const float> changes) {
  if (changes.size() != batch.pixels.size())
    throw std::invalid_argument(
        fmt::format("with_changes: {} changes for {} values", changes.size(), batch.pixels.size()));
  Batch result = batch;
  for (std::size_t i = 0; i < changes.size(); ++i)
    result.pixels[i] = static_cast<std::uint8_t>(
        std::clamp<long>(std::lround(static_cast<float>(batch.pixels[i]) + changes[i]), 0, 255));
  return result;
}

void ChangeMeter::add(std::span<const std::uint8_t> original, std::span<const std::uint8_t> published) {
  if (original.size() != published.size())
    throw std::invalid_argument(fmt::format("ChangeMeter: {} values against {}", original.size(), published.size()));
  for (std::size_t i = 0; i < original.size(); ++i)
    ++counts_[static_cast<std::size_t>(std::abs(int{published[i]} - int{original[i]}))];
}

void ChangeMeter::add(const ChangeMeter& other) {
  for (std::size_t change = 0; change < counts_.size(); ++change) counts_[change] += other.counts_[change];
}

int ChangeMeter::largest() const {
  return quantile(1.0);
}

int ChangeMeter::quantile(double share) const {
  double values = 0.0;
  for (const std::uint64_t count : counts_) values += static_cast<double>(count);
  double seen = 0.0;
  for (std::size_t change = 0; change < counts_.size(); ++change) {
    seen += static_cast<double>(counts_[change]);
    if (seen >= share * values) return static_cast<int>(change);
  }
  return static_cast<int>(counts_.size()) - 1;
}

double ChangeMeter::psnr() const {
  double squares = 0.0;
  double values = 0.0;
  for (std::size_t change = 0; change < counts_.size(); ++change) {
    squares += static_cast<double>(change * change * counts_[change]);
    values += static_cast<double>(counts_[change]);
  }
  return 10.0 * std::log10(255.0 * 255.0 * values / squares);
}

}  // namespace crosstalk::image
