#include "support/process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace test_support {

namespace fs = std::filesystem;

namespace {

// What the child does between fork and exec: only calls that are safe there.
[[noreturn]] void become(char* const* arguments, const char* folder, const char* out, const char* err) {
  setpgid(0, 0);
  const int in_file = open("/dev/null", O_RDONLY);
  const int out_file = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const int err_file = open(err, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (chdir(folder) == 0 && in_file >= 0 && out_file >= 0 && err_file >= 0 && dup2(in_file, 0) >= 0 &&
      dup2(out_file, 1) >= 0 && dup2(err_file, 2) >= 0)
    execvp(arguments[0], arguments);
  _exit(127);
}

}  // namespace

Finished run(const std::vector<std::string>& command, const fs::path& folder, int seconds) {
  const TemporaryFolder streams;
  const std::string out = streams.path() / "out";
  const std::string err = streams.path() / "err";
  std::vector<std::string> copies = command;
  std::vector<char*> arguments;
  for (std::string& word : copies) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("run: fork failed");
  if (child == 0) become(arguments.data(), folder.c_str(), out.c_str(), err.c_str());

  Finished result;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  int status = 0;
  while (waitpid(child, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() >= deadline) {
      result.timed_out = true;
      kill(-child, SIGKILL);
      waitpid(child, &status, 0);
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  if (!result.timed_out) {
    kill(-child, SIGKILL);  // what it may have left running
    if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  }
  result.out = read_file(out);
  result.err = read_file(err);
  return result;
}

bool is_installed(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (access((fs::path(folder) / program).c_str(), X_OK) == 0) return true;
  return false;
}

TemporaryFolder::TemporaryFolder() {
  std::string name = (fs::temp_directory_path() / "crosstalk-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("TemporaryFolder: cannot make " + name);
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string read_file(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

void write_file(const fs::path& file, const std::string& text) {
  std::ofstream stream(file, std::ios::binary);
  stream << text;
  if (!stream.flush()) throw std::runtime_error("write_file: cannot write " + file.string());
}

}  // namespace test_support
