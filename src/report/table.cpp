#include "crosstalk/report/table.hpp"

#include <stdexcept>

#include <fmt/format.h>

#include "crosstalk/report/text.hpp"

namespace crosstalk::report {

namespace {

void require_valid(const Table& table, const char* who) {
  for (std::size_t r = 0; r < table.rows.size(); ++r) {
    const auto& row = table.rows[r];
    if (row.size() != table.columns.size())
      throw std::invalid_argument(fmt::format("{}: row {} of table \"{}\" has {} cells for {} columns", who, r,
                                              table.caption, row.size(), table.columns.size()));
    for (std::size_t c = 0; c < row.size(); ++c)
      if (std::holds_alternative<double>(row[c]) && !table.columns[c].format)
        throw std::invalid_argument(fmt::format("{}: row {} of table \"{}\" has a number in the text column \"{}\"",
                                                who, r, table.caption, table.columns[c].name));
  }
}

std::string heading(const Column& column) {
  return column.unit.empty() ? column.name : fmt::format("{} [{}]", column.name, column.unit);
}

const char* alignment(const Column& column) {
  return column.format ? " class=\"number\"" : "";
}

std::string html_cell(const Cell& cell, const Column& column, bool first) {
  if (const auto* number = std::get_if<double>(&cell))
    return fmt::format("<td class=\"number\" data-value=\"{}\">{}</td>", exact(*number),
                       shown(*number, *column.format));
  const std::string text = escape_html(std::get<std::string>(cell));
  if (first) return fmt::format("<th scope=\"row\">{}</th>", text);
  return fmt::format("<td{}>{}</td>", alignment(column), text);
}

}  // namespace

std::string csv_field(const std::string& text) {
  const bool plain = !text.empty() && text.find_first_of(",\"\r\n#;\t") == std::string::npos && text.front() != ' ' &&
                     text.back() != ' ';
  if (plain) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string to_csv(const Table& table) {
  require_valid(table, "to_csv");
  std::string csv;
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    if (c > 0) csv += ',';
    csv += csv_field(heading(table.columns[c]));
  }
  csv += '\n';
  for (const auto& row : table.rows) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      if (c > 0) csv += ',';
      const auto* number = std::get_if<double>(&row[c]);
      csv += number != nullptr ? exact(*number) : csv_field(std::get<std::string>(row[c]));
    }
    csv += '\n';
  }
  return csv;
}

std::string to_html(const Table& table) {
  require_valid(table, "to_html");
  std::string html = "<table>\n";
  if (!table.caption.empty()) html += fmt::format("<caption>{}</caption>\n", escape_html(table.caption));
  html += "<thead><tr>";
  for (const Column& column : table.columns) {
    html += fmt::format("<th scope=\"col\"{}>{}", alignment(column), escape_html(column.name));
    if (!column.unit.empty()) html += fmt::format(" <span class=\"unit\">{}</span>", escape_html(column.unit));
    html += "</th>";
  }
  html += "</tr></thead>\n<tbody>\n";
  for (const auto& row : table.rows) {
    html += "<tr>";
    for (std::size_t c = 0; c < row.size(); ++c) html += html_cell(row[c], table.columns[c], c == 0);
    html += "</tr>\n";
  }
  return html + "</tbody>\n</table>\n";
}

}  // namespace crosstalk::report
