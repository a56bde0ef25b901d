#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace crosstalk {

/// Where a number may lie: low <= x <= high, or < where an end is open. NaN and infinities lie nowhere.
struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_is_open = false;
  bool high_is_open = false;
  bool odd = false;  ///< whole and odd

  [[nodiscard]] bool contains(double value) const;
  /// "> 0", ">= 1", "in (0, 0.5)", "from 2 to 100"
  [[nodiscard]] std::string rule() const;
};
constexpr Range at_least(double low) {
  return {.low = low};
}
constexpr Range above(double low) {
  return {.low = low, .low_is_open = true};
}
constexpr Range from_to(double low, double high) {
  return {.low = low, .high = high};
}

/// The message of every number outside its range: `who: field is value; it must be rule`, without `who: ` when it is
/// empty.
/// @throws std::invalid_argument with it when the range does not contain the value.
void require_range(std::string_view who, std::string_view field, double value, const Range& range);

/// What an option is, for flags, keys of files, documents and messages.
struct OptionText {
  enum class Type { Text, List, Number, Whole, Switch };
  std::string key;                      ///< flag, and key of a file: batch-share
  std::string meaning;                  ///< one sentence, without range and default
  std::optional<Range> range = {};      ///< of a number
  std::vector<std::string> words = {};  ///< of which a text must be one; empty: any text
  std::string unit = {};                ///< "rows", "MB"
  std::string field = {};               ///< in messages of the library; as the key, with _ for -, where it is empty
  Type type = Type::Text;               ///< follows from the member
  std::string by_default = {};          ///< as a flag is given; empty: none, the data or another option decide
};

namespace option_detail {

std::string text_of(double value);
std::string text_of(const std::vector<std::string>& list);

template <class Value>
struct Kind {
  static constexpr OptionText::Type type = std::is_same_v<Value, bool>       ? OptionText::Type::Switch
                                           : std::is_floating_point_v<Value> ? OptionText::Type::Number
                                           : std::is_same_v<Value, char>     ? OptionText::Type::Text
                                           : std::is_integral_v<Value>       ? OptionText::Type::Whole
                                                                             : OptionText::Type::Text;
  static std::string text(const Value& value) {
    if constexpr (std::is_same_v<Value, bool>)
      return value ? "true" : "false";
    else if constexpr (std::is_same_v<Value, char>)
      return value == '\0' ? std::string() : std::string(1, value);
    else if constexpr (std::is_arithmetic_v<Value>)
      return text_of(static_cast<double>(value));
    else if constexpr (std::is_enum_v<Value>)
      return std::string(to_string(value));
    else
      return std::string(value);
  }
  static std::optional<double> number(const Value& value) {
    if constexpr (std::is_arithmetic_v<Value>)
      return static_cast<double>(value);
    else
      return std::nullopt;
  }
};

template <class Value>
struct Kind<std::optional<Value>> {
  static constexpr OptionText::Type type = Kind<Value>::type;
  static std::string text(const std::optional<Value>& value) { return value ? Kind<Value>::text(*value) : ""; }
  static std::optional<double> number(const std::optional<Value>& value) {
    return value ? Kind<Value>::number(*value) : std::nullopt;
  }
};

template <class Value>
struct Kind<std::vector<Value>> {
  static constexpr OptionText::Type type = OptionText::Type::List;
  static std::string text(const std::vector<Value>& values) {
    std::vector<std::string> all;
    for (const Value& value : values) all.push_back(Kind<Value>::text(value));
    return text_of(all);
  }
  static std::optional<double> number(const std::vector<Value>&) { return std::nullopt; }
};

}  // namespace option_detail

/// The options that a struct holds: one table a struct, `S::table()`, from which the command makes its flags, the
/// keys of its files and its documents, and the library its checks.
///   OptionTable<PatomOptions>("patom").add(&PatomOptions::step, {.key = "step", .meaning = "...", .range = above(0)})
template <class Struct>
class OptionTable {
 public:
  /// @param who  the first word of messages; may be empty.
  explicit OptionTable(std::string who) : who_(std::move(who)) {}

  /// Type and default follow from the member, unless a default is given.
  template <class Value>
  OptionTable&& add(Value Struct::*member, OptionText text) && {
    using Kind = option_detail::Kind<Value>;
    text.type = Kind::type;
    if (text.by_default.empty()) text.by_default = Kind::text(defaults_.*member);
    if (text.field.empty()) {
      text.field = text.key;
      for (char& c : text.field)
        if (c == '-') c = '_';
    }
    entries_.push_back(
        {std::move(text), offset(member), [member](const Struct& options) { return Kind::number(options.*member); }});
    return std::move(*this);
  }

  /// @throws std::out_of_range for a member that has no entry.
  template <class Value>
  [[nodiscard]] const OptionText& of(Value Struct::*member) const {
    for (const Entry& entry : entries_)
      if (entry.offset == offset(member)) return entry.text;
    throw std::out_of_range(who_ + ": a member without an entry in the table of options");
  }

  /// All of them, in the order in which they were added.
  [[nodiscard]] std::vector<OptionText> texts() const {
    std::vector<OptionText> all;
    for (const Entry& entry : entries_) all.push_back(entry.text);
    return all;
  }

  /// @throws std::invalid_argument for the first number outside its range, as require_range.
  void require_valid(const Struct& options) const {
    for (const Entry& entry : entries_)
      if (const std::optional<double> value = entry.number(options); value && entry.text.range)
        require_range(who_, entry.text.field, *value, *entry.text.range);
  }

 private:
  struct Entry {
    OptionText text;
    std::ptrdiff_t offset;
    std::function<std::optional<double>(const Struct&)> number;
  };

  template <class Value>
  [[nodiscard]] std::ptrdiff_t offset(Value Struct::*member) const {
    return reinterpret_cast<const char*>(&(defaults_.*member)) - reinterpret_cast<const char*>(&defaults_);
  }

  std::string who_;
  Struct defaults_ = {};
  std::vector<Entry> entries_;
};

}  // namespace crosstalk
