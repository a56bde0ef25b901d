#include "crosstalk/data/csv_scanner.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "crosstalk/error.hpp"

namespace crosstalk::data {

namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

std::string_view without_trailing_blanks(std::string_view field) {
  while (!field.empty() && (field.back() == ' ' || field.back() == '\t')) field.remove_suffix(1);
  return field;
}

bool is_break(char c) {
  return c == '\n' || c == '\r';
}

// Numbers of fields of the first lines that are not empty.
std::vector<std::size_t> field_counts(std::string_view text, char separator) {
  constexpr std::size_t most_lines = 30;
  std::vector<std::size_t> counts;
  std::size_t fields = 1;
  bool quoted = false;
  bool empty = true;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (!quoted && is_break(c)) {
      if (!empty) counts.push_back(fields);
      if (counts.size() == most_lines) return counts;
      fields = 1;
      empty = true;
      continue;
    }
    empty = false;
    if (!quoted && c == separator) ++fields;
  }
  if (!empty) counts.push_back(fields);
  return counts;
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

char detected_separator(std::string_view text) {
  char best = ',';
  std::size_t most_lines = 0;
  std::size_t most_fields = 0;
  for (const char candidate : {',', ';', '\t', '|'}) {
    std::map<std::size_t, std::size_t> lines;  // by number of fields
    for (const std::size_t count : field_counts(text, candidate))
      if (count > 1) ++lines[count];
    for (const auto& [fields, alike] : lines)
      if (alike > most_lines || (alike == most_lines && fields > most_fields)) {
        best = candidate;
        most_lines = alike;
        most_fields = fields;
      }
  }
  return best;
}

CsvScanner::CsvScanner(std::string_view text, std::string name, char separator, std::size_t begin, std::size_t line)
    : text_(text), name_(std::move(name)), separator_(separator), position_(begin), line_(line) {
  if (begin == 0 && text_.starts_with(kByteOrderMark)) position_ = kByteOrderMark.size();
  const std::string_view rest = text_.substr(position_);
  if (rest.find_first_not_of(" \t\r\n") == std::string_view::npos) throw DataError(name_ + ": the file is empty");
  if (rest.substr(0, 4096).find('\0') != std::string_view::npos)
    throw DataError(name_ + ": is not a text file (it holds zero bytes); CSV must be UTF-8 or ASCII");
  if (separator_ == 0) separator_ = detected_separator(rest);
}

bool CsvScanner::next(std::vector<std::string_view>& fields) {
  fields.clear();
  unescaped_.clear();
  while (position_ < text_.size() && is_break(text_[position_])) pass_break();
  if (position_ == text_.size()) return false;
  record_line_ = line_;
  record_begin_ = position_;

  for (;;) {
    while (position_ < text_.size() && text_[position_] != separator_ &&
           (text_[position_] == ' ' || text_[position_] == '\t'))
      ++position_;
    if (position_ < text_.size() && text_[position_] == '"') {
      fields.push_back(quoted_field());
    } else {
      const std::size_t begin = position_;
      while (position_ < text_.size() && text_[position_] != separator_ && !is_break(text_[position_])) ++position_;
      fields.push_back(without_trailing_blanks(text_.substr(begin, position_ - begin)));
    }
    if (position_ == text_.size()) return true;
    if (is_break(text_[position_])) {
      pass_break();
      return true;
    }
    ++position_;
  }
}

void CsvScanner::pass_break() {
  const bool both = text_.substr(position_).starts_with("\r\n");
  position_ += both ? 2 : 1;
  ++line_;
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
    for (std::size_t i = 0; i < piece.size(); ++i)
      line_ += piece[i] == '\n' || (piece[i] == '\r' && !piece.substr(i).starts_with("\r\n")) ? 1 : 0;
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
  while (end < text_.size() && text_[end] != separator_ && !is_break(text_[end])) ++end;
  const std::string_view rest = without_trailing_blanks(text_.substr(position_, end - position_));
  if (!rest.empty())
    throw DataError(fmt::format("{}:{}: {} stands after a closing quote", name_, line_, in_quotes(rest)));
  position_ = end;
  return field;
}

}  // namespace crosstalk::data
