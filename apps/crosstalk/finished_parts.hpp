#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "crosstalk/image/network/learned_noise.hpp"
#include "crosstalk/memory.hpp"
#include "session.hpp"

namespace crosstalk::app {

/// The finished parts of a long run, one whole file each in the folder `unfinished` of the output, until the run is
/// done.
class FinishedParts {
 public:
  /// @param resume  use the parts of an earlier run, if it had the same configuration. Otherwise they stay until the
  /// first
  ///   part of this run is kept.
  /// @throws DataError when there are parts of a run with another configuration.
  FinishedParts(const Session& session, const nlohmann::ordered_json& configuration, bool resume);

  /// Both refer to this object.
  [[nodiscard]] Memory memory();
  [[nodiscard]] image::Checkpoints bytes();
  /// Removes them all.
  void forget() const;

 private:
  [[nodiscard]] std::optional<std::string> recall(const std::filesystem::path& file) const;
  void keep(const std::filesystem::path& file, const std::string& content);

  const Session& session_;
  std::filesystem::path folder_;
  std::string configuration_;
  bool begun_ = false;  ///< the folder holds parts of this configuration
};

}  // namespace crosstalk::app
