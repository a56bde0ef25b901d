#include "crosstalk/data/files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "crosstalk/error.hpp"

namespace crosstalk::data {

namespace fs = std::filesystem;

namespace {

std::string reason(int error) {
  return std::generic_category().message(error);
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }
  /// Closes now and returns 0 or the error: some file systems report a full disk only here.
  int close() {
    const int result = ::close(fd_);
    fd_ = -1;
    return result == 0 ? 0 : errno;
  }

 private:
  int fd_;
};

std::string read_raw(const fs::path& path) {
  const auto fail = [&](int error) { throw DataError(fmt::format("{}: {}", path.string(), reason(error))); };
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) fail(errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) fail(errno);
  if (S_ISDIR(status.st_mode)) fail(EISDIR);
  if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode))
    throw DataError(fmt::format("{}: is neither a file nor a pipe", path.string()));

  std::string content(S_ISREG(status.st_mode) ? static_cast<std::size_t>(status.st_size) : 0, '\0');
  std::size_t size = 0;
  for (;;) {
    if (size == content.size()) {
      // At the expected end: one more read into a small buffer tells whether the file has grown, or is a pipe.
      char more[65536];
      const ssize_t got = ::read(file.get(), more, sizeof more);
      if (got < 0 && errno != EINTR) fail(errno);
      if (got == 0) return content;
      if (got > 0) content.append(more, static_cast<std::size_t>(got));
      size = content.size();
      continue;
    }
    const ssize_t got = ::read(file.get(), content.data() + size, content.size() - size);
    if (got < 0 && errno != EINTR) fail(errno);
    if (got == 0) content.resize(size);
    if (got > 0) size += static_cast<std::size_t>(got);
  }
}

// Size of the unpacked data as the last four bytes state it, but never more than deflate can reach (1032 : 1).
std::size_t size_hint(std::string_view packed) {
  if (packed.size() < 18) return 0;
  std::uint32_t stated = 0;
  for (std::size_t i = 0; i < 4; ++i)
    stated |= std::uint32_t{static_cast<unsigned char>(packed[packed.size() - 4 + i])} << (8 * i);
  return std::min<std::size_t>(stated, packed.size() * 1032);
}

std::string unpack_gzip(std::string_view packed, const std::string& name) {
  z_stream stream{};
  constexpr int kGzipOnly = 15 + 16;
  if (inflateInit2(&stream, kGzipOnly) != Z_OK) throw std::bad_alloc();
  const std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, inflateEnd);

  std::string content;
  content.reserve(size_hint(packed));
  std::vector<char> buffer(1 << 18);
  while (!packed.empty()) {
    // zlib counts in 32 bits, so a large file goes in by pieces.
    const auto piece = static_cast<uInt>(std::min<std::size_t>(packed.size(), 1U << 30));
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream.avail_in = piece;
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    const int status = inflate(&stream, Z_NO_FLUSH);
    packed.remove_prefix(piece - stream.avail_in);
    content.append(buffer.data(), buffer.size() - stream.avail_out);
    if (status == Z_STREAM_END) {
      // Another member may follow; zeros are padding.
      if (packed.find_first_not_of('\0') == std::string_view::npos) return content;
      inflateReset(&stream);
    } else if (status == Z_BUF_ERROR) {
      break;
    } else if (status != Z_OK) {
      throw DataError(fmt::format("{}: the gzip data is corrupt ({})", name,
                                  stream.msg != nullptr ? stream.msg : "unknown reason"));
    }
  }
  // Input used up: what the window still holds comes out before the verdict.
  for (;;) {
    stream.avail_in = 0;
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    const int status = inflate(&stream, Z_NO_FLUSH);
    content.append(buffer.data(), buffer.size() - stream.avail_out);
    if (status == Z_STREAM_END) return content;
    if (status != Z_OK) throw DataError(name + ": the gzip data is cut short");
  }
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

int open_temporary(const fs::path& directory, fs::path& name) {
  for (int attempt = 0;; ++attempt) {
    name = directory / fmt::format(".crosstalk-{}-{}.tmp", ::getpid(), attempt);
    const int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0 || errno != EEXIST) return fd;
  }
}

}  // namespace

std::string read_file(const fs::path& path) {
  std::string content = read_raw(path);
  const bool gzip = content.size() >= 2 && content[0] == '\x1f' && content[1] == '\x8b';
  if (gzip) return unpack_gzip(content, path.string());
  return content;
}

std::string gzip_packed(std::string_view content) {
  z_stream stream{};
  constexpr int kGzip = 15 + 16;
  constexpr int kMemory = 8;
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzip, kMemory, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::bad_alloc();
  const std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, deflateEnd);
  std::string packed;
  std::vector<char> buffer(1 << 18);
  for (int status = Z_OK; status != Z_STREAM_END;) {
    if (stream.avail_in == 0 && !content.empty()) {
      const auto piece = static_cast<uInt>(std::min<std::size_t>(content.size(), 1U << 30));
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
      stream.avail_in = piece;
      content.remove_prefix(piece);
    }
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    status = deflate(&stream, content.empty() ? Z_FINISH : Z_NO_FLUSH);
    packed.append(buffer.data(), buffer.size() - stream.avail_out);
  }
  return packed;
}

void write_file(const fs::path& path, std::string_view content) {
  const auto check = [&](int error) {
    if (error != 0) throw DataError(fmt::format("{}: cannot be written: {}", path.string(), reason(error)));
  };
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (fs::is_directory(status)) check(EISDIR);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    Descriptor device(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (device.get() < 0) check(errno);
    check(write_all(device.get(), content));
    return check(device.close());
  }

  // Through a symbolic link, so that the link stays one.
  fs::path target = fs::weakly_canonical(path, ignored);
  if (target.empty()) target = path;
  fs::path temporary;
  Descriptor file(open_temporary(target.parent_path(), temporary));
  if (file.get() < 0) check(errno);
  int error = write_all(file.get(), content);
  if (error == 0 && ::fsync(file.get()) != 0) error = errno;
  if (const int closing = file.close(); error == 0) error = closing;
  if (error == 0 && ::rename(temporary.c_str(), target.c_str()) != 0) error = errno;
  if (error != 0) ::unlink(temporary.c_str());
  check(error);
}

}  // namespace crosstalk::data
