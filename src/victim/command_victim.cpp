#include "crosstalk/victim/command_victim.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "crosstalk/data/sha256.hpp"
#include "crosstalk/error.hpp"
#include "data/descriptor.hpp"

namespace crosstalk::victim {

namespace fs = std::filesystem;
using data::Descriptor;

namespace {

constexpr int kNotStarted = 127;
constexpr int kTick = 50;  // milliseconds between two looks at the stop token

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) throw DataError(fmt::format("pipe: {}", data::reason(errno)));
    read = Descriptor(ends[0]);
    write = Descriptor(ends[1]);
  }
  Descriptor read{-1};
  Descriptor write{-1};
};

// What the process that watches the command says of its end.
struct End {
  int status = 0;  // as waitpid gives it
  bool timed_out = false;
};

// Seconds on a clock that nobody sets.
double now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// The processes that the command may have left, and it itself.
void kill_group(pid_t group) {
  kill(-group, SIGKILL);
}

struct Start {
  const char* folder;
  const char* line;
  char* const* environment;
  int log;
  int lifeline;  // closed by the other side when this process ends
  int report;
  double seconds;
};

// Another run of this process at the same time must not notice that this one lasts: its lifeline is closed here, too.
void close_all_but(std::array<int, 3> kept) {
  std::sort(kept.begin(), kept.end());
  unsigned first = STDERR_FILENO + 1;
  for (const int number : kept) {
    const auto next = static_cast<unsigned>(number);
    if (next > first) close_range(first, next - 1, 0);
    first = next + 1;
  }
  close_range(first, ~0U, 0);
}

// The rest of the process that watches: starts the command, and kills its group when the lifeline breaks or the time is
// up. Only calls that are safe after a fork.
[[noreturn]] void watch(const Start& start) {
  setpgid(0, 0);
  close_all_but({start.log, start.lifeline, start.report});
  const pid_t child = fork();
  if (child < 0) _exit(kNotStarted);
  if (child == 0) {
    setpgid(0, 0);
    sigset_t no_signals;
    sigemptyset(&no_signals);
    sigprocmask(SIG_SETMASK, &no_signals, nullptr);
    const int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, STDIN_FILENO);
    dup2(start.log, STDOUT_FILENO);
    dup2(start.log, STDERR_FILENO);
    if (chdir(start.folder) != 0) _exit(kNotStarted);
    std::array<char, 3> shell{'s', 'h', '\0'};
    std::array<char, 3> option{'-', 'c', '\0'};
    std::array<char*, 4> words{shell.data(), option.data(), const_cast<char*>(start.line), nullptr};
    execve("/bin/sh", words.data(), start.environment);
    _exit(kNotStarted);
  }
  setpgid(child, child);  // whichever of the two is first
  End end;
  const double until = now() + start.seconds;
  while (true) {
    std::array<pollfd, 1> lifeline{{{start.lifeline, 0, 0}}};
    poll(lifeline.data(), lifeline.size(), 10);
    if ((lifeline[0].revents & (POLLHUP | POLLERR)) != 0) {
      kill_group(child);
      _exit(0);
    }
    if (waitpid(child, &end.status, WNOHANG) == child) break;
    if (now() < until) continue;
    end.timed_out = true;
    kill_group(child);
    waitpid(child, &end.status, 0);
    break;
  }
  kill_group(child);
  static_cast<void>(!write(start.report, &end, sizeof end));
  _exit(0);
}

// SHA-256 by name of every file at this place.
std::map<std::string, std::string> state_of(const fs::path& place) {
  std::map<std::string, std::string> files;
  if (fs::is_symlink(fs::symlink_status(place))) return {{place.filename().string(), "link"}};
  if (!fs::is_directory(place)) {
    files[place.filename().string()] = fs::exists(place) ? data::sha256_of_file(place) : "none";
    return files;
  }
  for (const auto& entry : fs::recursive_directory_iterator(place)) {
    const std::string name = (place.filename() / entry.path().lexically_relative(place)).string();
    files[name] = entry.is_regular_file() && !entry.is_symlink() ? data::sha256_of_file(entry.path()) : "no file";
  }
  return files;
}

// The first name by which two states differ; empty when they do not.
std::string difference(const std::map<std::string, std::string>& before,
                       const std::map<std::string, std::string>& after) {
  for (const auto& [name, hash] : before) {
    const auto found = after.find(name);
    if (found == after.end() || found->second != hash) return name;
  }
  for (const auto& [name, hash] : after)
    if (!before.contains(name)) return name;
  return {};
}

std::string quoted(const fs::path& path) {
  const std::string text = path.string();
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_./-+,=@%:").find(c) != std::string_view::npos;
  });
  if (plain) return text;
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'')
      result += "'\\''";
    else
      result += c;
  }
  return result + "'";
}

std::vector<std::string> environment_of(const CommandVictim& victim) {
  std::vector<std::string> all;
  for (char** variable = environ; *variable != nullptr; ++variable)
    if (!std::string_view(*variable).starts_with("CROSSTALK_TRAIN=") &&
        !std::string_view(*variable).starts_with("CROSSTALK_TEST=") &&
        !std::string_view(*variable).starts_with("CROSSTALK_PREDICTIONS=") &&
        !std::string_view(*variable).starts_with("CROSSTALK_SEED="))
      all.emplace_back(*variable);
  all.push_back("CROSSTALK_TRAIN=" + victim.train.string());
  all.push_back("CROSSTALK_TEST=" + victim.test.string());
  all.push_back("CROSSTALK_PREDICTIONS=" + victim.predictions.string());
  all.push_back("CROSSTALK_SEED=" + std::to_string(victim.seed));
  return all;
}

