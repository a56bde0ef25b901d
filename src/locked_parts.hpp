#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "crosstalk/json_text.hpp"
#include "crosstalk/part_store.hpp"

namespace crosstalk {

/// A PartStore that several threads use: its functions are called one at a time.
class LockedParts {
 public:
  explicit LockedParts(const PartStore& store) : store_(store) {}

  [[nodiscard]] std::optional<nlohmann::json> recall(const std::string& part) {
    if (!store_.recall) return std::nullopt;
    const std::lock_guard lock(mutex_);
    const std::optional<std::string> text = store_.recall(part);
    return text ? std::optional(parse_json(*text, part)) : std::nullopt;
  }

  void keep(const std::string& part, const nlohmann::json& result) {
    if (!store_.keep) return;
    const std::string text = json_text(result);
    const std::lock_guard lock(mutex_);
    store_.keep(part, text);
  }

  /// What an earlier run kept of the part; else what `make` gives, which is kept.
  template <class Make>
  [[nodiscard]] nlohmann::json recall_or(const std::string& part, const Make& make) {
    if (auto known = recall(part)) return std::move(*known);
    nlohmann::json made = make();
    keep(part, made);
    return made;
  }

 private:
  const PartStore& store_;
  std::mutex mutex_;
};

}  // namespace crosstalk
