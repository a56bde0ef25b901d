#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "crosstalk/data/csv.hpp"
#include "csv_columns.hpp"
#include "csv_file.hpp"

namespace crosstalk::data {

// Names of tasks to 0, 1, ... in order of appearance.
class TaskNames {
 public:
  std::uint32_t index(std::string_view name) {
    if (last_ < names_.size() && names_[last_] == name) return last_;  // rows of a task often stand together
    const auto [entry, added] = indices_.try_emplace(std::string(name), static_cast<std::uint32_t>(names_.size()));
    if (added) names_.emplace_back(name);
    return last_ = entry->second;
  }
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }

 private:
  std::unordered_map<std::string, std::uint32_t> indices_;
  std::vector<std::string> names_;
  std::uint32_t last_ = 0;
};

// Reads a table in three passes: its columns and their numbers, what every column is (csv_reader.cpp), and the tasks
// (csv_tasks.cpp).
class CsvReader {
 public:
  CsvReader(const std::vector<CsvSource>& sources, const CsvOptions& options);
  CsvData read();

 private:
  [[nodiscard]] std::size_t width() const { return columns_.size(); }
  [[nodiscard]] std::string file_name() const { return sources_.front().path.string(); }
  [[nodiscard]] bool is_mark(std::size_t row) const { return !injected_.empty() && injected_[row]; }
  // Which columns are task, label and features.
  void lay_out();
  // The columns that crosstalk itself adds to a file: `injected` of 0 and 1, `part` of train and test.
  void find_marks();
  // First pass: everything that is a plain number, and what is not.
  void read_numbers(std::size_t source);
  void require_rows() const;
  // Room for all rows at once, so that growing never doubles the peak; a number takes at least two characters.
  void reserve(std::size_t bytes);
  // Calls visit(k, cell, row) for the cells of the columns for which this holds.
  template <class Wanted, class Visit>
  void for_each_cell(const Wanted& wanted, const Visit& visit) const;
  // What every column is, from the cells of rows that are not injected.
  void decide();
  // The decimal mark of all columns whose numbers allow one only; 0 when there is none, or they differ.
  [[nodiscard]] char decimal_mark() const;
  // Whether a column without words and missing values has another whole number in every row that is not injected.
  [[nodiscard]] bool all_whole_and_different(const ColumnFacts& column) const;
  // Where one column has a decimal comma, a `1.234` of another may be a thousand.
  void read_thousands_of_decimal_comma_files();
  // Second pass: the cells that are no plain number.
  void fill_in_words();
  double value_of(const ColumnFacts& facts, std::string_view cell, std::size_t row);
  [[noreturn]] void refuse_cell(const ColumnFacts& column, std::string_view cell, std::size_t row,
                                const char* what) const;
  // Columns that repeat another cell by cell; one that repeats the label is only warned about.
  void leave_out_repeated();
  // Injected rows are empty where a column is left out, and only there.
  void require_whole_marks() const;
  void warn_of_codes(std::size_t k);
  CsvData build();
  static std::string repeated(std::vector<std::string> names);
  // All label columns have one list of words, or numbers in one format.
  void settle_label_coding();
  [[nodiscard]] double label_value(std::size_t k, std::size_t row) const;
  void make_tasks(CsvData& data);

  static constexpr std::size_t kNoColumn = SIZE_MAX;

  const std::vector<CsvSource>& sources_;
  const CsvOptions& options_;
  std::vector<CsvFile> files_;
  CsvCoding coding_;
  std::vector<std::string> notes_;
  std::size_t task_ = kNoColumn;
  std::size_t split_ = kNoColumn;
  std::vector<ColumnFacts> columns_;  // the features, then the labels
  std::size_t features_ = 0;
  static constexpr std::uint32_t kLostRow = UINT32_MAX;
  static constexpr std::size_t kFewestNumberedRows = 5;  // so many rows that count tell a number from a measurement
  TaskNames tasks_;
  bool numbers_may_be_missing_ = false;
  static constexpr std::size_t kLabelTexts = 16;  // more than a label of classes has
  std::map<double, std::string> label_texts_;     // of the first distinct labels
  std::size_t missing_tasks_ = 0;
  CellPlace first_missing_task_;
  std::vector<std::uint32_t> task_of_row_;
  std::vector<std::size_t> lines_;
  std::vector<std::string> split_cells_;
  std::vector<bool> injected_;
  std::vector<bool> in_test_;
  std::vector<bool> lost_;      // rows left out since something is missing
  std::vector<double> values_;  // row after row, one entry a column: a number, or a position in its values
};

}  // namespace crosstalk::data
