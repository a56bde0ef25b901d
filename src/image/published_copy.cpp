#include "crosstalk/image/published_copy.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/error.hpp"
#include "crosstalk/rng.hpp"

namespace crosstalk::image {

namespace {

class PublishedCopy : public Source {
 public:
  PublishedCopy(std::unique_ptr<Source> published, const Source& original)
      : published_(std::move(published)), original_(original) {}

  [[nodiscard]] std::size_t size() const override { return original_.size(); }
  [[nodiscard]] Shape shape() const override { return original_.shape(); }
  [[nodiscard]] const std::vector<TaskInfo>& tasks() const override { return original_.tasks(); }
  [[nodiscard]] Batch read(std::size_t first, std::size_t count) const override {
    Batch batch = original_.read(first, count);
    batch.pixels = published_->read(first, count).pixels;
    return batch;
  }
  [[nodiscard]] std::string stem(std::size_t index) const override { return original_.stem(index); }

 private:
  std::unique_ptr<Source> published_;
  const Source& original_;
};

class PartlyClean : public Source {
 public:
  PartlyClean(const Source& published, const Source& clean, const std::vector<std::size_t>& rows)
      : published_(published), clean_(clean), is_clean_(published.size()) {
    if (published.size() != clean.size() || published.shape() != clean.shape())
      throw std::invalid_argument("partly_clean: the published images are not as many, or not as large, as the clean");
    for (const std::size_t row : rows) {
      require_range(published, row, 1);
      is_clean_[row] = true;
    }
  }

  [[nodiscard]] std::size_t size() const override { return published_.size(); }
  [[nodiscard]] Shape shape() const override { return published_.shape(); }
  [[nodiscard]] const std::vector<TaskInfo>& tasks() const override { return published_.tasks(); }
  [[nodiscard]] Batch read(std::size_t first, std::size_t count) const override {
    Batch batch = published_.read(first, count);
    const auto begin = is_clean_.begin() + static_cast<std::ptrdiff_t>(first);
    if (std::none_of(begin, begin + static_cast<std::ptrdiff_t>(count), [](bool clean) { return clean; })) return batch;
    const Batch originals = clean_.read(first, count);
    for (std::size_t row = 0; row < count; ++row)
      if (is_clean_[first + row]) std::ranges::copy(originals.image(row), batch.image(row).begin());
    return batch;
  }
  [[nodiscard]] std::string stem(std::size_t index) const override { return published_.stem(index); }

 private:
  const Source& published_;
  const Source& clean_;
  std::vector<bool> is_clean_;
};

}  // namespace

std::unique_ptr<Source> partly_clean(const Source& published, const Source& clean,
                                     const std::vector<std::size_t>& rows) {
  return std::make_unique<PartlyClean>(published, clean, rows);
}

std::vector<std::size_t> leaked_rows(const std::vector<std::size_t>& rows, double percent, std::uint64_t seed) {
  if (!(percent >= 0.0 && percent <= 100.0))
    throw std::invalid_argument(fmt::format("leak is {}; it must be between 0 and 100 percent", percent));
  const auto count = static_cast<std::size_t>(std::lround(percent / 100.0 * static_cast<double>(rows.size())));
  const auto order = Rng::stream(seed, "verify/leak").permutation(rows.size());
  std::vector<std::size_t> leaked;
  for (std::size_t i = 0; i < count; ++i) leaked.push_back(rows[order[i]]);
  std::ranges::sort(leaked);
  return leaked;
}

std::unique_ptr<Source> published_copy(std::unique_ptr<Source> published, const Source& original) {
  const Shape a = original.shape();
  const Shape b = published->shape();
  if (a != b)
    throw DataError(
        fmt::format("the published images have {} x {} pixels and {} channels, the originals {} x {} and {}", b.width,
                    b.height, b.channels, a.width, a.height, a.channels));
  if (published->size() != original.size())
    throw DataError(fmt::format("there are {} published images of {}", published->size(), original.size()));
  for (std::size_t i = 0; i < original.size(); ++i)
    if (published->stem(i) != original.stem(i))
      throw DataError(
          fmt::format("published image {} is \"{}\", the original is \"{}\"", i, published->stem(i), original.stem(i)));
  return std::make_unique<PublishedCopy>(std::move(published), original);
}

}  // namespace crosstalk::image
