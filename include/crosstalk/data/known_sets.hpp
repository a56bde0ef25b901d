#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace crosstalk::data {

struct KnownFile {
  std::string name;  ///< below the set's folder
  std::uint64_t bytes = 0;
  std::string sha256;  ///< 64 hexadecimal digits
  std::string url;     ///< where these very bytes are; empty: only in the Debian package
};

/// A public data set that has a name here, with the facts that a user needs before using it.
struct KnownSet {
  std::string name;  ///< as typed on the command line
  std::string title;
  std::string folder;  ///< below each folder of the search path
  std::size_t tasks = 0;
  std::string recipe;  ///< what loading makes of it
  std::string terms;   ///< licence, as far as one is stated
  std::string citation;
  std::string debian_package;  ///< that installs it; empty: none
  std::vector<KnownFile> files;
};

const std::vector<KnownSet>& known_sets();

/// The set of this name, or null.
const KnownSet* find_known_set(const std::string& name);

/// $CROSSTALK_DATA, then ${XDG_CACHE_HOME:-~/.cache}/crosstalk, then /usr/share/datasets; what is not set is left out.
std::vector<std::filesystem::path> default_search_path();

/// The user's cache, where fetched sets go: ${XDG_CACHE_HOME:-~/.cache}/crosstalk.
std::optional<std::filesystem::path> user_cache();

/// The first folder (root/set.folder) that has all files of the set; none when no root of the search path does.
std::optional<std::filesystem::path> locate(const KnownSet& set, const std::vector<std::filesystem::path>& search_path);

}  // namespace crosstalk::data
