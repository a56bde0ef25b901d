#include "csv_columns.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "crosstalk/data/csv_scanner.hpp"
#include "crosstalk/error.hpp"
#include "small_letters.hpp"

namespace crosstalk::data {

namespace {

constexpr std::size_t kMostValues = 100;       // of a one-hot encoded column
constexpr double kShareOfNumbers = 0.9;        // from here on a word in a column is a mistake, not a category
constexpr double kShareOfDates = 0.9;          // the same for a column of dates
constexpr std::size_t kFewestIdentifiers = 5;  // so many words that all differ name the rows

std::string percent(std::size_t part, std::size_t whole) {
  return fmt::format("{:.3g} %", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

std::string format_note(const std::string& name, const NumberFormat& format) {
  std::string how;
  if (format.decimal == ',') how += ", with a decimal comma";
  if (!format.currency.empty()) how += fmt::format(", in {}", format.currency);
  if (format.percent) how += ", in per cent (45 % is 0.45)";
  if (how.empty()) how = ", with marks such as those between thousands";
  return fmt::format("column {} was read as numbers{}", in_quotes(name), how);
}

}  // namespace

std::string_view to_string(MissingRule rule) {
  return kMissingRules.name_of(rule);
}

MissingRule missing_rule_named(const std::string& name) {
  return kMissingRules.named(name);
}

const OptionTable<CsvOptions>& CsvOptions::table() {
  static const auto table =
      OptionTable<CsvOptions>("")
          .add(&CsvOptions::task_column, {.key = "task", .meaning = "CSV: column that names the task of a row"})
          .add(&CsvOptions::label_columns,
               {.key = "label", .meaning = "CSV: column of the label; several, a,b,c, are tasks over the same rows"})
          .add(&CsvOptions::ignore,
               {.key = "ignore", .meaning = "CSV: columns to leave out, a,b,c; \"b, c\" has a comma"})
          .add(&CsvOptions::separator, {.key = "separator",
                                        .meaning = "CSV: comma, semicolon, tab or pipe; detected by default",
                                        .words = {"comma", "semicolon", "tab", "pipe"}})
          .add(&CsvOptions::decimal, {.key = "decimal",
                                      .meaning = "CSV: comma or point, where 1,234 could be either",
                                      .words = {"comma", "point"}})
          .add(&CsvOptions::skip_lines,
               {.key = "skip-lines", .meaning = "CSV: lines before the header", .range = at_least(0)})
          .add(&CsvOptions::has_header,
               {.key = "no-header", .meaning = "CSV: the first line is a row; columns are \"column 1\", ..."})
          .add(&CsvOptions::missing,
               {.key = "missing",
                .meaning = "How to treat missing values: refuse, drop such rows, fill in the mean or median of the "
                           "training rows, or indicator: fill in the mean and add a 0/1 feature that marks them",
                .words = kMissingRules.names()})
          .add(&CsvOptions::missing_words,
               {.key = "missing-words",
                .meaning = "More words for a missing value, a,b, beside an empty cell, NA, N/A, NaN, null, none, ? "
                           "and -"})
          .add(&CsvOptions::split_column,
               {.key = "split-by",
                .meaning = "CSV: column by which rows are held out: whole groups, or the last of a time"});
  return table;
}

const std::vector<std::string>& default_missing_words() {
  static const std::vector<std::string> words = {"", "na", "n/a", "nan", "null", "none", "?", "-"};
  return words;
}

bool names_a_number(const std::vector<std::string>& missing_words) {
  return std::any_of(missing_words.begin(), missing_words.end(),
                     [](const std::string& word) { return plain_number(word).kind == CellKind::Number; });
}

bool fills_in(MissingRule rule) {
  return rule != MissingRule::Refuse && rule != MissingRule::Drop;
}

std::string canonical_value(std::string_view cell) {
  const std::size_t point = cell.find('.');
  if (point == std::string_view::npos || point + 1 == cell.size() || plain_number(cell).kind != CellKind::Number ||
      cell.find_first_not_of("+-0123456789.") != std::string_view::npos)
    return std::string(cell);
  std::string_view shorter = cell.substr(0, cell.find_last_not_of('0') + 1);
  if (shorter.ends_with('.')) shorter.remove_suffix(1);
  return std::string(shorter);
}

std::size_t value_index(const std::vector<std::string>& values, std::string_view cell) {
  const std::string value = canonical_value(cell);
  const auto found = std::lower_bound(values.begin(), values.end(), value);
  return found != values.end() && *found == value ? static_cast<std::size_t>(found - values.begin()) : values.size();
}

bool is_identifier_name(std::string_view name) {
  const std::string lower = in_small_letters(name);
  return lower.ends_with("_id") || lower.ends_with(" id") || lower.ends_with("-id") || lower.ends_with(".id") ||
         (name.ends_with("Id") && name.size() > 2) || (name.ends_with("ID") && name.size() > 2);
}

bool is_row_number_name(std::string_view name) {
  const std::string lower = in_small_letters(name);
  static const std::set<std::string, std::less<>> names = {
      "id",     "index", "idx", "row", "rowid", "row_id", "rownr", "rownum", "row_no",  "no",
      "number", "nr",    "#",   "x.1", "rn",    "key",    "uid",   "obs",    "rownames"};
  return names.contains(lower) || lower.starts_with("unnamed:");
}

void ColumnFacts::count(const Cell& cell) {
  if (!counts_rows) return;
  if (cells() == 0) first_number_ = cell.value;
  counts_rows = cell.kind == CellKind::Number && (first_number_ == 0.0 || first_number_ == 1.0) &&
                cell.value == first_number_ + static_cast<double>(cells());
}

// Whether the cell is a number in some format.
bool ColumnFacts::note(std::string_view cell, bool is_missing) {
  if (is_missing) {
    if (!cell.empty() && distinct_missing_.size() < kMostValues) distinct_missing_.emplace(cell);
    return false;
  }
  const bool is_number = format_.add(cell);
  numbers_with_marks_ += is_number ? 1 : 0;
  begin_like_numbers_ += begins_like_number(cell) ? 1 : 0;
  dates_ += looks_like_date(cell) ? 1 : 0;
  if (distinct_.size() < kCountValuesUpTo) {
    std::string value = canonical_value(cell);
    if (!distinct_.contains(value)) distinct_.insert(std::move(value));
  }
  return is_number;
}

bool ColumnFacts::go_together(std::string_view one, std::string_view other) {
  NumberFormatSearch both;
  both.add(one);
  both.add(other);
  NumberFormat format;
  return both.answer(format) != NumberFormatSearch::Answer::None;
}

void ColumnFacts::require_no_missing(const CsvOptions& options, const char* among) const {
  if (missing == 0 || options.missing != MissingRule::Refuse) return;
  const std::string what = first_missing.text.empty()
                               ? fmt::format("an empty cell among {}", among)
                               : fmt::format("{} among {}", in_quotes(first_missing.text), among);
  throw DataError(fmt::format(
      "{}: {}: a missing value (column {}: {} of {} values are missing, {}); `missing=drop` leaves such rows out{}",
      first_missing.place, what, in_quotes(name), missing, cells(), percent(missing, cells()),
      is_label ? "" : ", mean, median or indicator fill them in"));
}

void ColumnFacts::decide(const CsvOptions& options, char mark, const std::string& file, std::size_t label_columns,
                         std::vector<std::string>& notes) {
  column.name = name;
  const bool label_may_be_missing = is_label && label_columns > 1;  // a row is of the tasks that it has labels of
  if (numbers + words == 0 && is_label)
    throw DataError(fmt::format("{}: the label column {} holds no value at all", file, in_quotes(name)));
  if (numbers + words == 0) {
    left_out = true;
    notes.push_back(fmt::format("column {} was left out: it holds no value at all", in_quotes(name)));
    return;
  }
  if (words > 0 && words == beyond_double)
    throw DataError(fmt::format("{}: {} is not a finite number (column {})", first_word.place,
                                in_quotes(first_word.text), in_quotes(name)));
  using Answer = NumberFormatSearch::Answer;
  Answer answer = words == 0 ? Answer::Found : format_.answer(column.format, options.decimal);
  const bool as_elsewhere = answer == Answer::Ambiguous && mark != '\0';
  if (as_elsewhere) answer = format_.answer(column.format, mark);
  switch (answer) {
    case Answer::Found:
      if (!label_may_be_missing) require_no_missing(options, "numbers");
      column.indicator = !is_label && missing > 0 && options.missing == MissingRule::Indicator;
      if (column.format.marked)
        notes.push_back(format_note(name, column.format) +
                        (as_elsewhere ? fmt::format("; \"{}\" is the decimal mark of other columns", mark) : ""));
      return;
    case Answer::Ambiguous:
      throw DataError(
          fmt::format("{}: column {}: {} can be read with a decimal comma or with a comma between thousands; say "
                      "`decimal=comma` or `decimal=point`",
                      file, in_quotes(name), in_quotes(format_.ambiguous_cell())));
    case Answer::None:
      if (options.decimal != '\0' && format_.answer(column.format) == Answer::Found)
        throw DataError(fmt::format("{}: {} has a decimal {} (column {}), and `decimal` says {}", first_word.place,
                                    in_quotes(first_word.text), options.decimal == ',' ? "point" : "comma",
                                    in_quotes(name), options.decimal == ',' ? "comma" : "point"));
      break;
  }
  decide_words(options, file, label_may_be_missing, notes);
}

void ColumnFacts::decide_words(const CsvOptions& options, const std::string& file, bool label_may_be_missing,
                               std::vector<std::string>& notes) {
  const std::size_t known = numbers + words;
  const auto share = [&](std::size_t part) { return static_cast<double>(part) / static_cast<double>(known); };
  if (share(dates_) >= kShareOfDates)
    throw DataError(fmt::format(
        "{}: {} is a date or a time (column {}); give numbers in its place, such as the days since a day, the month or "
        "the hour, or leave it out with `ignore`",
        first_word.place, in_quotes(first_word.text), in_quotes(name)));
  if (is_label) {
    if (numbers > 0 && (share(numbers) >= kShareOfNumbers || distinct_.size() > 2))
      throw DataError(fmt::format("{}: {} is not a number (column {}, where {} of {} values are)", first_word.place,
                                  in_quotes(first_word.text), in_quotes(name), numbers, known));
    column.values.assign(distinct_.begin(), distinct_.end());
    // `severe` and `none`: the second is a class, though it is a word for a missing value elsewhere.
    missing_is_a_value = distinct_.size() == 1 && distinct_missing_.size() == 1 && empty == 0;
    if (missing_is_a_value) {
      column.values.push_back(*distinct_missing_.begin());
      std::sort(column.values.begin(), column.values.end());
    } else if (!label_may_be_missing) {
      require_no_missing(options, "labels");
    }
    return;
  }
  const bool all_are_numbers = first_odd_.place.empty();
  if (share(numbers_with_marks_) >= kShareOfNumbers && all_are_numbers)
    throw DataError(
        fmt::format("{}: {} and {} in one column (column {}): its numbers are written in more than one way; write all "
                    "of them alike",
                    other_number_cell_.place.empty() ? file : other_number_cell_.place,
                    in_quotes(first_number_cell_.text), in_quotes(other_number_cell_.text), in_quotes(name)));
  if (share(numbers_with_marks_) >= kShareOfNumbers)
    throw DataError(fmt::format(
        "{}: {} is not a number (column {}, where {} of {} values are); mend the cell, or name it as a missing value "
        "with `missing_words` and `missing`",
        first_odd_.place, in_quotes(first_odd_.text), in_quotes(name), numbers_with_marks_, known));
  // Cells that begin with digits and hardly ever repeat are measurements, not words.
  constexpr std::size_t fewest_rows = 10;
  const bool hardly_repeats = known >= fewest_rows && 2 * distinct_.size() > known;
  const CellPlace& odd = all_are_numbers ? first_word : first_odd_;
  if (share(begin_like_numbers_) >= 0.5 && hardly_repeats && !options.as_published)
    throw DataError(fmt::format(
        "{}: {} is neither a number nor one of a few words (column {}, {} different values in {} rows): write numbers "
        "without units and marks, name words for missing values with `missing_words`, or leave the column out with "
        "`ignore`",
        odd.place, in_quotes(odd.text), in_quotes(name), distinct_.size(), known));
  const bool all_differ = distinct_.size() == known && known >= kFewestIdentifiers && numbers == 0;
  if (all_differ && !options.as_published) {
    left_out = true;
    notes.push_back(
        fmt::format("column {} was left out: its {} words all differ, so it names the rows", in_quotes(name), known));
    return;
  }
  if (distinct_.size() > kMostValues) {
    const std::string how_many =
        fmt::format("{}{}", distinct_.size() == kCountValuesUpTo ? "at least " : "", distinct_.size());
    throw DataError(fmt::format(
        "{}: column {} has {} different values that are not all numbers, and at most {} can be one-hot encoded; the "
        "first is {}: if they are numbers with a unit or a mark, write them as numbers; if they are names or text, "
        "give "
        "the column as the task or leave it out with `ignore`",
        file, in_quotes(name), how_many, kMostValues, in_quotes(first_word.text)));
  }
  if (distinct_.size() == 1 && missing == 0 && !options.as_published) {
    left_out = true;
    notes.push_back(
        fmt::format("column {} was left out: it is {} in every row", in_quotes(name), in_quotes(*distinct_.begin())));
    return;
  }
  column.values.assign(distinct_.begin(), distinct_.end());
  if (missing > 0) {
    if (empty > 0) require_no_missing(options, "words");
    missing_is_a_value = options.missing == MissingRule::Refuse;
    if (missing_is_a_value) {
      column.values.insert(column.values.end(), distinct_missing_.begin(), distinct_missing_.end());
      notes.push_back(
          fmt::format("column {}: {} is kept as a value of its own ({} rows); `missing=drop` leaves such rows out",
                      in_quotes(name), in_quotes(*distinct_missing_.begin()), missing));
    } else if (options.missing != MissingRule::Drop) {
      column.values.emplace_back(kMissingValue);
    }
    std::sort(column.values.begin(), column.values.end());
  }
  notes.push_back(fmt::format("column {} has {} value{} and was one-hot encoded", in_quotes(name), column.values.size(),
                              column.values.size() == 1 ? "" : "s"));
}

}  // namespace crosstalk::data
