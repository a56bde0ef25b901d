#pragma once

#include <string>
#include <vector>

#include <sys/stat.h>

namespace crosstalk::data {

/// What a file is read for. The settings of a run become flags, so its result depends on those and not on the file.
enum class Use { Data, Settings };

/// A file that this process has read from, whatever name it was opened by.
struct Input {
  std::string path;  ///< as it was first named
  Use use = Use::Data;
  dev_t device = 0;
  ino_t inode = 0;
};

/// Remembers, for the whole process, that a file is an input: OutputFolder replaces none. Any thread may call these.
void note_input(const std::string& path, const struct stat& status, Use use);

/// Whether the file was noted, under any name.
bool is_input(const struct stat& status);

/// All regular files noted so far, sorted by path.
std::vector<Input> inputs();

}  // namespace crosstalk::data
