#include "drawing.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "crosstalk/error.hpp"
#include "options.hpp"

extern char** environ;

namespace crosstalk::app {

namespace {

// A file that has no name: nothing of it is left, however the process ends.
class NamelessFile {
 public:
  /// @param holds  what it is for, for messages
  explicit NamelessFile(std::string holds, std::string_view content = "")
      : holds_(std::move(holds)), fd_(memfd_create("crosstalk", MFD_CLOEXEC)) {
    if (fd_ < 0) fail();
    while (!content.empty()) {
      const ssize_t written = write(fd_, content.data(), content.size());
      if (written < 0 && errno != EINTR) fail();
      content.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
    }
    lseek(fd_, 0, SEEK_SET);
  }
  NamelessFile(const NamelessFile&) = delete;
  NamelessFile& operator=(const NamelessFile&) = delete;
  ~NamelessFile() { close(fd_); }
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] std::string content() const {
    struct stat status {};
    if (fstat(fd_, &status) != 0) fail();
    std::string text(static_cast<std::size_t>(status.st_size), '\0');
    for (std::size_t done = 0; done < text.size();) {
      const ssize_t got = pread(fd_, text.data() + done, text.size() - done, static_cast<off_t>(done));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) fail();
      done += static_cast<std::size_t>(got);
    }
    return text;
  }

 private:
  [[noreturn]] void fail() const {
    throw DataError(fmt::format("{}: no file in memory can be used for it: {}", holds_, std::strerror(errno)));
  }

  std::string holds_;
  int fd_;
};

// Runs gnuplot inside a folder, with the script as its input and the drawing as its output; returns why it failed, or
// nothing. -d: the user's own settings (~/.gnuplot) must not change a report.
std::string run_gnuplot(const std::filesystem::path& folder, const NamelessFile& script, const NamelessFile& drawing,
                        const std::string& name) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addchdir_np(&files, folder.c_str());
  posix_spawn_file_actions_adddup2(&files, script.fd(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&files, drawing.fd(), STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  std::string words[] = {"gnuplot", "-d", "/dev/stdin"};
  char* const arguments[] = {words[0].data(), words[1].data(), words[2].data(), nullptr};
  pid_t child = 0;
  const int error = posix_spawnp(&child, "gnuplot", &files, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&files);
  if (error == ENOENT) return "gnuplot is not installed; the numbers and scripts are in the folder figures";
  if (error != 0) return fmt::format("gnuplot cannot be started: {}", std::strerror(error));
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return fmt::format("gnuplot is lost: {}", std::strerror(errno));
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? "" : fmt::format("gnuplot failed on the script {}", name);
}

const char* extension(report::Format format) {
  switch (format) {
    case report::Format::Svg: return "svg";
    case report::Format::Png: return "png";
    case report::Format::Pdf: return "pdf";
  }
  return "";
}

// By what stands at the end of such a file.
bool is_whole(const std::string& drawing, report::Format format) {
  const char* const end = format == report::Format::Svg ? "</svg>" : format == report::Format::Png ? "IEND" : "%%EOF";
  constexpr std::size_t tail = 16;
  return drawing.find(end, drawing.size() - std::min(tail, drawing.size())) != std::string::npos;
}

}  // namespace

std::vector<report::Format> drawing_formats(const std::string& list) {
  std::vector<report::Format> formats = {report::Format::Svg};
  for (const std::string& word : split_list(list)) {
    if (word == "png")
      formats.push_back(report::Format::Png);
    else if (word == "pdf")
      formats.push_back(report::Format::Pdf);
    else if (word != "svg")
      throw std::invalid_argument(fmt::format("--figures: \"{}\" is none of svg, png, pdf", word));
  }
  return formats;
}

Drawing draw(const Session& session, const std::string& name, const report::Figure& figure, report::Format format) {
  const std::filesystem::path folder = "figures";
  const std::string csv_name = name + ".csv";
  const std::string script_name =
      fmt::format("{}{}.gp", name, format == report::Format::Svg ? "" : fmt::format("_{}", extension(format)));
  const std::string drawing_name = fmt::format("{}.{}", name, extension(format));
  session.write(folder / csv_name, report::csv(figure));
  session.write(folder / script_name, report::gnuplot_script(figure, csv_name, drawing_name, format));
  // gnuplot draws into memory and says nothing when it cannot, so the drawing is checked, and then written whole.
  const std::string drawing_path = session.path(folder / drawing_name).string();
  const NamelessFile unchecked_script(drawing_path, report::gnuplot_script(figure, csv_name, "/dev/stdout", format));
  const NamelessFile unchecked_drawing(drawing_path);
  Drawing result;
  result.trouble = run_gnuplot(session.path(folder), unchecked_script, unchecked_drawing, script_name);
  std::string drawing;
  if (result.trouble.empty()) {
    drawing = unchecked_drawing.content();
    if (!is_whole(drawing, format))
      result.trouble = fmt::format("gnuplot drew only a part of {}; is the memory full?", drawing_name);
  }
  if (!result.trouble.empty()) return result;
  session.write(folder / drawing_name, drawing);
  if (format == report::Format::Svg) result.svg = std::move(drawing);
  return result;
}

std::map<std::string, std::string> draw_all(const Session& session, const std::vector<pages::AuditFigure>& figures,
                                            const std::vector<report::Format>& formats) {
  std::map<std::string, std::string> svgs;
  std::string trouble;
  for (const pages::AuditFigure& figure : figures)
    for (const report::Format format : formats) {
      const Drawing drawing = draw(session, figure.name, figure.figure, format);
      if (format == report::Format::Svg) svgs[figure.name] = drawing.svg;
      if (!drawing.trouble.empty()) trouble = drawing.trouble;
    }
  if (!trouble.empty()) session.say("figures: " + trouble);
  return svgs;
}

}  // namespace crosstalk::app
