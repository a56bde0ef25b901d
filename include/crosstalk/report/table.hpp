#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "crosstalk/report/number.hpp"

namespace crosstalk::report {

using Cell = std::variant<std::string, double>;  ///< NaN for "not measured"

struct Column {
  std::string name = {};
  std::string unit = {};                    ///< empty when there is none
  std::optional<NumberFormat> format = {};  ///< how its numbers are shown; without one the column is text, set left
};

/// A table as data. Every row has one cell a column; numbers stand in columns with a format only.
struct Table {
  std::string caption = {};
  std::vector<Column> columns = {};
  std::vector<std::vector<Cell>> rows = {};
};

/// RFC 4180 with \n as line end: a header line (`name [unit]`), then the rows. Numbers are written so that they read
/// back exactly (shares as shares, not as percentages), missing ones as `nan`.
/// @throws std::invalid_argument for a row of another length than the columns, or a number in a text column.
std::string to_csv(const Table& table);

/// One field of a CSV file, quoted where it has to be.
std::string csv_field(const std::string& text);

/// `<table>` with caption and header scopes. The first cell of a row is its header when it is text. Every number is
/// shown in the column's format and stands exactly in the attribute `data-value`.
/// @throws std::invalid_argument as to_csv.
std::string to_html(const Table& table);

}  // namespace crosstalk::report
