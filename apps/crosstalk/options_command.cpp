#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include "commands.hpp"
#include "session.hpp"

namespace crosstalk::app {

namespace {

// One flag as some commands have it.
struct FlagRow {
  std::string group;
  std::string name;
  std::string takes;  // type and range, or the words
  std::string by_default;
  std::string meaning;
  std::vector<std::string> commands;
};

bool is_setting(const CLI::Option& option) {
  if (option.get_lnames().empty()) return false;
  const std::string& name = option.get_lnames().front();
  return name != "help" && name != "version" && name != "config";
}

bool is_switch(const CLI::Option& option) {
  return option.get_expected_min() == 0;
}

// "INT:INT in [0 - 1024]" says the same twice.
std::string type_of(const CLI::Option& option) {
  if (is_switch(option)) return "switch";
  std::string type = option.get_type_name();
  for (const char* const name :
       {"TEXT:", "INT:INT ", "UINT:UINT ", "FLOAT:FLOAT ", "UINT:INT ", "UINT ", "INT ", "FLOAT "})
    if (type.starts_with(name)) {
      const std::string kind = std::string(name).substr(0, std::string(name).find_first_of(": "));
      type = (kind == "TEXT"    ? ""
              : kind == "FLOAT" ? "number "
                                : "whole number ") +
             type.substr(std::string(name).size());
    }
  if (type == "FLOAT:NONNEGATIVE") return "number >= 0";
  if (type == "FLOAT:POSITIVE") return "number > 0";
  if (type == "TEXT") return "text";
  if (type == "FLOAT") return "number";
  if (type == "INT" || type == "UINT") return "whole number";
  return type;
}

std::string default_of(const CLI::Option& option) {
  return is_switch(option) ? "false" : option.get_default_str();
}

std::vector<FlagRow> flag_rows(const CLI::App& program) {
  std::vector<FlagRow> rows;
  std::map<std::string, std::size_t> known;
  for (const CLI::App* const command : program.get_subcommands({}))
    for (const CLI::Option* const option : command->get_options()) {
      if (!is_setting(*option)) continue;
      FlagRow row{option->get_group(), option->get_lnames().front(), type_of(*option),
                  default_of(*option), option->get_description(),    {}};
      if (row.group == "Options" || row.group == "OPTIONS") row.group = command->get_name();
      const std::string key =
          fmt::format("{}\n{}\n{}\n{}\n{}", row.group, row.name, row.takes, row.by_default, row.meaning);
      const auto [at, is_new] = known.emplace(key, rows.size());
      if (is_new) rows.push_back(std::move(row));
      rows[at->second].commands.push_back(command->get_name());
    }
  std::stable_sort(rows.begin(), rows.end(), [](const FlagRow& a, const FlagRow& b) { return a.group < b.group; });
  return rows;
}

std::string in_table(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) text.insert(at, "\\");
  return text;
}

std::string markdown(const CLI::App& program) {
  std::string text =
      "# Options\n\nWritten by `crosstalk options --format markdown`. Every flag is also a key of a TOML file for\n"
      "`--config`: see [examples/crosstalk.toml](../examples/crosstalk.toml). A default of – means that the data or\n"
      "another option decides.\n";
  std::string group;
  for (const FlagRow& row : flag_rows(program)) {
    if (row.group != group) {
      group = row.group;
      text += fmt::format("\n## {}\n\n| flag | takes | default | meaning | commands |\n|---|---|---|---|---|\n", group);
    }
    text += fmt::format("| `--{}` | {} | {} | {} | {} |\n", row.name, in_table(row.takes),
                        row.by_default.empty() ? "–" : fmt::format("`{}`", in_table(row.by_default)),
                        in_table(row.meaning), fmt::join(row.commands, ", "));
  }
  return text;
}

// A value as TOML writes it.
std::string toml_value(const CLI::Option& option, const std::string& value) {
  if (is_switch(option)) return value;
  const std::string type = option.get_type_name();
  const bool is_number = type.starts_with("INT") || type.starts_with("UINT") || type.starts_with("FLOAT");
  return is_number && !value.empty() ? value : fmt::format("\"{}\"", value);
}

std::string toml(const CLI::App& program) {
  std::string text =
      "# Every key of every command, with its meaning and its default. Written by `crosstalk options --format toml`.\n"
      "#   crosstalk audit my.csv --config crosstalk.toml\n"
      "# A flag that is typed wins over its key here. A key without a default is empty: the data or another key "
      "decides.\n";
  for (const CLI::App* const command : program.get_subcommands({})) {
    std::string section;
    for (const CLI::Option* const option : command->get_options()) {
      const std::string value = is_setting(*option) ? default_of(*option) : "";
      if (!is_setting(*option)) continue;
      section += fmt::format("\n# {} ({})\n#{} = {}\n", option->get_description(), type_of(*option),
                             option->get_lnames().front(), toml_value(*option, value));
    }
    if (!section.empty()) text += fmt::format("\n[{}]\n{}", command->get_name(), section);
  }
  return text;
}

}  // namespace

Action add_options_command(CLI::App& app) {
  const auto format = std::make_shared<std::string>("markdown");
  app.add_option("--format", *format, "markdown: tables; toml: a commented configuration file")
      ->check(CLI::IsMember({"markdown", "toml"}));
  return [&app, format](const Configuration&) {
    const CLI::App& program = *app.get_parent();
    print_result(*format == "toml" ? toml(program) : markdown(program));
    return 0;
  };
}

}  // namespace crosstalk::app
