#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "classwise.hpp"
#include "crosstalk/error.hpp"

namespace crosstalk::image {

namespace {

// Corners of the colour cube: bit c of the number says whether channel c is 255.
using Colour = std::size_t;

int channel_of(Colour colour, std::size_t channel) {
  return (colour >> channel & 1U) != 0 ? 255 : 0;
}

/// How far the images of a class are from each colour, pixel by pixel: sums over the images, exact whatever their
/// order.
struct Distances {
  std::uint64_t images = 0;
  std::vector<std::uint64_t> sum;  // by colour and pixel of the region
  std::vector<std::uint64_t> squares;
};

class OnePixel : public Classwise {
 public:
  OnePixel(const Source& source, const MethodOptions& options, const RunControl& control) : Classwise(source, options) {
    std::vector<std::vector<Distances>> distances(tasks());
    for (std::size_t k = 0; k < tasks(); ++k) {
      const std::size_t cells = colours() * region(k).height * region(k).width;
      distances[k].assign(task(k).classes.size(),
                          {0, std::vector<std::uint64_t>(cells), std::vector<std::uint64_t>(cells)});
    }
    const std::size_t step = images_at_a_time(shape());
    for (std::size_t first = 0; first < source.size(); first += step) {
      const Batch batch = source.read(first, std::min(step, source.size() - first));
      for (std::size_t row = 0; row < batch.size(); ++row) measure(batch, row, distances);
      if (control.progress)
        control.progress(static_cast<double>(first) / static_cast<double>(source.size()), "measuring classes");
    }
    for (std::size_t k = 0; k < tasks(); ++k) pixels_.push_back(choose(k, distances[k]));
  }

 protected:
  void add(std::size_t k, std::size_t label, const Place& place, std::span<float> change) const override {
    const Pixel& pixel = pixels_[k][label];
    for (std::size_t c = 0; c < shape().channels; ++c) {
      const std::size_t at = c * shape().plane() + pixel.at;
      const auto way = static_cast<float>(channel_of(pixel.colour, c) - int{place.batch.image(place.row)[at]});
      const auto epsilon = static_cast<float>(options().epsilon);
      change[at] += std::clamp(way, -epsilon, epsilon) * (place.strength / epsilon);
    }
  }

 private:
  struct Pixel {
    std::size_t at = 0;  // in a channel's plane
    Colour colour = 0;
  };

  [[nodiscard]] std::size_t colours() const { return std::size_t{1} << shape().channels; }
  [[nodiscard]] std::size_t position(const Region& region, std::size_t pixel) const {
    return (region.top + pixel / region.width) * shape().width + region.left + pixel % region.width;
  }

  void measure(const Batch& batch, std::size_t row, std::vector<std::vector<Distances>>& distances) const {
    const auto image = batch.image(row);
    for (std::size_t k = 0; k < tasks(); ++k) {
      const double label = batch.label(row, options().tasks[k]);
      if (is_missing(label)) continue;
      Distances& of_class = distances[k][static_cast<std::size_t>(label)];
      ++of_class.images;
      const std::size_t pixels = region(k).height * region(k).width;
      for (Colour colour = 0; colour < colours(); ++colour)
        for (std::size_t p = 0; p < pixels; ++p) {
          std::uint64_t distance = 0;
          for (std::size_t c = 0; c < shape().channels; ++c)
            distance += static_cast<std::uint64_t>(
                std::abs(channel_of(colour, c) - int{image[c * shape().plane() + position(region(k), p)]}));
          of_class.sum[colour * pixels + p] += distance;
          of_class.squares[colour * pixels + p] += distance * distance;
        }
    }
  }

  // The pixel and colour that are far from the images of the class, and equally far from all of them: the largest
  //   mean distance / (variance of the distance + 1 level^2).
  // No two classes of a task share both.
  [[nodiscard]] std::vector<Pixel> choose(std::size_t k, const std::vector<Distances>& distances) const {
    const std::size_t pixels = region(k).height * region(k).width;
    if (distances.size() > colours() * pixels)
      throw std::invalid_argument(
          fmt::format("task \"{}\" has {} classes, but its {} x {} pixels hold {} of {} colours", task(k).name,
                      distances.size(), region(k).width, region(k).height, colours() * pixels, colours()));
    std::set<std::size_t> taken;
    std::vector<Pixel> chosen;
    for (std::size_t label = 0; label < distances.size(); ++label) {
      const Distances& of_class = distances[label];
      if (of_class.images == 1)
        throw DataError(
            fmt::format("class \"{}\" of task \"{}\" has one image only; ops compares the images of a class",
                        task(k).classes[label], task(k).name));
      double most = -1.0;
      std::size_t best = 0;
      for (std::size_t cell = 0; cell < of_class.sum.size(); ++cell) {
        const auto n = static_cast<double>(std::max<std::uint64_t>(of_class.images, 1));  // no image: any pixel will do
        const double mean = static_cast<double>(of_class.sum[cell]) / n;
        const double variance = static_cast<double>(of_class.squares[cell]) / n - mean * mean;
        const double gain = mean / (std::max(variance, 0.0) + 1.0);
        if (gain <= most || taken.contains(cell)) continue;
        most = gain;
        best = cell;
      }
      taken.insert(best);
      chosen.push_back({position(region(k), best % pixels), best / pixels});
    }
    return chosen;
  }

  std::vector<std::vector<Pixel>> pixels_;  // by task and class
};

}  // namespace

std::unique_ptr<Method> make_one_pixel(const Source& source, const MethodOptions& options, const RunControl& control) {
  return std::make_unique<OnePixel>(source, options, control);
}

}  // namespace crosstalk::image
