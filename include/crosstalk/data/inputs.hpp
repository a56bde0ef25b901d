#pragma once

#include <string>
#include <vector>

namespace crosstalk::data {

/// What a file is read for. The settings of a run become flags, so its result depends on those and not on the file.
enum class Use { Data, Settings };

/// A file that this process has read from, whatever name it was opened by.
struct Input {
  std::string path;  ///< as it was first named
  Use use = Use::Data;
};

/// Remembers, for the whole process, that an open regular file is an input: OutputFolder replaces none. Files are told
/// apart by device, inode and time of birth (a new file may get the inode of one that was removed). Any thread may call
/// these.
void note_input(const std::string& path, int file, Use use);

/// Whether the file of this name in an open folder was noted, under any name. A link is not followed.
bool is_input(int folder, const std::string& name);

/// All files noted so far, sorted by path.
std::vector<Input> inputs();

}  // namespace crosstalk::data
