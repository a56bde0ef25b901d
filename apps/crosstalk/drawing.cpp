#include "drawing.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>

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
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? "" : fmt::format("gnuplot failed on {}", script);
}

const char* extension(report::Format format) {
  switch (format) {
    case report::Format::Svg: return "svg";
    case report::Format::Png: return "png";
    case report::Format::Pdf: return "pdf";
  }
  return "";
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
  const std::string script_name = fmt::format("{}{}.gp", name, format == report::Format::Svg ? "" : fmt::format("_{}", extension(format)));
  const std::string drawing_name = fmt::format("{}.{}", name, extension(format));
  session.write(folder / csv_name, report::csv(figure));
  session.write(folder / script_name, report::gnuplot_script(figure, csv_name, drawing_name, format));
  Drawing result;
  result.trouble = run_gnuplot(session.path(folder), script_name);
  if (result.trouble.empty() && format == report::Format::Svg)
    result.svg = data::read_file(session.path(folder / drawing_name));
  return result;
}

}  // namespace crosstalk::app
