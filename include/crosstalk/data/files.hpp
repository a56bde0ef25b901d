#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "crosstalk/data/inputs.hpp"

namespace crosstalk::data {

/// The whole content of a file (or pipe); gzip is recognised by its first two bytes and unpacked. It becomes an input.
/// @throws DataError naming the file: missing, a directory, unreadable, a pipe that nobody writes to, or gzip data that
///         is cut short or corrupt.
std::string read_file(const std::filesystem::path& path, Use use = Use::Data);

/// The content of a file called name: unpacked if it is gzip, else as it is.
/// @throws DataError as read_file does, also when it unpacks to more than is allowed (unpacking.hpp)
std::string unpacked(std::string content, const std::string& name);

/// Replaces a file so that it is whole or untouched at any moment: the content goes into a temporary file beside it,
/// reaches the disk, and takes the name. A device or pipe (such as /dev/stdout) is written to directly. A file that was
/// there keeps its permissions.
/// @throws DataError naming the file and the system's reason; the temporary file is removed.
void write_file(const std::filesystem::path& path, std::string_view content);

/// The content as a .gz file holds it; the same content always gives the same bytes.
std::string gzip_packed(std::string_view content);

}  // namespace crosstalk::data
