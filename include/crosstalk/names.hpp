#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace crosstalk {

/// The candidate with the smallest edit distance to the word; empty when nothing is near.
std::string nearest_name(const std::string& word, const std::vector<std::string>& candidates);

/// `; did you mean "x"?` with the nearest candidate; empty when nothing is near.
std::string did_you_mean(const std::string& word, const std::vector<std::string>& candidates);

/// @throws std::invalid_argument `unknown WHAT "name"; there are a, b, c; did you mean "a"?`
[[noreturn]] void refuse_name(std::string_view what, std::string_view name, const std::vector<std::string>& known);

template <class Enum>
struct NamedValue {
  Enum value;
  std::string_view name;
};

/// The values of an enum with their names: one table for texts, for reading them, and for lists of what there is.
template <class Enum, std::size_t N>
struct NameTable {
  std::string_view what;  ///< "scale", in messages
  std::array<NamedValue<Enum>, N> values;

  /// "unknown" for what is none of the values.
  [[nodiscard]] constexpr std::string_view name_of(Enum value) const {
    for (const NamedValue<Enum>& each : values)
      if (each.value == value) return each.name;
    return "unknown";
  }
  [[nodiscard]] constexpr bool contains(std::string_view name) const {
    for (const NamedValue<Enum>& each : values)
      if (each.name == name) return true;
    return false;
  }
  /// @throws std::invalid_argument as refuse_name.
  [[nodiscard]] Enum named(std::string_view name) const {
    for (const NamedValue<Enum>& each : values)
      if (each.name == name) return each.value;
    refuse_name(what, name, names());
  }
  /// All of them, in the order of the table.
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const NamedValue<Enum>& each : values) all.emplace_back(each.name);
    return all;
  }
};

/// name_table<Scale>("scale", {{Scale::None, "none"}, ...})
template <class Enum, std::size_t N>
constexpr NameTable<Enum, N> name_table(std::string_view what, const NamedValue<Enum> (&values)[N]) {
  NameTable<Enum, N> table{what, {}};
  for (std::size_t i = 0; i < N; ++i) table.values[i] = values[i];
  return table;
}

}  // namespace crosstalk
