#include "config_file.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>
// Without it toml++ 3.3.0 ends the process in builds with assertions where a table's header breaks off; it says what is
// wrong right behind.
#define TOML_ASSERT(expression) static_assert(true)
#include <toml++/toml.h>
#include <nlohmann/json.hpp>

#include "crosstalk/data/files.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/json_text.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::app {

namespace {

// Behind the string that begins here, or where the line breaks it off.
std::size_t behind_string(std::string_view text, std::size_t at) {
  const char quote = text[at];
  const bool of_lines = text.substr(at, 3) == std::string(3, quote);
  for (at += of_lines ? 3 : 1; at < text.size(); ++at) {
    if (text[at] == '\\' && quote == '"') {
      ++at;
    } else if (of_lines && text.substr(at, 3) == std::string(3, quote)) {
      at += 3;
      for (int more = 0; more < 2 && at < text.size() && text[at] == quote; ++more) ++at;  // of the string's own
      return at;
    } else if (!of_lines && (text[at] == quote || text[at] == '\n')) {
      return at + 1;
    }
  }
  return text.size();
}

// Where TOML has the first character outside of ASCII that is in neither a string nor a comment, which no TOML file
// may; the size where there is none. toml++ 3.3.0 runs into undefined behaviour there.
std::size_t outside_ascii(std::string_view text) {
  std::size_t at = text.starts_with("\xef\xbb\xbf") ? 3 : 0;
  while (at < text.size()) {
    if (text[at] == '#')
      at = std::min(text.size(), text.find('\n', at));
    else if (text[at] == '"' || text[at] == '\'')
      at = behind_string(text, at);
    else if ((static_cast<unsigned char>(text[at]) & 0x80U) != 0)
      return at;
    else
      ++at;
  }
  return text.size();
}

class Reader {
 public:
  Reader(std::string path, std::string command, const std::vector<std::string>& known,
         const std::vector<std::string>& commands)
      : path_(std::move(path)), command_(std::move(command)), known_(known), commands_(commands) {}

  [[nodiscard]] std::vector<std::string> toml(const std::string& text) const {
    if (const std::size_t at = outside_ascii(text); at < text.size())
      throw DataError(fmt::format("{}:{}: only ASCII may stand outside of strings and comments", path_,
                                  1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n')));
    try {
      const toml::table root = toml::parse(text, path_);
      std::vector<std::string> words;
      for (const auto& [key, node] : root) {
        const std::string name(key.str());
        const toml::table* table = node.as_table();
        if (table != nullptr && std::find(known_.begin(), known_.end(), name) == known_.end()) {
          if (std::find(commands_.begin(), commands_.end(), name) == commands_.end()) reject(node, name, commands_);
          if (name != command_) continue;
          for (const auto& [inner, value] : *table) add(words, std::string(inner.str()), name + ".", value);
        } else {
          add(words, name, "", node);
        }
      }
      return words;
    } catch (const toml::parse_error& error) {
      throw DataError(fmt::format("{}:{}: {}", path_, error.source().begin.line, error.description()));
    }
  }

  [[nodiscard]] std::vector<std::string> record(const std::string& text) const {
    const auto json = parse_json(text, path_);
    if (!json.is_object() || !json.contains("configuration") || !json["configuration"].is_object())
      throw DataError(fmt::format("{}: not the run.json of an earlier run", path_));
    const auto& configuration = json["configuration"];
    // Of another command the flags that both have, with the lambdas that it chose: so `fit` learns as `attack` did.
    const bool is_own = !json.contains("command") || json["command"] == command_;
    const bool chooses_lambdas = is_own && configuration.contains("cv") && configuration["cv"] == true;
    std::vector<std::string> words;
    for (const auto& [key, value] : configuration.items()) {
      const bool known = std::find(known_.begin(), known_.end(), key) != known_.end();
      if (!known && is_own)
        throw DataError(fmt::format("{}: unknown key \"{}\" for the command {}", path_, key, command_));
      if (!known || (!is_own && (key == "data" || key == "cv" || key == "out" || key == "test-fraction"))) continue;
      if (value.is_null() || (chooses_lambdas && (key == "lambda1" || key == "lambda2")))
        continue;  // cv chooses them again
      words.push_back(fmt::format("--{}={}", key, value.is_string() ? value.get<std::string>() : json_text(value)));
    }
    return words;
  }

 private:
  void add(std::vector<std::string>& words, const std::string& key, const std::string& prefix,
           const toml::node& node) const {
    if (std::find(known_.begin(), known_.end(), key) == known_.end()) reject(node, prefix + key, known_, prefix);
    words.push_back(fmt::format("--{}={}", key, text_of(prefix + key, node)));
  }

  [[nodiscard]] std::string text_of(const std::string& key, const toml::node& node) const {
    if (const auto* value = node.as_string()) return value->get();
    if (const auto* value = node.as_integer()) return std::to_string(value->get());
    if (const auto* value = node.as_floating_point()) return fmt::format("{}", value->get());
    if (const auto* value = node.as_boolean()) return value->get() ? "true" : "false";
    if (const auto* list = node.as_array()) {
      std::string joined;
      for (const toml::node& entry : *list)
        joined += fmt::format("{}{}", joined.empty() ? "" : ",", text_of(key, entry));
      return joined;
    }
    throw DataError(fmt::format("{}:{}: \"{}\" must be a number, a string, a truth value or a list of them", path_,
                                node.source().begin.line, key));
  }

  [[noreturn]] void reject(const toml::node& node, const std::string& key, const std::vector<std::string>& candidates,
                           const std::string& prefix = "") const {
    const std::string near = nearest_name(key.substr(prefix.size()), candidates);
    throw DataError(fmt::format("{}:{}: unknown key \"{}\"{}", path_, node.source().begin.line, key,
                                near.empty() ? "" : fmt::format("; did you mean \"{}{}\"?", prefix, near)));
  }

  std::string path_;
  std::string command_;
  const std::vector<std::string>& known_;
  const std::vector<std::string>& commands_;
};

}  // namespace

std::vector<std::string> read_config(const std::filesystem::path& path, const std::string& command,
                                     const std::vector<std::string>& known, const std::vector<std::string>& commands) {
  const std::string text = data::read_file(path, data::Use::Settings);
  const Reader reader(path.string(), command, known, commands);
  return path.extension() == ".json" ? reader.record(text) : reader.toml(text);
}

}  // namespace crosstalk::app
