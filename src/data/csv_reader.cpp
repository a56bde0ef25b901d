#include "csv_reader.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "crosstalk/data/csv_scanner.hpp"
#include "crosstalk/data/files.hpp"
#include "crosstalk/error.hpp"
#include "small_letters.hpp"

namespace crosstalk::data {

namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

}  // namespace

CsvReader::CsvReader(const std::vector<CsvSource>& sources, const CsvOptions& options)
    : sources_(sources), options_(options) {
  coding_.missing = options.missing;
  coding_.missing_words = options.as_published ? std::vector<std::string>{""} : default_missing_words();
  for (const std::string& word : options.missing_words) coding_.missing_words.push_back(in_small_letters(word));
  numbers_may_be_missing_ = names_a_number(coding_.missing_words);
}

CsvData CsvReader::read() {
  for (const CsvSource& source : sources_) files_.emplace_back(source.path, options_, notes_);
  lay_out();
  find_marks();
  for (std::size_t i = 0; i < sources_.size(); ++i) read_numbers(i);
  require_rows();
  decide();
  fill_in_words();
  if (!options_.as_published) leave_out_repeated();
  require_whole_marks();
  return build();
}

template <class Wanted, class Visit>
void CsvReader::for_each_cell(const Wanted& wanted, const Visit& visit) const {
  std::vector<std::size_t> chosen;
  for (std::size_t k = 0; k < width(); ++k)
    if (wanted(columns_[k])) chosen.push_back(k);
  if (chosen.empty()) return;
  std::size_t row = 0;
  std::vector<std::string_view> fields;
  for (const CsvFile& file : files_) {
    CsvScanner rows = file.rows();
    for (; file.next(rows, fields); ++row)
      for (const std::size_t k : chosen) visit(k, fields[columns_[k].position], row);
  }
}

void CsvReader::lay_out() {
  const CsvFile& first = files_.front();
  for (const CsvFile& other : files_)
    if (other.names() != first.names())
      throw DataError(fmt::format("{}: its columns differ from those of {}", other.name(), first.name()));
  coding_.has_header = options_.has_header;
  coding_.label_columns = options_.label_columns;
  if (coding_.label_columns.empty()) throw std::invalid_argument("read_csv: there is no label column");
  if (sources_.front().task.empty()) coding_.task_column = options_.task_column;
  if (coding_.label_columns.size() > 1 && !coding_.task_column.empty())
    throw std::invalid_argument(fmt::format("`label`: {} label columns are tasks of their own; leave out `task`",
                                            coding_.label_columns.size()));

  std::unordered_set<std::size_t> ignored;
  for (const std::string& name : options_.ignore) ignored.insert(first.position(name));
  std::vector<std::size_t> labels;
  for (const std::string& name : coding_.label_columns) labels.push_back(first.position(name));
  if (!coding_.task_column.empty()) {
    task_ = first.position(coding_.task_column);
    coding_.task_column = first.names()[task_];
  }
  for (std::size_t k = 0; k < labels.size(); ++k) coding_.label_columns[k] = first.names()[labels[k]];
  if (!options_.split_column.empty()) split_ = first.position(options_.split_column);
  if (split_ != kNoColumn && (split_ == task_ || std::find(labels.begin(), labels.end(), split_) != labels.end()))
    throw DataError(fmt::format("{}: rows cannot be split by column {}: it is the {}", first.name(),
                                in_quotes(options_.split_column), split_ == task_ ? "task" : "label"));
  for (const std::size_t label : labels) {
    if (label == task_)
      throw DataError(fmt::format("{}: column {} cannot be both the task and the label", first.name(),
                                  in_quotes(first.names()[label])));
    if (std::count(labels.begin(), labels.end(), label) > 1)
      throw DataError(
          fmt::format("{}: the label column {} is named twice", first.name(), in_quotes(first.names()[label])));
  }
  for (const std::size_t position : ignored)
    if (position == task_ || std::find(labels.begin(), labels.end(), position) != labels.end())
      throw DataError(fmt::format("{}: column {} cannot be ignored: it is the {}", first.name(),
                                  in_quotes(first.names()[position]), position == task_ ? "task" : "label"));

  for (std::size_t j = 0; j < first.names().size(); ++j) {
    const bool is_label = std::find(labels.begin(), labels.end(), j) != labels.end();
    if (j == task_ || is_label) continue;
    if (ignored.contains(j) || j == split_) {
      coding_.left_out.push_back(first.names()[j]);
      continue;
    }
    columns_.emplace_back(j, first.names()[j]).is_unnamed = first.is_unnamed(j);
  }
  features_ = columns_.size();
  for (const std::size_t label : labels) columns_.emplace_back(label, first.names()[label]).is_label = true;
  if (features_ == 0) throw DataError(first.name() + ": no column is left as a feature");
}

