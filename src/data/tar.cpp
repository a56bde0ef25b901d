#include "crosstalk/data/tar.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>
#include <unordered_set>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crosstalk/data/csv_scanner.hpp"
#include "crosstalk/data/inputs.hpp"
#include "crosstalk/error.hpp"

namespace crosstalk::data {

namespace {

constexpr std::uint64_t kBlock = 512;
constexpr std::uint64_t kMostNameBytes = 65536;
constexpr std::uint64_t kMostMemberBytes = std::uint64_t{1} << 30;

// A text field of the header, up to its first zero.
std::string_view text(std::string_view block, std::size_t begin, std::size_t length) {
  const std::string_view field = block.substr(begin, length);
  return field.substr(0, field.find('\0'));
}

// Octal digits between blanks, or with the first bit set a binary number.
std::optional<std::uint64_t> number(std::string_view field) {
  if ((static_cast<unsigned char>(field[0]) & 0x80U) != 0) {
    std::uint64_t value = static_cast<unsigned char>(field[0]) & 0x7fU;
    for (const char byte : field.substr(1)) {
      if (value >> 55U != 0) return std::nullopt;
      value = value << 8U | static_cast<unsigned char>(byte);
    }
    return value;
  }
  while (!field.empty() && field.front() == ' ') field.remove_prefix(1);
  field = field.substr(0, field.find_first_of(std::string_view(" \0", 2)));
  if (field.empty()) return 0;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value, 8);
  if (error != std::errc() || end != field.data() + field.size()) return std::nullopt;
  return value;
}

bool checksum_holds(std::string_view block) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kBlock; ++i)
    sum += i >= 148 && i < 156 ? std::uint64_t{' '} : static_cast<unsigned char>(block[i]);
  return number(block.substr(148, 8)) == sum;
}

// What pax headers say of the member behind them: lines "LENGTH KEY=VALUE\n".
struct Extension {
  std::optional<std::string> name;
  std::optional<std::uint64_t> bytes;
};

bool read_pax(std::string_view records, Extension& extension) {
  while (!records.empty()) {
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(records.data(), records.data() + records.size(), length);
    const auto digits = static_cast<std::size_t>(end - records.data());
    if (error != std::errc() || length > records.size() || length < digits + 2 || records[digits] != ' ') return false;
    const std::string_view record = records.substr(digits + 1, length - digits - 2);
    if (record.starts_with("path=")) extension.name = std::string(record.substr(5));
    if (record.starts_with("size=")) {
      std::uint64_t bytes = 0;
      const auto [stop, wrong] = std::from_chars(record.data() + 5, record.data() + record.size(), bytes);
      if (wrong != std::errc() || stop != record.data() + record.size()) return false;
      extension.bytes = bytes;
    }
    records.remove_prefix(length);
  }
  return true;
}

std::string name_in(std::string_view block) {
  const std::string_view prefix = block.substr(257, 6) == std::string_view("ustar\0", 6) ? text(block, 345, 155) : "";
  const std::string_view name = text(block, 0, 100);
  return prefix.empty() ? std::string(name) : fmt::format("{}/{}", prefix, name);
}

}  // namespace

TarFile::TarFile(const std::filesystem::path& path)
    : name_(path.string()), file_(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
  const auto reason = [] { return std::generic_category().message(errno); };
  if (file_ < 0) throw DataError(fmt::format("{}: {}", name_, reason()));
  try {
    struct stat status {};
    if (::fstat(file_, &status) != 0) throw DataError(fmt::format("{}: {}", name_, reason()));
    if (!S_ISREG(status.st_mode)) throw DataError(name_ + ": is no regular file; a tar archive is read by position");
    note_input(name_, file_, Use::Data);
    size_ = static_cast<std::uint64_t>(status.st_size);
    read_headers();
  } catch (...) {
    ::close(file_);
    throw;
  }
}

TarFile::~TarFile() {
  ::close(file_);
}

std::string TarFile::bytes_at(std::uint64_t offset, std::uint64_t count) const {
  std::string content(count, '\0');
  std::size_t done = 0;
  while (done < content.size()) {
    const ssize_t got = ::pread(file_, content.data() + done, content.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw DataError(fmt::format("{}: {}", name_, std::generic_category().message(errno)));
    if (got == 0) throw DataError(name_ + ": has changed while it was in use");
    done += static_cast<std::size_t>(got);
  }
  return content;
}

void TarFile::read_headers() {
  std::unordered_set<std::string> seen;
  Extension extension;
  std::uint64_t at = 0;
  while (at + kBlock <= size_) {
    const std::string block = bytes_at(at, kBlock);
    if (block.find_first_not_of('\0') == std::string::npos) return;  // the end mark
    if (!checksum_holds(block)) {
      if (at > 0) throw DataError(fmt::format("{}: the header at byte {} is damaged (its checksum)", name_, at));
      const bool packed = block.starts_with("\x1f\x8b") || block.starts_with("BZh") ||
                          block.starts_with(
                              "\xfd"
                              "7zXZ") ||
                          block.starts_with("\x28\xb5\x2f\xfd");
      throw DataError(name_ + (packed ? ": is compressed; unpack it first, images are read by position"
                                      : ": is not a tar archive"));
    }
    const char type = block[156];
    const bool describes_next = type == 'L' || type == 'x' || type == 'K' || type == 'g';
    std::optional<std::uint64_t> bytes = number(std::string_view(block).substr(124, 12));
    if (!describes_next && extension.bytes) bytes = extension.bytes;
    const std::uint64_t begin = at + kBlock;
    if (!bytes || *bytes > size_ - begin)
      throw DataError(fmt::format("{}: the file {} at byte {} is cut short, or its size is wrong", name_,
                                  in_quotes(name_in(block)), at));
    if (type == 'L' || type == 'x') {
      if (*bytes > kMostNameBytes)
        throw DataError(fmt::format("{}: the name at byte {} has {} bytes; at most {} are read", name_, at, *bytes,
                                    kMostNameBytes));
      const std::string content = bytes_at(begin, *bytes);
      if (type == 'L') extension.name = content.substr(0, content.find('\0'));
      if (type == 'x' && !read_pax(content, extension))
        throw DataError(fmt::format("{}: the pax header at byte {} is damaged", name_, at));
    } else if (!describes_next) {
      if (type == '0' || type == '\0' || type == '7') {
        std::string name = extension.name ? *extension.name : name_in(block);
        name = std::filesystem::path(name).lexically_normal().generic_string();
        if (!seen.insert(name).second) throw DataError(fmt::format("{}: holds {} twice", name_, in_quotes(name)));
        members_.push_back({std::move(name), begin, *bytes});
      }
      extension = {};
    }
    at = begin + (*bytes + kBlock - 1) / kBlock * kBlock;
  }
  if (at == 0) throw DataError(name_ + ": is not a tar archive");
}

std::string TarFile::read(const TarMember& member) const {
  if (member.bytes > kMostMemberBytes)
    throw DataError(fmt::format("{}: {} has {} bytes; at most {} are read", name_, in_quotes(member.name), member.bytes,
                                kMostMemberBytes));
  return bytes_at(member.offset, member.bytes);
}

}  // namespace crosstalk::data
