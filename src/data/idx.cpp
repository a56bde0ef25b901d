#include "crosstalk/data/idx.hpp"

#include <cstdint>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "byte_order.hpp"
#include "crosstalk/data/files.hpp"
#include "crosstalk/error.hpp"

namespace crosstalk::data {

std::size_t IdxArray::item_bytes() const {
  std::size_t bytes = 1;
  for (std::size_t k = 1; k < shape.size(); ++k) bytes *= shape[k];
  return bytes;
}

const unsigned char* IdxArray::item(std::size_t index) const {
  const std::size_t header = 4 + 4 * shape.size();
  return reinterpret_cast<const unsigned char*>(file.data()) + header + index * item_bytes();
}

IdxArray read_idx(const std::filesystem::path& path) {
  return parse_idx(read_file(path), path.string());
}

IdxArray parse_idx(std::string content, const std::string& name) {
  IdxArray array;
  array.file = std::move(content);
  const std::string& file = array.file;
  constexpr char unsigned_bytes = 0x08;
  if (file.size() < 4 || file[0] != 0 || file[1] != 0) throw DataError(name + ": is not an IDX file");
  if (file[2] != unsigned_bytes)
    throw DataError(fmt::format("{}: its IDX type is {:#04x}; only unsigned bytes (0x08) can be read", name,
                                static_cast<unsigned char>(file[2])));
  const auto dimensions = static_cast<std::size_t>(static_cast<unsigned char>(file[3]));
  if (dimensions < 1 || dimensions > 3)
    throw DataError(fmt::format("{}: has {} dimensions; 1 to 3 can be read", name, dimensions));
  const std::size_t header = 4 + 4 * dimensions;
  if (file.size() < header) throw DataError(name + ": the file is cut short");
  // Products of 32-bit sizes are kept below the file's size, so that they cannot overflow.
  const std::size_t available = file.size() - header;
  bool fits = true;
  std::size_t promised = 1;
  for (std::size_t k = 0; k < dimensions; ++k) {
    array.shape.push_back(load<std::uint32_t>(file.data() + 4 + 4 * k, true));
    fits = fits && (array.shape[k] == 0 || promised <= available / array.shape[k]);
    promised = fits ? promised * array.shape[k] : 0;
  }
  if (!fits || promised != available)
    throw DataError(
        fmt::format("{}: the header promises {} bytes, but {} follow", name, fmt::join(array.shape, " x "), available));
  return array;
}

}  // namespace crosstalk::data
