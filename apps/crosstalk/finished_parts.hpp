#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "crosstalk/image/network/learned_noise.hpp"
#include "crosstalk/part_store.hpp"
#include "session.hpp"

namespace crosstalk::app {

/// What the result of a run depends on: its flags, the version, and what is in the files that it has read so far (by
/// SHA-256; a file of settings is in the flags).
/// @throws DataError when such a file can no longer be read.
nlohmann::ordered_json run_identity(const nlohmann::ordered_json& flags);

/// A folder of the output that holds parts of a long run, marked by a file that says of which run. Only a folder with
/// the mark is used or cleared.
class PartsFolder {
 public:
  /// @param mark  name of the file that marks it
  /// @throws DataError when the folder is there, is not empty, and has no mark of ours.
  PartsFolder(const Session& session, std::filesystem::path folder, std::string mark);

  /// Whether the parts there are of the run with this identity; false when there are none.
  /// @throws DataError when they are of another run.
  [[nodiscard]] bool holds_parts_of(const nlohmann::ordered_json& identity) const;
  /// An interrupt says that parts are kept only when say_parts_are_kept was called for one.
  void mark_as(const nlohmann::ordered_json& identity) const;
  /// Removes, file by file, what has the name of a part (ending in .json or .pt, or a file of a panel's cell), in it
  /// and in folders of it, then the folders that are empty; the mark goes last. Whatever else is there stays.
  void clear() const;

 private:
  [[nodiscard]] std::optional<nlohmann::ordered_json> marked() const;
  void clear(const std::filesystem::path& folder) const;

  const Session& session_;
  std::filesystem::path folder_;
  std::string mark_;
};

/// The finished parts of a long run, one whole file each in the folder `unfinished` of the output, until the run is
/// done.
class FinishedParts {
 public:
  /// @param identity  of the run, as by run_identity
  /// @param resume  use the parts of an earlier run, if it had the same identity. Otherwise they stay until the first
  ///   part of this run is kept.
  /// @throws DataError when there are parts of another run, or the folder is not ours.
  FinishedParts(const Session& session, nlohmann::ordered_json identity, bool resume);

  /// Both refer to this object.
  [[nodiscard]] PartStore store();
  [[nodiscard]] image::Checkpoints bytes();
  /// Removes them all.
  void forget() const;

 private:
  [[nodiscard]] std::optional<std::string> recall(const std::filesystem::path& file) const;
  void keep(const std::filesystem::path& file, const std::string& content);

  const Session& session_;
  PartsFolder folder_;
  nlohmann::ordered_json identity_;
  bool begun_ = false;  ///< the folder holds parts of this run
};

}  // namespace crosstalk::app
