#include "csv_file.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include <fmt/format.h>

#include "crosstalk/data/files.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/names.hpp"

namespace crosstalk::data {

namespace {

// `sep=;`, by which spreadsheets are told the separator.
char told_separator(std::string_view line) {
  if (line.starts_with('"') && line.ends_with('"') && line.size() > 1) line = line.substr(1, line.size() - 2);
  return line.size() == 5 && (line.starts_with("sep=") || line.starts_with("SEP=")) ? line[4] : '\0';
}

std::string_view first_line(std::string_view text) {
  return text.substr(0, text.find_first_of("\r\n"));
}

std::size_t behind_lines(std::string_view text, std::size_t lines, const std::string& name) {
  std::size_t at = 0;
  for (std::size_t k = 0; k < lines; ++k) {
    at = text.find_first_of("\r\n", at);
    if (at == std::string_view::npos)
      throw DataError(fmt::format("{}: has only {} lines; `skip_lines={}` leaves none", name, k + 1, lines));
    at += text.substr(at).starts_with("\r\n") ? 2 : 1;
  }
  return at;
}

bool holds_number(const std::vector<std::string_view>& fields) {
  return std::any_of(fields.begin(), fields.end(),
                     [](std::string_view field) { return plain_number(field).kind == CellKind::Number; });
}

}  // namespace

CsvFile::CsvFile(const std::filesystem::path& path, const CsvOptions& options, std::vector<std::string>& notes)
    : name_(path.string()),
      text_(std::make_shared<CsvText>(CsvText{decode_text(read_file(path), name_)})),
      has_header_(options.has_header),
      separator_(options.separator),
      first_row_(open(options)) {
  const Encoding encoding = text_->text.encoding;
  if (encoding != Encoding::Utf8 && encoding != Encoding::Utf8WithMark)
    notes.push_back(fmt::format("{} was read as {}", path.filename().string(), to_string(encoding)));
  std::vector<std::string_view> fields;
  CsvScanner scanner = first_row_;
  if (!scanner.next(fields)) throw DataError(name_ + ": the file is empty");
  if (options.skip_lines == 0) require_no_preamble(first_row_);
  // A file that crosstalk wrote from one without a header has one.
  const bool is_ours = !has_header_ && fields.size() > 2 && fields.front() == "column 1" && fields.back() == "part";
  if (has_header_ || is_ours) {
    header_.assign(fields.begin(), fields.end());
    first_row_ = scanner;
    CsvScanner rows = scanner;
    const bool is_longer = rows.next(fields) && fields.size() == header_.size() + 1 && !options.as_published;
    const bool ends_empty = is_longer && fields.back().empty();
    const bool has_number = is_longer && holds_number(fields);
    // One row alone that is too long has a mistake in it.
    const bool one_more = is_longer && (!rows.next(fields) || fields.size() == header_.size() + 1);
    if (one_more && ends_empty) {
      header_.emplace_back();  // a separator behind the last field of every row
    } else if (one_more && has_number) {
      names_.emplace_back("column 1");
      unnamed_.push_back(true);
      notes.emplace_back("the rows have one field more than the header: the first was taken for the names of the rows");
    }
  }
  const std::size_t columns = header_.empty() ? fields.size() : header_.size();
  std::set<std::string> seen;
  for (std::size_t j = 0; j < columns; ++j) {
    const bool unnamed = header_.empty() || header_[j].empty();
    std::string column = unnamed ? fmt::format("column {}", names_.size() + 1) : header_[j];
    if (!unnamed && !seen.insert(column).second) {
      if (options.as_published) throw DataError(fmt::format("{}: two columns are named {}", name_, in_quotes(column)));
      const std::string renamed = fmt::format("{} (column {})", column, names_.size() + 1);
      notes.push_back(
          fmt::format("two columns are named {}; the second is called {} here", in_quotes(column), in_quotes(renamed)));
      column = renamed;
      seen.insert(column);
    }
    names_.push_back(std::move(column));
    unnamed_.push_back(unnamed && !header_.empty());
  }
}

CsvScanner CsvFile::open(const CsvOptions& options) {
  const std::string_view whole = text_->text.utf8;
  std::size_t begin = behind_lines(whole, options.skip_lines, name_);
  std::size_t lines = options.skip_lines;
  if (const char told = told_separator(first_line(whole.substr(begin))); told != '\0') {
    begin = begin + behind_lines(whole.substr(begin), 1, name_);
    ++lines;
    if (separator_ == 0) separator_ = told;
  }
  if (whole.find_first_not_of(" \t\r\n", begin) == std::string_view::npos)
    throw DataError(fmt::format("{}: nothing is left behind the first {} lines", name_, lines));
  if (separator_ == 0) separator_ = detected_separator(whole.substr(begin));
  return {whole, name_, separator_, begin, lines + 1};
}

// A first line that has fewer fields than nearly all that follow is a title or a comment.
void CsvFile::require_no_preamble(CsvScanner lines) const {
  constexpr std::size_t looked_at = 30;
  struct Seen {
    std::size_t fields;
    std::size_t line;
  };
  std::vector<Seen> seen;
  std::map<std::size_t, std::size_t> counts;
  std::string first;
  bool second_holds_number = false;
  std::vector<std::string_view> fields;
  try {
    while (seen.size() < looked_at && lines.next(fields)) {
      if (seen.empty()) first = std::string(lines.record());
      if (seen.size() == 1) second_holds_number = holds_number(fields);
      seen.push_back({fields.size(), lines.line()});
      ++counts[fields.size()];
    }
  } catch (const DataError&) {
    return;  // a wrong quote is named where the rows are read
  }
  const auto usual = std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) {
    return a.second < b.second || (a.second == b.second && a.first < b.first);
  });
  // R writes a header without a name for the column that names the rows; below a preamble stands a header.
  const bool names_rows = seen.front().fields + 1 == usual->first && counts.size() == 2 && second_holds_number;
  const bool is_preamble =
      seen.front().fields < usual->first && usual->second >= 2 && !names_rows && 10 * usual->second >= 6 * seen.size();
  if (!is_preamble) return;
  const auto header =
      std::find_if(seen.begin(), seen.end(), [&](const Seen& line) { return line.fields == usual->first; });
  throw DataError(fmt::format(
      "{}:{}: {} is no header: it has {} field{} and the lines from {} on have {}; `skip_lines={}` passes over what "
      "stands before the header",
      name_, seen.front().line, in_quotes(first_line(first)), seen.front().fields, seen.front().fields == 1 ? "" : "s",
      header->line, usual->first, header->line - 1));
}

