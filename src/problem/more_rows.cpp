#include "crosstalk/problem/more_rows.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "crosstalk/data/csv.hpp"
#include "crosstalk/data/csv_scanner.hpp"
#include "crosstalk/error.hpp"

namespace crosstalk {

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

TaskSet read_more_rows(const std::filesystem::path& path, const data::Dataset& dataset, const TaskSet& like,
                       std::size_t skip_lines, std::vector<std::string>& notes) {
  if (!dataset.csv) {
    const data::CsvOptions options{
        .task_column = dataset.task_column, .label_columns = {dataset.label_column}, .as_published = true};
    TaskSet rows = data::read_csv(path, options).tasks;
    try {
      return rows_in_order(std::move(rows), dataset.name, like.names(), like.feature_names, like.features());
    } catch (const DataError& error) {
      throw DataError(fmt::format("{}: {}", path.string(), error.what()));
    }
  }
  const data::CsvCoding& coding = dataset.csv->coding;
  const data::NewRows rows =
      data::read_rows(path, coding, like.names(), {.skip_lines = skip_lines, .name_options = false});
  if (rows.labels.size() == 0)
    throw DataError(fmt::format("{}: there is no column {}; these rows need their labels", path.string(),
                                data::in_quotes(coding.label_columns.front())));
  const std::string name = path.filename().string();
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
    for (double& label : task.labels) label = data::learner_label(coding, dataset.classes, label, path.string());
    result.tasks.push_back(std::move(task));
  }
  return result;
}

}  // namespace crosstalk
