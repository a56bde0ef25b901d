#include "crosstalk/data/csv_scanner.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "crosstalk/error.hpp"

namespace crosstalk::data {

namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

char most_frequent_separator(std::string_view text) {
  constexpr std::array<char, 3> candidates = {',', ';', '\t'};
  std::array<std::size_t, 3> counts{};
  bool quoted = false;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '\n') break;
    for (std::size_t i = 0; i < candidates.size(); ++i) counts[i] += c == candidates[i] ? 1 : 0;
  }
  return candidates[static_cast<std::size_t>(std::max_element(counts.begin(), counts.end()) - counts.begin())];
}

std::string_view without_trailing_blanks(std::string_view field) {
  while (!field.empty() && (field.back() == ' ' || field.back() == '\t' || field.back() == '\r'))
    field.remove_suffix(1);
  return field;
}

}  // namespace

std::string in_quotes(std::string_view value) {
  constexpr std::size_t longest = 60;
  std::string shown(value.substr(0, longest));
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  if (value.size() > longest) shown += "...";
  return fmt::format("\"{}\"", shown);
}

std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t shown = 12;
  if (names.empty()) return "nothing";
  std::string list;
  for (std::size_t i = 0; i < std::min(shown, names.size()); ++i) list += (i > 0 ? ", " : "") + in_quotes(names[i]);
  return names.size() > shown ? list + ", ..." : list;
}

CsvScanner::CsvScanner(std::string_view text, std::string name, char separator)
    : text_(text), name_(std::move(name)), separator_(separator) {
  if (text_.starts_with(kByteOrderMark)) text_.remove_prefix(kByteOrderMark.size());
  if (text_.find_first_not_of(" \t\r\n") == std::string_view::npos) throw DataError(name_ + ": the file is empty");
  if (text_.substr(0, 4096).find('\0') != std::string_view::npos)
    throw DataError(name_ + ": is not a text file (it holds zero bytes); CSV must be UTF-8 or ASCII");
  if (separator_ == 0) separator_ = most_frequent_separator(text_);
}

bool CsvScanner::next(std::vector<std::string_view>& fields) {
  fields.clear();
  unescaped_.clear();
  const auto at_break = [&] {
    return position_ < text_.size() && (text_[position_] == '\n' || text_[position_] == '\r');
  };
  while (at_break()) line_ += text_[position_++] == '\n' ? 1 : 0;
  if (position_ == text_.size()) return false;
  record_line_ = line_;

  for (;;) {
    while (position_ < text_.size() && text_[position_] != separator_ &&
           (text_[position_] == ' ' || text_[position_] == '\t'))
      ++position_;
    if (position_ < text_.size() && text_[position_] == '"') {
      fields.push_back(quoted_field());
    } else {
      const std::size_t begin = position_;
      while (position_ < text_.size() && text_[position_] != separator_ && text_[position_] != '\n') ++position_;
      fields.push_back(without_trailing_blanks(text_.substr(begin, position_ - begin)));
    }
    if (position_ == text_.size()) return true;
    const bool end_of_record = text_[position_++] == '\n';
    if (end_of_record) {
      ++line_;
      return true;
    }
  }
}

// At an opening quote; leaves the position at the separator, line break or end that follows the field.
std::string_view CsvScanner::quoted_field() {
  const std::size_t opening_line = line_;
  std::string* unescaped = nullptr;
  std::string_view field;
  for (std::size_t begin = ++position_;;) {
    const std::size_t quote = text_.find('"', begin);
    if (quote == std::string_view::npos)
      throw DataError(fmt::format("{}:{}: a quoted field that begins here is never closed", name_, opening_line));
    const std::string_view piece = text_.substr(begin, quote - begin);
    line_ += static_cast<std::size_t>(std::count(piece.begin(), piece.end(), '\n'));
    begin = position_ = quote + 1;
    const bool doubled = begin < text_.size() && text_[begin] == '"';
    if (doubled && unescaped == nullptr) unescaped = &unescaped_.emplace_back();
    if (unescaped == nullptr) {
      field = piece;
      break;
    }
    unescaped->append(piece);
    if (!doubled) {
      field = *unescaped;
      break;
    }
    unescaped->push_back('"');
    ++begin;
  }
  std::size_t end = position_;
  while (end < text_.size() && text_[end] != separator_ && text_[end] != '\n') ++end;
  const std::string_view rest = without_trailing_blanks(text_.substr(position_, end - position_));
  if (!rest.empty())
    throw DataError(fmt::format("{}:{}: {} stands after a closing quote", name_, line_, in_quotes(rest)));
  position_ = end;
  return field;
}

}  // namespace crosstalk::data