// Whether the first line holds numbers, as rows do and headers do not.
bool CsvFile::looks_like_data() const {
  return holds_number({header_.begin(), header_.end()});
}

std::size_t CsvFile::position(const std::string& column) const {
  const auto found = std::find(names_.begin(), names_.end(), column);
  if (found != names_.end()) return static_cast<std::size_t>(found - names_.begin());
  if (!has_header_) {
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(column.data(), column.data() + column.size(), number);
    if (error == std::errc() && end == column.data() + column.size() && number >= 1 && number <= names_.size())
      return number - 1;
  }
  if (looks_like_data())
    throw DataError(fmt::format(
        "{}: no column {}; its first line holds numbers ({}), so the header seems to be missing: with `no_header` the "
        "columns are called \"column 1\", \"column 2\", ...",
        name_, in_quotes(column), listed(header_)));
  if (names_.size() == 1)
    throw DataError(fmt::format("{}: no column {}; its first line is {} and holds no comma, semicolon, tab or pipe",
                                name_, in_quotes(column), in_quotes(names_[0])));
  const auto unnamed = static_cast<std::size_t>(std::count(unnamed_.begin(), unnamed_.end(), true));
  if (2 * unnamed > names_.size())
    throw DataError(
        fmt::format("{}: no column {}; most of its first line is empty: `skip_lines` passes over titles that "
                    "stand before the header",
                    name_, in_quotes(column)));
  const std::string near = nearest_name(column, names_);
  const std::string hint = near.empty() ? "its columns are " + listed(names_) : "did you mean " + in_quotes(near) + "?";
  throw DataError(fmt::format("{}: no column {}; {}", name_, in_quotes(column), hint));
}

bool CsvFile::next(CsvScanner& rows, std::vector<std::string_view>& fields) const {
  do {
    if (!rows.next(fields)) return false;
  } while (fields.size() == 1 && fields[0].empty() && names_.size() > 1);  // a line of blanks
  if (fields.size() != names_.size())
    throw DataError(fmt::format("{}:{}: {} where {} has {}", name_, rows.line(),
                                fields.size() == 1 ? "1 field" : fmt::format("{} fields", fields.size()),
                                header_.empty() ? "the first line" : "the header", names_.size()));
  return true;
}

std::shared_ptr<const CsvText> CsvFile::release_text() {
  text_->has_header = !header_.empty();
  text_->separator = separator_;
  text_->names = names_;
  CsvScanner scanner = first_row_;
  text_->body = scanner.position();
  std::vector<std::string_view> fields;
  while (next(scanner, fields)) {
    text_->begins.push_back(scanner.record_begin());
    text_->ends.push_back(scanner.position());
  }
  return std::move(text_);
}

}  // namespace crosstalk::data
