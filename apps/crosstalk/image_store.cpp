#include "image_store.hpp"

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/data/files.hpp"
#include "crosstalk/data/sha256.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/image/array_set.hpp"
#include "crosstalk/image/codec.hpp"
#include "crosstalk/image/processing.hpp"
#include "crosstalk/image/resize.hpp"
#include "crosstalk/image/similarity.hpp"
#include "crosstalk/parallel.hpp"
#include "crosstalk/report/table.hpp"

namespace crosstalk::app {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail_other_pixels(const std::string& file) {
  throw DataError(file + ": holds other pixels than were written");
}

class ImageFiles : public ImageStore {
 public:
  ImageFiles(Session& session, const image::Source& source, const Publication& publication)
      : session_(session), source_(source), publication_(publication) {}

  [[nodiscard]] std::vector<std::string> files() const override {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < source_.size(); ++i) names.push_back(file(i));
    return names;
  }
  [[nodiscard]] std::string file_cell(std::size_t index) const override { return report::csv_field(file(index)) + ","; }
  [[nodiscard]] const Measured& measured() const override { return measured_; }

  // Photos of 12 megapixels take a tenth of a gigabyte each while they are encoded, so that only as many are at a time
  // as there are threads; what is encoded waits until it is worth a flush of the disk.
  std::vector<std::string> write(const image::Batch& original, std::span<const float> changes, int threads,
                                 const std::function<void(std::size_t)>& tell) override {
    constexpr std::size_t worth_a_flush = std::size_t{1} << 27;
    const std::size_t together = publication_.photos == nullptr ? original.size() : static_cast<std::size_t>(threads);
    std::vector<std::string> hashes;
    std::vector<Made> waiting;
    std::size_t bytes = 0;
    for (std::size_t first = 0; first < original.size(); first += together) {
      std::vector<Made> made(std::min(together, original.size() - first));
      parallel_for(made.size(), threads, [&](std::size_t i) { made[i] = publish(original, first + i, changes); });
      for (Made& one : made) {
        bytes += one.file.second.size();
        measured_.add(one.measured);
        waiting.push_back(std::move(one));
      }
      if (tell) tell(first + made.size());
      if (bytes < worth_a_flush && first + together < original.size()) continue;
      flush(waiting, threads, hashes);
      waiting.clear();
      bytes = 0;
    }
    return hashes;
  }
  void finish() override {}

 private:
  struct Made {
    std::pair<fs::path, std::string> file;  // its name and content
    Measured measured = {};
  };

  [[nodiscard]] std::string file(std::size_t index) const {
    return source_.stem(index) + image::extension_of(publication_.encoding.format);
  }

  // The file of an image, and what a decoder makes of it.
  [[nodiscard]] Made publish(const image::Batch& original, std::size_t row, std::span<const float> changes) const {
    const std::size_t index = original.first + row;
    const std::size_t values = original.shape.values();
    image::Photo photo;
    if (publication_.photos != nullptr) {
      photo = publication_.photos->photo(index);
    } else {
      const auto pixels = original.image(row);
      photo.picture = {original.shape, {pixels.begin(), pixels.end()}};
    }
    const image::Picture changed =
        image::with_change(photo.picture, changes.subspan(row * values, values), original.shape);
    image::Metadata metadata = {photo.metadata.icc, ""};
    if (publication_.keep_metadata) metadata.exif = image::upright_exif(photo.metadata.exif);
    Made made;
    made.file.first = fs::path(PublishedImages::kFolder) / file(index);
    const std::string shown = session_.path(made.file.first).string();
    try {
      made.file.second = image::encode(changed, publication_.encoding, metadata);
    } catch (const std::invalid_argument& error) {
      throw DataError(fmt::format("{}: {}", shown, error.what()));
    }
    image::Photo published = image::decode_photo(made.file.second, shown);
    const bool lossless = publication_.encoding.format == image::Format::Png;
    if (published.picture.shape.channels > changed.shape.channels)  // WebP has no grey
      published.picture = as_grey(std::move(published.picture));
    if (published.picture.shape != changed.shape || (lossless && published.picture.pixels != changed.pixels))
      fail_other_pixels(shown);
    Measured& measured = made.measured;
    measured.add(changed.shape, photo.picture.pixels, published.picture.pixels);
    if (lossless) measured.require_within(publication_.epsilon, shown);
    measured.turned = photo.orientation != 1 ? 1 : 0;
    measured.profiles = !photo.metadata.icc.empty() && published.metadata.icc == photo.metadata.icc ? 1 : 0;
    measured.lost_profiles = photo.metadata.icc.empty() ? 0 : 1 - measured.profiles;
    measured.lost_metadata = !photo.metadata.exif.empty() && published.metadata.exif.empty() ? 1 : 0;
    return made;
  }

