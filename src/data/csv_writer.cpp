#include <charconv>
#include <set>
#include <stdexcept>

#include <fmt/format.h>

#include "crosstalk/data/csv.hpp"

namespace crosstalk::data {

namespace {

void append_number(std::string& text, double value) {
  char buffer[32];
  text.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

void append_text(std::string& text, const std::string& field) {
  const bool blanks_outside = !field.empty() && (field.front() == ' ' || field.back() == ' ');
  if (!field.empty() && !blanks_outside && field.find_first_of(",;\t\"\r\n") == std::string::npos) {
    text += field;
    return;
  }
  text += '"';
  for (const char c : field) {
    text += c;
    if (c == '"') text += c;
  }
  text += '"';
}

std::vector<std::string> column_names(const TaskSet& tasks, const CsvLayout& layout) {
  std::vector<std::string> names;
  if (!layout.task_column.empty()) names.push_back(layout.task_column);
  names.push_back(layout.label_column);
  if (tasks.feature_names.empty())
    for (Eigen::Index j = 1; j <= tasks.features(); ++j) names.push_back(fmt::format("x{}", j));
  names.insert(names.end(), tasks.feature_names.begin(), tasks.feature_names.end());
  if (!layout.injected.empty()) names.emplace_back("injected");
  std::set<std::string> seen;
  for (const std::string& name : names)
    if (!seen.insert(name).second)
      throw std::invalid_argument(fmt::format("format_csv: two columns would be named \"{}\"", name));
  return names;
}

}  // namespace

std::string format_csv(const TaskSet& tasks, const CsvLayout& layout) {
  if (!layout.injected.empty()) {
    if (layout.injected.size() != tasks.size())
      throw std::invalid_argument(fmt::format("format_csv: injected has flags for {} tasks where there are {}",
                                              layout.injected.size(), tasks.size()));
    for (std::size_t t = 0; t < tasks.size(); ++t)
      if (layout.injected[t].size() != static_cast<std::size_t>(tasks[t].rows()))
        throw std::invalid_argument(fmt::format("format_csv: task {} (\"{}\") has {} flags for {} rows", t + 1,
                                                tasks[t].name, layout.injected[t].size(), tasks[t].rows()));
  }
  std::string text;
  const std::vector<std::string> names = column_names(tasks, layout);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += ',';
    append_text(text, names[i]);
  }
  text += '\n';
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    const Task& task = tasks[t];
    for (Eigen::Index row = 0; row < task.rows(); ++row) {
      if (!layout.task_column.empty()) {
        append_text(text, task.name);
        text += ',';
      }
      append_number(text, task.labels[row]);
      for (const double value : task.features.row(row)) {
        text += ',';
        append_number(text, value);
      }
      if (!layout.injected.empty()) text += layout.injected[t][static_cast<std::size_t>(row)] ? ",1" : ",0";
      text += '\n';
    }
  }
  return text;
}

}  // namespace crosstalk::data
