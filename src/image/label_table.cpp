#include "label_table.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/data/csv_scanner.hpp"
#include "crosstalk/error.hpp"
#include "data/small_letters.hpp"
#include "file_store.hpp"

namespace crosstalk::image {

namespace fs = std::filesystem;

std::optional<double> number_in(std::string_view cell) {
  double value = 0.0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (error != std::errc() || end != cell.data() + cell.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::string stem_of(const std::string& file) {
  return fs::path(file).replace_extension().generic_string();
}

LabelTable read_label_table(const std::string& content, const std::string& path, FileColumn files) {
  if (content.empty()) throw DataError(path + ": is empty");
  data::CsvScanner scanner(content, path);
  std::vector<std::string_view> fields;
  if (!scanner.next(fields)) throw DataError(path + ": is empty");
  const std::vector<std::string> header(fields.begin(), fields.end());
  if (std::set(header.begin(), header.end()).size() != header.size())
    throw DataError(path + ": two columns have the same name");
  const auto file_column = static_cast<std::size_t>(std::find(header.begin(), header.end(), "file") - header.begin());
  if (files == FileColumn::Needed && file_column == header.size())
    throw DataError(fmt::format("{}: no column \"file\"; there are {}", path, data::listed(header)));

  const auto index_column = static_cast<std::size_t>(std::find(header.begin(), header.end(), "index") - header.begin());

  LabelTable table{path, {}, {}};
  std::vector<std::size_t> columns;
  for (std::size_t c = 0; c < header.size(); ++c) {
    if (c == file_column || header[c] == "index" || header[c] == "sha256") continue;
    columns.push_back(c);
    table.tasks.push_back(header[c]);
  }
  if (columns.empty()) throw DataError(path + ": no column of labels beside the file names");
  std::map<std::string, std::string> stems;  // in small letters, and as they were first
  while (scanner.next(fields)) {
    const auto fail = [&](const std::string& what) {
      throw DataError(fmt::format("{}:{}: {}", path, scanner.line(), what));
    };
    if (fields.size() != header.size()) fail(fmt::format("{} fields; the header has {}", fields.size(), header.size()));
    LabelTable::Row row;
    if (files == FileColumn::Needed) {
      row.file = fs::path(fields[file_column]).lexically_normal().generic_string();
      if (!is_below(row.file)) fail(fmt::format("{} is no file below the folder", data::in_quotes(row.file)));
      const auto [first, is_new] = stems.emplace(data::in_small_letters(stem_of(row.file)), row.file);
      if (!is_new && stem_of(first->second) == stem_of(row.file))
        fail(fmt::format("{} comes twice (names count without their extension)", data::in_quotes(row.file)));
      if (!is_new)
        fail(
            fmt::format("{} and {} differ in small and capital letters alone, which are one name on some systems; "
                        "rename one",
                        data::in_quotes(row.file), data::in_quotes(first->second)));
    }
    if (files == FileColumn::PassedOver && index_column < header.size() &&
        fields[index_column] != fmt::format("{}", table.rows.size()))
      fail(fmt::format("the index is {}; rows follow the order of the images, this one is {}",
                       data::in_quotes(fields[index_column]), table.rows.size()));
    for (const std::size_t c : columns) row.cells.emplace_back(fields[c]);
    table.rows.push_back(std::move(row));
  }
  if (table.rows.empty()) throw DataError(path + ": has no row behind its header");
  return table;
}

std::size_t merge_rare_classes(TaskInfo& task, Eigen::Ref<Eigen::VectorXd> labels, std::size_t least) {
  const std::size_t classes = task.classes.size();
  std::vector<std::size_t> images(classes);
  for (const double label : labels)
    if (!is_missing(label)) ++images[static_cast<std::size_t>(label)];
  std::vector<std::size_t> order(classes);  // the rarest first
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return images[a] < images[b]; });
  std::vector<bool> merged(classes);
  std::size_t count = 0;
  std::size_t together = 0;
  for (const std::size_t c : order) {
    if (images[c] >= least && (count == 0 || together >= least)) break;
    merged[c] = true;
    together += images[c];
    ++count;
  }
  if (count == 0 || (count == 1 && together >= least)) return 0;
  if (count == classes)
    throw DataError(
        fmt::format("task \"{}\": all {} classes have fewer than {} images, or are needed to make up one "
                    "that has; protect other tasks, or merge fewer",
                    task.name, classes, least));
  std::string name = "other";
  while (std::any_of(order.begin(), order.end(), [&](std::size_t c) { return !merged[c] && task.classes[c] == name; }))
    name += "_";
  std::vector<std::string> kept;
  std::vector<double> number(classes);
  for (std::size_t c = 0; c < classes; ++c) {
    if (merged[c]) continue;
    number[c] = static_cast<double>(kept.size());
    kept.push_back(task.classes[c]);
  }
  for (std::size_t c = 0; c < classes; ++c)
    if (merged[c]) number[c] = static_cast<double>(kept.size());
  kept.push_back(name);
  for (double& label : labels)
    if (!is_missing(label)) label = number[static_cast<std::size_t>(label)];
  task.classes = std::move(kept);
  task.kind = task.classes.size() == 2 ? Kind::Binary : Kind::Classes;
  return count;
}

TaskInfo read_column(const LabelTable& table, std::size_t k, Eigen::MatrixXd& labels, Numbers wanted) {
  constexpr std::size_t most_numbers = 100;
  constexpr std::size_t most_words = 65536;
  std::set<std::string> words;
  std::map<double, std::string> numbers;
  bool all_numbers = true;
  bool all_whole = true;
  for (const LabelTable::Row& row : table.rows) {
    const std::string& cell = row.cells[k];
    if (cell.empty()) continue;
    words.insert(cell);
    const auto number = number_in(cell);
    all_numbers = all_numbers && number;
    all_whole = all_whole && number && *number == std::floor(*number);
    if (number) numbers.emplace(*number, cell);
    if (!number && wanted == Numbers::Regression)
      throw DataError(fmt::format("{}: task \"{}\" is to be a regression, but {} of {} is no number", table.path,
                                  table.tasks[k], data::in_quotes(cell), row.file.empty() ? "a row" : row.file));
  }
  TaskInfo task{table.tasks[k], Kind::Classes, {}};
  if (words.empty()) throw DataError(fmt::format("{}: task \"{}\" has no label", table.path, task.name));
  std::map<std::string, double> label_of;
  if (wanted == Numbers::Regression || (all_numbers && (!all_whole || numbers.size() > most_numbers))) {
    task.kind = Kind::Regression;
  } else if (all_numbers) {
    for (const auto& [value, word] : numbers) task.classes.push_back(word);
  } else {
    if (words.size() > most_words)
      throw DataError(fmt::format("{}: task \"{}\" has {} different words; at most {} can be classes", table.path,
                                  task.name, words.size(), most_words));
    task.classes.assign(words.begin(), words.end());
    for (std::size_t c = 0; c < task.classes.size(); ++c) label_of[task.classes[c]] = static_cast<double>(c);
  }
  if (task.classes.size() == 2) task.kind = Kind::Binary;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const std::string& cell = table.rows[i].cells[k];
    double& label = labels(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(k));
    if (cell.empty())
      label = kMissing;
    else if (!task.has_classes())
      label = *number_in(cell);
    else if (all_numbers)  // 1 and 1.0 are one class
      label = static_cast<double>(std::distance(numbers.begin(), numbers.find(*number_in(cell))));
    else
      label = label_of.at(cell);
  }
  return task;
}

bool names_maps(const LabelTable& table, std::size_t k) {
  bool any = false;
  for (const LabelTable::Row& row : table.rows) {
    const std::string& cell = row.cells[k];
    if (cell.empty()) continue;
    if (!cell.ends_with(".png") && !cell.ends_with(".npy")) return false;
    any = true;
  }
  return any;
}

}  // namespace crosstalk::image
