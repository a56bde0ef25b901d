#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace crosstalk::data {

struct TarMember {
  std::string name;  ///< with /, without ./ in front
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

/// The regular files in an uncompressed tar archive (ustar, GNU or pax names), read one by one where they lie: the
/// archive is never in memory. Folders, links and devices are passed over.
class TarFile {
 public:
  /// Reads the headers.
  /// @throws DataError when the file cannot be read, is compressed or no tar archive, is cut short, has a header that
  ///         its checksum does not confirm, or a name twice.
  explicit TarFile(const std::filesystem::path& path);
  ~TarFile();
  TarFile(const TarFile&) = delete;
  TarFile& operator=(const TarFile&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::vector<TarMember>& members() const { return members_; }
  /// The content of a member; may be called from several threads.
  /// @throws DataError when the file has become shorter, or the member is larger than 1 GiB.
  [[nodiscard]] std::string read(const TarMember& member) const;

 private:
  void read_headers();
  [[nodiscard]] std::string bytes_at(std::uint64_t offset, std::uint64_t count) const;

  std::string name_;
  int file_ = -1;
  std::uint64_t size_ = 0;
  std::vector<TarMember> members_;
};

}  // namespace crosstalk::data
