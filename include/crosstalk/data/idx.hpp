#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace crosstalk::data {

/// An array of bytes in MNIST's IDX format.
struct IdxArray {
  std::vector<std::size_t> shape;  ///< 1 to 3 sizes, the number of items first
  std::string file;                ///< the whole file, unpacked; items begin behind its header

  [[nodiscard]] std::size_t size() const { return shape.front(); }
  /// Bytes of one item: 1 for labels, height times width for images.
  [[nodiscard]] std::size_t item_bytes() const;
  [[nodiscard]] const unsigned char* item(std::size_t index) const;
};

/// Reads an IDX file of unsigned bytes, gzipped or not.
/// @throws DataError when it is another format or type, or its size is not what the header says.
IdxArray read_idx(const std::filesystem::path& path);

/// The same of the content of a file, unpacked. @param name  of the file, for messages.
IdxArray parse_idx(std::string content, const std::string& name);

}  // namespace crosstalk::data
