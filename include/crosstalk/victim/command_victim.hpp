#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>

namespace crosstalk::victim {

/// One run of a learner that is somebody else's program. The command is a line for /bin/sh; it trains on what lies at
/// `train`, answers what lies at `test`, and writes its answers to `predictions`. Each is a file or a folder, as its
/// caller and the command have agreed.
///
/// `{train}`, `{test}` and `{predictions}` in the line stand for the absolute paths; a path with other characters than
/// letters, digits and _ . / - + , = @ % : is put in single quotes. The environment has the same paths as
/// CROSSTALK_TRAIN, CROSSTALK_TEST and CROSSTALK_PREDICTIONS, and the seed as CROSSTALK_SEED.
struct CommandVictim {
  std::string command;
  std::filesystem::path train;
  std::filesystem::path test;
  std::filesystem::path predictions;  ///< is removed before the run
  std::filesystem::path folder;       ///< that the command starts in; is made, with its parents
  std::filesystem::path log;          ///< takes what the command says on stdout and stderr
  double most_seconds = 3600.0;       ///< after which it is ended; > 0
  std::uint64_t seed = 1;
};

struct CommandOutcome {
  /// Why there are no predictions, in one line without the command's name; empty where there are.
  std::string failure;
  std::string predictions;  ///< content of the file
  double seconds = 0.0;
  bool stopped = false;  ///< by the token; then there is no failure and are no predictions
};

/// Largest file of predictions that is read, in bytes.
inline constexpr std::uintmax_t kMostPredictions = std::uintmax_t{1} << 30;

/// Runs the command in a process group of its own and waits for its end. All processes of the group are killed when the
/// time is up, when a stop is requested, when the command has ended and has left some behind, and when this process
/// ends in whatever way.
///
/// An exit status other than 0, a signal, the end of the time, no or an empty file of predictions, and a change of the
/// files below `train` or `test` (by SHA-256 and by names) are failures, not exceptions.
/// @throws std::invalid_argument for an empty command or a time that is not positive; DataError when no process can be
///         started or a file cannot be read.
CommandOutcome run_command(const CommandVictim& victim, const std::stop_token& stop = {});

/// The line with its placeholders replaced by the paths.
std::string filled_in(const CommandVictim& victim);

}  // namespace crosstalk::victim
