#include "crosstalk/data/files.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <zlib.h>

#include "crosstalk/data/unpacking.hpp"
#include "crosstalk/error.hpp"
#include "descriptor.hpp"

namespace crosstalk::data {

namespace fs = std::filesystem;

namespace {

// A named pipe may be opened before its writer comes; one that nobody comes to must not stop the run for ever.
// Returns what was read meanwhile.
std::string await_writer(int fd, const std::string& shown) {
  constexpr std::chrono::seconds patience{2};
  constexpr std::chrono::milliseconds pause{20};
  struct statfs system {};
  constexpr long anonymous = 0x50495045;  // PIPEFS_MAGIC
  const bool named = ::fstatfs(fd, &system) != 0 || system.f_type != anonymous;
  char first[4096];
  const auto deadline = std::chrono::steady_clock::now() + patience;
  ssize_t got = 0;
  while ((got = ::read(fd, first, sizeof first)) == 0 &&
         named) {  // 0: no writer; EAGAIN: one that has said nothing yet
    if (std::chrono::steady_clock::now() >= deadline)
      throw DataError(fmt::format("{}: is a pipe, and nobody writes to it", shown));
    std::this_thread::sleep_for(pause);
  }
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK);
  return {first, static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
}

std::string read_raw(const fs::path& path, Use use) {
  const std::string shown = path.string();
  const auto fail = [&](int error) { throw DataError(fmt::format("{}: {}", shown, reason(error))); };
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (file.get() < 0) fail(errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) fail(errno);
  if (S_ISDIR(status.st_mode)) fail(EISDIR);
  if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode))
    throw DataError(fmt::format("{}: is neither a file nor a pipe", shown));
  note_input(shown, file.get(), use);
  if (S_ISFIFO(status.st_mode)) {
    const std::string first = await_writer(file.get(), shown);
    return first + read_all(file.get(), 0, shown);
  }
  return read_all(file.get(), static_cast<std::size_t>(status.st_size), shown);
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
  UnpackedBytes unpacked(name);
  const auto take = [&](const std::vector<char>& buffer) {
    const std::size_t bytes = buffer.size() - stream.avail_out;
    unpacked.add(bytes);
    content.append(buffer.data(), bytes);
  };
  content.reserve(std::min(size_hint(packed), most_unpacked_bytes()));
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
    take(buffer);
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
    take(buffer);
    if (status == Z_STREAM_END) return content;
    if (status != Z_OK) throw DataError(name + ": the gzip data is cut short");
  }
}

}  // namespace

std::string read_file(const fs::path& path, Use use) {
  return unpacked(read_raw(path, use), path.string());
}

std::string unpacked(std::string content, const std::string& name) {
  const bool gzip = content.size() >= 2 && content[0] == '\x1f' && content[1] == '\x8b';
  return gzip ? unpack_gzip(content, name) : std::move(content);
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
    // Without waiting: a named pipe that nobody reads is an error, not a reason to hang.
    Descriptor device(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    if (device.get() < 0) check(errno);
    ::fcntl(device.get(), F_SETFL, ::fcntl(device.get(), F_GETFL) & ~O_NONBLOCK);
    check(write_all(device.get(), content));
    return check(device.close());
  }

  // Through a symbolic link, so that the link stays one.
  fs::path target = fs::weakly_canonical(path, ignored);
  if (target.empty()) target = path;
  const fs::path parent = target.has_parent_path() ? target.parent_path() : ".";
  const Descriptor folder(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0) check(errno);
  check(replace_file(folder.get(), target.filename().string(), content));
}

}  // namespace crosstalk::data