  static image::Picture as_grey(image::Picture picture) {
    picture = image::processed(std::move(picture), {image::Processing::Kind::Grey, 0.0});
    picture.shape.channels = 1;
    picture.pixels.resize(picture.shape.plane());
    return picture;
  }

  void flush(std::vector<Made>& made, int threads, std::vector<std::string>& hashes) {
    std::vector<std::pair<fs::path, std::string>> files;
    for (Made& one : made) files.push_back(std::move(one.file));
    session_.write_all(files);
    const std::size_t before = hashes.size();
    hashes.resize(before + made.size());
    parallel_for(made.size(), threads, [&](std::size_t i) {
      const auto& [name, content] = files[i];
      const std::string on_disk = session_.folder().read(name).value_or("");
      if (on_disk != content) fail_other_pixels(session_.path(name).string());
      hashes[before + i] = data::sha256_hex(on_disk);
    });
  }

  Session& session_;
  const image::Source& source_;
  Publication publication_;
  Measured measured_;
};

class OneFile : public ImageStore {
 public:
  OneFile(Session& session, const image::Source& source, const image::Container& container, int epsilon)
      : session_(session), source_(source), container_(container), epsilon_(epsilon) {}

  [[nodiscard]] std::vector<std::string> files() const override { return {container_.file()}; }
  [[nodiscard]] std::string file_cell(std::size_t) const override { return ""; }
  [[nodiscard]] const Measured& measured() const override { return measured_; }

  std::vector<std::string> write(const image::Batch& original, std::span<const float> changes, int threads,
                                 const std::function<void(std::size_t)>&) override {
    const image::Batch changed = image::with_changes(original, changes);
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
                          std::span(pixels_).subspan((first + row) * values, values));
        measured[row].require_within(epsilon_, path);
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
                   std::span<const std::uint8_t> published) {
  change.add(original, published);
  constexpr std::size_t most = 128;  // pixels a side: SSIM of whole photos takes longer than publishing them
  const image::Shape part = {shape.channels, std::min(shape.height, most), std::min(shape.width, most)};
  const auto middle = [&](std::span<const std::uint8_t> pixels) {
    std::vector<std::uint8_t> values;
    values.reserve(part.values());
    for (std::size_t c = 0; c < shape.channels; ++c)
      for (std::size_t y = 0; y < part.height; ++y) {
        const std::size_t row = (shape.height - part.height) / 2 + y;
        const auto from = pixels.subspan(c * shape.plane() + row * shape.width + (shape.width - part.width) / 2);
        values.insert(values.end(), from.begin(), from.begin() + static_cast<std::ptrdiff_t>(part.width));
      }
    return values;
  };
  ssim_sum += image::ssim(part, middle(original), middle(published));
  ++images;
}

void Measured::require_within(int epsilon, const std::string& file) const {
  if (change.largest() > epsilon)
    throw DataError(fmt::format("{}: differs from the original by {} levels; at most {} are allowed", file,
                                change.largest(), epsilon));
}

void Measured::add(const Measured& other) {
  change.add(other.change);
  ssim_sum += other.ssim_sum;
  images += other.images;
  turned += other.turned;
  profiles += other.profiles;
  lost_profiles += other.lost_profiles;
  lost_metadata += other.lost_metadata;
}

std::unique_ptr<ImageStore> store_for(Session& session, const image::Source& source, const Publication& publication) {
  if (const image::Container* const container = source.container())
    return std::make_unique<OneFile>(session, source, *container, publication.epsilon);
  return std::make_unique<ImageFiles>(session, source, publication);
}

}  // namespace crosstalk::app
