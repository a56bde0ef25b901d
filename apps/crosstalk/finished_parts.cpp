#include "finished_parts.hpp"

#include <system_error>

#include <fmt/format.h>

#include "crosstalk/data/files.hpp"
#include "crosstalk/error.hpp"

namespace crosstalk::app {

FinishedParts::FinishedParts(const Session& session, const nlohmann::ordered_json& configuration, bool resume)
    : session_(session), folder_("unfinished"), configuration_(configuration.dump()) {
  const auto known = session.path(folder_ / "configuration.json");
  if (!resume || !std::filesystem::exists(known)) return;
  if (data::read_file(known) != configuration_)
    throw DataError(
        fmt::format("--resume: {} holds parts of a run with another configuration; run without --resume to start anew",
                    session.path(folder_).string()));
  begun_ = true;
}

std::optional<std::string> FinishedParts::recall(const std::filesystem::path& file) const {
  const auto path = session_.path(folder_ / file);
  if (!begun_ || !std::filesystem::exists(path)) return std::nullopt;
  return data::read_file(path);
}

void FinishedParts::keep(const std::filesystem::path& file, const std::string& content) {
  if (!begun_) {
    forget();
    session_.write(folder_ / "configuration.json", configuration_);
    begun_ = true;
  }
  session_.write(folder_ / file, content);
}

Memory FinishedParts::memory() {
  return {[this](const std::string& part) -> std::optional<nlohmann::json> {
            const auto content = recall(part + ".json");
            if (!content) return std::nullopt;
            auto json = nlohmann::json::parse(*content, nullptr, false);
            if (json.is_discarded())
              throw DataError(fmt::format("{} is damaged; run without --resume",
                                          session_.path(folder_ / (part + ".json")).string()));
            return json;
          },
          [this](const std::string& part, const nlohmann::json& result) { keep(part + ".json", result.dump()); }};
}

image::Checkpoints FinishedParts::bytes() {
  return {[this](const std::string& name) { return recall(name + ".pt"); },
          [this](const std::string& name, const std::string& content) { keep(name + ".pt", content); }};
}

void FinishedParts::forget() const {
  std::error_code ignored;  // nothing depends on their removal
  std::filesystem::remove_all(session_.path(folder_), ignored);
}

}  // namespace crosstalk::app
