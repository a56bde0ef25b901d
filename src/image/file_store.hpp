#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace crosstalk::image {

/// Files with names, wherever they are: in a folder or in a tar archive.
class FileStore {
 public:
  virtual ~FileStore() = default;
  /// Of the folder or archive.
  [[nodiscard]] virtual std::string name() const = 0;
  /// Of all files that are not hidden, in alphabetical order; with / between folders.
  [[nodiscard]] virtual const std::vector<std::string>& names() const = 0;
  /// How many files and folders were passed over since their name begins with a dot, or is __MACOSX.
  [[nodiscard]] virtual std::size_t hidden() const = 0;
  [[nodiscard]] virtual bool holds(const std::string& name) const = 0;
  /// May be called from several threads. @throws DataError
  [[nodiscard]] virtual std::string read(const std::string& name) const = 0;
  /// The file's name as it may stand in a message.
  [[nodiscard]] virtual std::string place(const std::string& name) const = 0;
};

std::unique_ptr<FileStore> open_folder_store(const std::filesystem::path& folder);

/// Names count from the folder that all files of the archive lie in, if there is one.
/// @throws DataError for a name that is not below it
std::unique_ptr<FileStore> open_tar_store(const std::filesystem::path& path);

/// Does the name stay below the folder that it counts from, relative and without ".."?
bool is_below(const std::string& file);

/// The folder that holds a file, as a store of this file alone; what else the folder has is held all the same.
std::unique_ptr<FileStore> open_picture_store(const std::filesystem::path& picture);

/// Does it end in .png, .jpg, .jpeg or .webp, in any case?
bool is_image_name(const std::string& name);

}  // namespace crosstalk::image
