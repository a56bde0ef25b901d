#pragma once

#include <filesystem>

#include <nlohmann/json.hpp>

#include "crosstalk/evaluate/audit.hpp"
#include "session.hpp"

namespace crosstalk::app {

/// The finished parts of a long run, one whole file each in the folder `unfinished` of the output, until the run is done.
class FinishedParts {
 public:
  /// @param resume  use the parts of an earlier run, if it had the same configuration; otherwise they are removed.
  /// @throws DataError when there are parts of a run with another configuration.
  FinishedParts(const Session& session, const nlohmann::ordered_json& configuration, bool resume);

  [[nodiscard]] evaluate::Memory memory() const;
  /// Removes them all.
  void forget() const;

 private:
  const Session& session_;
  std::filesystem::path folder_;
};

}  // namespace crosstalk::app