void CsvReader::find_marks() {
  if (options_.as_published || sources_.size() > 1) return;
  const auto mark = [&](const char* name, const char* no, const char* yes) {
    std::vector<bool> flags;
    const auto found = std::find_if(columns_.begin(), columns_.end(),
                                    [&](const ColumnFacts& column) { return column.name == name && !column.is_label; });
    if (found == columns_.end()) return flags;
    CsvScanner rows = files_.front().rows();
    std::vector<std::string_view> fields;
    while (files_.front().next(rows, fields)) {
      const std::string_view cell = fields[found->position];
      if (cell != no && cell != yes) return std::vector<bool>();
      flags.push_back(cell == yes);
    }
    columns_.erase(found);
    --features_;
    coding_.left_out.emplace_back(name);
    notes_.push_back(fmt::format("column \"{}\" was left out: it is a mark that crosstalk adds{}", name,
                                 std::string_view(name) == "part" ? ", and it says which rows are held out" : ""));
    return flags;
  };
  injected_ = mark("injected", "0", "1");
  in_test_ = mark("part", "train", "test");
  if (features_ == 0) throw DataError(file_name() + ": no column is left as a feature");
}

void CsvReader::read_numbers(std::size_t source) {
  const CsvFile& file = files_[source];
  CsvScanner rows = file.rows();
  reserve(file.text().size());
  const std::string fixed_task = !sources_[source].task.empty() ? sources_[source].task : "all";
  std::vector<std::string_view> fields;
  while (file.next(rows, fields)) {
    const auto place = [&] { return fmt::format("{}:{}", rows.name(), rows.line()); };
    const std::size_t row = task_of_row_.size();
    std::string_view task = fixed_task;
    if (task_ != kNoColumn) {
      task = fields[task_];
      if (coding_.is_missing(task)) {
        if (missing_tasks_++ == 0) first_missing_task_ = {place(), std::string(task)};
        task = "";
      }
    }
    task_of_row_.push_back(task.empty() ? kLostRow : tasks_.index(task));
    lines_.push_back(rows.line());
    if (split_ != kNoColumn) split_cells_.emplace_back(fields[split_]);
    for (ColumnFacts& column : columns_) {
      const std::string_view cell = fields[column.position];
      Cell number = plain_number(cell);
      const bool is_missing = (number.kind != CellKind::Number || numbers_may_be_missing_) && coding_.is_missing(cell);
      if (is_missing) number.kind = CellKind::Word;
      values_.push_back(number.kind == CellKind::Number ? number.value : kNone);
      if (column.is_label && number.kind == CellKind::Number && label_texts_.size() < kLabelTexts)
        label_texts_.try_emplace(number.value, cell);
      if (is_mark(row)) continue;
      column.count(number);
      if (number.kind == CellKind::Number) {
        ++column.numbers;
        column.has_point = column.has_point || cell.find('.') != std::string_view::npos;
      } else if (is_missing) {
        if (column.missing++ == 0) column.first_missing = {place(), std::string(cell)};
        column.empty += cell.empty() ? 1 : 0;
      } else {
        const bool beyond = number.kind == CellKind::NotFinite;
        if (beyond && begins_like_number(cell)) {
          ++column.beyond_double;  // 1e999, or a hexadecimal word such as 035e2982
        } else if (beyond) {
          throw DataError(fmt::format("{}: {} is not a finite number (column {})", place(), in_quotes(cell),
                                      in_quotes(column.name)));
        }
        if (column.words++ == 0) column.first_word = {place(), std::string(cell)};
      }
    }
  }
}

