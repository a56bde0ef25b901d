#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace crosstalk::data {

/// What stands before the numbers of a .npy file, version 1.
std::string npy_header(const std::string& type, bool fortran_order, const std::vector<std::size_t>& shape);

}  // namespace crosstalk::data
