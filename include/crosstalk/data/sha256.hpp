#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace crosstalk::data {

/// SHA-256 of the bytes, as 64 lower-case hexadecimal digits.
std::string sha256_hex(std::string_view content);
/// The same of a file as it is on the disk, read piece by piece. @throws DataError when it cannot be read.
std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace crosstalk::data
