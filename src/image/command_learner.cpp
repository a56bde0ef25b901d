#include "crosstalk/image/network/command_learner.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "crosstalk/data/csv_scanner.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/image/codec.hpp"
#include "crosstalk/report/number.hpp"
#include "crosstalk/report/table.hpp"
#include "label_table.hpp"

namespace crosstalk::image {

namespace {

constexpr const char* kAnswers = "predictions";

std::string file_name(std::size_t position) {
  return fmt::format("{:06}.png", position);
}

// Labels of some rows and tasks: [task][row].
std::vector<std::vector<double>> labels_of(const Source& source, std::span<const std::size_t> rows,
                                           const std::vector<std::size_t>& tasks) {
  std::vector<std::vector<double>> labels(tasks.size());
  for (const std::size_t row : rows) {
    const Batch batch = source.read(row, 1);
    for (std::size_t t = 0; t < tasks.size(); ++t) labels[t].push_back(batch.label(0, tasks[t]));
  }
  return labels;
}

double answer_in(const TaskInfo& task, std::string_view cell, std::size_t line) {
  if (task.has_classes()) {
    const auto found = std::find(task.classes.begin(), task.classes.end(), cell);
    if (found == task.classes.end())
      throw DataError(fmt::format("{}:{}: {} is no class of task {}; there are {}", kAnswers, line,
                                  data::in_quotes(cell), data::in_quotes(task.name), data::listed(task.classes)));
    return static_cast<double>(found - task.classes.begin());
  }
  const auto value = number_in(cell);
  if (!value)
    throw DataError(fmt::format("{}:{}: {} of task {} is no number", kAnswers, line, data::in_quotes(cell),
                                data::in_quotes(task.name)));
  return *value;
}

TaskScore accuracy(std::size_t classes, const std::vector<double>& truth, const std::vector<double>& answers) {
  std::vector<double> members(classes, 0.0);
  std::vector<double> right(classes, 0.0);
  double all = 0.0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    if (is_missing(truth[i])) continue;
    const auto c = static_cast<std::size_t>(truth[i]);
    all += 1;
    members[c] += 1;
    if (answers[i] == truth[i]) right[c] += 1;
  }
  TaskScore score{"accuracy", 0.0, 0.0, 0.0};
  double present = 0.0;
  for (std::size_t c = 0; c < classes; ++c) {
    score.value += right[c] / std::max(1.0, all);
    score.baseline = std::max(score.baseline, members[c] / std::max(1.0, all));
    if (members[c] == 0) continue;
    present += 1;
    score.balanced += right[c] / members[c];
  }
  score.balanced /= present;
  return score;
}

TaskScore error(double mean, const std::vector<double>& truth, const std::vector<double>& answers) {
  TaskScore score{"error", 0.0, 0.0};
  double all = 0.0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    if (is_missing(truth[i])) continue;
    all += 1;
    score.value += std::abs(truth[i] - answers[i]);
    score.baseline += std::abs(truth[i] - mean);
  }
  score.value /= all;
  score.baseline /= all;
  return score;
}

double mean_of(const std::vector<double>& labels) {
  double sum = 0.0;
  double all = 0.0;
  for (const double label : labels)
    if (!is_missing(label)) {
      sum += label;
      all += 1;
    }
  return all > 0 ? sum / all : 0.0;
}

}  // namespace

std::vector<std::size_t> tasks_of_images(const std::vector<TaskInfo>& tasks) {
  std::vector<std::size_t> found;
  for (std::size_t k = 0; k < tasks.size(); ++k)
    if (!tasks[k].is_dense()) found.push_back(k);
  return found;
}

