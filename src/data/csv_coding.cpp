#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <unordered_map>

#include <fmt/format.h>

#include "crosstalk/data/csv.hpp"
#include "crosstalk/error.hpp"
#include "csv_columns.hpp"
#include "csv_file.hpp"
#include "small_letters.hpp"

namespace crosstalk::data {

namespace {

// Reads rows of a new file by the columns of another one.
class RowReader {
 public:
  RowReader(const std::filesystem::path& path, const CsvCoding& coding, const std::vector<std::string>& tasks,
            const NewRowsOptions& options)
      : coding_(coding), options_(options), file_(path, csv_options(coding, options), rows_.notes) {
    for (std::size_t t = 0; t < tasks.size(); ++t) task_index_.emplace(tasks[t], t);
    const std::string task_column = options.task_column.empty() ? coding.task_column : options.task_column;
    if (!task_column.empty()) task_ = file_.position(task_column);
    for (const CsvColumn& column : coding.columns) positions_.push_back(position_of_feature(column));
    const std::vector<std::string> labels =
        options.label_column.empty() ? coding.label_columns : std::vector<std::string>{options.label_column};
    for (const std::string& label : labels)
      if (const auto found = std::find(file_.names().begin(), file_.names().end(), label); found != file_.names().end())
        labels_.push_back(static_cast<std::size_t>(found - file_.names().begin()));
    if (labels_.empty() && !options.label_column.empty()) static_cast<void>(file_.position(options.label_column));
    if (labels_.size() != labels.size()) labels_.clear();
    note_other_columns();
  }

  NewRows read() {
    const auto d = static_cast<Eigen::Index>(coding_.feature_count());
    const std::size_t tasks_a_row = coding_.label_columns.size();
    std::vector<double> values;
    std::vector<double> labels;
    settle_formats();
    CsvScanner scanner = file_.rows();
    std::vector<std::string_view> fields;
    std::size_t dropped = 0;
    for (std::size_t record = 0; file_.next(scanner, fields); ++record) {
      const std::size_t before = values.size();
      if (is_lost(fields) || !read_features(scanner, fields, values)) {
        values.resize(before);
        ++dropped;
        continue;
      }
      for (std::size_t k = 0; k < tasks_a_row; ++k) {
        if (k > 0) values.insert(values.end(), values.end() - d, values.end());
        add_task(scanner, fields, k);
        if (!labels_.empty()) labels.push_back(label_of(scanner, fields[labels_[k]], file_.names()[labels_[k]]));
        rows_.records.push_back(record);
        rows_.lines.push_back(scanner.line());
      }
    }
    const auto n = static_cast<Eigen::Index>(rows_.records.size());
    if (n == 0)
      throw DataError(fmt::format("{}: {}", file_.name(),
                                  dropped > 0 ? "every row has a missing value" : "holds a header but no rows"));
    if (dropped > 0) rows_.notes.push_back(fmt::format("{} rows were left out: a value is missing", dropped));
    using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    rows_.features = Eigen::Map<const RowMajor>(values.data(), n, d);
    rows_.labels = Eigen::Map<const Eigen::VectorXd>(labels.data(), static_cast<Eigen::Index>(labels.size()));
    if (options_.keep_text) rows_.text = file_.release_text();
    return std::move(rows_);
  }

 private:
  static CsvOptions csv_options(const CsvCoding& coding, const NewRowsOptions& options) {
    CsvOptions csv;
    csv.separator = options.separator;
    csv.has_header = coding.has_header;
    csv.skip_lines = options.skip_lines;
    return csv;
  }

  std::size_t position_of_feature(const CsvColumn& column) const {
    const auto found = std::find(file_.names().begin(), file_.names().end(), column.name);
    if (found == file_.names().end())
      throw DataError(fmt::format(
          "{}: there is no column {}, which {}; its columns are {}", file_.name(), in_quotes(column.name),
          options_.name_options ? "the model was learned from" : "the rows to learn from have", listed(file_.names())));
    return static_cast<std::size_t>(found - file_.names().begin());
  }

  void note_other_columns() {
    std::vector<std::string> others;
    for (std::size_t j = 0; j < file_.names().size(); ++j) {
      const std::string& name = file_.names()[j];
      const auto is = [&](const std::vector<std::size_t>& list) {
        return std::find(list.begin(), list.end(), j) != list.end();
      };
      const bool known_to_be_left_out =
          std::find(coding_.left_out.begin(), coding_.left_out.end(), name) != coding_.left_out.end();
      const bool is_label =
          std::find(coding_.label_columns.begin(), coding_.label_columns.end(), name) != coding_.label_columns.end();
      if (j != task_ && !is(positions_) && !is(labels_) && !known_to_be_left_out && !is_label) others.push_back(name);
    }
    if (!others.empty())
      rows_.notes.push_back(fmt::format(
          "{} passed over, which {}: {}", others.size() == 1 ? "a column was" : "columns were",
          options_.name_options ? "the model does not know" : "the rows to learn from do not have", listed(others)));
  }

