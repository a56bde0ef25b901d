#include "crosstalk/data/inputs.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

#include <fcntl.h>
#include <sys/stat.h>

namespace crosstalk::data {

namespace {

using Identity = std::array<std::uint64_t, 4>;  // device, inode, birth in seconds and nanoseconds (0 where unknown)

std::optional<Identity> identity_of(int folder, const char* name, int flags) {
  struct statx facts {};
  if (::statx(folder, name, flags, STATX_TYPE | STATX_INO | STATX_BTIME, &facts) != 0 || !S_ISREG(facts.stx_mode))
    return std::nullopt;
  Identity identity = {std::uint64_t{facts.stx_dev_major} << 32U | facts.stx_dev_minor, facts.stx_ino, 0, 0};
  if ((facts.stx_mask & STATX_BTIME) != 0) {
    identity[2] = static_cast<std::uint64_t>(facts.stx_btime.tv_sec);
    identity[3] = facts.stx_btime.tv_nsec;
  }
  return identity;
}

struct Noted {
  std::mutex mutex;
  std::map<Identity, Input> files;
};

// What a process has read is a fact about the process, and whoever writes must not miss any of it.
Noted& noted() {
  static Noted all;
  return all;
}

}  // namespace

void note_input(const std::string& path, int file, Use use) {
  const auto identity = identity_of(file, "", AT_EMPTY_PATH);
  if (!identity) return;
  const std::lock_guard lock(noted().mutex);
  const auto [entry, added] = noted().files.try_emplace(*identity, Input{path, use});
  if (!added && use == Use::Data) entry->second.use = use;
}

bool is_input(int folder, const std::string& name) {
  const auto identity = identity_of(folder, name.c_str(), AT_SYMLINK_NOFOLLOW);
  const std::lock_guard lock(noted().mutex);
  return identity && noted().files.contains(*identity);
}

std::vector<Input> inputs() {
  std::vector<Input> files;
  {
    const std::lock_guard lock(noted().mutex);
    for (const auto& [key, input] : noted().files) files.push_back(input);
  }
  std::sort(files.begin(), files.end(), [](const Input& a, const Input& b) { return a.path < b.path; });
  return files;
}

}  // namespace crosstalk::data
