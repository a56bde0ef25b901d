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

TaskSet rows_in_order(TaskSet rows, const std::string& owner, const std::vector<std::string>& tasks,
                      const std::vector<std::string>& features, Eigen::Index feature_count) {
  if (rows.features() != feature_count)
    throw DataError(fmt::format("{} features; {} has {}", rows.features(), owner, feature_count));
  TaskSet ordered;
  ordered.feature_names = rows.feature_names;
  for (const std::string& name : tasks) ordered.tasks.push_back({name, Eigen::MatrixXd(0, rows.features()), {}});
  for (Task& task : rows) {
    const auto known = std::find(tasks.begin(), tasks.end(), task.name);
    if (known == tasks.end()) throw DataError(fmt::format("{} has no task \"{}\"", owner, task.name));
    ordered[static_cast<std::size_t>(known - tasks.begin())] = std::move(task);
  }
  if (features.empty() || rows.feature_names.empty() || rows.feature_names == features) return ordered;
  std::vector<Eigen::Index> order;
  for (const std::string& name : features) {
    const auto found = std::find(rows.feature_names.begin(), rows.feature_names.end(), name);
    if (found == rows.feature_names.end()) throw DataError(fmt::format("{} needs a feature \"{}\"", owner, name));
    order.push_back(found - rows.feature_names.begin());
  }
  for (Task& task : ordered) task.features = task.features(Eigen::all, order).eval();
  ordered.feature_names = features;
  return ordered;
}

TaskSet read_more_rows(const std::string& path, const data::Dataset& dataset, const TaskSet& like,
                       std::size_t skip_lines, std::vector<std::string>& notes) {
  if (!dataset.csv) {
    const data::CsvOptions options{
        .task_column = dataset.task_column, .label_columns = {dataset.label_column}, .as_published = true};
    TaskSet rows = data::read_csv(path, options).tasks;
    try {
      return rows_in_order(std::move(rows), dataset.name, like.names(), like.feature_names, like.features());
    } catch (const DataError& error) {
      throw DataError(fmt::format("{}: {}", path, error.what()));
    }
  }
  const data::CsvCoding& coding = dataset.csv->coding;
  const data::NewRows rows =
      data::read_rows(path, coding, like.names(), {.skip_lines = skip_lines, .name_flags = false});
  if (rows.labels.size() == 0)
    throw DataError(fmt::format("{}: there is no column {}; these rows need their labels", path,
                                data::in_quotes(coding.label_columns.front())));
  const std::string name = std::filesystem::path(path).filename().string();
  for (const std::string& note : rows.notes) notes.push_back(name + ": " + note);
  if (const auto unlabelled = rows.labels.array().isNaN().count(); unlabelled > 0)
    notes.push_back(
        fmt::format("{}: {} of {} rows have no label and were left out", name, unlabelled, rows.labels.size()));
  std::vector<std::vector<Eigen::Index>> of_task(like.size());
  for (std::size_t r = 0; r < rows.tasks.size(); ++r)
    if (!std::isnan(rows.labels[static_cast<Eigen::Index>(r)]))
      of_task[rows.tasks[r]].push_back(static_cast<Eigen::Index>(r));
  TaskSet result;
  result.feature_names = like.feature_names;
  for (std::size_t t = 0; t < like.size(); ++t) {
    Task task{like[t].name, rows.features(of_task[t], Eigen::all), rows.labels(of_task[t])};
    for (double& label : task.labels) label = data::learner_label(coding, dataset.classes, label, path);
    result.tasks.push_back(std::move(task));
  }
  return result;
}

}  // namespace crosstalk::app
