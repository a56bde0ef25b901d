#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace crosstalk::data {

/// What stands before the numbers of a .npy file, version 1.
std::string npy_header(const std::string& type, bool fortran_order, const std::vector<std::size_t>& shape);

/// Size of the whole .npy file as its first bytes, with all of the header, promise it; SIZE_MAX when that is larger.
/// @throws DataError as parse_npy does for a bad header.
std::size_t npy_bytes(std::string_view begin, const std::string& name);

}  // namespace crosstalk::data
