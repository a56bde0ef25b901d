#include "crosstalk/data/output_folder.hpp"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crosstalk/data/inputs.hpp"
#include "crosstalk/error.hpp"
#include "descriptor.hpp"

namespace crosstalk::data {

namespace fs = std::filesystem;

// A name below the folder: the open folder that it is in, and its last component.
class OutputFolder::Place {
 public:
  enum class Folders { Make, IfThere };

  Place(const OutputFolder& output, const fs::path& name, Folders folders) : shown_(output.path_) {
    std::vector<std::string> components;
    for (const fs::path& part : name) {
      if (!part.empty() && part != ".") components.push_back(part.string());
      if (part == ".." || part.is_absolute())
        throw DataError(fmt::format("{}: {} is no name below this folder", output.path_.string(), name.string()));
    }
    if (components.empty()) throw DataError(fmt::format("{}: a file in it has no name", output.path_.string()));
    last_ = components.back();
    components.pop_back();
    folder_ = Descriptor(::fcntl(output.folder_, F_DUPFD_CLOEXEC, 0));
    for (const std::string& component : components) {
      shown_ /= component;
      if (folders == Folders::Make && ::mkdirat(folder_.get(), component.c_str(), 0777) != 0 && errno != EEXIST)
        throw DataError(fmt::format("{} cannot be made: {}", shown_.string(), reason(errno)));
      refuse_link(component);
      Descriptor next(::openat(folder_.get(), component.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (next.get() < 0) {
        if (folders == Folders::IfThere && errno == ENOENT) return;
        throw DataError(fmt::format("{}: {}", shown_.string(), reason(errno)));
      }
      folder_ = std::move(next);
    }
    shown_ /= last_;
    there_ = true;
  }

  /// Whether the folder that it would be in is there.
  [[nodiscard]] bool has_folder() const { return there_; }
  [[nodiscard]] int folder() const { return folder_.get(); }
  [[nodiscard]] const std::string& name() const { return last_; }
  [[nodiscard]] std::string shown() const { return shown_.string(); }

  /// What is there now, which is no link.
  [[nodiscard]] std::optional<struct stat> status() const {
    if (!there_) return std::nullopt;
    refuse_link(last_);
    struct stat found {};
    if (::fstatat(folder_.get(), last_.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return std::nullopt;
      throw DataError(fmt::format("{}: {}", shown(), reason(errno)));
    }
    return found;
  }
  void refuse_input() const {
    if (is_input(folder_.get(), last_))
      throw DataError(
          fmt::format("{}: is an input of this run, which would replace it; choose another output folder", shown()));
  }

 private:
  void refuse_link(const std::string& component) const {
    struct stat found {};
    if (::fstatat(folder_.get(), component.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(found.st_mode))
      throw DataError(fmt::format(
          "{}: is a symbolic link; nothing is written through one, remove it or choose another folder", shown()));
  }

  fs::path shown_;
  std::string last_;
  Descriptor folder_{-1};
  bool there_ = false;
};

OutputFolder::OutputFolder(fs::path path) : path_(std::move(path)) {
  std::error_code error;
  fs::create_directories(path_, error);
  if (error) throw DataError(fmt::format("{} cannot be made: {}", path_.string(), error.message()));
  if (::access(path_.c_str(), W_OK | X_OK) != 0)
    throw DataError(fmt::format("{} is a folder that cannot be written", path_.string()));
  Descriptor folder(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0) throw DataError(fmt::format("{}: {}", path_.string(), reason(errno)));
  // The lock is the kernel's and ends with the process. Where a file system has none, the run goes on without.
  if (::flock(folder.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    throw DataError(fmt::format("{} is in use by another run of crosstalk; wait for its end, or choose another folder",
                                path_.string()));
  folder_ = folder.release();
}

OutputFolder::~OutputFolder() {
  ::close(folder_);
}

mode_t OutputFolder::mode_to_replace(const Place& place) const {
  tidy(place.folder(), place.shown());
  const auto there = place.status();
  if (!there) return 0;
  if (S_ISDIR(there->st_mode)) throw DataError(fmt::format("{}: cannot be written: {}", place.shown(), reason(EISDIR)));
  if (!S_ISREG(there->st_mode))
    throw DataError(fmt::format("{}: is there already and is no regular file", place.shown()));
  place.refuse_input();
  return there->st_mode;
}

void OutputFolder::write_all(std::span<const std::pair<fs::path, std::string>> files) const {
  // A file's folder is opened anew for its second half: so many open folders are more than a process may have.
  struct Temporaries {
    const OutputFolder& output;
    std::vector<std::pair<fs::path, std::string>> left = {};  // the file's name, its temporary's

    explicit Temporaries(const OutputFolder& folder) : output(folder) {}
    Temporaries(const Temporaries&) = delete;
    Temporaries& operator=(const Temporaries&) = delete;
    ~Temporaries() {
      for (const auto& [name, temporary] : left) try {
          const Place place(output, name, Place::Folders::IfThere);
          if (place.has_folder()) ::unlinkat(place.folder(), temporary.c_str(), 0);
        } catch (const DataError&) {  // its folder is gone
        }
    }
  } temporaries(*this);

  for (const auto& [name, content] : files) {
    const Place place(*this, name, Place::Folders::Make);
    const mode_t mode = mode_to_replace(place);
    std::string temporary;
    if (const int error = write_temporary(place.folder(), mode, content, Flush::Later, temporary); error != 0)
      throw DataError(fmt::format("{}: cannot be written: {}", place.shown(), reason(error)));
    temporaries.left.emplace_back(name, std::move(temporary));
  }
  if (!files.empty() && ::syncfs(folder_) != 0)
    throw DataError(fmt::format("{}: cannot be written: {}", path_.string(), reason(errno)));
  for (auto& left = temporaries.left; !left.empty(); left.pop_back()) {
    const auto& [name, temporary] = left.back();
    const Place place(*this, name, Place::Folders::IfThere);
    if (!place.has_folder() || ::renameat(place.folder(), temporary.c_str(), place.folder(), place.name().c_str()) != 0)
      throw DataError(
          fmt::format("{}: cannot be written: {}", place.shown(), reason(place.has_folder() ? errno : ENOENT)));
  }
}

void OutputFolder::write(const fs::path& name, std::string_view content) const {
  const Place place(*this, name, Place::Folders::Make);
  static_cast<void>(mode_to_replace(place));
  if (const int error = replace_file(place.folder(), place.name(), content); error != 0)
    throw DataError(fmt::format("{}: cannot be written: {}", place.shown(), reason(error)));
}

void OutputFolder::tidy(int folder, const std::string& shown) const {
  struct stat found {};
  if (::fstat(folder, &found) != 0) return;
  const std::lock_guard lock(mutex_);
  if (tidied_.insert({found.st_dev, found.st_ino}).second) remove_left_over(folder, shown);
}

std::optional<std::string> OutputFolder::read(const fs::path& name) const {
  const Place place(*this, name, Place::Folders::IfThere);
  const auto there = place.status();
  if (!there) return std::nullopt;
  if (!S_ISREG(there->st_mode)) throw DataError(fmt::format("{}: is no regular file", place.shown()));
  const Descriptor file(::openat(place.folder(), place.name().c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (file.get() < 0) throw DataError(fmt::format("{}: {}", place.shown(), reason(errno)));
  return read_all(file.get(), static_cast<std::size_t>(there->st_size), place.shown());
}

void OutputFolder::remove(const fs::path& name) const {
  const Place place(*this, name, Place::Folders::IfThere);
  struct stat found {};
  if (!place.has_folder() || ::fstatat(place.folder(), place.name().c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) return;
  place.refuse_input();
  if (::unlinkat(place.folder(), place.name().c_str(), 0) != 0 && errno != ENOENT)
    throw DataError(fmt::format("{}: cannot be removed: {}", place.shown(), reason(errno)));
}

bool OutputFolder::is_folder(const fs::path& name) const {
  const Place place(*this, name, Place::Folders::IfThere);
  struct stat found {};
  return place.has_folder() && ::fstatat(place.folder(), place.name().c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISDIR(found.st_mode);
}

std::vector<std::string> OutputFolder::entries(const fs::path& folder) const {
  const Place place(*this, folder / "x", Place::Folders::IfThere);
  if (!place.has_folder()) return {};
  const std::string shown = (path_ / folder).string();
  remove_left_over(place.folder(), shown);
  return names_in(place.folder(), shown);
}

void OutputFolder::remove_empty(const fs::path& folder) const {
  const Place place(*this, folder, Place::Folders::IfThere);
  if (place.has_folder()) ::unlinkat(place.folder(), place.name().c_str(), AT_REMOVEDIR);
}

}  // namespace crosstalk::data
