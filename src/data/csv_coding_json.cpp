#include "csv_coding_json.hpp"

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace crosstalk::data {

namespace {

nlohmann::json to_json(const NumberFormat& format) {
  return {{"decimal", std::string(1, format.decimal)},
          {"marked", format.marked},
          {"percent", format.percent},
          {"currency", format.currency}};
}

NumberFormat format_from_json(const nlohmann::json& json) {
  const std::string decimal = json.at("decimal");
  if (decimal != "." && decimal != ",") throw std::invalid_argument("columns: decimal must be . or ,");
  return {decimal[0], json.at("marked"), json.at("percent"), json.at("currency")};
}

void require_sorted(const std::vector<std::string>& words, const char* field) {
  if (std::adjacent_find(words.begin(), words.end(), std::greater_equal<>()) != words.end())
    throw std::invalid_argument(fmt::format("columns: {} must be sorted and differ", field));
}

}  // namespace

nlohmann::json to_json(const CsvCoding& coding) {
  auto list = nlohmann::json::array();
  for (const CsvColumn& column : coding.columns) {
    nlohmann::json entry = {{"name", column.name}, {"format", to_json(column.format)}};
    if (column.is_categorical()) entry["values"] = column.values;
    if (column.indicator) entry["indicator"] = true;
    if (column.fill) entry["fill"] = *column.fill;
    list.push_back(std::move(entry));
  }
  return {{"task_column", coding.task_column},
          {"label_columns", coding.label_columns},
          {"has_header", coding.has_header},
          {"missing", to_string(coding.missing)},
          {"missing_words", coding.missing_words},
          {"columns", std::move(list)},
          {"label_format", to_json(coding.label_format)},
          {"label_words", coding.label_words},
          {"left_out", coding.left_out}};
}

CsvCoding csv_coding_from_json(const nlohmann::json& json) {
  try {
    CsvCoding coding;
    json.at("task_column").get_to(coding.task_column);
    json.at("label_columns").get_to(coding.label_columns);
    json.at("has_header").get_to(coding.has_header);
    coding.missing = missing_rule_named(json.at("missing"));
    json.at("missing_words").get_to(coding.missing_words);
    coding.label_format = format_from_json(json.at("label_format"));
    json.at("label_words").get_to(coding.label_words);
    require_sorted(coding.label_words, "label_words");
    json.at("left_out").get_to(coding.left_out);
    for (const nlohmann::json& entry : json.at("columns")) {
      CsvColumn column{entry.at("name"), format_from_json(entry.at("format"))};
      if (entry.contains("values")) entry.at("values").get_to(column.values);
      require_sorted(column.values, "values");
      if (entry.contains("indicator")) entry.at("indicator").get_to(column.indicator);
      if (entry.contains("fill")) column.fill = entry.at("fill").get<double>();
      if (column.indicator && !column.fill) throw std::invalid_argument("columns: an indicator needs a fill");
      coding.columns.push_back(std::move(column));
    }
    if (coding.columns.empty()) throw std::invalid_argument("columns: there are none");
    if (coding.label_columns.empty()) throw std::invalid_argument("columns: there is no label column");
    return coding;
  } catch (const nlohmann::json::exception& error) {
    throw std::invalid_argument(fmt::format("columns: {}", error.what()));
  }
}

}  // namespace crosstalk::data
