#include "crosstalk/image/published_copy.hpp"

#include <utility>

#include <fmt/format.h>

#include "crosstalk/error.hpp"

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

}  // namespace

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