  [[noreturn]] void refuse(const CsvScanner& scanner, std::string_view cell, const std::string& column,
                           const std::string& what) const {
    throw DataError(fmt::format("{}:{}: {} {} (column {})", file_.name(), scanner.line(), in_quotes(cell), what,
                                in_quotes(column)));
  }

  // How the numbers of every column are written here: as in the model's file, or else as a whole column agrees on.
  void settle_formats() {
    std::vector<bool> is_marked(coding_.columns.size(), false);
    const auto for_each_number = [&](const auto& visit) {
      CsvScanner scanner = file_.rows();
      std::vector<std::string_view> fields;
      while (file_.next(scanner, fields))
        for (std::size_t k = 0; k < coding_.columns.size(); ++k)
          if (!coding_.columns[k].is_categorical()) visit(k, fields[positions_[k]]);
    };
    for (const CsvColumn& column : coding_.columns) formats_.push_back(column.format);
    for_each_number([&](std::size_t k, std::string_view cell) {
      is_marked[k] = is_marked[k] || coding_.columns[k].format.marked ||
                     (plain_number(cell).kind == CellKind::Word && !coding_.is_missing(cell));
    });
    if (std::find(is_marked.begin(), is_marked.end(), true) == is_marked.end()) return;
    std::vector<NumberFormatSearch> searches(coding_.columns.size());
    for_each_number([&](std::size_t k, std::string_view cell) {
      if (is_marked[k] && !coding_.is_missing(cell)) searches[k].add(cell);
    });
    for (std::size_t k = 0; k < searches.size(); ++k) {
      const NumberFormat& known = coding_.columns[k].format;
      NumberFormat found;
      if (!is_marked[k]) continue;
      const bool fits = searches[k].answer(found, known.decimal) == NumberFormatSearch::Answer::Found ||
                        searches[k].answer(found) == NumberFormatSearch::Answer::Found;
      // Without its sign 45 % is another number than 45.
      if (!fits || found.percent != known.percent || found.currency != known.currency) continue;
      if (found.decimal != known.decimal)
        rows_.notes.push_back(fmt::format("column {} has another decimal mark than the model's file",
                                          in_quotes(coding_.columns[k].name)));
      formats_[k] = found;
    }
  }

  // Whether the row has no task where the model's own file had rules for that.
  [[nodiscard]] bool is_lost(const std::vector<std::string_view>& fields) const {
    return task_ != kNoColumn && coding_.missing != MissingRule::Refuse && !options_.take_unknown_tasks &&
           coding_.is_missing(fields[task_]);
  }

  // Whether the row is kept.
  bool read_features(const CsvScanner& scanner, const std::vector<std::string_view>& fields,
                     std::vector<double>& values) const {
    const std::size_t begin = values.size();
    values.resize(begin + coding_.feature_count());
    Eigen::Map<Eigen::RowVectorXd> row(values.data() + begin, static_cast<Eigen::Index>(values.size() - begin));
    Eigen::Index j = 0;
    for (std::size_t k = 0; k < coding_.columns.size(); ++k) {
      const CsvColumn& column = coding_.columns[k];
      const std::string_view cell = fields[positions_[k]];
      const auto value = column.is_categorical() ? word_value(scanner, column, cell) : number_value(scanner, k, cell);
      if (!value) return false;
      const Eigen::Index first = j;
      write_features(column, *value, row, j);
      if (std::isnan(row[first])) row[first] = *column.fill;
    }
    return true;
  }

  // A position in the values; behind their end for a word that is ignored.
  std::optional<double> word_value(const CsvScanner& scanner, const CsvColumn& column, std::string_view cell) const {
    std::size_t index = value_index(column.values, cell);
    if (index == column.values.size() && coding_.is_missing(cell)) {
      if (coding_.missing == MissingRule::Drop) return std::nullopt;
      index = value_index(column.values, kMissingValue);
      if (index == column.values.size() && coding_.missing == MissingRule::Refuse)
        refuse(scanner, cell, column.name, "is a missing value, and the model was learned without a rule for these");
    } else if (index == column.values.size() && !options_.ignore_unseen) {
      refuse(scanner, cell, column.name,
             "is no value that the model was learned from; it knows " + listed(column.values) +
                 (options_.name_options ? "; `unseen=ignore` predicts such rows without it" : ""));
    }
    return static_cast<double>(index);
  }