// The last line of the log that says something, cut to a readable length.
std::string last_words(const fs::path& log) {
  std::error_code ignored;
  constexpr std::uintmax_t most = 1 << 16;
  const Descriptor file(open(log.c_str(), O_RDONLY | O_CLOEXEC));
  const std::uintmax_t size = fs::file_size(log, ignored);
  if (file.get() < 0 || ignored) return {};
  std::string text(std::min(size, most), '\0');
  const ssize_t got = pread(file.get(), text.data(), text.size(), static_cast<off_t>(size - text.size()));
  text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.pop_back();
  text = text.substr(text.rfind('\n') + 1, 200);
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  return text;
}

std::string failure_of(const CommandVictim& victim, const End& end) {
  const auto with_words = [&](const std::string& what) {
    const std::string words = last_words(victim.log);
    return words.empty() ? what : fmt::format("{}; its last line: {}", what, words);
  };
  if (end.timed_out) return fmt::format("it took longer than {:g} s and was ended", victim.most_seconds);
  if (WIFSIGNALED(end.status)) return with_words(fmt::format("signal {} ended it", WTERMSIG(end.status)));
  if (WEXITSTATUS(end.status) != 0) return with_words(fmt::format("exit status {}", WEXITSTATUS(end.status)));
  std::error_code ignored;
  if (!fs::is_regular_file(fs::symlink_status(victim.predictions, ignored)))
    return with_words(fmt::format("it wrote no {}", victim.predictions.filename().string()));
  const std::uintmax_t size = fs::file_size(victim.predictions, ignored);
  if (size == 0) return with_words(fmt::format("its {} is empty", victim.predictions.filename().string()));
  if (size > kMostPredictions)
    return fmt::format("its {} has {} bytes; {} are read at most", victim.predictions.filename().string(), size,
                       kMostPredictions);
  return {};
}

}  // namespace

std::string filled_in(const CommandVictim& victim) {
  const std::map<std::string_view, std::string> paths = {{"{train}", quoted(victim.train)},
                                                         {"{test}", quoted(victim.test)},
                                                         {"{predictions}", quoted(victim.predictions)}};
  std::string line;
  for (std::size_t at = 0; at < victim.command.size();) {
    const auto found = std::find_if(paths.begin(), paths.end(), [&](const auto& path) {
      return std::string_view(victim.command).substr(at).starts_with(path.first);
    });
    line += found == paths.end() ? std::string(1, victim.command[at]) : found->second;
    at += found == paths.end() ? 1 : found->first.size();
  }
  return line;
}

CommandOutcome run_command(const CommandVictim& victim, const std::stop_token& stop) {
  if (victim.command.find_first_not_of(" \t\n") == std::string::npos)
    throw std::invalid_argument("`victim`: the command is empty");
  if (!(victim.most_seconds > 0))
    throw std::invalid_argument(fmt::format("`most_seconds={}`: it must be above 0", victim.most_seconds));
  CommandVictim placed = victim;
  for (fs::path* path : {&placed.train, &placed.test, &placed.predictions, &placed.folder, &placed.log})
    *path = fs::absolute(*path).lexically_normal();
  fs::create_directories(placed.folder);
  std::error_code ignored;
  fs::remove(placed.predictions, ignored);
  const auto train = state_of(placed.train);
  const auto test = state_of(placed.test);

  // All memory that the new processes need is made before the fork.
  const std::string line = filled_in(placed);
  const std::string folder = placed.folder.string();
  std::vector<std::string> variables = environment_of(placed);
  std::vector<char*> environment;
  for (std::string& variable : variables) environment.push_back(variable.data());
  environment.push_back(nullptr);
  const Descriptor log(open(placed.log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666));
  if (log.get() < 0) throw DataError(fmt::format("{}: {}", placed.log.string(), data::reason(errno)));
  Pipe lifeline;
  Pipe report;
  const double begun = now();
  const pid_t watcher = fork();
  if (watcher < 0) throw DataError(fmt::format("/bin/sh: {}", data::reason(errno)));
  if (watcher == 0) {
    ::close(lifeline.write.get());
    ::close(report.read.get());
    watch({folder.c_str(), line.c_str(), environment.data(), log.get(), lifeline.read.get(), report.write.get(),
           placed.most_seconds});
  }
  lifeline.read.close();
  report.write.close();

  CommandOutcome outcome;
  std::array<pollfd, 1> said{{{report.read.get(), POLLIN, 0}}};
  while (poll(said.data(), said.size(), kTick) <= 0)
    if (stop.stop_requested()) {
      outcome.stopped = true;
      break;
    }
  End end;
  const bool reported = !outcome.stopped && read(report.read.get(), &end, sizeof end) == sizeof end;
  lifeline.write.close();  // tells a watcher that still waits
  int status = 0;
  while (waitpid(watcher, &status, 0) < 0 && errno == EINTR) {
  }
  outcome.seconds = now() - begun;
  if (outcome.stopped) return outcome;
  if (!reported) throw DataError("/bin/sh: the command could not be started");

  const std::string changed = [&]() -> std::string {
    try {
      const std::string in_train = difference(train, state_of(placed.train));
      return in_train.empty() ? difference(test, state_of(placed.test)) : in_train;
    } catch (const std::exception&) {  // they are there, but cannot be read
      return "they cannot be read any more";
    }
  }();
  outcome.failure = changed.empty() ? failure_of(placed, end) : fmt::format("it changed its inputs: {}", changed);
  if (!outcome.failure.empty()) return outcome;
  std::ifstream file(placed.predictions, std::ios::binary);
  outcome.predictions.assign(std::istreambuf_iterator<char>(file), {});
  if (!file) throw DataError(fmt::format("{}: it cannot be read", placed.predictions.string()));
  return outcome;
}

}  // namespace crosstalk::victim
