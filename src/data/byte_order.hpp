#pragma once

#include <bit>
#include <cstddef>
#include <cstring>
#include <utility>

namespace crosstalk::data {

/// The number of type T whose bytes begin at `bytes`, which need not be aligned.
template <typename T>
T load(const char* bytes, bool big_endian) {
  unsigned char ordered[sizeof(T)];
  std::memcpy(ordered, bytes, sizeof(T));
  if (big_endian != (std::endian::native == std::endian::big))
    for (std::size_t i = 0; i < sizeof(T) / 2; ++i) std::swap(ordered[i], ordered[sizeof(T) - 1 - i]);
  T value;
  std::memcpy(&value, ordered, sizeof(T));
  return value;
}

}  // namespace crosstalk::data
