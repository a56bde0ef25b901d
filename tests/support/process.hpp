#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace test_support {

struct Finished {
  int exit_code = -1;      ///< -1 when it was ended by a signal or could not be started
  bool timed_out = false;  ///< it was killed, with all its children
  std::string out;
  std::string err;
};

/// Starts a program without a shell, in the given folder, and waits at most `seconds` for its end.
/// @param command  program (looked up in PATH) and arguments.
Finished run(const std::vector<std::string>& command, const std::filesystem::path& folder, int seconds);

/// True when PATH holds such a program.
bool is_installed(const std::string& program);

/// A new empty folder, removed with everything in it at the end.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::string read_file(const std::filesystem::path& file);
void write_file(const std::filesystem::path& file, const std::string& text);

}  // namespace test_support
