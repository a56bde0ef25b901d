#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "crosstalk/error.hpp"
#include "csv_reader.hpp"

namespace crosstalk::data {

CsvData CsvReader::build() {
  for (std::size_t k = 0; k < features_; ++k)
    if (!columns_[k].left_out && !columns_[k].column.is_categorical() && !options_.as_published) warn_of_codes(k);
  CsvData data;
  for (const ColumnFacts& column : columns_) {
    if (column.is_label) continue;
    if (column.left_out)
      coding_.left_out.push_back(column.name);
    else
      coding_.columns.push_back(column.column);
  }
  if (coding_.columns.empty()) throw DataError(file_name() + ": no column is left as a feature");
  settle_label_coding();
  data.tasks.feature_names = coding_.feature_names();
  if (const auto twice = repeated(data.tasks.feature_names); !twice.empty())
    throw DataError(fmt::format("{}: two features would be named {}; rename a column", file_name(), in_quotes(twice)));
  make_tasks(data);
  data.notes = std::move(notes_);
  data.lines = std::move(lines_);
  data.injected = std::move(injected_);
  data.in_test = std::move(in_test_);
  data.split_cells = std::move(split_cells_);
  if (options_.keep_text) data.text = files_.front().release_text();
  data.coding = std::move(coding_);
  data.label_texts = std::move(label_texts_);
  return data;
}

std::string CsvReader::repeated(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  return twice == names.end() ? "" : *twice;
}

void CsvReader::settle_label_coding() {
  const auto first_label = columns_.begin() + static_cast<std::ptrdiff_t>(features_);
  coding_.label_format = first_label->column.format;
  const auto with_words = static_cast<std::size_t>(std::count_if(
      first_label, columns_.end(), [](const ColumnFacts& label) { return label.column.is_categorical(); }));
  if (with_words == 0) return;
  if (with_words < coding_.label_columns.size())
    throw DataError(
        fmt::format("{}: some label columns hold words and others numbers; all must be of one kind", file_name()));
  std::set<std::string> words;
  for (auto label = first_label; label != columns_.end(); ++label)
    words.insert(label->column.values.begin(), label->column.values.end());
  coding_.label_words.assign(words.begin(), words.end());
}

double CsvReader::label_value(std::size_t k, std::size_t row) const {
  const double value = values_[row * width() + k];
  const auto& own = columns_[k].column.values;
  if (own.empty() || std::isnan(value)) return value;
  return static_cast<double>(value_index(coding_.label_words, own[static_cast<std::size_t>(value)]));
}

void CsvReader::make_tasks(CsvData& data) {
  const std::size_t labels = coding_.label_columns.size();
  if (labels > 1)
    notes_.push_back(fmt::format("the {} label columns are {} tasks over the same rows", labels, labels));
  else if (task_ == kNoColumn && sources_.front().task.empty() && !options_.as_published)
    notes_.emplace_back("no column names the task (`task`): all rows are one task, \"all\"");
  const auto task_of = [&](std::size_t row, std::size_t label) { return labels > 1 ? label : task_of_row_[row]; };
  const auto is_in = [&](std::size_t row, std::size_t label) {
    return !lost_[row] && !std::isnan(values_[row * width() + features_ + label]);
  };
  const std::vector<std::string>& names = labels > 1 ? coding_.label_columns : tasks_.names();
  std::map<std::string, std::string> canonical;
  for (const std::string& name : names)
    if (const auto [same, added] = canonical.emplace(canonical_value(name), name); !added)
      notes_.push_back(
          fmt::format("{} and {} are two tasks, as they are written", in_quotes(same->second), in_quotes(name)));
  std::vector<Eigen::Index> sizes(names.size(), 0);
  for (std::size_t row = 0; row < task_of_row_.size(); ++row)
    for (std::size_t label = 0; label < labels; ++label)
      if (is_in(row, label)) ++sizes[task_of(row, label)];
  const auto d = static_cast<Eigen::Index>(data.tasks.feature_names.size());
  std::vector<std::size_t> place(names.size());
  for (std::size_t t = 0; t < names.size(); ++t) {
    if (sizes[t] == 0) continue;  // every row of it was left out
    place[t] = data.tasks.size();
    data.tasks.tasks.push_back({names[t], Eigen::MatrixXd(sizes[t], d), Eigen::VectorXd(sizes[t])});
  }
  std::vector<Eigen::Index> filled(names.size(), 0);
  for (std::size_t row = 0; row < task_of_row_.size(); ++row)
    for (std::size_t label = 0; label < labels; ++label) {
      if (!is_in(row, label)) continue;
      const std::size_t t = task_of(row, label);
      Task& task = data.tasks[place[t]];
      const Eigen::Index r = filled[t]++;
      task.labels[r] = label_value(features_ + label, row);
      task.origin.push_back(row);
      Eigen::Index j = 0;
      for (std::size_t k = 0; k < features_; ++k)
        if (!columns_[k].left_out)
          write_features(columns_[k].column, values_[row * width() + k], task.features.row(r), j);
    }
  values_ = {};
}

}  // namespace crosstalk::data
