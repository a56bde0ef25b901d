#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace crosstalk::data {

/// The separator of a table: of `,` `;` tab and `|` the one by which most of the first lines have the same number of
/// fields, more than one; `,` when there is none.
char detected_separator(std::string_view text);

/// Cuts delimited text into records and fields, in one pass and without copying: quoted fields (doubled quotes,
/// separators and line breaks inside), LF, CRLF and CR, a byte order mark, blanks around a field, empty lines skipped.
class CsvScanner {
 public:
  /// @param text       must outlive the scanner.
  /// @param name       the file's name, for messages.
  /// @param separator  0: detected_separator.
  /// @param begin      where in the text to start, and which line that is.
  /// @throws DataError when the text is empty or is not text.
  CsvScanner(std::string_view text, std::string name, char separator = 0, std::size_t begin = 0, std::size_t line = 1);

  /// Reads the next record; false at the end. The fields are valid until the next call.
  /// @throws DataError for a quote that is not closed, or text after a closing quote.
  bool next(std::vector<std::string_view>& fields);

  /// Where the record that next() gave last begins: 1 for the first line.
  [[nodiscard]] std::size_t line() const { return record_line_; }
  /// That record as it stands in the text, with its line end.
  [[nodiscard]] std::string_view record() const { return text_.substr(record_begin_, position_ - record_begin_); }
  /// Where in the text it begins, and where the next one may.
  [[nodiscard]] std::size_t record_begin() const { return record_begin_; }
  [[nodiscard]] std::size_t position() const { return position_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] char separator() const { return separator_; }

 private:
  std::string_view quoted_field();
  /// Passes over one line break. @pre it stands at the position.
  void pass_break();

  std::string_view text_;
  std::string name_;
  char separator_;
  std::size_t position_ = 0;
  std::size_t line_ = 1;
  std::size_t record_line_ = 1;
  std::size_t record_begin_ = 0;
  std::deque<std::string> unescaped_;  // fields of this record that had doubled quotes
};

/// A value as it may stand in a message: in quotes, on one line, shortened when long.
std::string in_quotes(std::string_view value);

/// The first dozen of some names as they may stand in a message: `"a", "b", ...`; "nothing" when there are none.
std::string listed(const std::vector<std::string>& names);

}  // namespace crosstalk::data
