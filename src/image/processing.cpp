#include "crosstalk/image/processing.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/image/resize.hpp"

namespace crosstalk::image {

namespace {

void require_amount(const Processing& processing) {
  const auto require = [&](const char* what, double low, double high, bool whole) {
    const double amount = processing.amount;
    if (amount >= low && amount <= high && (!whole || amount == std::floor(amount))) return;
    throw std::invalid_argument(fmt::format("processed: {} is {}; it must be{} from {} to {}", what, amount,
                                            whole ? " whole," : "", low, high));
  };
  switch (processing.kind) {
    case Processing::Kind::Jpeg: return require("a JPEG quality", 1, 100, true);
    case Processing::Kind::Bits: return require("a number of bits", 1, 7, true);
    case Processing::Kind::Blur: return require("a blur's deviation", 0.1, 20, false);
    case Processing::Kind::Resize: return require("a percentage of a side", 5, 99, true);
    case Processing::Kind::Grey: return;
  }
}

void to_grey(Picture& picture) {
  if (picture.shape.channels != 3) return;
  const std::size_t plane = picture.shape.plane();
  for (std::size_t p = 0; p < plane; ++p) {
    const unsigned luma = 19595U * picture.pixels[p] + 38470U * picture.pixels[plane + p] +
                          7471U * picture.pixels[2 * plane + p] + 32768U;
    for (std::size_t c = 0; c < 3; ++c) picture.pixels[c * plane + p] = static_cast<std::uint8_t>(luma >> 16);
  }
}

// Place `i` of a row that goes on mirrored at both ends: ... 1 0 | 0 1 ... n-1 | n-1 n-2 ...
std::size_t mirrored(std::ptrdiff_t i, std::size_t n) {
  const auto period = static_cast<std::ptrdiff_t>(2 * n);
  const std::ptrdiff_t place = ((i % period) + period) % period;
  return static_cast<std::size_t>(std::min(place, period - 1 - place));
}

// `lines` lines of `length` values, the values of a line `stride` apart, line l starting at start(l).
template <typename Start>
void blur_lines(std::vector<double>& values, const std::vector<double>& weights, std::size_t lines, std::size_t length,
                std::size_t stride, Start start) {
  const auto radius = static_cast<std::ptrdiff_t>(weights.size() - 1);
  std::vector<double> line(length);
  for (std::size_t l = 0; l < lines; ++l) {
    for (std::size_t i = 0; i < length; ++i) line[i] = values[start(l) + i * stride];
    for (std::size_t i = 0; i < length; ++i) {
      double sum = 0.0;
      for (std::ptrdiff_t k = -radius; k <= radius; ++k)
        sum +=
            weights[static_cast<std::size_t>(std::abs(k))] * line[mirrored(static_cast<std::ptrdiff_t>(i) + k, length)];
      values[start(l) + i * stride] = sum;
    }
  }
}

void blur(Picture& picture, double deviation) {
  std::vector<double> weights(static_cast<std::size_t>(std::ceil(3.0 * deviation)) + 1);  // of distance 0, 1, ...
  double sum = 0.0;
  for (std::size_t k = 0; k < weights.size(); ++k) {
    weights[k] = std::exp(-0.5 * static_cast<double>(k * k) / (deviation * deviation));
    sum += (k == 0 ? 1.0 : 2.0) * weights[k];
  }
  for (double& weight : weights) weight /= sum;
  const auto [channels, height, width] = picture.shape;
  std::vector<double> values(picture.pixels.begin(), picture.pixels.end());
  blur_lines(values, weights, channels * height, width, 1, [w = width](std::size_t l) { return l * w; });
  blur_lines(values, weights, channels * width, height, width,
             [w = width, plane = picture.shape.plane()](std::size_t l) { return l / w * plane + l % w; });
  std::transform(values.begin(), values.end(), picture.pixels.begin(),
                 [](double level) { return static_cast<std::uint8_t>(std::lround(std::clamp(level, 0.0, 255.0))); });
}

Picture shrunk_and_enlarged(const Picture& picture, double percent) {
  const auto part = [&](std::size_t side) {
    return std::max<std::size_t>(1, static_cast<std::size_t>(std::lround(percent / 100.0 * static_cast<double>(side))));
  };
  const Size size{picture.shape.height, picture.shape.width};
  return resized(resized(picture, {part(size.height), part(size.width)}), size);
}

class ProcessedImages : public Source {
 public:
  ProcessedImages(const Source& source, std::vector<Processing> steps) : source_(source), steps_(std::move(steps)) {
    for (const Processing& step : steps_) require_amount(step);
  }

  [[nodiscard]] std::size_t size() const override { return source_.size(); }
  [[nodiscard]] Shape shape() const override { return source_.shape(); }
  [[nodiscard]] const std::vector<TaskInfo>& tasks() const override { return source_.tasks(); }
  [[nodiscard]] Batch read(std::size_t first, std::size_t count) const override {
    Batch batch = source_.read(first, count);
    for (std::size_t row = 0; row < batch.size(); ++row) {
      const auto image = batch.image(row);
      Picture picture{batch.shape, {image.begin(), image.end()}};
      for (const Processing& step : steps_) picture = processed(std::move(picture), step);
      std::copy(picture.pixels.begin(), picture.pixels.end(), image.begin());
    }
    return batch;
  }
  [[nodiscard]] std::string stem(std::size_t index) const override { return source_.stem(index); }

 private:
  const Source& source_;
  std::vector<Processing> steps_;
};

}  // namespace

Picture processed(Picture picture, const Processing& processing) {
  require_amount(processing);
  switch (processing.kind) {
    case Processing::Kind::Jpeg:
      return decode(encode_jpeg(picture.shape, picture.pixels, static_cast<int>(processing.amount)), "JPEG in memory");
    case Processing::Kind::Grey: to_grey(picture); break;
    case Processing::Kind::Bits:
      for (std::uint8_t& level : picture.pixels)
        level = static_cast<std::uint8_t>(level & (0xFFU << (8U - static_cast<unsigned>(processing.amount))));
      break;
    case Processing::Kind::Blur: blur(picture, processing.amount); break;
    case Processing::Kind::Resize: return shrunk_and_enlarged(picture, processing.amount);
  }
  return picture;
}

std::unique_ptr<Source> processed_images(const Source& source, std::vector<Processing> steps) {
  return std::make_unique<ProcessedImages>(source, std::move(steps));
}

}  // namespace crosstalk::image
