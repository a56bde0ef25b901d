#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "crosstalk/data/csv.hpp"
#include "crosstalk/data/csv_scanner.hpp"

namespace crosstalk::data {

/// A delimited text file, its header read.
class CsvFile {
 public:
  /// @throws DataError for a file that is no text, has a preamble, or has no rows of fields.
  CsvFile(const std::filesystem::path& path, const CsvOptions& options, std::vector<std::string>& notes);

  [[nodiscard]] const std::string& name() const { return name_; }
  /// Of all columns; the nth without a name is called `column n`.
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  [[nodiscard]] bool is_unnamed(std::size_t column) const { return unnamed_[column]; }
  [[nodiscard]] char separator() const { return separator_; }
  [[nodiscard]] const std::string& text() const { return text_->text.utf8; }

  /// @throws DataError that names the nearest column, or says that the header is missing.
  [[nodiscard]] std::size_t position(const std::string& column) const;

  /// A scanner that stands before the first record behind the header.
  [[nodiscard]] CsvScanner rows() const { return first_row_; }
  /// The next record. @throws DataError when it has not as many fields as there are columns.
  bool next(CsvScanner& rows, std::vector<std::string_view>& fields) const;

  /// The text with the places of its records. The file must not be used afterwards.
  [[nodiscard]] std::shared_ptr<const CsvText> release_text();

 private:
  [[nodiscard]] CsvScanner open(const CsvOptions& options);
  void require_no_preamble(CsvScanner lines) const;
  [[nodiscard]] bool looks_like_data() const;

  std::string name_;
  std::shared_ptr<CsvText> text_;
  std::vector<std::string> names_;
  std::vector<bool> unnamed_;
  std::vector<std::string> header_;
  bool has_header_;
  char separator_;
  CsvScanner first_row_;
};

}  // namespace crosstalk::data
