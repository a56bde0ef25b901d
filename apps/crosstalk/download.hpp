#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "crosstalk/run_control.hpp"

namespace crosstalk::app {

/// A file to fetch, and how to know that it is the right one.
struct Download {
  std::string url;               ///< http, https or file
  std::string sha256;            ///< 64 hexadecimal digits, lower case
  std::uint64_t bytes = 0;       ///< its exact size; not a byte more is accepted
  std::filesystem::path target;  ///< folders above it are created
};

/// Fetches a file into memory, checks its size and SHA-256, and only then writes it, whole.
/// @throws DataError in one line: no answer, too many redirects, another size or checksum, no room on the disk, or a
/// stop
///         that was requested. Nothing is left at the target then.
void download(const Download& file, const RunControl& control = {});

}  // namespace crosstalk::app
