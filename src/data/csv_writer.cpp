#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/data/csv.hpp"
#include "crosstalk/data/csv_scanner.hpp"
#include "csv_columns.hpp"

namespace crosstalk::data {

namespace {

void append_number(std::string& text, double value) {
  char buffer[32];
  text.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

std::vector<std::string> column_names(const TaskSet& tasks, const CsvLayout& layout) {
  std::vector<std::string> names;
  if (!layout.task_column.empty()) names.push_back(layout.task_column);
  names.push_back(layout.label_column);
  if (tasks.feature_names.empty())
    for (Eigen::Index j = 1; j <= tasks.features(); ++j) names.push_back(fmt::format("x{}", j));
  names.insert(names.end(), tasks.feature_names.begin(), tasks.feature_names.end());
  if (!layout.injected.empty()) names.emplace_back("injected");
  if (!layout.in_test.empty()) names.emplace_back("part");
  std::set<std::string> seen;
  for (const std::string& name : names)
    if (!seen.insert(name).second)
      throw std::invalid_argument(fmt::format("format_csv: two columns would be named \"{}\"", name));
  return names;
}

std::string_view without_break(std::string_view record) {
  while (!record.empty() && (record.back() == '\n' || record.back() == '\r')) record.remove_suffix(1);
  return record;
}

// The line end that the file has.
std::string line_end(const CsvText& text) {
  const std::string& whole = text.text.utf8;
  const std::size_t at = whole.find_first_of("\r\n");
  if (at == std::string::npos) return "\n";
  return whole.compare(at, 2, "\r\n") == 0 ? "\r\n" : std::string(1, whole[at]);
}

// Where the header begins: behind the line break before its own lines.
std::size_t header_begin(const CsvText& text) {
  const std::string& whole = text.text.utf8;
  std::size_t breaks = 1;  // in quotes, those of the names are none of the file
  for (const std::string& name : text.names)
    breaks += static_cast<std::size_t>(std::count(name.begin(), name.end(), '\n'));
  std::size_t begin = without_break(std::string_view(whole).substr(0, text.body)).size();
  for (; breaks > 0 && begin > 0; --breaks) {
    const std::size_t at = whole.find_last_of("\r\n", begin - 1);
    if (at == std::string::npos) return 0;
    begin = breaks == 1 ? at + 1 : at;
  }
  return begin;
}

// The cells of an injected row by column name.
class InjectedRow {
 public:
  InjectedRow(const CsvCoding& coding, const std::optional<ClassNames>& classes) : coding_(coding), classes_(classes) {}

  [[nodiscard]] std::map<std::string, std::string> cells(const Task& task, Eigen::Index row) const {
    std::map<std::string, std::string> cells;
    if (!coding_.task_column.empty()) cells[coding_.task_column] = task.name;
    const bool several = coding_.label_columns.size() > 1;
    cells[several ? task.name : coding_.label_columns.front()] = label(task.labels[row]);
    Eigen::Index j = 0;
    for (const CsvColumn& column : coding_.columns) {
      cells[column.name] = cell(column, task.features.row(row), j);
      j += column.width();
    }
    return cells;
  }

 private:
  [[nodiscard]] std::string label(double value) const {
    if (classes_) return value > 0.0 ? classes_->positive : classes_->negative;
    return coding_.label_format.format(value);
  }
  [[nodiscard]] std::string cell(const CsvColumn& column, const Eigen::RowVectorXd& features, Eigen::Index j) const {
    if (column.is_categorical()) {
      for (std::size_t k = 0; k < column.values.size(); ++k)
        if (features[j + static_cast<Eigen::Index>(k)] == 1.0)
          return column.values[k] == kMissingValue ? "" : column.values[k];
      throw std::invalid_argument(fmt::format("with_injected: a row has no value in column \"{}\"", column.name));
    }
    if (column.indicator && features[j + 1] == 1.0) return "";
    return column.format.format(features[j]);
  }

  const CsvCoding& coding_;
  const std::optional<ClassNames>& classes_;
};

}  // namespace

std::string csv_quoted(std::string_view field, char separator) {
  const bool plain = !field.empty() && field.find_first_of("\"\r\n\t,;|") == std::string_view::npos &&
                     field.find(separator) == std::string_view::npos && field.front() != ' ' && field.back() != ' ';
  if (plain) return std::string(field);
  std::string quoted = "\"";
  for (const char c : field) {
    quoted += c;
    if (c == '"') quoted += c;
  }
  return quoted + '"';
}

std::string without_records(const CsvText& text, const std::vector<bool>& kept) {
  const std::string& whole = text.text.utf8;
  std::string result = whole.substr(0, text.body);
  std::size_t at = text.body;
  for (std::size_t row = 0; row < text.begins.size(); ++row) {
    result.append(whole, at, text.begins[row] - at);  // blank lines stay
    if (kept[row]) result.append(whole, text.begins[row], text.ends[row] - text.begins[row]);
    at = text.ends[row];
  }
  result.append(whole, at);
  return encode_text(result, text.text.encoding);
}

TaskSet as_written(const CsvCoding& coding, TaskSet rows) {
  Eigen::Index j = 0;
  for (const CsvColumn& column : coding.columns) {
    for (Task& task : rows)
      for (Eigen::Index row = 0; row < task.rows() && !column.is_categorical(); ++row) {
        double& value = task.features(row, j);
        const bool is_missing = column.indicator && task.features(row, j + 1) == 1.0;
        value = is_missing ? *column.fill : *column.format.parse(column.format.format(value));
      }
    j += column.width();
  }
  // Labels of classes are words; others are written like the column.
  if (coding.label_words.empty())
    for (Task& task : rows)
      for (double& label : task.labels) label = *coding.label_format.parse(coding.label_format.format(label));
  return rows;
}

std::string with_injected(const CsvText& text, const CsvCoding& coding, const std::vector<bool>& in_test,
                          const TaskSet& injected, const std::optional<ClassNames>& classes) {
  const std::string& whole = text.text.utf8;
  const std::string end = line_end(text);
  const char separator = text.separator;
  const auto record = [&](std::size_t begin, std::size_t behind) {
    return std::string(without_break(std::string_view(whole).substr(begin, behind - begin)));
  };
  std::string result;
  if (text.has_header) {
    result = without_break(std::string_view(whole).substr(0, text.body));
  } else {
    result = whole.substr(0, text.body);
    for (std::size_t j = 0; j < text.names.size(); ++j)
      result += (j > 0 ? std::string(1, separator) : "") + csv_quoted(text.names[j], separator);
  }
  result += fmt::format("{0}injected{0}part{1}", separator, end);
  for (std::size_t row = 0; row < text.begins.size(); ++row)
    result += fmt::format("{1}{0}0{0}{2}{3}", separator, record(text.begins[row], text.ends[row]),
                          in_test[row] ? "test" : "train", end);
  const InjectedRow words(coding, classes);
  for (const Task& task : injected)
    for (Eigen::Index row = 0; row < task.rows(); ++row) {
      const auto cells = words.cells(task, row);
      for (std::size_t j = 0; j < text.names.size(); ++j) {
        const auto found = cells.find(text.names[j]);
        if (found != cells.end()) result += csv_quoted(found->second, separator);
        result += separator;
      }
      result += fmt::format("1{}train{}", separator, end);
    }
  return encode_text(result, text.text.encoding);
}

std::string selected_rows(const CsvText& text, const CsvCoding& coding, const RowSelection& selection,
                          const std::optional<ClassNames>& classes) {
  const std::string& whole = text.text.utf8;
  const std::string end = line_end(text);
  std::vector<bool> stays(text.names.size(), true);
  for (std::size_t j = 0; j < text.names.size(); ++j)
    stays[j] = std::find(selection.without.begin(), selection.without.end(), text.names[j]) == selection.without.end();
  // @param first  column of the first field: 1 for a header that has none for the names of the rows.
  const auto line_of = [&](const auto& fields, std::size_t first) {
    std::string line;
    bool is_first = true;
    for (std::size_t j = 0; j < fields.size(); ++j) {
      if (j + first < stays.size() && !stays[j + first]) continue;
      if (!is_first) line += text.separator;
      if (!fields[j].empty()) line += csv_quoted(fields[j], text.separator);
      is_first = false;
    }
    return line + end;
  };
  std::vector<std::string_view> fields;
  std::string result;
  if (text.has_header) {
    const std::size_t begin = header_begin(text);
    result = whole.substr(0, begin);
    CsvScanner header(whole, "", text.separator, begin);
    header.next(fields);
    const bool without_row_names =
        fields.size() + 1 == text.names.size() && text.names.back() != fmt::format("column {}", text.names.size());
    result += line_of(fields, without_row_names ? 1 : 0);
  } else {
    result = whole.substr(0, text.body);
  }
  std::vector<std::string> rows;
  for (const std::size_t record : selection.records) {
    CsvScanner scanner(whole, "", text.separator, text.begins[record]);
    scanner.next(fields);
    rows.push_back(line_of(fields, 0));
  }
  const InjectedRow words(coding, classes);
  for (const Task& task : selection.injected)
    for (Eigen::Index row = 0; row < task.rows(); ++row) {
      const auto cells = words.cells(task, row);
      std::vector<std::string> own;
      for (const std::string& name : text.names) {
        const auto found = cells.find(name);
        own.push_back(found == cells.end() ? "" : found->second);
      }
      rows.push_back(line_of(own, 0));
    }
  for (std::size_t k = 0; k < rows.size(); ++k) result += rows[selection.order.empty() ? k : selection.order[k]];
  return encode_text(result, text.text.encoding);
}

CsvText csv_text(std::string csv) {
  CsvText text;
  text.text.utf8 = std::move(csv);
  CsvScanner scanner(text.text.utf8, "", text.separator);
  std::vector<std::string_view> fields;
  scanner.next(fields);
  text.names.assign(fields.begin(), fields.end());
  text.body = scanner.position();
  while (scanner.next(fields)) {
    text.begins.push_back(scanner.record_begin());
    text.ends.push_back(scanner.position());
  }
  return text;
}

std::string format_csv(const TaskSet& tasks, const CsvLayout& layout) {
  for (const auto* flags : {&layout.injected, &layout.in_test}) {
    if (flags->empty()) continue;
    if (flags->size() != tasks.size())
      throw std::invalid_argument(
          fmt::format("format_csv: there are flags for {} tasks where there are {}", flags->size(), tasks.size()));
    for (std::size_t t = 0; t < tasks.size(); ++t)
      if ((*flags)[t].size() != static_cast<std::size_t>(tasks[t].rows()))
        throw std::invalid_argument(fmt::format("format_csv: task {} (\"{}\") has {} flags for {} rows", t + 1,
                                                tasks[t].name, (*flags)[t].size(), tasks[t].rows()));
  }
  std::string text;
  const std::vector<std::string> names = column_names(tasks, layout);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += ',';
    text += csv_quoted(names[i]);
  }
  text += '\n';
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    const Task& task = tasks[t];
    for (Eigen::Index row = 0; row < task.rows(); ++row) {
      if (!layout.task_column.empty()) {
        text += csv_quoted(task.name);
        text += ',';
      }
      append_number(text, task.labels[row]);
      for (const double value : task.features.row(row)) {
        text += ',';
        append_number(text, value);
      }
      if (!layout.injected.empty()) text += layout.injected[t][static_cast<std::size_t>(row)] ? ",1" : ",0";
      if (!layout.in_test.empty()) text += layout.in_test[t][static_cast<std::size_t>(row)] ? ",test" : ",train";
      text += '\n';
    }
  }
  return text;
}

}  // namespace crosstalk::data
