#include "drawing.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "crosstalk/data/files.hpp"
#include "options.hpp"

extern char** environ;

namespace crosstalk::app {

namespace {

// Runs gnuplot on a script inside a folder; returns why it failed, or nothing.
std::string run_gnuplot(const std::filesystem::path& folder, const std::string& script) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addchdir_np(&files, folder.c_str());
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  std::string program = "gnuplot";
  std::string argument = script;
  char* const arguments[] = {program.data(), argument.data(), nullptr};
  pid_t child = 0;
  const int error = posix_spawnp(&child, "gnuplot", &files, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&files);
  if (error == ENOENT) return "gnuplot is not installed; the numbers and scripts are in the folder figures";
  if (error != 0) return fmt::format("gnuplot cannot be started: {}", std::strerror(error));
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return fmt::format("gnuplot is lost: {}", std::strerror(errno));
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? "" : fmt::format("gnuplot failed on the script {}", script);
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
  // gnuplot says nothing when the disk is full, so it draws into a file of its own that is checked and then written
  // whole.
  const std::string unchecked_script = fmt::format(".{}.tmp", script_name);
  const std::string unchecked_drawing = fmt::format(".{}.tmp", drawing_name);
  session.write(folder / unchecked_script, report::gnuplot_script(figure, csv_name, unchecked_drawing, format));
  Drawing result;
  result.trouble = run_gnuplot(session.path(folder), unchecked_script);
  std::string drawing;
  if (result.trouble.empty()) {
    drawing = data::read_file(session.path(folder / unchecked_drawing));
    if (!is_whole(drawing, format))
      result.trouble = fmt::format("gnuplot drew only a part of {}; is the disk full?", drawing_name);
  }
  std::error_code ignored;
  std::filesystem::remove(session.path(folder / unchecked_script), ignored);
  std::filesystem::remove(session.path(folder / unchecked_drawing), ignored);
  if (!result.trouble.empty()) return result;
  session.write(folder / drawing_name, drawing);
  if (format == report::Format::Svg) result.svg = std::move(drawing);
  return result;
}

std::map<std::string, std::string> draw_all(const Session& session, const std::vector<evaluate::AuditFigure>& figures,
                                            const std::vector<report::Format>& formats) {
  std::map<std::string, std::string> svgs;
  std::string trouble;
  for (const evaluate::AuditFigure& figure : figures)
    for (const report::Format format : formats) {
      const Drawing drawing = draw(session, figure.name, figure.figure, format);
      if (format == report::Format::Svg) svgs[figure.name] = drawing.svg;
      if (!drawing.trouble.empty()) trouble = drawing.trouble;
    }
  if (!trouble.empty()) session.say("figures: " + trouble);
  return svgs;
}

}  // namespace crosstalk::app
