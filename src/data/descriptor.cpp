#include "descriptor.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <system_error>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "crosstalk/error.hpp"

namespace crosstalk::data {

namespace {

constexpr std::string_view kTemporaryPrefix = ".crosstalk-";
constexpr std::string_view kTemporarySuffix = ".tmp";

// Names of one process differ, and those of two by the process; a name that is taken all the same is passed over.
Descriptor open_temporary(int folder, std::string& name) {
  static std::atomic<unsigned> next = 0;
  for (;;) {
    name = fmt::format("{}{}-{}{}", kTemporaryPrefix, ::getpid(), next++, kTemporarySuffix);
    Descriptor file(::openat(folder, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
    if (file.get() < 0 && errno == EEXIST) continue;
    if (file.get() >= 0) ::flock(file.get(), LOCK_EX | LOCK_NB);  // says that its writer lives
    return file;
  }
}

}  // namespace

std::string reason(int error) {
  return std::generic_category().message(error);
}

int write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

std::string read_all(int fd, std::size_t expected, const std::string& shown) {
  const auto fail = [&](int error) { throw DataError(fmt::format("{}: {}", shown, reason(error))); };
  std::string content(expected, '\0');
  std::size_t size = 0;
  for (;;) {
    if (size == content.size()) {
      // At the expected end: one more read into a small buffer tells whether the file has grown, or is a pipe.
      char more[65536];
      const ssize_t got = ::read(fd, more, sizeof more);
      if (got < 0 && errno != EINTR) fail(errno);
      if (got == 0) return content;
      if (got > 0) content.append(more, static_cast<std::size_t>(got));
      size = content.size();
      continue;
    }
    const ssize_t got = ::read(fd, content.data() + size, content.size() - size);
    if (got < 0 && errno != EINTR) fail(errno);
    if (got == 0) content.resize(size);
    if (got > 0) size += static_cast<std::size_t>(got);
  }
}

int write_temporary(int folder, mode_t mode, std::string_view content, Flush flush, std::string& temporary) {
  Descriptor file = open_temporary(folder, temporary);
  if (file.get() < 0) return errno;
  int error = write_all(file.get(), content);
  if (error == 0 && mode != 0 && ::fchmod(file.get(), mode & 07777U) != 0) error = errno;
  if (error == 0 && flush == Flush::Now && ::fsync(file.get()) != 0) error = errno;
  if (const int closing = file.close(); error == 0) error = closing;
  if (error != 0) ::unlinkat(folder, temporary.c_str(), 0);
  return error;
}

int replace_file(int folder, const std::string& name, std::string_view content) {
  struct stat before {};
  const bool was_there = ::fstatat(folder, name.c_str(), &before, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(before.st_mode);
  std::string temporary;
  if (const int error = write_temporary(folder, was_there ? before.st_mode : 0, content, Flush::Now, temporary);
      error != 0)
    return error;
  if (::renameat(folder, temporary.c_str(), folder, name.c_str()) == 0) return 0;
  const int error = errno;
  ::unlinkat(folder, temporary.c_str(), 0);
  return error;
}

std::vector<std::string> names_in(int folder, const std::string& shown) {
  const int own = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> open(own < 0 ? nullptr : ::fdopendir(own), ::closedir);
  if (open == nullptr) throw DataError(fmt::format("{}: {}", shown, reason(errno)));
  std::vector<std::string> names;
  while (const dirent* const entry = ::readdir(open.get()))
    if (const std::string name = entry->d_name; name != "." && name != "..") names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

void remove_left_over(int folder, const std::string& shown) {
  for (const std::string& name : names_in(folder, shown)) {
    if (!name.starts_with(kTemporaryPrefix) || !name.ends_with(kTemporarySuffix)) continue;
    const Descriptor file(::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (file.get() >= 0 && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0) ::unlinkat(folder, name.c_str(), 0);
  }
}

}  // namespace crosstalk::data