  std::optional<double> number_value(const CsvScanner& scanner, std::size_t k, std::string_view cell) const {
    const CsvColumn& column = coding_.columns[k];
    const auto number = formats_[k].parse(cell);
    if (number && !(numbers_may_be_missing_ && coding_.is_missing(cell))) return number;
    if (coding_.is_missing(cell)) {
      if (coding_.missing == MissingRule::Drop) return std::nullopt;
      if (column.fill) return std::numeric_limits<double>::quiet_NaN();
      refuse(scanner, cell, column.name, "is a missing value, and the model was learned without a rule for these");
    }
    if (plain_number(cell).kind == CellKind::NotFinite) refuse(scanner, cell, column.name, "is not a finite number");
    refuse(scanner, cell, column.name,
           column.format.marked ? fmt::format("is not a number as the model's file has them, such as {}",
                                              in_quotes(column.format.format(1234.5)))
                                : std::string("is not a number"));
  }

  void add_task(const CsvScanner& scanner, const std::vector<std::string_view>& fields, std::size_t label) {
    std::string name = coding_.label_columns.size() > 1 ? coding_.label_columns[label]
                       : task_ == kNoColumn             ? std::string("all")
                                                        : std::string(fields[task_]);
    auto known = task_index_.find(name);
    if (known == task_index_.end()) known = task_index_.find(canonical_value(name));  // 1.0 for the task 1
    if (known == task_index_.end() && !options_.take_unknown_tasks)
      refuse(scanner, name, task_ == kNoColumn ? "task" : file_.names()[task_],
             options_.name_options
                 ? "is no task of the model; `unknown_task=mean` predicts such rows with the mean of all tasks"
                 : "is no task of the rows to learn from");
    rows_.tasks.push_back(known == task_index_.end() ? NewRows::kUnknownTask : known->second);
    rows_.task_names.push_back(std::move(name));
  }

  // NaN for a label that is missing.
  double label_of(const CsvScanner& scanner, std::string_view cell, const std::string& column) const {
    if (!coding_.label_words.empty()) {
      const std::size_t index = value_index(coding_.label_words, cell);
      if (index < coding_.label_words.size()) return static_cast<double>(index);
      if (coding_.is_missing(cell)) return std::numeric_limits<double>::quiet_NaN();
      refuse(scanner, cell, column, "is no class of the model; it knows " + listed(coding_.label_words));
    }
    if (const auto number = coding_.label_format.parse(cell)) return *number;
    if (coding_.is_missing(cell)) return std::numeric_limits<double>::quiet_NaN();
    const Cell plain = plain_number(cell);
    if (plain.kind != CellKind::Number) refuse(scanner, cell, column, "is not a finite number");
    return plain.value;
  }

  static constexpr std::size_t kNoColumn = SIZE_MAX;
  const CsvCoding& coding_;
  const NewRowsOptions& options_;
  NewRows rows_;
  CsvFile file_;
  std::unordered_map<std::string, std::size_t> task_index_;
  std::vector<NumberFormat> formats_;  // of the model's columns in this file
  bool numbers_may_be_missing_ = names_a_number(coding_.missing_words);
  std::size_t task_ = kNoColumn;
  std::vector<std::size_t> positions_;  // of the model's columns in the file
  std::vector<std::size_t> labels_;     // of its label columns; empty where one is not in the file
};

}  // namespace

std::vector<std::string> CsvCoding::feature_names() const {
  std::vector<std::string> names;
  for (const CsvColumn& column : columns) {
    if (!column.is_categorical()) names.push_back(column.name);
    for (const std::string& value : column.values) names.push_back(column.name + "=" + value);
    if (column.indicator) names.push_back(column.name + " missing");
  }
  return names;
}

std::size_t CsvCoding::feature_count() const {
  Eigen::Index count = 0;
  for (const CsvColumn& column : columns) count += column.width();
  return static_cast<std::size_t>(count);
}

bool CsvCoding::is_missing(std::string_view cell) const {
  constexpr std::size_t longest = 64;
  if (cell.size() > longest) return false;
  const std::string lower = in_small_letters(cell);
  if (std::find(missing_words.begin(), missing_words.end(), lower) != missing_words.end()) return true;
  const Cell number = plain_number(cell);
  return number.kind == CellKind::Number &&
         std::any_of(missing_words.begin(), missing_words.end(), [&](const std::string& word) {
           const Cell missing_number = plain_number(word);
           return missing_number.kind == CellKind::Number && missing_number.value == number.value;
         });
}

NewRows read_rows(const std::filesystem::path& path, const CsvCoding& coding, const std::vector<std::string>& tasks,
                  const NewRowsOptions& options) {
  return RowReader(path, coding, tasks, options).read();
}

}  // namespace crosstalk::data
