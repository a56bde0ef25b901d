// What of EXIF concerns a picture that was turned and changed. The structure is patched where it lies: cameras put
// bytes at fixed places of it that nobody else can move.
#include <array>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/image/codec.hpp"

namespace crosstalk::image {

namespace {

constexpr unsigned kOrientation = 0x0112;
constexpr std::size_t kEntry = 12;  // bytes of a directory's entry: tag, type, count, value

class Tiff {
 public:
  explicit Tiff(std::string_view bytes) : bytes_(bytes) {
    big_endian_ = bytes.starts_with(std::string_view("MM\0\x2a", 4));
    valid_ = bytes.size() >= 8 && (big_endian_ || bytes.starts_with(std::string_view("II\x2a\0", 4)));
  }
  [[nodiscard]] bool valid() const { return valid_; }
  /// An unsigned number of so many bytes; none beyond the end.
  [[nodiscard]] std::optional<std::size_t> number(std::size_t at, std::size_t size) const {
    if (at > bytes_.size() || bytes_.size() - at < size) return std::nullopt;
    std::size_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t byte = static_cast<unsigned char>(bytes_[at + i]);
      value |= byte << (8 * (big_endian_ ? size - 1 - i : i));
    }
    return value;
  }
  /// Where the first directory begins.
  [[nodiscard]] std::optional<std::size_t> first_directory() const { return number(4, 4); }
  /// Where the directory's last four bytes are, which say where the next one begins.
  [[nodiscard]] std::optional<std::size_t> end_of_entries(std::size_t directory) const {
    const auto count = number(directory, 2);
    if (!count || !number(directory + 2 + *count * kEntry, 4)) return std::nullopt;
    return directory + 2 + *count * kEntry;
  }
  /// Where the value of a tag is, in its entry.
  [[nodiscard]] std::optional<std::size_t> value_of(std::size_t directory, unsigned tag) const {
    const auto end = end_of_entries(directory);
    for (std::size_t at = directory + 2; end && at < *end; at += kEntry)
      if (number(at, 2) == tag) return at + 8;
    return std::nullopt;
  }
  [[nodiscard]] bool big_endian() const { return big_endian_; }

 private:
  std::string_view bytes_;
  bool big_endian_ = false;
  bool valid_ = false;
};

void erase(std::string& bytes, std::size_t first, std::size_t count) {
  for (std::size_t i = first; i < bytes.size() && i - first < count; ++i) bytes[i] = 0;
}

// The bytes of a thumbnail that a directory describes: as a JPEG file, or as one strip of pixels.
void erase_thumbnail(std::string& exif, const Tiff& tiff, std::size_t directory) {
  constexpr std::array<std::pair<unsigned, unsigned>, 2> places = {{{0x0201, 0x0202}, {0x0111, 0x0117}}};
  for (const auto& [start_tag, length_tag] : places) {
    const auto start = tiff.value_of(directory, start_tag);
    const auto length = tiff.value_of(directory, length_tag);
    if (!start || !length) continue;
    const auto from = tiff.number(*start, 4);
    const auto count = tiff.number(*length, 4);
    if (from && count) erase(exif, *from, *count);
  }
}

}  // namespace

int exif_orientation(std::string_view exif) {
  const Tiff tiff(exif);
  const auto directory = tiff.first_directory();
  if (!tiff.valid() || !directory) return 1;
  const auto at = tiff.value_of(*directory, kOrientation);
  const auto value = at ? tiff.number(*at, 2) : std::nullopt;
  return value && *value >= 1 && *value <= 8 ? static_cast<int>(*value) : 1;
}

std::string upright_exif(std::string exif) {
  const std::string before = exif;  // what is read while the other is written
  const Tiff tiff(before);
  const auto directory = tiff.first_directory();
  if (!tiff.valid() || !directory || !tiff.end_of_entries(*directory)) return "";
  if (const auto at = tiff.value_of(*directory, kOrientation)) {
    exif[*at] = tiff.big_endian() ? 0 : 1;
    exif[*at + 1] = tiff.big_endian() ? 1 : 0;
  }
  const std::size_t link = *tiff.end_of_entries(*directory);
  if (const auto next = tiff.number(link, 4); next && *next != 0) {
    erase_thumbnail(exif, tiff, *next);
    if (const auto end = tiff.end_of_entries(*next)) erase(exif, *next, *end + 4 - *next);
  }
  erase(exif, link, 4);
  return exif;
}

Picture upright(Picture picture, int orientation) {
  if (orientation < 1 || orientation > 8)
    throw std::invalid_argument(fmt::format("upright: orientation is {}; it must be between 1 and 8", orientation));
  if (orientation == 1) return picture;
  const Shape& old = picture.shape;
  const bool sideways = orientation >= 5;
  const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool from_below = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Picture turned{{old.channels, sideways ? old.width : old.height, sideways ? old.height : old.width}, {}};
  turned.pixels.resize(picture.pixels.size());
  // Row y and column x of the turned picture are row v and column u of the old one.
  std::size_t at = 0;
  for (std::size_t c = 0; c < old.channels; ++c)
    for (std::size_t y = 0; y < turned.shape.height; ++y)
      for (std::size_t x = 0; x < turned.shape.width; ++x) {
        const std::size_t row = sideways ? x : y;
        const std::size_t column = sideways ? y : x;
        const std::size_t v = from_below ? old.height - 1 - row : row;
        const std::size_t u = from_right ? old.width - 1 - column : column;
        turned.pixels[at++] = picture.pixels[c * old.plane() + v * old.width + u];
      }
  return turned;
}

}  // namespace crosstalk::image
