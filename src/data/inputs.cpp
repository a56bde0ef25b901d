#include "crosstalk/data/inputs.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

namespace crosstalk::data {

namespace {

struct Noted {
  std::mutex mutex;
  std::map<std::pair<dev_t, ino_t>, Input> files;
};

// What a process has read is a fact about the process, and whoever writes must not miss any of it.
Noted& noted() {
  static Noted all;
  return all;
}

}  // namespace

void note_input(const std::string& path, const struct stat& status, Use use) {
  if (!S_ISREG(status.st_mode)) return;
  const std::lock_guard lock(noted().mutex);
  const auto [entry, added] =
      noted().files.try_emplace({status.st_dev, status.st_ino}, Input{path, use, status.st_dev, status.st_ino});
  if (!added && use == Use::Data) entry->second.use = use;
}

bool is_input(const struct stat& status) {
  const std::lock_guard lock(noted().mutex);
  return noted().files.contains({status.st_dev, status.st_ino});
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