void CsvReader::require_rows() const {
  if (task_of_row_.empty()) throw DataError(file_name() + ": holds a header but no rows");
  if (missing_tasks_ > 0 && options_.missing == MissingRule::Refuse)
    throw DataError(fmt::format(
        "{}: the task's name is missing (column {}: {}in {} of {} rows); `missing=drop` leaves such rows out",
        first_missing_task_.place, in_quotes(coding_.task_column),
        first_missing_task_.text.empty() ? "" : in_quotes(first_missing_task_.text) + " ", missing_tasks_,
        task_of_row_.size()));
}

void CsvReader::reserve(std::size_t bytes) {
  const std::size_t rows = bytes / (2 * width() + 2) + 1;
  task_of_row_.reserve(task_of_row_.size() + rows);
  values_.reserve(values_.size() + rows * width());
}

void CsvReader::decide() {
  const auto is_open = [](const ColumnFacts& column) { return column.is_open(); };
  for_each_cell(is_open, [&](std::size_t k, std::string_view cell, std::size_t row) {
    const auto place = [&] { return fmt::format("{}:{}", file_name(), lines_[row]); };
    if (!is_mark(row)) columns_[k].look_again(cell, coding_.is_missing(cell), place);
  });
  const std::size_t labels = coding_.label_columns.size();
  const char mark = decimal_mark();
  for (ColumnFacts& column : columns_) {
    const bool foreign = !column.is_label && !options_.as_published && column.cells() >= kFewestNumberedRows;
    const bool numbers_rows = column.counts_rows && foreign;
    const bool is_unnamed = column.is_unnamed && !options_.as_published;
    const bool may_number = foreign && (is_unnamed || is_row_number_name(column.name));
    if (may_number && (numbers_rows || all_whole_and_different(column))) {
      column.left_out = true;
      notes_.push_back(fmt::format("column {} was left out: it numbers the rows", in_quotes(column.name)));
      continue;
    }
    if (is_unnamed && column.empty == column.cells()) {
      column.left_out = true;
      notes_.push_back(fmt::format("column {} was left out: it has no name and is empty", in_quotes(column.name)));
      continue;
    }
    column.decide(options_, mark, file_name(), labels, notes_);
    if (column.is_unnamed && !column.left_out)
      throw DataError(fmt::format("{}: {} has no name; name it, or drop it with `ignore=\"{}\"`", file_name(),
                                  column.name, column.name));
    const bool may_identify = foreign && !column.left_out && !column.is_open() && !numbers_rows &&
                              (is_identifier_name(column.name) || is_row_number_name(column.name));
    if (may_identify)
      notes_.push_back(
          fmt::format("column {} is a feature, though its name is that of an identifier: leave it out with "
                      "`ignore`, or give it as the task",
                      in_quotes(column.name)));
    if (numbers_rows)
      notes_.push_back(
          fmt::format("column {} counts the rows from the first to the last; leave it out with `ignore` "
                      "if it is a number of the row and not a measurement",
                      in_quotes(column.name)));
  }
  read_thousands_of_decimal_comma_files();
}

char CsvReader::decimal_mark() const {
  char mark = '\0';
  for (const ColumnFacts& column : columns_) {
    const char here = column.only_mark();
    if (here == '\0' || here == mark) continue;
    if (mark != '\0') return '\0';
    mark = here;
  }
  return mark;
}

bool CsvReader::all_whole_and_different(const ColumnFacts& column) const {
  if (column.is_open()) return false;
  const auto k = static_cast<std::size_t>(&column - columns_.data());
  std::unordered_set<double> seen;
  for (std::size_t row = 0; row < task_of_row_.size(); ++row) {
    const double value = values_[row * width() + k];
    if (!is_mark(row) && (value != std::round(value) || !seen.insert(value).second)) return false;
  }
  return true;
}

