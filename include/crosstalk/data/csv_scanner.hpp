#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace crosstalk::data {

/// Cuts delimited text into records and fields, in one pass and without copying: quoted fields (doubled quotes,
/// separators and line breaks inside), LF and CRLF, a byte order mark, blanks around a field, empty lines skipped.
class CsvScanner {
 public:
  /// @param text       must outlive the scanner.
  /// @param name       the file's name, for messages.
  /// @param separator  0 takes whichever of `,` `;` and tab is most frequent in the first line.
  /// @throws DataError when the text is empty or is not text.
  CsvScanner(std::string_view text, std::string name, char separator = 0);

  /// Reads the next record; false at the end. The fields are valid until the next call.
  /// @throws DataError for a quote that is not closed, or text after a closing quote.
  bool next(std::vector<std::string_view>& fields);

  /// Where the record that next() gave last begins: 1 for the first line.
  [[nodiscard]] std::size_t line() const { return record_line_; }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  std::string_view quoted_field();

  std::string_view text_;
  std::string name_;
  char separator_;
  std::size_t position_ = 0;
  std::size_t line_ = 1;
  std::size_t record_line_ = 1;
  std::deque<std::string> unescaped_;  // fields of this record that had doubled quotes
};

/// A value as it may stand in a message: in quotes, on one line, shortened when long.
std::string in_quotes(std::string_view value);

/// The first dozen of some names as they may stand in a message: `"a", "b", ...`; "nothing" when there are none.
std::string listed(const std::vector<std::string>& names);

}  // namespace crosstalk::data
