#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace crosstalk::data {

/// What a cell says when it is read as a plain number: digits, a decimal point, an exponent.
enum class CellKind { Number, NotFinite, Word };
struct Cell {
  CellKind kind;
  double value = 0.0;
};
Cell plain_number(std::string_view field);

/// How the numbers of a column are written.
struct NumberFormat {
  char decimal = '.';         ///< '.' or ','
  bool marked = false;        ///< something else than a plain number occurs: thousands' marks, currency, percent, comma
  bool percent = false;       ///< every number has a percent sign; 45 % is 0.45
  std::string currency = {};  ///< every number has this sign or code

  /// The number that a cell holds in this format; none when it holds no finite number.
  [[nodiscard]] std::optional<double> parse(std::string_view field) const;
  /// A number as this format writes it, without thousands' marks. It reads back as the same double; with a percent sign
  /// up to rounding.
  [[nodiscard]] std::string format(double value) const;
};

/// Finds the format that all numbers of a column have.
class NumberFormatSearch {
 public:
  /// @return whether the cell by itself is a number in some format.
  bool add(std::string_view field);

  enum class Answer {
    None,  ///< some cell is a number in no format, or they are not alike
    Found,
    Ambiguous,  ///< `1,234` may be 1234 or 1.234, and no cell decides
  };
  /// @param decimal  '.' or ',' when the user says which; 0 when the cells must.
  [[nodiscard]] Answer answer(NumberFormat& format, char decimal = 0) const;
  /// The decimal mark that all cells allow, when they allow one only; else 0.
  [[nodiscard]] char only_mark() const {
    return cells_ == 0 || point_fits_ == comma_fits_ ? '\0' : (point_fits_ ? '.' : ',');
  }
  /// Of the first cell that can be read in two ways.
  [[nodiscard]] const std::string& ambiguous_cell() const { return ambiguous_cell_; }

 private:
  std::size_t cells_ = 0;
  std::size_t with_percent_ = 0;
  std::size_t with_currency_ = 0;
  std::string currency_;
  bool one_currency_ = true;
  bool point_fits_ = true;
  bool comma_fits_ = true;
  bool marked_ = false;
  std::string ambiguous_cell_;
};

/// Whether a cell is a number with something behind or before it: `72 kg`, `<0.5`, `1_234`, `1.5D+00`.
bool begins_like_number(std::string_view field);

/// Whether a cell looks like a date or a time: 2024-05-01, 01.05.2024, 5/1/24, 2024-05-01T12:30:00Z, 1 May 2024, 12:30.
bool looks_like_date(std::string_view field);

}  // namespace crosstalk::data
