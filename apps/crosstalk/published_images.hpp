#pragma once

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "crosstalk/image/method.hpp"
#include "session.hpp"

namespace crosstalk::app {

/// The change of images as measured on what was read back from the disk.
struct Measured {
  image::ChangeMeter change = {};
  double ssim_sum = 0.0;
  std::size_t images = 0;

  /// @throws DataError naming the file when the change is larger than epsilon.
  void add(const image::Shape& shape, std::span<const std::uint8_t> original, std::span<const std::uint8_t> published,
           int epsilon, const std::string& file);
  void add(const Measured& other);
};

/// Where images go: each into a file of its own, or all into one.
class ImageStore {
 public:
  virtual ~ImageStore() = default;
  /// Names below the folder of all files that it will write.
  [[nodiscard]] virtual std::vector<std::string> files() const = 0;
  /// The image's first cell in the manifest with the comma behind it; nothing where images have no files of their own.
  [[nodiscard]] virtual std::string file_cell(std::size_t index) const = 0;
  /// Takes the next images; returns the SHA-256 of each: of its file, or of its pixels where it has none.
  virtual std::vector<std::string> write(const image::Batch& original, const image::Batch& changed, int threads) = 0;
  /// After the last images.
  virtual void finish() = 0;
  [[nodiscard]] virtual const Measured& measured() const = 0;
};

/// The protected copy of a set, stored as the set is: as a folder of PNG files, maps of dense tasks beside them below
/// maps/, or as the one file (.npz, IDX) that holds all images. With it comes a manifest (file, index, sha256, labels);
/// the folder is itself a set that can be read. Everything is read back after writing; the manifest comes last, so a
/// folder with one is whole.
class PublishedImages {
 public:
  static constexpr const char* kFolder = "images";

  /// Takes away an older manifest.
  /// @throws DataError when the folder holds images that this set will not replace.
  PublishedImages(Session& session, const image::Source& source, int epsilon);

  /// @throws DataError when what a file holds is not what was written, or differs from the original by more than
  /// epsilon.
  void write(const image::Batch& original, const image::Batch& changed, int threads);
  /// Writes the manifest; returns its path. @throws DataError as write does
  std::filesystem::path finish();
  /// The change as measured on the files; whole after finish().
  [[nodiscard]] const image::ChangeMeter& change() const { return store_->measured().change; }
  /// Mean structural similarity of the images, as measured on the files.
  [[nodiscard]] double ssim() const;

 private:
  /// @throws DataError when the folder of images holds a file that is none of these.
  void require_own(const std::set<std::string>& own, const std::filesystem::path& below) const;
  [[nodiscard]] std::string map_file(std::size_t task, std::size_t index) const;
  void write_maps(const image::Batch& original, std::size_t row) const;

  Session& session_;
  const image::Source& source_;
  std::unique_ptr<ImageStore> store_;
  std::string manifest_;
};

/// @throws DataError when the output folder is the input folder or lies in it, or would replace the input file.
void require_apart(const std::filesystem::path& input, const std::filesystem::path& output);

}  // namespace crosstalk::app
