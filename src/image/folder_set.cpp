#include "crosstalk/image/folder_set.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/data/csv_scanner.hpp"
#include "crosstalk/data/files.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/image/map_file.hpp"
#include "file_set.hpp"
#include "label_table.hpp"

namespace crosstalk::image {

namespace fs = std::filesystem;

namespace {

// The names of a column's files, as they are in the store.
MapFiles map_files(const LabelTable& table, std::size_t k, const FileStore& store) {
  MapFiles maps;
  for (const LabelTable::Row& row : table.rows) {
    std::string file = row.cells[k];
    if (!file.empty()) {
      file = fs::path(file).lexically_normal().generic_string();
      if (!is_below(file))
        throw DataError(fmt::format("{}: {} of task \"{}\" is no file below the folder", table.path,
                                    data::in_quotes(row.cells[k]), table.tasks[k]));
      if (!store.holds(file))
        throw DataError(fmt::format("{}: {} is named in task \"{}\", but there is no such file", table.path,
                                    store.place(file), table.tasks[k]));
    }
    maps.files.push_back(std::move(file));
  }
  return maps;
}

// The lines of classes.txt beside the maps; none when there is no such file.
std::vector<std::string> class_names(const MapFiles& maps, const FileStore& store) {
  const auto file = std::find_if(maps.files.begin(), maps.files.end(), [](const auto& name) { return !name.empty(); });
  const std::string name = (fs::path(*file).parent_path() / kClassNames).generic_string();
  if (!file->ends_with(".png") || !store.holds(name)) return {};
  std::istringstream lines(store.read(name));
  std::vector<std::string> names;
  for (std::string line; std::getline(lines, line);) names.push_back(line);
  if (names.empty() || names.size() > 255 || std::set(names.begin(), names.end()).size() != names.size())
    throw DataError(fmt::format("{}: holds {} lines; each of 1 to 255 classes has a name of its own", store.place(name),
                                names.size()));
  return names;
}

void require_files(const LabelTable& table, const FileStore& store) {
  for (const LabelTable::Row& row : table.rows)
    if (!store.holds(row.file))
      throw DataError(fmt::format("{}: {} has a row, but there is no such file", table.path, store.place(row.file)));
}

// What of the store is no part of the set, as sentences.
void note_passed_over(const LabelTable& table, FilePlan& plan) {
  std::set<std::string> named;
  for (const LabelTable::Row& row : table.rows) named.insert(row.file);
  for (const MapFiles& maps : plan.maps) named.insert(maps.files.begin(), maps.files.end());
  std::vector<std::string> without_row;
  for (const std::string& name : plan.store->names())
    if (is_image_name(name) && !named.contains(name)) without_row.push_back(name);
  if (!without_row.empty())
    plan.notes.push_back(fmt::format("passed over: {} image{} without a row in {}, such as {}", without_row.size(),
                                     without_row.size() == 1 ? "" : "s", table.path, without_row.front()));
}

void note_hidden(FilePlan& plan) {
  if (const std::size_t hidden = plan.store->hidden(); hidden > 0)
    plan.notes.push_back(fmt::format("passed over: {} hidden file{} or folder{}", hidden, hidden == 1 ? "" : "s",
                                     hidden == 1 ? "" : "s"));
}

// A column that is named twice, or is none, or holds maps, is an error.
void require_regressions(const LabelTable& table, const FilePlan& plan, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const auto found = std::find(table.tasks.begin(), table.tasks.end(), name);
    if (found == table.tasks.end())
      throw std::invalid_argument(fmt::format("`regression`: {} has no column {}; there are {}", table.path,
                                              data::in_quotes(name), data::listed(table.tasks)));
    if (!plan.maps[static_cast<std::size_t>(found - table.tasks.begin())].files.empty())
      throw std::invalid_argument(fmt::format("`regression`: column {} of {} names files of maps, not numbers",
                                              data::in_quotes(name), table.path));
  }
}

FilePlan table_plan(std::unique_ptr<FileStore> store, const LabelTable& table, const FolderOptions& options) {
  FilePlan plan;
  plan.store = std::move(store);
  require_files(table, *plan.store);
  for (const LabelTable::Row& row : table.rows) plan.files.push_back(row.file);
  plan.labels.setConstant(static_cast<Eigen::Index>(table.rows.size()), static_cast<Eigen::Index>(table.tasks.size()),
                          kMissing);
  plan.maps.resize(table.tasks.size());
  for (std::size_t k = 0; k < table.tasks.size(); ++k)
    if (names_maps(table, k)) plan.maps[k] = map_files(table, k, *plan.store);
  note_passed_over(table, plan);
  require_regressions(table, plan, options.regression);
  for (std::size_t k = 0; k < table.tasks.size(); ++k) {
    if (!plan.maps[k].files.empty()) {
      plan.tasks.push_back({table.tasks[k], Kind::Segmentation, class_names(plan.maps[k], *plan.store)});
      continue;
    }
    const bool regression =
        std::find(options.regression.begin(), options.regression.end(), table.tasks[k]) != options.regression.end();
    TaskInfo task = read_column(table, k, plan.labels, regression ? Numbers::Regression : Numbers::AsTheyLook);
    if (task.has_classes() && options.merge_rare > 1)
      if (const std::size_t merged =
              merge_rare_classes(task, plan.labels.col(static_cast<Eigen::Index>(k)), options.merge_rare);
          merged > 0)
        plan.notes.push_back(fmt::format("task \"{}\": {} classes with few images are one, \"{}\"", task.name, merged,
                                         task.classes.back()));
    plan.tasks.push_back(std::move(task));
  }
  return plan;
}

std::optional<LabelTable> label_table(const FileStore& store, const FolderOptions& options) {
  if (!options.labels.empty())
    return read_label_table(data::read_file(options.labels), options.labels.string(), FileColumn::Needed);
  for (const char* file : {"labels.csv", "manifest.csv"})
    if (store.holds(file)) return read_label_table(store.read(file), store.place(file), FileColumn::Needed);
  return std::nullopt;
}

// A set without tasks.
FilePlan bare_plan(std::unique_ptr<FileStore> store) {
  FilePlan plan;
  for (const std::string& name : store->names())
    if (is_image_name(name)) plan.files.push_back(name);
  plan.labels.resize(static_cast<Eigen::Index>(plan.files.size()), 0);
  plan.store = std::move(store);
  plan.notes.push_back("no labels: the images are changed by what they show alone");
  return plan;
}

FolderSet open_store(std::unique_ptr<FileStore> store, const FolderOptions& options, const RunControl& control) {
  FilePlan plan;
  if (const auto table = label_table(*store, options)) {
    plan = table_plan(std::move(store), *table, options);
  } else if (has_utkface_names(*store)) {
    plan = utkface_plan(std::move(store));
  } else {
    if (options.labels_needed)
      throw DataError(fmt::format(
          "{}: has neither labels.csv nor manifest.csv nor UTKFace's file names; name the CSV file of labels",
          store->name()));
    plan = bare_plan(std::move(store));
  }
  note_hidden(plan);
  return open_files(std::move(plan), options, control);
}

}  // namespace

