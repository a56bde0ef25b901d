#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace crosstalk::app {

/// The program with the networks, `crosstalk-image`, beside the one that is running.
std::filesystem::path image_program();
/// @throws DataError when it is not there.
void require_image_program();

/// One run of a program.
struct Job {
  std::vector<std::string> arguments;  ///< without the program's name
  std::filesystem::path log;           ///< takes what it says on stdout and stderr
};

/// Runs all jobs, `at_once` at a time, each as a process of its own that is told to end when this one does.
/// @param ended  called after each job with its index and exit status (128 + number of a signal).
/// @throws DataError when a process cannot be started or its log not written.
void run_jobs(const std::filesystem::path& program, const std::vector<Job>& jobs, std::size_t at_once,
              const std::function<void(std::size_t, int)>& ended);

}  // namespace crosstalk::app
