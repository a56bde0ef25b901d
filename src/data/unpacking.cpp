#include "crosstalk/data/unpacking.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <fstream>

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include "crosstalk/error.hpp"

namespace crosstalk::data {

namespace {

std::atomic<std::size_t> most_set = 0;

std::size_t half_of_memory() {
  std::uint64_t memory = static_cast<std::uint64_t>(std::max(0L, ::sysconf(_SC_PHYS_PAGES))) *
                         static_cast<std::uint64_t>(std::max(0L, ::sysconf(_SC_PAGESIZE)));
  for (const char* file : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    std::uint64_t allowed = 0;  // "max" is no number
    if (std::ifstream(file) >> allowed && allowed > 0) memory = std::min(memory, allowed);
  }
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
    memory = std::min<std::uint64_t>(memory, limit.rlim_cur);
  return memory / 2;
}

}  // namespace

std::size_t most_unpacked_bytes() {
  static const std::size_t by_default = half_of_memory();
  const std::size_t set = most_set;
  return set > 0 ? set : by_default;
}

void set_most_unpacked_bytes(std::size_t bytes) {
  most_set = bytes;
}

void UnpackedBytes::add(std::size_t bytes) {
  if (bytes > most_ - bytes_)
    throw DataError(fmt::format("{}: unpacks to more than {} MB, the most that is allowed here; `max_memory` sets it",
                                name_, most_ / 1'000'000));
  bytes_ += bytes;
}

}  // namespace crosstalk::data