FolderSet open_folder(const fs::path& folder, const FolderOptions& options, const RunControl& control) {
  return open_store(open_folder_store(folder), options, control);
}

FolderSet open_tar(const fs::path& path, const FolderOptions& options, const RunControl& control) {
  return open_store(open_tar_store(path), options, control);
}

FolderSet open_picture(const fs::path& path, const FolderOptions& options) {
  auto store = open_picture_store(path);
  const std::string name = path.filename().string();
  auto table = label_table(*store, options);
  if (table) {
    std::erase_if(table->rows, [&](const LabelTable::Row& row) { return row.file != name; });
    if (table->rows.empty() && !options.labels.empty())
      throw DataError(fmt::format("{}: has no row for {}", table->path, data::in_quotes(name)));
    if (table->rows.empty()) table.reset();
  }
  if (table) {  // a label that it lacks is no task
    for (std::size_t k = table->tasks.size(); k-- > 0;)
      if (table->rows.front().cells[k].empty()) {
        table->tasks.erase(table->tasks.begin() + static_cast<std::ptrdiff_t>(k));
        table->rows.front().cells.erase(table->rows.front().cells.begin() + static_cast<std::ptrdiff_t>(k));
      }
  }
  return open_files(table ? table_plan(std::move(store), *table, options) : bare_plan(std::move(store)), options, {});
}

}  // namespace crosstalk::image
