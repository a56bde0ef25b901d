#include "session.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <new>
#include <string_view>
#include <system_error>
#include <thread>

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fmt/format.h>

#include "crosstalk/error.hpp"
#include "crosstalk/json_text.hpp"

extern "C" __attribute__((weak)) char* openblas_get_corename();

namespace crosstalk::app {

namespace {

using Clock = std::chrono::steady_clock;

// Held while a file is written; whoever ends the process takes it first.
std::mutex& writing() {
  static std::mutex mutex;
  return mutex;
}

thread_local bool this_thread_writes = false;
std::atomic<bool> parts_kept = false;

class Writing {
 public:
  Writing() : lock_(writing()) { this_thread_writes = true; }
  Writing(const Writing&) = delete;
  Writing& operator=(const Writing&) = delete;
  ~Writing() { this_thread_writes = false; }

 private:
  std::lock_guard<std::mutex> lock_;
};

std::string clock_text(double seconds) {
  const long whole = std::lround(seconds);
  if (whole < 60) return fmt::format("{} s", whole);
  return fmt::format("{} min {:02} s", whole / 60, whole % 60);
}

data::OutputFolder opened(const std::filesystem::path& out) {
  try {
    return data::OutputFolder(out);
  } catch (const DataError& error) {
    throw DataError(fmt::format("--out: {}", error.what()));
  }
}

}  // namespace

std::string blas_kernel() {
  return openblas_get_corename == nullptr ? "" : openblas_get_corename();
}

Session::Session(Options options)
    : options_(std::move(options)),
      folder_(opened(options_.out)),
      start_(Clock::now()),
      shown_(start_),
      on_terminal_(isatty(STDERR_FILENO) != 0) {
  record_["command"] = options_.command;
  record_["version"] = CROSSTALK_VERSION;
  record_["blas_kernel"] = blas_kernel();  // another one gives other last digits
}

std::filesystem::path Session::write(const std::filesystem::path& name, std::string_view content) const {
  const Writing now;
  forget_earlier_run();
  folder_.write(name, content);
  return path(name);
}

void Session::forget_earlier_run() const {
  if (!begun_)
    for (const char* of_an_earlier_run : {"run.json", "report.html"}) folder_.remove(of_an_earlier_run);
  begun_ = true;
}

void Session::write_all(std::span<const std::pair<std::filesystem::path, std::string>> files) const {
  const Writing now;
  forget_earlier_run();
  folder_.write_all(files);
}

std::filesystem::path Session::keep(const std::filesystem::path& name, std::string_view content) const {
  const Writing now;
  folder_.write(name, content);
  return path(name);
}

RunControl Session::control() {
  RunControl result;
  if (!options_.quiet) result.progress = [this](double done, const std::string& what) { show_progress(done, what); };
  return result;
}

void Session::show_progress(double done, const std::string& what) {
  const auto now = Clock::now();
  const double interval = on_terminal_ ? 0.2 : 5.0;
  if (std::chrono::duration<double>(now - shown_).count() < interval) return;
  shown_ = now;
  const double elapsed = std::chrono::duration<double>(now - start_).count();
  const std::string left = done > 0.0 ? clock_text(elapsed * (1.0 - done) / done) + " left" : "";
  const std::string line = fmt::format("{} {:3.0f} %  {}", what, 100.0 * done, left);
  if (on_terminal_) {
    print_error(fmt::format("\r{:<78}", line));
    line_open_ = true;
  } else {
    print_error(line + "\n");
  }
}

void Session::clear_progress() {
  if (line_open_) print_error(fmt::format("\r{:<78}\r", ""));
  line_open_ = false;
}

void Session::say(const std::string& line) const {
  if (!options_.quiet) print_error(line + "\n");
}

void Session::finish(const std::string& summary) {
  clear_progress();
  record_["timings"]["total_seconds"] = std::chrono::duration<double>(Clock::now() - start_).count();
  record_["timings"]["peak_mb"] = peak_memory_mb();
  const std::string text = json_text(record_, 2) + "\n";
  write("run.json", text);
  print_result(options_.json ? text : summary);
}

void print_error(const std::string& text) {
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
}

void print_result(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    throw DataError(fmt::format("stdout: the result cannot be written: {}", std::generic_category().message(errno)));
}

void end_cleanly_on_interrupt() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  struct sigaction hang_up {};
  if (sigaction(SIGHUP, nullptr, &hang_up) == 0 && hang_up.sa_handler != SIG_IGN) sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // threads made later inherit it: only the one below ever sees them
  std::thread([signals] {
    int signal = 0;
    sigwait(&signals, &signal);
    const std::lock_guard lock(writing());
    print_error(parts_kept ? "\ncrosstalk: interrupted; finished parts are kept, --resume goes on from them\n"
                           : "\ncrosstalk: interrupted\n");
    std::_Exit(kInterrupted);
  }).detach();
}

void say_parts_are_kept(bool kept) {
  parts_kept = kept;
}

void end_when_out_of_memory() {
  std::set_new_handler([] {
    if (!this_thread_writes) writing().lock();
    constexpr std::string_view message = "crosstalk: out of memory\n";
    static_cast<void>(!write(STDERR_FILENO, message.data(), message.size()));
    std::_Exit(kDataError);
  });
}

double peak_memory_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024.0 / 1e6;
}

}  // namespace crosstalk::app
