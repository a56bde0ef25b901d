#include "finished_parts.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "crosstalk/data/inputs.hpp"
#include "crosstalk/data/sha256.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/json_text.hpp"

namespace crosstalk::app {

namespace fs = std::filesystem;

namespace {

constexpr const char* kFolder = "unfinished";
constexpr const char* kMarkKey = "crosstalk";
constexpr const char* kMarkText = "finished parts of a run, removed when it is done";

// Results that are kept, state of a network, and what a run leaves in its cell of a panel.
bool is_part(const std::string& name) {
  constexpr std::array<const char*, 4> of_a_cell = {"log.txt", "report.html", "mtl.csv", "stl.csv"};
  return name.ends_with(".json") || name.ends_with(".pt") ||
         std::find(of_a_cell.begin(), of_a_cell.end(), name) != of_a_cell.end();
}

}  // namespace

nlohmann::ordered_json run_identity(const nlohmann::ordered_json& flags) {
  std::vector<std::string> hashes;  // of the contents alone: a set may lie somewhere else today
  for (const data::Input& input : data::inputs())
    if (input.use == data::Use::Data) hashes.push_back(data::sha256_of_file(input.path));
  std::sort(hashes.begin(), hashes.end());
  std::string all;
  for (const std::string& hash : hashes) all += hash + "\n";
  return {{"version", CROSSTALK_VERSION}, {"inputs", data::sha256_hex(all)}, {"flags", flags}};
}

PartsFolder::PartsFolder(const Session& session, fs::path folder, std::string mark)
    : session_(session), folder_(std::move(folder)), mark_(std::move(mark)) {
  if (!session_.folder().entries(folder_).empty() && !marked())
    throw DataError(
        fmt::format("--out: {} is there already, and crosstalk did not make it for its parts; choose another output "
                    "folder",
                    session_.path(folder_).string()));
}

std::optional<nlohmann::ordered_json> PartsFolder::marked() const {
  const auto text = session_.folder().read(folder_ / mark_);
  if (!text) return std::nullopt;
  const auto json = parse_json<nlohmann::ordered_json>(*text, session_.path(folder_ / mark_).string());
  if (!json.is_object() || !json.contains(kMarkKey) || json.at(kMarkKey) != kMarkText || !json.contains("run"))
    return std::nullopt;
  return json.at("run");
}

bool PartsFolder::holds_parts_of(const nlohmann::ordered_json& identity) const {
  const auto known = marked();
  if (!known) return false;
  const auto same = [&](const char* key) {
    return known->is_object() && known->contains(key) == identity.contains(key) &&
           (!identity.contains(key) || json_text(known->at(key)) == json_text(identity.at(key)));
  };
  if (json_text(*known) == json_text(identity)) return true;
  throw DataError(fmt::format("--resume: {} holds parts of a run with {}; run without --resume to start anew",
                              session_.path(folder_).string(),
                              !same("version")                   ? "another version of crosstalk"
                              : same("flags") && !same("inputs") ? "other data: a file that it read has changed"
                                                                 : "another configuration"));
}

void PartsFolder::mark_as(const nlohmann::ordered_json& identity) const {
  session_.keep(folder_ / mark_, json_text(nlohmann::ordered_json{{kMarkKey, kMarkText}, {"run", identity}}));
}

void PartsFolder::clear() const {
  if (!marked()) return;
  say_parts_are_kept(false);
  clear(folder_);
  session_.folder().remove(folder_ / mark_);
  session_.folder().remove_empty(folder_);
}

void PartsFolder::clear(const fs::path& folder) const {
  const data::OutputFolder& output = session_.folder();
  for (const std::string& name : output.entries(folder)) {
    const fs::path path = folder / name;
    if (path == folder_ / mark_) continue;
    if (output.is_folder(path)) {
      clear(path);
      output.remove_empty(path);
    } else if (is_part(name)) {
      output.remove(path);
    }
  }
}

FinishedParts::FinishedParts(const Session& session, nlohmann::ordered_json identity, bool resume)
    : session_(session), folder_(session, kFolder, "configuration.json"), identity_(std::move(identity)) {
  begun_ = resume && folder_.holds_parts_of(identity_);
  say_parts_are_kept(begun_ && session_.folder().entries(kFolder).size() > 1);  // the mark alone is no part
}

std::optional<std::string> FinishedParts::recall(const fs::path& file) const {
  if (!begun_) return std::nullopt;
  return session_.folder().read(kFolder / file);
}

void FinishedParts::keep(const fs::path& file, const std::string& content) {
  if (!begun_) {
    forget();
    folder_.mark_as(identity_);
    begun_ = true;
  }
  session_.keep(kFolder / file, content);
  say_parts_are_kept(true);
}

PartStore FinishedParts::store() {
  return {[this](const std::string& part) -> std::optional<std::string> {
            const auto content = recall(part + ".json");
            if (!content) return std::nullopt;
            try {
              static_cast<void>(parse_json(*content, part));
              return content;
            } catch (const DataError&) {
              throw DataError(fmt::format("{} is damaged; run without --resume",
                                          session_.path(fs::path(kFolder) / (part + ".json")).string()));
            }
          },
          [this](const std::string& part, const std::string& result) { keep(part + ".json", result); }};
}

image::Checkpoints FinishedParts::bytes() {
  return {[this](const std::string& name) { return recall(name + ".pt"); },
          [this](const std::string& name, const std::string& content) { keep(name + ".pt", content); }};
}

void FinishedParts::forget() const {
  folder_.clear();
}

}  // namespace crosstalk::app
