#include "jobs.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <map>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "crosstalk/error.hpp"

namespace crosstalk::app {

namespace {

constexpr int kNotStarted = 127;

pid_t start(const std::filesystem::path& program, const Job& job) {
  const int log = open(job.log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (log < 0) throw DataError(fmt::format("{}: {}", job.log.string(), std::strerror(errno)));
  std::string name = program.string();
  std::vector<std::string> words = job.arguments;
  std::vector<char*> arguments = {name.data()};
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child == 0) {
    // From here to execv only calls that are safe after a fork.
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(kNotStarted);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execv(name.c_str(), arguments.data());
    _exit(kNotStarted);
  }
  close(log);
  if (child < 0) throw DataError(fmt::format("{}: {}", program.string(), std::strerror(errno)));
  return child;
}

}  // namespace

std::filesystem::path image_program() {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path() / "crosstalk-image";
}

void require_image_program() {
  if (!std::filesystem::exists(image_program()))
    throw DataError(fmt::format(
        "this needs {}, which was not built since LibTorch was missing; run ./setup.sh image, and build again",
        image_program().string()));
}

void run_jobs(const std::filesystem::path& program, const std::vector<Job>& jobs, std::size_t at_once,
              const std::function<void(std::size_t, int)>& ended) {
  std::map<pid_t, std::size_t> running;
  std::size_t next = 0;
  while (next < jobs.size() || !running.empty()) {
    while (next < jobs.size() && running.size() < std::max<std::size_t>(1, at_once)) {
      running[start(program, jobs[next])] = next;
      ++next;
    }
    int status = 0;
    const pid_t child = waitpid(-1, &status, 0);
    if (child < 0 && errno == EINTR) continue;
    if (child < 0) throw DataError(fmt::format("{}: {}", program.string(), std::strerror(errno)));
    const auto found = running.find(child);
    if (found == running.end()) continue;
    const std::size_t job = found->second;
    running.erase(found);
    ended(job, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  }
}

}  // namespace crosstalk::app
