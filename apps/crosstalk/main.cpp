#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <map>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <malloc.h>

#include <sys/mman.h>
#include <unistd.h>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <omp.h>
#include <CLI/CLI.hpp>

#include "commands.hpp"
#include "config_file.hpp"
#include "crosstalk/data/unpacking.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/names.hpp"
#include "options.hpp"
#include "session.hpp"

namespace crosstalk::app {

namespace {

struct Command {
  CLI::App* app;
  Action action;
};

std::vector<std::string> long_flags(const CLI::App& app) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames())
      if (name != "help" && name != "version") flags.push_back(name);
  return flags;
}

// A flag's text as a JSON value of its own kind.
nlohmann::ordered_json flag_value(const std::string& text) {
  if (text.empty()) return nullptr;
  if (text.front() == '[' || text.front() == '{') return text;
  auto value = nlohmann::ordered_json::parse(text, nullptr, false);
  const bool as_it_is = !value.is_discarded() && (value.is_number() || value.is_boolean()) && value.dump() == text;
  return as_it_is ? value : nlohmann::ordered_json(text);
}

Configuration configuration_of(const CLI::App& app) {
  Configuration configuration;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_lnames().empty()) continue;
    const std::string& name = option->get_lnames().front();
    if (name == "help" || name == "config" || name == "out" || name == "json" || name == "quiet" || name == "threads" ||
        name == "resume" || name == "max-memory")
      continue;  // what does not change the result
    const bool is_switch = option->get_expected_min() == 0;
    configuration.defaults[name] = is_switch ? nlohmann::ordered_json(false) : flag_value(option->get_default_str());
    configuration.flags[name] =
        option->count() > 0 ? flag_value(option->as<std::string>()) : configuration.defaults[name];
  }
  return configuration;
}

bool is_flag(const std::string& word, const std::string& name) {
  return word == "--" + name || word.starts_with("--" + name + "=");
}

// The words of the command line with those of --config around them, so that what the user typed wins.
std::vector<std::string> with_config(const std::vector<std::string>& words,
                                     const std::map<std::string, Command>& commands) {
  if (words.empty()) return words;
  const auto command = commands.find(words.front());
  if (command == commands.end()) return words;
  std::vector<std::string> command_names;
  for (const auto& [name, other] : commands) command_names.push_back(name);
  std::string path;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "--config" && i + 1 < words.size()) path = words[i + 1];
    if (words[i].starts_with("--config=")) path = words[i].substr(9);
  }
  if (path.empty()) return words;
  std::vector<std::string> all = {words.front()};
  auto settings = read_config(path, words.front(), long_flags(*command->second.app), command_names);
  // Lambdas and --cv exclude each other: those typed stand for those of the file.
  const auto is_lambda = [](const std::string& word) { return is_flag(word, "lambda1") || is_flag(word, "lambda2"); };
  const auto is_cv = [](const std::string& word) { return is_flag(word, "cv"); };
  if (std::any_of(words.begin(), words.end(), is_lambda)) std::erase_if(settings, is_cv);
  if (std::any_of(words.begin(), words.end(), is_cv)) std::erase_if(settings, is_lambda);
  // Of these, which may also be typed without a flag, the first counts.
  const auto behind = std::stable_partition(settings.begin(), settings.end(), [](const std::string& word) {
    return !word.starts_with("--data=") && !word.starts_with("--model=");
  });
  all.insert(all.end(), settings.begin(), behind);
  all.insert(all.end(), words.begin() + 1, words.end());
  all.insert(all.end(), behind, settings.end());
  return all;
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

// What the flag that a message names takes.
std::string rule_of(const std::string& message, const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_lnames().empty() || message.find("--" + option->get_lnames().front() + " ") == std::string::npos)
      continue;
    const std::string type = option->get_type_name();
    if (option->get_expected_min() == 0 || type == "BOOLEAN") return "true or false";
    if (type.starts_with("INT") || type.starts_with("UINT")) return "a whole number";
  }
  return "a number";
}