void write_image_folder(const Source& source, std::span<const std::size_t> rows, bool labels,
                        const std::function<void(const std::string& name, std::string_view content)>& write) {
  const std::vector<std::size_t> tasks = tasks_of_images(source.tasks());
  std::string table = "file";
  for (const std::size_t k : tasks) table += "," + report::csv_field(source.tasks()[k].name);
  table += "\n";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Batch batch = source.read(rows[i], 1);
    write(file_name(i), encode_png(batch.shape, batch.image(0)));
    if (!labels) continue;
    table += file_name(i);
    for (const std::size_t k : tasks) {
      const TaskInfo& task = source.tasks()[k];
      const double label = batch.label(0, k);
      table += ",";
      if (is_missing(label)) continue;
      table +=
          task.has_classes() ? report::csv_field(task.classes[static_cast<std::size_t>(label)]) : report::exact(label);
    }
    table += "\n";
  }
  if (labels) write("labels.csv", table);
}

std::vector<TaskScore> scores_of_answers(const std::string& answers, const Source& test,
                                         std::span<const std::size_t> rows, const Source& train,
                                         std::span<const std::size_t> trained) {
  const std::vector<std::size_t> tasks = tasks_of_images(test.tasks());
  data::CsvScanner scanner(answers, kAnswers);
  std::vector<std::string_view> fields;
  if (!scanner.next(fields)) throw DataError(fmt::format("{}: no line", kAnswers));
  const std::vector<std::string> header(fields.begin(), fields.end());
  const auto column = [&](const std::string& name) {
    const auto found = std::find(header.begin(), header.end(), name);
    if (found == header.end())
      throw DataError(
          fmt::format("{}: no column {}; there are {}", kAnswers, data::in_quotes(name), data::listed(header)));
    if (std::find(found + 1, header.end(), name) != header.end())
      throw DataError(fmt::format("{}: column {} comes twice", kAnswers, data::in_quotes(name)));
    return static_cast<std::size_t>(found - header.begin());
  };
  const std::size_t file = column("file");
  std::vector<std::size_t> columns;
  for (const std::size_t k : tasks) columns.push_back(column(test.tasks()[k].name));

  std::map<std::string, std::size_t, std::less<>> position;
  for (std::size_t i = 0; i < rows.size(); ++i) position[file_name(i)] = i;
  std::vector<bool> answered(rows.size());
  std::vector<std::vector<double>> given(tasks.size(), std::vector<double>(rows.size()));
  while (scanner.next(fields)) {
    if (fields.size() != header.size())
      throw DataError(
          fmt::format("{}:{}: {} fields; the header has {}", kAnswers, scanner.line(), fields.size(), header.size()));
    const auto found = position.find(fields[file]);
    if (found == position.end())
      throw DataError(
          fmt::format("{}:{}: there is no image {}", kAnswers, scanner.line(), data::in_quotes(fields[file])));
    if (answered[found->second])
      throw DataError(
          fmt::format("{}:{}: image {} comes twice", kAnswers, scanner.line(), data::in_quotes(fields[file])));
    answered[found->second] = true;
    for (std::size_t t = 0; t < tasks.size(); ++t)
      given[t][found->second] = answer_in(test.tasks()[tasks[t]], fields[columns[t]], scanner.line());
  }
  if (const auto left = std::find(answered.begin(), answered.end(), false); left != answered.end())
    throw DataError(fmt::format("{}: no answer about image {}", kAnswers,
                                data::in_quotes(file_name(static_cast<std::size_t>(left - answered.begin())))));

  const auto truth = labels_of(test, rows, tasks);
  const bool has_numbers =
      std::any_of(tasks.begin(), tasks.end(), [&](std::size_t k) { return !test.tasks()[k].has_classes(); });
  const auto learned = has_numbers ? labels_of(train, trained, tasks) : std::vector<std::vector<double>>();
  std::vector<TaskScore> scores;
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    const TaskInfo& task = test.tasks()[tasks[t]];
    scores.push_back(task.has_classes() ? accuracy(task.classes.size(), truth[t], given[t])
                                        : error(mean_of(learned[t]), truth[t], given[t]));
  }
  return scores;
}

}  // namespace crosstalk::image
