#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace crosstalk::data {

/// The whole content of a file (or pipe); gzip is recognised by its first two bytes and unpacked.
/// @throws DataError naming the file: missing, a directory, unreadable, or gzip data that is cut short or corrupt.
std::string read_file(const std::filesystem::path& path);

/// Replaces a file so that it is whole or untouched at any moment: the content goes into a temporary file beside it,
/// reaches the disk, and takes the name. A device or pipe (such as /dev/stdout) is written to directly.
/// @throws DataError naming the file and the system's reason; the temporary file is removed.
void write_file(const std::filesystem::path& path, std::string_view content);

/// The content as a .gz file holds it; the same content always gives the same bytes.
std::string gzip_packed(std::string_view content);

}  // namespace crosstalk::data
