#include "attack_files.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <stdexcept>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "crosstalk/data/csv_scanner.hpp"
#include "crosstalk/data/files.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/report/table.hpp"

namespace crosstalk::app {

namespace {

// A small table whose columns are known by name.
class NamedColumns {
 public:
  NamedColumns(const std::filesystem::path& path, const std::vector<std::string>& required,
               const std::vector<std::string>& optional)
      : text_(data::read_file(path)), scanner_(text_, path.string()) {
    std::vector<std::string_view> header;
    if (!scanner_.next(header)) fail("is empty");
    for (std::size_t k = 0; k < header.size(); ++k) {
      const std::string name(header[k]);
      const bool known = std::find(required.begin(), required.end(), name) != required.end() ||
                         std::find(optional.begin(), optional.end(), name) != optional.end();
      if (!known) {
        std::vector<std::string> all = required;
        all.insert(all.end(), optional.begin(), optional.end());
        fail(fmt::format("unknown column {}; there are {}", data::in_quotes(name), fmt::join(all, ", ")));
      }
      if (!position_.emplace(name, k).second) fail(fmt::format("the column \"{}\" is there twice", name));
    }
    for (const std::string& name : required)
      if (!position_.contains(name)) fail(fmt::format("there is no column \"{}\"", name));
  }

  bool next() {
    if (!scanner_.next(fields_)) return false;
    if (fields_.size() != position_.size())
      fail(fmt::format("{} fields; the header has {}", fields_.size(), position_.size()));
    return true;
  }
  // Empty when the table has no such column.
  [[nodiscard]] std::string text(const std::string& column) const {
    const auto found = position_.find(column);
    return found == position_.end() ? "" : std::string(fields_[found->second]);
  }
  [[nodiscard]] std::optional<double> number(const std::string& column) const {
    const std::string word = text(column);
    if (word.empty()) return std::nullopt;
    double value = 0.0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc() || end != word.data() + word.size() || !std::isfinite(value))
      fail(fmt::format("{} in column \"{}\" is not a finite number", data::in_quotes(word), column));
    return value;
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw DataError(fmt::format("{}:{}: {}", scanner_.name(), scanner_.line(), what));
  }

 private:
  std::string text_;
  data::CsvScanner scanner_;
  std::map<std::string, std::size_t> position_;
  std::vector<std::string_view> fields_;
};

}  // namespace

std::vector<attack::ColumnRule> read_schema(const std::filesystem::path& path) {
  NamedColumns table(path, {"column", "kind"}, {"low", "high", "group"});
  std::vector<attack::ColumnRule> rules;
  while (table.next()) {
    attack::ColumnRule rule;
    rule.column = table.text("column");
    try {
      rule.kind = attack::column_kind_named(table.text("kind"));
    } catch (const std::invalid_argument& unknown) {
      table.fail(unknown.what());
    }
    rule.low = table.number("low");
    rule.high = table.number("high");
    rule.group = table.text("group");
    rules.push_back(std::move(rule));
  }
  return rules;
}

std::string format_schema(const std::vector<attack::ColumnRule>& rules) {
  report::Table table;
  for (const char* const column : {"column", "kind", "low", "high", "group"})
    table.columns.push_back({.name = column, .format = report::NumberFormat{}});
  for (const attack::ColumnRule& rule : rules) {
    const auto cell = [](const std::optional<double>& value) {
      return value ? report::Cell(*value) : report::Cell(std::string());
    };
    table.rows.push_back({rule.column, std::string(to_string(rule.kind)), cell(rule.low), cell(rule.high), rule.group});
  }
  return report::to_csv(table);
}

std::vector<double> read_prices(const std::filesystem::path& path, const TaskSet& tasks) {
  NamedColumns table(path, {"task", "price"}, {});
  std::vector<double> prices(tasks.size(), std::numeric_limits<double>::infinity());
  while (table.next()) {
    const std::string name = table.text("task");
    std::size_t task = 0;
    try {
      task = task_index(tasks, name);
    } catch (const std::invalid_argument& unknown) {
      table.fail(unknown.what());
    }
    if (std::isfinite(prices[task])) table.fail(fmt::format("the task \"{}\" has two prices", name));
    const auto price = table.number("price");
    if (!price) table.fail(fmt::format("the task \"{}\" has no price", name));
    if (!(*price > 0.0)) table.fail(fmt::format("a row of \"{}\" costs {}; it must be > 0", name, *price));
    prices[task] = *price;
  }
  return prices;
}

}  // namespace crosstalk::app
