#include "image_store.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "crosstalk/data/files.hpp"
#include "crosstalk/data/sha256.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/image/array_set.hpp"
#include "crosstalk/image/codec.hpp"
#include "crosstalk/image/similarity.hpp"
#include "crosstalk/parallel.hpp"
#include "crosstalk/report/table.hpp"

namespace crosstalk::app {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail_other_pixels(const std::string& file) {
  throw DataError(file + ": holds other pixels than were written");
}

class PngFiles : public ImageStore {
 public:
  PngFiles(Session& session, const image::Source& source, int epsilon)
      : session_(session), source_(source), epsilon_(epsilon) {}

  [[nodiscard]] std::vector<std::string> files() const override {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < source_.size(); ++i) names.push_back(file(i));
    return names;
  }
  [[nodiscard]] std::string file_cell(std::size_t index) const override { return report::csv_field(file(index)) + ","; }
  [[nodiscard]] const Measured& measured() const override { return measured_; }

  std::vector<std::string> write(const image::Batch& original, const image::Batch& changed, int threads) override {
    std::vector<std::string> hashes(changed.size());
    std::vector<Measured> measured(changed.size());
    parallel_for(changed.size(), threads, [&](std::size_t row) {
      const std::string content = image::encode_png(changed.shape, changed.image(row));
      const fs::path name = fs::path(PublishedImages::kFolder) / file(changed.first + row);
      const fs::path path = session_.write(name, content);
      const std::string on_disk = session_.folder().read(name).value_or("");
      const image::Picture picture = image::decode(on_disk, path.string());
      if (!std::ranges::equal(picture.pixels, changed.image(row))) fail_other_pixels(path.string());
      measured[row].add(changed.shape, original.image(row), picture.pixels, epsilon_, path.string());
      hashes[row] = data::sha256_hex(on_disk);
    });
    for (const Measured& one : measured) measured_.add(one);
    return hashes;
  }
  void finish() override {}

 private:
  [[nodiscard]] std::string file(std::size_t index) const { return source_.stem(index) + ".png"; }

  Session& session_;
  const image::Source& source_;
  int epsilon_;
  Measured measured_;
};

class OneFile : public ImageStore {
 public:
  OneFile(Session& session, const image::Source& source, const image::Container& container, int epsilon)
      : session_(session), source_(source), container_(container), epsilon_(epsilon) {}

  [[nodiscard]] std::vector<std::string> files() const override { return {container_.file()}; }
  [[nodiscard]] std::string file_cell(std::size_t) const override { return ""; }
  [[nodiscard]] const Measured& measured() const override { return measured_; }

  std::vector<std::string> write(const image::Batch&, const image::Batch& changed, int threads) override {
    std::vector<std::string> hashes(changed.size());
    parallel_for(changed.size(), threads, [&](std::size_t row) {
      const auto pixels = changed.image(row);
      hashes[row] = data::sha256_hex({reinterpret_cast<const char*>(pixels.data()), pixels.size()});
    });
    pixels_.insert(pixels_.end(), changed.pixels.begin(), changed.pixels.end());
    threads_ = threads;
    return hashes;
  }

  void finish() override {
    const fs::path name = fs::path(PublishedImages::kFolder) / container_.file();
    const std::string path = session_.write(name, container_.pack(pixels_)).string();
    if (container_.unpack(data::unpacked(session_.folder().read(name).value_or(""), path), path) != pixels_)
      fail_other_pixels(path);
    const std::size_t step = image::images_at_a_time(source_.shape());
    for (std::size_t first = 0; first < source_.size(); first += step) {
      const image::Batch original = source_.read(first, std::min(step, source_.size() - first));
      std::vector<Measured> measured(original.size());
      parallel_for(original.size(), threads_, [&](std::size_t row) {
        const std::size_t values = original.shape.values();
        measured[row].add(original.shape, original.image(row),
                          std::span(pixels_).subspan((first + row) * values, values), epsilon_, path);
      });
      for (const Measured& one : measured) measured_.add(one);
    }
  }

 private:
  Session& session_;
  const image::Source& source_;
  const image::Container& container_;
  int epsilon_;
  int threads_ = 1;
  std::vector<std::uint8_t> pixels_;
  Measured measured_;
};

}  // namespace

void Measured::add(const image::Shape& shape, std::span<const std::uint8_t> original,
                   std::span<const std::uint8_t> published, int epsilon, const std::string& file) {
  change.add(original, published);
  if (change.largest() > epsilon)
    throw DataError(fmt::format("{}: differs from the original by {} levels; at most {} are allowed", file,
                                change.largest(), epsilon));
  ssim_sum += image::ssim(shape, original, published);
  ++images;
}

void Measured::add(const Measured& other) {
  change.add(other.change);
  ssim_sum += other.ssim_sum;
  images += other.images;
}

std::unique_ptr<ImageStore> store_for(Session& session, const image::Source& source, int epsilon) {
  if (const image::Container* const container = source.container())
    return std::make_unique<OneFile>(session, source, *container, epsilon);
  return std::make_unique<PngFiles>(session, source, epsilon);
}

}  // namespace crosstalk::app