void CsvReader::read_thousands_of_decimal_comma_files() {
  const bool has_comma = std::any_of(columns_.begin(), columns_.end(), [](const ColumnFacts& column) {
    return !column.left_out && column.column.format.decimal == ',';
  });
  if (!has_comma) return;
  std::vector<NumberFormatSearch> searches(width());
  const auto plain = [](const ColumnFacts& column) {
    return !column.left_out && !column.is_open() && column.column.format.decimal == '.';
  };
  for_each_cell(plain, [&](std::size_t k, std::string_view cell, std::size_t row) {
    if (!is_mark(row)) searches[k].add(cell);
  });
  for (std::size_t k = 0; k < width(); ++k) {
    NumberFormat format;
    if (!plain(columns_[k]) || searches[k].ambiguous_cell().empty()) continue;
    if (searches[k].answer(format, ',') != NumberFormatSearch::Answer::Found) continue;
    columns_[k].column.format = format;
    notes_.push_back(
        fmt::format("column {} was read with points between thousands, as other columns have a decimal "
                    "comma",
                    in_quotes(columns_[k].name)));
  }
}

void CsvReader::fill_in_words() {
  lost_.assign(task_of_row_.size(), false);
  const auto is_not_plain = [&](const ColumnFacts& column) {
    return !column.left_out && (column.is_open() || column.column.format.marked || !injected_.empty());
  };
  for_each_cell(is_not_plain, [&](std::size_t k, std::string_view cell, std::size_t row) {
    values_[row * width() + k] = value_of(columns_[k], cell, row);
  });
  for (std::size_t row = 0; row < lost_.size(); ++row) lost_[row] = lost_[row] || task_of_row_[row] == kLostRow;
  const auto dropped = static_cast<std::size_t>(std::count(lost_.begin(), lost_.end(), true));
  if (dropped == lost_.size())
    throw DataError(fmt::format("{}: every row has a missing value; nothing is left with `missing={}`", file_name(),
                                to_string(options_.missing)));
  if (dropped > 0)
    notes_.push_back(
        fmt::format("{} of {} rows were left out: {}", dropped, lost_.size(),
                    options_.missing == MissingRule::Drop ? "a value is missing" : "their task or label is missing"));
  for (const ColumnFacts& column : columns_)
    if (column.missing > 0 && !column.is_label && !column.left_out && !column.missing_is_a_value &&
        options_.missing != MissingRule::Drop)
      notes_.push_back(fmt::format("column {}: {} of {} values are missing and were filled in ({})",
                                   in_quotes(column.name), column.missing, column.cells(),
                                   to_string(options_.missing)));
}

double CsvReader::value_of(const ColumnFacts& facts, std::string_view cell, std::size_t row) {
  const CsvColumn& column = facts.column;
  if (cell.empty() && is_mark(row) && !facts.is_label && !fills_in(options_.missing))
    return kNone;  // see require_whole_marks
  const bool missing = coding_.is_missing(cell) && !facts.missing_is_a_value;
  if (missing && facts.is_label && coding_.label_columns.size() > 1) return kNone;  // not a row of this task
  if (missing && (facts.is_label || options_.missing == MissingRule::Drop)) {
    lost_[row] = true;
    return kNone;
  }
  if (column.is_categorical()) {
    const std::string_view word = missing ? std::string_view(kMissingValue) : cell;
    const std::size_t index = value_index(column.values, word);
    if (index == column.values.size()) refuse_cell(facts, cell, row, "is a word that no clean row has");
    return static_cast<double>(index);
  }
  if (missing) {
    if (options_.missing == MissingRule::Refuse) refuse_cell(facts, cell, row, "is a missing value");
    return kNone;
  }
  const auto number = column.format.parse(cell);
  if (!number) refuse_cell(facts, cell, row, "is not a number as the other rows have them");
  return *number;
}

[[noreturn]] void CsvReader::refuse_cell(const ColumnFacts& column, std::string_view cell, std::size_t row,
                                         const char* what) const {
  throw DataError(
      fmt::format("{}:{}: {} {} (column {})", file_name(), lines_[row], in_quotes(cell), what, in_quotes(column.name)));
}

