#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace crosstalk::data {

/// Everything that a run writes, below one folder. The folder may be a symbolic link. Nothing below it may be: a name
/// is followed folder by folder (openat with O_NOFOLLOW), so that no link, no ".." and no race leads out of it.
/// A file that this process has read (inputs.hpp) is never replaced.
class OutputFolder {
 public:
  /// Makes the folder with its parents, and locks it (flock) until the end of the process or of this object.
  /// @throws DataError when it cannot be made or written, or another process has it locked.
  explicit OutputFolder(std::filesystem::path path);
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  /// Replaces or makes a file, whole or not at all; folders on its way are made.
  /// @throws DataError when the name leads out, passes a link, names an input or no regular file, or the disk is full.
  void write(const std::filesystem::path& name, std::string_view content) const;
  /// The same of many files, with one flush to the disk (syncfs) for all in place of one each. Each is whole or as it
  /// was at any moment, and none is replaced before all are on the disk. The names must differ.
  /// @throws DataError as write does
  void write_all(std::span<const std::pair<std::filesystem::path, std::string>> files) const;
  /// Content of a regular file; none when there is none. It does not become an input.
  /// @throws DataError when the name leads out or passes a link, or it is no regular file.
  [[nodiscard]] std::optional<std::string> read(const std::filesystem::path& name) const;
  /// Removes a file or link; does nothing when there is none. @throws DataError as write does
  void remove(const std::filesystem::path& name) const;
  /// Whether it is a folder, and no link to one.
  [[nodiscard]] bool is_folder(const std::filesystem::path& name) const;
  /// Names in a folder, sorted; none when there is no such folder. What killed runs left is removed first.
  [[nodiscard]] std::vector<std::string> entries(const std::filesystem::path& folder) const;
  /// Removes a folder if it is empty.
  void remove_empty(const std::filesystem::path& folder) const;

 private:
  class Place;

  /// The mode of the file that is there, 0 where there is none. @throws DataError unless it may be replaced
  [[nodiscard]] mode_t mode_to_replace(const Place& place) const;
  /// Removes what killed runs left in an open folder, once. @param shown  what it is done for, for messages
  void tidy(int folder, const std::string& shown) const;

  std::filesystem::path path_;
  int folder_ = -1;
  mutable std::mutex mutex_;
  mutable std::set<std::pair<dev_t, ino_t>> tidied_;
};

}  // namespace crosstalk::data
