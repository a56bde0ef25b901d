#pragma once

#include <cmath>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "crosstalk/data/csv.hpp"

namespace crosstalk::data {

/// A cell of which a message may speak.
struct CellPlace {
  std::string place;  // file:line
  std::string text;
};

/// What is known of a column of features or labels while its file is read, from the rows that are not injected.
class ColumnFacts {
 public:
  ColumnFacts(std::size_t at, std::string called) : position(at), name(std::move(called)) {}

  std::size_t position;  ///< in the record
  std::string name;
  bool is_label = false;
  bool is_unnamed = false;

  // First pass: plain numbers, missing values, other words.
  std::size_t numbers = 0;
  std::size_t missing = 0;
  std::size_t empty = 0;  ///< of the missing ones
  std::size_t words = 0;
  std::size_t beyond_double = 0;  ///< of the words those that are numbers too large for a double
  CellPlace first_missing;
  CellPlace first_word;
  bool has_point = false;   ///< some plain number has a decimal point
  bool counts_rows = true;  ///< 0, 1, 2, ... or 1, 2, 3, ... in the order of the file

  /// Notes whether the next cell goes on counting the rows.
  void count(const Cell& cell);
  /// Whether the cells must be looked at again.
  [[nodiscard]] bool is_open() const { return words > 0 || missing > 0; }
  [[nodiscard]] std::size_t cells() const { return numbers + missing + words; }

  // Second pass, of open columns.
  /// @param place  gives file:line.
  template <class Place>
  void look_again(std::string_view cell, bool is_missing, const Place& place) {
    const bool is_number = note(cell, is_missing);
    if (is_missing) return;
    if (!is_number && first_odd_.place.empty()) first_odd_ = {place(), std::string(cell)};
    if (is_number && first_number_cell_.place.empty()) {
      first_number_cell_ = {place(), std::string(cell)};
    } else if (is_number && other_number_cell_.place.empty() && !go_together(first_number_cell_.text, cell)) {
      other_number_cell_ = {place(), std::string(cell)};
    }
  }
  /// The decimal mark that its numbers must have, or 0.
  [[nodiscard]] char only_mark() const { return has_point ? '.' : format_.only_mark(); }
  /// Decides what the column is. @throws DataError when it cannot be read.
  /// @param mark  the decimal mark of other columns, for numbers that can be read with either; or 0.
  void decide(const CsvOptions& options, char mark, const std::string& file, std::size_t label_columns,
              std::vector<std::string>& notes);

  // The decision.
  bool left_out = false;
  CsvColumn column;                 ///< format and values; of a label its words
  bool missing_is_a_value = false;  ///< words such as NA are kept as a value of a column of words

 private:
  bool note(std::string_view cell, bool is_missing);
  static bool go_together(std::string_view one, std::string_view other);
  void decide_words(const CsvOptions& options, const std::string& file, bool label_may_be_missing,
                    std::vector<std::string>& notes);
  void require_no_missing(const CsvOptions& options, const char* among) const;

  static constexpr std::size_t kCountValuesUpTo = 100000;
  NumberFormatSearch format_;
  std::set<std::string, std::less<>> distinct_;  // in canonical form, without missing words
  std::set<std::string, std::less<>> distinct_missing_;
  std::size_t dates_ = 0;
  std::size_t numbers_with_marks_ = 0;  // numbers in some format each, plain ones too
  std::size_t begin_like_numbers_ = 0;
  CellPlace first_odd_;          // the first cell that is a number in no format
  CellPlace first_number_cell_;  // the first that is, and the first of those that goes with it in no format
  CellPlace other_number_cell_;
  double first_number_ = 0.0;
};

/// `1.0` and `1.50` as `1` and `1.5`; other text as it is.
std::string canonical_value(std::string_view cell);

/// Whether some word for a missing value is a number, such as -999, so that numbers must be looked up, too.
bool names_a_number(const std::vector<std::string>& missing_words);

/// Whether missing numbers get a value under this rule.
bool fills_in(MissingRule rule);

/// The position of a cell in a column's values; values.size() when it is none of them.
std::size_t value_index(const std::vector<std::string>& values, std::string_view cell);

/// Whether a name is one that columns of row numbers have: empty, `Unnamed: 0`, id, index, row, ...
bool is_row_number_name(std::string_view name);

/// Writes the features of one column into a row, from j on, and moves j behind them.
/// @param value  a number, NaN for a missing one, or a position in the column's values; beyond these for none of them.
template <class Row>
void write_features(const CsvColumn& column, double value, Row&& row, Eigen::Index& j) {
  const Eigen::Index width = column.width();
  if (column.is_categorical()) {
    row.segment(j, width).setZero();
    if (value < static_cast<double>(width)) row[j + static_cast<Eigen::Index>(value)] = 1.0;
  } else {
    row[j] = value;
    if (column.indicator) row[j + 1] = std::isnan(value) ? 1.0 : 0.0;
  }
  j += width;
}

/// Whether a name says that the column identifies something: `customer_id`, `userId`.
bool is_identifier_name(std::string_view name);

/// The cell in a column of words that stands for a missing value when there is a rule for these.
inline constexpr const char* kMissingValue = "(missing)";

}  // namespace crosstalk::data