// One line that names what was typed and the rule it breaks.
std::string usage_message(const CLI::ParseError& error, const CLI::App& app, const std::vector<std::string>& words) {
  std::string text = error.what();
  if (dynamic_cast<const CLI::ConversionError*>(&error) != nullptr)
    return fmt::format("{}; it must be {}", text, rule_of(text, app));
  if (text == "A subcommand is required")
    return fmt::format("which command? There are {}", fmt::join(command_names(app), ", "));
  if (dynamic_cast<const CLI::ExtrasError*>(&error) == nullptr) return text.substr(0, text.find('\n'));
  const auto flags = long_flags(app);
  for (const std::string& word : words) {
    if (!word.starts_with("--")) continue;
    const std::string name = word.substr(2, word.find('=') - 2);
    if (std::find(flags.begin(), flags.end(), name) != flags.end() || name == "help") continue;
    const std::string near = nearest_name(name, flags);
    return fmt::format("unknown flag --{}{}", name, near.empty() ? "" : fmt::format("; did you mean --{}?", near));
  }
  return text;
}

// What OpenBLAS maps for each thread that calls it. Where it cannot, it tries again for ever, the first time as it is
// loaded.
constexpr std::size_t kBlasBuffer = std::size_t{130} << 20U;

bool can_map(std::size_t bytes) {
  void* const place = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return place != MAP_FAILED && munmap(place, bytes) == 0;
}

// Runs before any library is initialised, so it calls the system and nothing else.
void require_memory_to_load(int, char**, char**) {
  if (can_map(2 * kBlasBuffer)) return;  // measured: with one, some of its kernels still do not get theirs
  constexpr std::string_view message =
      "crosstalk: out of memory: less than 270 MB can be had at the start; raise the limit (ulimit -v)\n";
  static_cast<void>(!write(STDERR_FILENO, message.data(), message.size()));
  _exit(kDataError);
}

__attribute__((section(".preinit_array"), used)) void (*const before_all)(int, char**, char**) = require_memory_to_load;

void require_memory_for(int threads) {
  const auto wanted = static_cast<std::size_t>(threads > 0 ? threads : std::max(1, omp_get_num_procs()));
  if (!can_map(wanted * kBlasBuffer))
    throw DataError(
        fmt::format("--threads: {} threads need {} MB of address space, which cannot be had; take fewer, or "
                    "raise the limit (ulimit -v)",
                    wanted, wanted * kBlasBuffer / 1'000'000));
}

// Comparisons let NaN pass, and no flag means anything at infinity.
void require_finite(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    if (option->count() == 0 || !option->get_type_name().starts_with("FLOAT")) continue;
    if (!std::isfinite(option->as<double>()))
      throw std::invalid_argument(fmt::format("--{} is {}; it must be a finite number", option->get_lnames().front(),
                                              option->as<std::string>()));
  }
}

