#pragma once

#include <chrono>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "crosstalk/data/output_folder.hpp"
#include "crosstalk/run_control.hpp"

namespace crosstalk::app {

/// Exit codes of every command.
inline constexpr int kDone = 0;
inline constexpr int kDataError = 1;
inline constexpr int kUsageError = 2;
inline constexpr int kNotConverged = 3;
inline constexpr int kRejected = 5;  ///< screen: more rows are rejected than are tolerated
inline constexpr int kInterrupted = 130;

/// The processor whose kernels OpenBLAS uses, such as "Haswell"; empty for another BLAS.
std::string blas_kernel();

/// What one run of a command writes and says: its output folder, its progress, its record.
class Session {
 public:
  struct Options {
    std::string command;
    std::filesystem::path out;
    bool json = false;   ///< the record on stdout in place of the summary
    bool quiet = false;  ///< no progress
  };

  /// Makes the output folder, proves that it can be written, and locks it.
  /// @throws DataError naming the folder and the system's reason, or that another run has it.
  explicit Session(Options options);

  /// Writes a file of the output folder, as data::OutputFolder does. Before the first, run.json and report.html of an
  /// earlier run are removed: what is there never tells of other files than those beside it.
  /// @return its path
  std::filesystem::path write(const std::filesystem::path& name, std::string_view content) const;
  /// The same of many files with one flush to the disk.
  void write_all(std::span<const std::pair<std::filesystem::path, std::string>> files) const;
  /// The same for a file that is kept on the way to the results, which stand for themselves meanwhile.
  std::filesystem::path keep(const std::filesystem::path& name, std::string_view content) const;
  /// For reading back and removing.
  [[nodiscard]] const data::OutputFolder& folder() const { return folder_; }
  [[nodiscard]] std::filesystem::path path(const std::filesystem::path& name) const { return options_.out / name; }

  /// Progress with the time left on stderr.
  [[nodiscard]] RunControl control();
  /// One line on stderr, unless quiet.
  void say(const std::string& line) const;

  /// The record so far: `command`, `version`, and what the command adds.
  nlohmann::ordered_json& record() { return record_; }
  /// Writes run.json and prints the record or the summary.
  void finish(const std::string& summary);

 private:
  /// Before the first file of this run.
  void forget_earlier_run() const;
  void show_progress(double done, const std::string& what);
  void clear_progress();

  Options options_;
  data::OutputFolder folder_;
  mutable bool begun_ = false;  ///< a result is written; under the mutex of all writing
  nlohmann::ordered_json record_;
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point shown_;
  bool on_terminal_;
  bool line_open_ = false;
};

/// Prints a text on stderr as it stands. A stderr that is closed or full is no reason to fail.
void print_error(const std::string& text);
/// Prints a command's result on stdout. @throws DataError when it cannot be written.
void print_result(const std::string& text);

/// From here on SIGINT, SIGTERM and SIGHUP (unless it was ignored, as by nohup) end the process at once, but never in
/// the middle of writing a file.
void end_cleanly_on_interrupt();

/// Whether an interrupt may say that --resume goes on from finished parts.
void say_parts_are_kept(bool kept);

/// From here on an allocation by operator new that fails ends the process, but never in the middle of writing a file:
/// libraries that we use do not survive the exception (a JSON value without its content, functions that must not
/// throw).
void end_when_out_of_memory();

/// Largest resident size of this process so far, in MB of 10^6 bytes.
double peak_memory_mb();

}  // namespace crosstalk::app