void CsvReader::leave_out_repeated() {
  const std::size_t rows = task_of_row_.size();
  const auto same = [&](std::size_t a, std::size_t b) {
    for (std::size_t row = 0; row < rows; ++row) {
      const double x = values_[row * width() + a];
      const double y = values_[row * width() + b];
      if (!is_mark(row) && !(x == y || (std::isnan(x) && std::isnan(y)))) return false;
    }
    return true;
  };
  const auto varies = [&](std::size_t k) {
    for (std::size_t row = 1; row < rows; ++row)
      if (values_[row * width() + k] != values_[k]) return true;
    return false;
  };
  const auto hash = [&](std::size_t k) {
    std::size_t sum = 0;
    for (std::size_t row = 0; row < rows; ++row)
      if (!is_mark(row)) sum = sum * 31 + std::hash<double>()(values_[row * width() + k]);
    return sum;
  };
  const auto repeats = [&](std::size_t a, std::size_t b) {
    return columns_[a].column.values == columns_[b].column.values && same(a, b);
  };
  std::unordered_map<std::size_t, std::vector<std::size_t>> seen;  // columns by hash
  for (std::size_t label = features_; label < width(); ++label) seen[hash(label)].push_back(label);
  for (std::size_t k = 0; k < features_; ++k) {
    if (columns_[k].left_out || !varies(k)) continue;
    std::vector<std::size_t>& before = seen[hash(k)];
    const auto twin = std::find_if(before.begin(), before.end(), [&](std::size_t other) { return repeats(other, k); });
    if (twin == before.end()) {
      before.push_back(k);
    } else if (columns_[*twin].is_label) {
      notes_.push_back(
          fmt::format("column {} is the same as the label {} in every row: leave it out with `ignore` "
                      "unless it is known before the label is",
                      in_quotes(columns_[k].name), in_quotes(columns_[*twin].name)));
    } else {
      columns_[k].left_out = true;
      notes_.push_back(fmt::format("column {} was left out: it repeats column {}", in_quotes(columns_[k].name),
                                   in_quotes(columns_[*twin].name)));
    }
  }
}

void CsvReader::require_whole_marks() const {
  if (fills_in(options_.missing)) return;
  for (std::size_t row = 0; row < injected_.size(); ++row)
    for (std::size_t k = 0; k < features_ && injected_[row]; ++k)
      if (!columns_[k].left_out && std::isnan(values_[row * width() + k]))
        refuse_cell(columns_[k], "", row, "is a missing value in an injected row");
}

void CsvReader::warn_of_codes(std::size_t k) {
  constexpr std::array<double, 8> codes = {-999, -9999, -99999, -99, -200, 999, 9999, 99999};
  const ColumnFacts& column = columns_[k];
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  const auto for_each_value = [&](const auto& visit) {
    for (std::size_t row = 0; row < task_of_row_.size(); ++row)
      if (const double value = values_[row * width() + k]; !std::isnan(value) && !is_mark(row)) visit(value);
  };
  for_each_value([&](double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  });
  for (const double code : codes) {
    if (code != low && code != high) continue;
    std::size_t count = 0;
    double other_low = std::numeric_limits<double>::infinity();
    double other_high = -other_low;
    for_each_value([&](double value) {
      if (value == code) ++count;
      if (value == code) return;
      other_low = std::min(other_low, value);
      other_high = std::max(other_high, value);
    });
    const double gap = code == low ? other_low - code : code - other_high;
    const bool other_sign = code < 0 && other_low >= 0;
    const bool stands_out = count >= 2 && std::isfinite(gap) && (other_sign || gap > 0.5 * (other_high - other_low));
    if (stands_out)
      notes_.push_back(
          fmt::format("column {} is {:g} in {} rows, far from its other values ({:g} to {:g}): if that stands for a "
                      "missing value, "
                      "give `missing_words={:g}` and `missing`",
                      in_quotes(column.name), code, count, other_low, other_high, code));
  }
}

}  // namespace crosstalk::data
