#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>
#include <unistd.h>

namespace crosstalk::data {

/// An open file or folder, closed at the end.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }
  /// Gives it away.
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  /// Closes now and returns 0 or the error: some file systems report a full disk only here.
  int close() { return ::close(release()) == 0 ? 0 : errno; }

 private:
  int fd_;
};

/// Writes all of it; returns 0 or the error.
int write_all(int fd, std::string_view content);

/// All that is left to read. @throws DataError with the shown name and the system's reason.
std::string read_all(int fd, std::size_t expected, const std::string& shown);

/// Replaces a regular file of an open folder, or makes it, so that it is whole or untouched at any moment. A symbolic
/// link of that name would be replaced, not followed. A file that was there keeps its permissions.
/// @return 0 or the error; the temporary file is removed
int replace_file(int folder, const std::string& name, std::string_view content);

/// Later: the content may be in memory still.
enum class Flush { Now, Later };

/// The first half of replace_file: a temporary file with this content.
/// @param mode  of the file that it is to replace, 0 where there is none.
/// @param temporary  its name, when it is there.
/// @return 0 or the error; the temporary file is removed
int write_temporary(int folder, mode_t mode, std::string_view content, Flush flush, std::string& temporary);

/// Removes the temporary files that replace_file left in an open folder when its process was killed: those that no
/// process has locked. @throws DataError with the shown name of the folder and the system's reason.
void remove_left_over(int folder, const std::string& shown);

/// Names in an open folder, sorted. @throws DataError with the shown name and the system's reason.
std::vector<std::string> names_in(int folder, const std::string& shown);

/// The system's words for an error.
std::string reason(int error);

}  // namespace crosstalk::data
