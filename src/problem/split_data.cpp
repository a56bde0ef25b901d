#include "split_data.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <stdexcept>

#include <fmt/format.h>

#include "crosstalk/data/csv_scanner.hpp"
#include "crosstalk/data/number_format.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/problem/more_rows.hpp"
#include "crosstalk/rng.hpp"

namespace crosstalk {

namespace {

// The rows of every task for which `in_test` of their origin holds, and the others.
Split by_origin(const TaskSet& tasks, const std::vector<bool>& in_test) {
  Split split;
  split.train.feature_names = split.test.feature_names = tasks.feature_names;
  for (const Task& task : tasks) {
    std::vector<Eigen::Index> train;
    std::vector<Eigen::Index> test;
    for (std::size_t r = 0; r < task.origin.size(); ++r)
      (in_test[task.origin[r]] ? test : train).push_back(static_cast<Eigen::Index>(r));
    split.train.tasks.push_back(select_rows(task, train));
    split.test.tasks.push_back(select_rows(task, test));
  }
  return split;
}

// A share of all records at random: a row with several labels is held out in all of its tasks or in none.
std::vector<bool> some_of(std::size_t records, double share, std::uint64_t seed) {
  std::vector<bool> chosen(records, false);
  const auto count = static_cast<std::size_t>(std::llround(share * static_cast<double>(records)));
  const auto order = Rng::stream(seed, "split records").permutation(records);
  for (std::size_t k = 0; k < count; ++k) chosen[order[k]] = true;
  return chosen;
}

// Year, month and perhaps more, so that the order of the text is that of time.
bool is_iso_date(const std::string& cell) {
  return cell.size() >= 7 && cell[4] == '-' &&
         std::all_of(cell.begin(), cell.begin() + 4, [](char c) { return c >= '0' && c <= '9'; });
}

// Groups at random, whole, until the share is reached; or the last of numbers and dates, which are a time.
std::vector<bool> by_cells(const data::Dataset& dataset, const data::LoadOptions& options, double fraction,
                           std::vector<std::string>& notes) {
  const std::string& column = options.csv.split_column;
  const std::vector<std::string>& cells = dataset.csv->split_cells;
  const auto fail = [&](const std::string& what) {
    throw DataError(fmt::format("{}: `split_by`: column {} {}", dataset.name, data::in_quotes(column), what));
  };
  const auto all = [&](const auto& holds) { return std::all_of(cells.begin(), cells.end(), holds); };
  const auto missing = std::find_if(cells.begin(), cells.end(),
                                    [&](const std::string& cell) { return dataset.csv->coding.is_missing(cell); });
  if (missing != cells.end())
    fail(fmt::format("has no value in line {}; every row must have one",
                     dataset.csv->lines[static_cast<std::size_t>(missing - cells.begin())]));
  // In the one way in which all of them are written: 37,5 and 1,000 are numbers, too.
  data::NumberFormatSearch search;
  bool numbers = all([&](const std::string& cell) { return search.add(cell); });
  data::NumberFormat format;
  if (numbers) switch (search.answer(format, options.csv.decimal)) {
      case data::NumberFormatSearch::Answer::Found: break;
      case data::NumberFormatSearch::Answer::None: numbers = false; break;
      case data::NumberFormatSearch::Answer::Ambiguous:
        fail(
            fmt::format("holds {}, which can be read with a decimal comma or with a comma between thousands; say "
                        "`decimal=comma` or `decimal=point`",
                        data::in_quotes(search.ambiguous_cell())));
    }
  const bool iso_dates = all(is_iso_date);
  if (!iso_dates && !numbers && all(data::looks_like_date))
    fail(fmt::format("holds dates such as {}; write them as 2024-12-31, so that the last ones can be held out",
                     data::in_quotes(cells.front())));
  const std::set<std::string> distinct(cells.begin(), cells.end());
  std::vector<std::string> values(distinct.begin(), distinct.end());
  if (values.size() < 2) fail(fmt::format("has only the value {}", data::in_quotes(values.front())));
  constexpr std::size_t fewest_times = 20;  // fewer numbers are groups: years, folds, wards
  const bool is_time = iso_dates || (numbers && values.size() >= fewest_times);
  if (is_time && numbers) {
    std::sort(values.begin(), values.end(),
              [&](const std::string& a, const std::string& b) { return *format.parse(a) < *format.parse(b); });
  } else if (!is_time) {
    Rng rng = Rng::stream(options.seed, "split groups");
    std::vector<std::string> shuffled;
    for (const std::size_t k : rng.permutation(values.size())) shuffled.push_back(values[k]);
    values = std::move(shuffled);
  }
  std::map<std::string, std::size_t> rows;
  for (const std::string& cell : cells) ++rows[cell];
  std::vector<std::string> held_out;
  std::size_t count = 0;
  const double wanted = fraction * static_cast<double>(cells.size());
  for (auto value = values.rbegin(); value != values.rend() && held_out.size() + 1 < values.size(); ++value) {
    if (static_cast<double>(count) >= wanted) break;
    held_out.push_back(*value);
    count += rows[*value];
  }
  notes.push_back(is_time ? fmt::format("held out: the {} rows with {} from {} on", count, column, held_out.back())
                          : fmt::format("held out: {} of {} groups of {} ({} rows): {}", held_out.size(), values.size(),
                                        column, count, data::listed(held_out)));
  const std::set<std::string> chosen(held_out.begin(), held_out.end());
  std::vector<bool> in_test(cells.size());
  std::transform(cells.begin(), cells.end(), in_test.begin(),
                 [&](const std::string& cell) { return chosen.contains(cell); });
  return in_test;
}

}  // namespace

DataSplit split_data(data::Dataset& dataset, const ProblemOptions& options) {
  const data::CsvOptions& csv = options.load.csv;
  const int given = (options.test_file.empty() ? 0 : 1) + (csv.split_column.empty() ? 0 : 1);
  if (given > 1) throw std::invalid_argument("`test`, `split_by`: both say what is held out; give one of them");
  if (!options.test_file.empty() && options.test_fraction)
    throw std::invalid_argument("`test_fraction`: `test` says what is held out; give one of them");
  const double share = options.test_fraction.value_or(options.hold_out ? dataset.recipe.test_fraction : 0.0);
  require_test_fraction(share);
  DataSplit split;
  if (dataset.test) {
    if (options.test_fraction || given > 0)
      throw std::invalid_argument(fmt::format("`{}`: {} has a test part of its own",
                                              options.test_fraction       ? "test_fraction"
                                              : options.test_file.empty() ? "split_by"
                                                                          : "test",
                                              dataset.name));
    split = {{std::move(dataset.train), std::move(*dataset.test)}, "test part", {}};
  } else if (!options.test_file.empty()) {
    if (dataset.csv) data::fill_missing(dataset.train, split.rows.test, dataset.csv->coding, dataset.csv->injected);
    split.rows.test = read_more_rows(options.test_file, dataset, dataset.train, csv.skip_lines, dataset.notes);
    split.rows.train = std::move(dataset.train);
    split.by = "test file";
  } else if (!csv.split_column.empty() && !(dataset.csv && !dataset.csv->in_test.empty())) {
    if (!dataset.csv) throw std::invalid_argument(fmt::format("`split_by`: {} is no CSV file", dataset.name));
    if (options.test_fraction && share == 0.0)
      throw std::invalid_argument("`test_fraction`: 0 holds out nothing, and `split_by` says what is held out");
    const double held_out = share > 0.0 ? share : dataset.recipe.test_fraction;
    split.rows = by_origin(dataset.train, by_cells(dataset, options.load, held_out, dataset.notes));
    split.by = "column";
  } else if (dataset.csv && !dataset.csv->in_test.empty() && !options.test_fraction) {
    split.rows = by_origin(dataset.train, dataset.csv->in_test);
    if (split.rows.test.rows() == 0) split.rows.test = {};
    split.by = "part";
    if (!csv.split_column.empty())
      dataset.notes.push_back("`split_by` was passed over: the column \"part\" says what is held out");
  } else {
    split.test_fraction = share;
    split.by = share > 0.0 ? "fraction" : "nothing";
    if (share == 0.0)
      split.rows.train = std::move(dataset.train);
    else if (dataset.csv && dataset.csv->coding.label_columns.size() > 1)
      split.rows = by_origin(dataset.train, some_of(dataset.csv->lines.size(), share, options.load.seed));
    else
      split.rows = split_rows(dataset.train, share, options.load.seed);
  }
  dataset.train = {};
  dataset.test.reset();
  // Tasks without a row to learn from are of no use: a group or a time may hold out all of one.
  for (std::size_t t = split.rows.train.size(); t-- > 0;) {
    if (split.rows.train[t].rows() > 0) continue;
    dataset.notes.push_back(
        fmt::format("task \"{}\" was left out: all of its rows are held out", split.rows.train[t].name));
    const auto at = static_cast<std::ptrdiff_t>(t);
    split.rows.train.tasks.erase(split.rows.train.tasks.begin() + at);
    if (split.rows.test.size() > 0) split.rows.test.tasks.erase(split.rows.test.tasks.begin() + at);
  }
  if (split.rows.train.size() == 0) throw DataError(fmt::format("{}: no row is left to learn from", dataset.name));
  if (dataset.csv && split.by != "test file")
    data::fill_missing(split.rows.train, split.rows.test, dataset.csv->coding, dataset.csv->injected);
  return split;
}

void leave_out_small_tasks(Split& rows, const ProblemOptions& options, bool is_classification,
                           std::vector<std::string>& notes) {
  if (!options.min_rows) return;
  std::vector<std::string> small;
  std::vector<std::string> one_class;
  std::vector<Task> train;
  std::vector<Task> test;
  for (std::size_t t = 0; t < rows.train.size(); ++t) {
    Task& task = rows.train[t];
    const Eigen::Index all = task.rows() + (rows.test.size() > 0 ? rows.test[t].rows() : 0);
    if (all < *options.min_rows || task.rows() < 2) {
      small.push_back(task.name);
      continue;
    }
    if (is_classification && task.labels.minCoeff() == task.labels.maxCoeff()) {
      one_class.push_back(task.name);
      continue;
    }
    train.push_back(std::move(task));
    if (rows.test.size() > 0) test.push_back(std::move(rows.test[t]));
  }
  const std::size_t before = rows.train.size();
  rows.train.tasks = std::move(train);
  rows.test.tasks = std::move(test);
  const auto note = [&](const std::vector<std::string>& left_out, const std::string& why) {
    if (!left_out.empty())
      notes.push_back(fmt::format("tasks with {} were left out, {} of {}: {}", why, left_out.size(), before,
                                  data::listed(left_out)));
  };
  note(small, fmt::format("fewer than {} rows", *options.min_rows));
  note(one_class, "only one class in their training rows");
  if (rows.train.size() == 0)
    throw DataError(fmt::format("`min_rows={}`: no task is left of {}", *options.min_rows, before));
}

void require_class_labels(const TaskSet& tasks, const mtrl::Loss& loss, const std::string& data) {
  if (!loss.is_classification()) return;
  for (const Task& task : tasks)
    for (const double label : task.labels)
      if (label != 1.0 && label != -1.0)
        throw DataError(
            fmt::format("{}: task \"{}\" has the label {}; the {} loss needs two classes, or labels -1 and +1", data,
                        task.name, label, loss.name()));
}

void require_test_fraction(double fraction) {
  require_range("", "test_fraction", fraction, *ProblemOptions::table().of(&ProblemOptions::test_fraction).range);
}

}  // namespace crosstalk