int run(int argc, char** argv) {
  CLI::App app{"Measure, attack, defend and protect multi-task learning", "crosstalk"};
  app.set_version_flag("--version", CROSSTALK_VERSION);
  app.require_subcommand(1);
  app.option_defaults()->always_capture_default()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  std::map<std::string, Command> commands;
  const auto add = [&](const char* name, const char* what, Action (*make)(CLI::App&)) {
    CLI::App* const command = app.add_subcommand(name, what);
    commands[name] = {command, make(*command)};
  };
  add("audit", "Learn a model, attack it, and report how much worse it gets", add_audit);
  add("fit", "Learn a multi-task model and test it", add_fit);
  add("attack", "Compute the injected rows of one threat and write the poisoned data", add_attack);
  add("defend", "Find rows that may be injected, and learn in spite of them", add_defend);
  add("screen", "Hold new rows against trusted ones, and reject those that stand out", add_screen);
  add("certify", "Prove what malicious tasks can do at most to a voting predictor", add_certify);
  add("check-gradient", "Compare the attacks' gradients with differences of refits", add_check_gradient);
  add("predict", "Predict with a model that fit wrote", add_predict);
  add("reproduce", "Repeat a paper's experiments and judge its claims", add_reproduce);
  add("protect", "Change images so that a network trained on them learns little about their labels", add_protect);
  add("verify", "Train on images and on their protected copy, and report what was learned", add_verify);
  add("data", "List, describe and fetch data sets", add_data);
  add("options", "List every flag of every command with its default", add_options_command);

  const std::vector<std::string> typed(argv + 1, argv + argc);
  const auto named = typed.empty() ? commands.end() : commands.find(typed.front());
  if (!typed.empty() && named == commands.end() && !typed.front().starts_with("-")) {
    std::vector<std::string> names;
    for (const auto& [name, command] : commands) names.push_back(name);
    const std::string near = nearest_name(typed.front(), names);
    print_error(fmt::format("crosstalk: unknown command \"{}\"; {}\n", typed.front(),
                            near.empty() ? fmt::format("the commands are {}", fmt::join(names, ", "))
                                         : fmt::format("did you mean \"{}\"?", near)));
    return kUsageError;
  }
  const CLI::App* const failing = named == commands.end() ? &app : named->second.app;
  try {
    auto words = with_config(typed, commands);
    std::reverse(words.begin(), words.end());  // CLI11 takes them from the back
    app.parse(words);
  } catch (const CLI::Success& help) {
    const int code = app.exit(help);
    if (!std::cout.flush()) throw DataError("stdout: the help cannot be written");
    return code;
  } catch (const CLI::ParseError& error) {
    print_error(fmt::format("crosstalk: {}\n", usage_message(error, *failing, typed)));
    return kUsageError;
  }
  for (const auto& [name, command] : commands)
    if (command.app->parsed()) {
      const CLI::Option* const data = command.app->get_option_no_throw("--data");
      if (data != nullptr && data->as<std::string>().empty()) {
        print_error(fmt::format("crosstalk: {} needs DATA: a known set or a file\n", name));
        return kUsageError;
      }
      require_finite(*command.app);
      if (const CLI::Option* const threads = command.app->get_option_no_throw("--threads"))
        require_memory_for(threads->as<int>());
      if (const CLI::Option* const most = command.app->get_option_no_throw("--max-memory"))
        data::set_most_unpacked_bytes(static_cast<std::size_t>(std::min(most->as<double>() * 1e6, 1e18)));
      return command.action(configuration_of(*command.app));
    }
  return kUsageError;
}

// OpenBLAS 0.3.21 takes processors newer than itself for a Prescott: slow kernels, one of which (dsymv) reads past the
// end of its vector. It reads its choice from the environment as it is loaded, so the process starts itself again with
// a better one.
void use_known_blas_kernels(char** argv) {
  if (blas_kernel() != "Prescott") return;
  if (std::getenv("OPENBLAS_CORETYPE") != nullptr || __builtin_cpu_supports("avx2") == 0) return;
  setenv("OPENBLAS_CORETYPE", __builtin_cpu_supports("avx512bw") != 0 ? "SkylakeX" : "Haswell", 1);
  execv("/proc/self/exe", argv);  // when it fails, the slow kernels still work
}

int ended_by(const std::exception& error, int exit_code) {
  print_error(fmt::format("crosstalk: {}\n", in_flags(one_line(error.what()))));
  return exit_code;
}

}  // namespace

}  // namespace crosstalk::app

int main(int argc, char** argv) {
  using namespace crosstalk::app;
  use_known_blas_kernels(argv);
  for (int stream = 0; stream < 3; ++stream)  // the first files opened must not take the place of a closed stream
    if (fcntl(stream, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0) return kDataError;
  // A full disk or a closed pipe is an error to report, not a reason to be killed.
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  mallopt(M_MMAP_THRESHOLD, 8 << 20);  // glibc would raise it, and keep the matrices of a wide file once they are freed
  omp_set_num_threads(1);              // for BLAS; work is spread over independent parts, each on one thread
  end_cleanly_on_interrupt();
  end_when_out_of_memory();
  try {
    return run(argc, argv);
  } catch (const crosstalk::DataError& error) {
    return ended_by(error, kDataError);
  } catch (const std::invalid_argument& error) {
    return ended_by(error, kUsageError);
  } catch (const std::bad_alloc&) {
    print_error("crosstalk: out of memory\n");
    return kDataError;
  } catch (const std::exception& error) {
    return ended_by(error, kDataError);
  }
}
