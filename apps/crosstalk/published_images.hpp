#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "crosstalk/image/folder_set.hpp"
#include "crosstalk/image/method.hpp"
#include "session.hpp"

namespace crosstalk::app {

/// How images are published.
struct Publication {
  int epsilon = 8;                            ///< largest change in levels of what a lossless file holds
  image::Encoding encoding = {};              ///< of sets whose images are files
  bool keep_metadata = false;                 ///< EXIF; colour profiles are kept in any case
  const image::PhotoFiles* photos = nullptr;  ///< the images at their own size; null: as the set shows them
};

/// The change of images as measured on what was read back from the disk.
struct Measured {
  image::ChangeMeter change = {};
  double ssim_sum = 0.0;
  std::size_t images = 0;
  std::size_t turned = 0;         ///< images that EXIF said to turn
  std::size_t profiles = 0;       ///< that have their original's colour profile
  std::size_t lost_profiles = 0;  ///< whose original's does not fit their channels or format
  std::size_t lost_metadata = 0;  ///< whose original had EXIF, which they lack

  /// SSIM of an image with more than 128 pixels a side is that of its middle.
  void add(const image::Shape& shape, std::span<const std::uint8_t> original, std::span<const std::uint8_t> published);
  /// @throws DataError naming the file when the change is larger than epsilon.
  void require_within(int epsilon, const std::string& file) const;
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
  /// @param changes  of `original`, in levels, before rounding.
  /// @param tell  is called now and then with how many of them are done; may be null.
  virtual std::vector<std::string> write(const image::Batch& original, std::span<const float> changes, int threads,
                                         const std::function<void(std::size_t)>& tell) = 0;
  /// After the last images.
  virtual void finish() = 0;
  [[nodiscard]] virtual const Measured& measured() const = 0;
};

/// The protected copy of a set, stored as the set is: as a folder of image files, maps of dense tasks beside them below
/// maps/, or as the one file (.npz, IDX) that holds all images. With it comes a manifest (file, index, sha256, labels);
/// the folder is itself a set that can be read. Everything is read back after writing; the manifest comes last, so a
/// folder with one is whole.
class PublishedImages {
 public:
  static constexpr const char* kFolder = "images";

  /// Takes away an older manifest.
  /// @throws DataError when the folder holds images that this set will not replace.
  PublishedImages(Session& session, const image::Source& source, const Publication& publication);

  /// @param changes  of `original`, in levels, before rounding.
  /// @throws DataError when what a file holds is not what was written, or a lossless file differs from the original by
  /// more than epsilon.
  void write(const image::Batch& original, std::span<const float> changes, int threads,
             const std::function<void(std::size_t)>& tell = {});
  /// Writes the manifest; returns its path. @throws DataError as write does
  std::filesystem::path finish();
  /// The change as measured on the files; whole after finish().
  [[nodiscard]] const image::ChangeMeter& change() const { return store_->measured().change; }
  /// Mean structural similarity of the images, as measured on the files.
  [[nodiscard]] double ssim() const;
  /// The rest of what was measured.
  [[nodiscard]] const Measured& measured() const { return store_->measured(); }

 private:
  /// @throws DataError when the folder of images holds a file that is none of these.
  void require_own(const std::set<std::string>& own, const std::filesystem::path& below) const;
  [[nodiscard]] std::string map_file(std::size_t task, std::size_t index) const;
  /// The maps of an image that has any, in the order of the tasks, each with its file and content.
  [[nodiscard]] std::vector<std::pair<std::filesystem::path, std::string>> maps_of(const image::Batch& original,
                                                                                   std::size_t row) const;

  Session& session_;
  const image::Source& source_;
  const image::PhotoFiles* photos_;
  std::unique_ptr<ImageStore> store_;
  std::string manifest_;
};

/// @throws DataError when the output folder is the input folder or lies in it, or would replace the input file.
void require_apart(const std::filesystem::path& input, const std::filesystem::path& output);

}  // namespace crosstalk::app
