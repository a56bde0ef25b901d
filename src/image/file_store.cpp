#include "file_store.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/data/csv_scanner.hpp"
#include "crosstalk/data/files.hpp"
#include "crosstalk/data/tar.hpp"
#include "crosstalk/error.hpp"

namespace crosstalk::image {

namespace fs = std::filesystem;

namespace {

bool is_hidden(const std::string& component) {
  return component.starts_with('.') || component == "__MACOSX";
}

class FolderStore : public FileStore {
 public:
  FolderStore(fs::path folder, std::vector<std::string> names) : folder_(std::move(folder)), names_(std::move(names)) {}
  explicit FolderStore(fs::path folder) : folder_(std::move(folder)) {
    std::error_code error;
    for (fs::recursive_directory_iterator at(folder_, error), end; !error && at != end; at.increment(error)) {
      if (is_hidden(at->path().filename().string())) {
        ++hidden_;
        at.disable_recursion_pending();
      } else if (std::error_code ignored; !at->is_directory(ignored)) {
        names_.push_back(at->path().lexically_relative(folder_).generic_string());
      }
    }
    if (error) throw DataError(fmt::format("{}: {}", folder_.string(), error.message()));
    std::sort(names_.begin(), names_.end());
  }

  [[nodiscard]] std::string name() const override { return folder_.string(); }
  [[nodiscard]] const std::vector<std::string>& names() const override { return names_; }
  [[nodiscard]] std::size_t hidden() const override { return hidden_; }
  [[nodiscard]] bool holds(const std::string& name) const override {
    std::error_code ignored;
    return fs::exists(folder_ / name, ignored);
  }
  [[nodiscard]] std::string read(const std::string& name) const override { return data::read_file(folder_ / name); }
  [[nodiscard]] std::string place(const std::string& name) const override { return (folder_ / name).string(); }

 private:
  fs::path folder_;
  std::vector<std::string> names_;
  std::size_t hidden_ = 0;
};

class TarStore : public FileStore {
 public:
  explicit TarStore(const fs::path& path) : tar_(path) {
    const std::size_t common = common_folder();
    for (std::size_t i = 0; i < tar_.members().size(); ++i) members_.emplace(tar_.members()[i].name.substr(common), i);
    for (const auto& [name, position] : members_) {
      if (!is_below(name))
        throw DataError(fmt::format("{}: holds {}, a name that leads out of the archive's folder", tar_.name(),
                                    data::in_quotes(tar_.members()[position].name)));
      const fs::path parts = name;
      if (std::any_of(parts.begin(), parts.end(), [](const fs::path& part) { return is_hidden(part.string()); }))
        ++hidden_;
      else
        names_.push_back(name);
    }
  }

  [[nodiscard]] std::string name() const override { return tar_.name(); }
  [[nodiscard]] const std::vector<std::string>& names() const override { return names_; }
  [[nodiscard]] std::size_t hidden() const override { return hidden_; }
  [[nodiscard]] bool holds(const std::string& name) const override { return members_.contains(name); }
  [[nodiscard]] std::string read(const std::string& name) const override { return tar_.read(member(name)); }
  [[nodiscard]] std::string place(const std::string& name) const override {
    return fmt::format("{}: {}", tar_.name(), holds(name) ? member(name).name : name);
  }

 private:
  [[nodiscard]] const data::TarMember& member(const std::string& name) const {
    return tar_.members()[members_.at(name)];
  }

  // Length of the path, with its last /, that all members begin with.
  [[nodiscard]] std::size_t common_folder() const {
    if (tar_.members().empty()) return 0;
    std::string_view common = tar_.members().front().name;
    for (const data::TarMember& member : tar_.members()) {
      const auto differ = std::mismatch(common.begin(), common.end(), member.name.begin(), member.name.end());
      common = common.substr(0, static_cast<std::size_t>(differ.first - common.begin()));
    }
    const std::size_t slash = common.rfind('/');
    return slash == std::string_view::npos ? 0 : slash + 1;
  }

  data::TarFile tar_;
  std::map<std::string, std::size_t> members_;
  std::vector<std::string> names_;
  std::size_t hidden_ = 0;
};

}  // namespace

bool is_below(const std::string& file) {
  const fs::path path = file;
  return path.is_relative() && !path.empty() && std::find(path.begin(), path.end(), "..") == path.end();
}

std::unique_ptr<FileStore> open_folder_store(const fs::path& folder) {
  return std::make_unique<FolderStore>(folder);
}

std::unique_ptr<FileStore> open_picture_store(const fs::path& picture) {
  return std::make_unique<FolderStore>(picture.parent_path(), std::vector{picture.filename().string()});
}

std::unique_ptr<FileStore> open_tar_store(const fs::path& path) {
  return std::make_unique<TarStore>(path);
}

bool is_image_name(const std::string& name) {
  std::string extension = fs::path(name).extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg" || extension == ".webp";
}

}  // namespace crosstalk::image
