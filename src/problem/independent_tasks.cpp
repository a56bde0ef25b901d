#include "crosstalk/problem/independent_tasks.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "crosstalk/data/csv_scanner.hpp"
#include "crosstalk/data/number_format.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/problem/class_problems.hpp"
#include "crosstalk/rng.hpp"
#include "crosstalk/split.hpp"
#include "split_data.hpp"

namespace crosstalk {

namespace {

void require_constant_choices(const ProblemOptions& options) {
  const data::CsvOptions& csv = options.load.csv;
  if (!csv.split_column.empty())
    throw std::invalid_argument(
        "`split_by`: the rows of all tasks would say what is held out; give `test`, `test_fraction` or a column "
        "\"part\"");
  if (csv.missing != data::MissingRule::Refuse && csv.missing != data::MissingRule::Drop)
    throw std::invalid_argument(
        fmt::format("`missing`: {} is made of the rows of all tasks, which would void the bound; there are refuse and "
                    "drop",
                    data::to_string(csv.missing)));
}

// Every column that was left out by what its cells are, and not by a flag.
void require_left_out_by_options(const data::Dataset& dataset, const std::vector<std::string>& ignored) {
  for (const std::string& column : dataset.csv->coding.left_out) {
    const bool is_ignored = std::any_of(ignored.begin(), ignored.end(), [&](const std::string& word) {
      return column == word || column == "column " + word;
    });
    if (!is_ignored && column != "injected" && column != "part")
      throw DataError(
          fmt::format("{}: column {} would be left out for what it holds, which one task's rows can change; a bound "
                      "needs it named with `ignore`",
                      dataset.name, data::in_quotes(column)));
  }
}

// Kinds that any one task's rows could turn into another kind. Words only: numbers among them would be a column of
// numbers into which some task wrote a word.
void require_plain_columns(const data::Dataset& dataset) {
  const data::CsvCoding& coding = dataset.csv->coding;
  const auto refuse = [&](const std::string& column, const std::string& what) {
    throw DataError(fmt::format(
        "{}: column {} {}; in a bound no task's rows may decide how those of others are read: mend it, or leave it out "
        "with `ignore`",
        dataset.name, data::in_quotes(column), what));
  };
  for (const data::CsvColumn& column : coding.columns) {
    if (column.name == "injected" || column.name == "part")
      refuse(column.name, "is none of the two that crosstalk writes");
    if (column.format.marked) refuse(column.name, "has numbers with marks");
    for (const std::string& value : column.values) {
      if (coding.is_missing(value)) refuse(column.name, fmt::format("has {} among its words", data::in_quotes(value)));
      if (data::plain_number(value).kind == data::CellKind::Number)
        refuse(column.name, fmt::format("has the number {} among words", data::in_quotes(value)));
    }
  }
  if (coding.label_format.marked) refuse(coding.label_columns.front(), "has numbers with marks");
  for (const std::string& word : coding.label_words)
    if (coding.is_missing(word))
      refuse(coding.label_columns.front(), fmt::format("has {} among its words", data::in_quotes(word)));
  if (const data::Encoding encoding = dataset.csv->text->text.encoding;
      encoding != data::Encoding::Utf8 && encoding != data::Encoding::Utf8WithMark)
    throw DataError(fmt::format(
        "{}: is no UTF-8 (read as {}): one byte of one row would decide how all names are read; save it as UTF-8",
        dataset.name, data::to_string(encoding)));
}

void require_labels(const data::Dataset& dataset, bool loss_is_given, const mtrl::Loss& loss, const TaskSet& tasks) {
  if (dataset.is_file && !loss_is_given && loss.is_classification())
    throw DataError(fmt::format(
        "{}: the label has two values; say `loss=squared-hinge`, logistic or squared, since a third value in one "
        "row would make it a number",
        dataset.name));
  require_class_labels(tasks, loss, dataset.name);
}

// Each task by a stream of its own name: no other task's rows or place move a row from one part to the other.
Split split_by_name(const TaskSet& tasks, double share, std::uint64_t seed) {
  require_test_fraction(share);
  if (share == 0.0) return {tasks, {}};
  Split split;
  split.train.feature_names = split.test.feature_names = tasks.feature_names;
  for (const Task& task : tasks) {
    Split one = split_rows(TaskSet{task}, share, Rng::stream(seed, fmt::format("held out of {}", task.name)).bits());
    split.train.tasks.push_back(std::move(one.train[0]));
    split.test.tasks.push_back(std::move(one.test[0]));
  }
  return split;
}

}  // namespace

IndependentTasks load_independent_tasks(const std::string& name_or_path, const ProblemOptions& given) {
  require_constant_choices(given);
  ProblemOptions options = given;
  options.load.csv.keep_text = true;
  options.hold_out = false;
  IndependentTasks result;
  result.dataset = data::load(name_or_path, options.load);
  data::Dataset& dataset = result.dataset;
  require_two_classes(dataset, "a bound by groups of tasks takes two: write a column with one class against the rest");
  if (dataset.csv) {
    require_left_out_by_options(dataset, options.load.csv.ignore);
    require_plain_columns(dataset);
  }
  const std::string& loss = options.load.loss;
  result.loss = &mtrl::loss_named(loss.empty() ? dataset.recipe.loss : loss);
  require_labels(dataset, !loss.empty(), *result.loss, dataset.train);

  const bool has_parts = dataset.csv && !dataset.csv->in_test.empty() && !options.test_fraction;
  Split rows;
  if (dataset.test || !options.test_file.empty() || has_parts) {
    DataSplit parts = split_data(dataset, options);
    rows = std::move(parts.rows);
    result.split_by = parts.by;
  } else {
    const double share = options.test_fraction.value_or(given.hold_out ? dataset.recipe.test_fraction : 0.0);
    if (dataset.csv && dataset.csv->coding.label_columns.size() > 1 && share > 0.0)
      throw std::invalid_argument(
          "`test_fraction`: several label columns share their rows; say with `test` or a column \"part\" what is held "
          "out, or `test_fraction=0`");
    rows = split_by_name(dataset.train, share, options.load.seed);
    result.test_fraction = share;
    result.split_by = share > 0.0 ? "fraction" : "nothing";
    dataset.train = {};
  }
  if (!options.min_rows) options.min_rows = 2;
  leave_out_small_tasks(rows, options, result.loss->is_classification(), dataset.notes);
  if (rows.train.size() < 2)
    throw DataError(fmt::format("{}: there is 1 task; a bound by groups needs others", dataset.name));
  result.train = std::move(rows.train);
  result.test = std::move(rows.test);
  return result;
}

}  // namespace crosstalk
