#pragma once

#include <string>
#include <string_view>

#include <fmt/format.h>

namespace crosstalk::data {

/// One member of a ustar archive, its content padded to blocks.
/// @param size  in the header; empty: that of the content.
inline std::string tar_member(const std::string& name, std::string_view content, char type = '0',
                              std::string size = {}) {
  std::string block(512, '\0');
  const auto put = [&](std::size_t at, std::string_view text) { block.replace(at, text.size(), text); };
  if (size.empty()) size = fmt::format("{:011o}", content.size());
  put(0, std::string_view(name).substr(0, 100));
  put(100, "0000644");
  put(124, size);
  put(136, "00000000000");
  put(148, "        ");
  block[156] = type;
  put(257, std::string_view("ustar\00000", 8));
  unsigned sum = 0;
  for (const char byte : block) sum += static_cast<unsigned char>(byte);
  put(148, fmt::format("{:06o}", sum));
  block[154] = '\0';
  block += content;
  block.resize((block.size() + 511) / 512 * 512, '\0');
  return block;
}

/// The two empty blocks at the end of an archive.
inline std::string tar_end() {
  return std::string(1024, '\0');
}

}  // namespace crosstalk::data
