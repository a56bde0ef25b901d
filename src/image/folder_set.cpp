#include "crosstalk/image/folder_set.hpp"

#include <algorithm>
#include <set>
#include <sstream>
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

void require_same_files(const LabelTable& table, const FilePlan& plan) {
  std::set<std::string> named;
  for (const LabelTable::Row& row : table.rows) {
    named.insert(row.file);
    if (!plan.store->holds(row.file))
      throw DataError(
          fmt::format("{}: {} has a row, but there is no such file", table.path, plan.store->place(row.file)));
  }
  for (const MapFiles& maps : plan.maps) named.insert(maps.files.begin(), maps.files.end());
  for (const std::string& name : plan.store->names())
    if (is_image_name(name) && !named.contains(name))
      throw DataError(fmt::format("{}: has no row in {}", plan.store->place(name), table.path));
}

FilePlan table_plan(std::unique_ptr<FileStore> store, const LabelTable& table) {
  FilePlan plan;
  plan.store = std::move(store);
  for (const LabelTable::Row& row : table.rows) plan.files.push_back(row.file);
  plan.labels.setConstant(static_cast<Eigen::Index>(table.rows.size()), static_cast<Eigen::Index>(table.tasks.size()),
                          kMissing);
  plan.maps.resize(table.tasks.size());
  for (std::size_t k = 0; k < table.tasks.size(); ++k)
    if (names_maps(table, k)) plan.maps[k] = map_files(table, k, *plan.store);
  require_same_files(table, plan);
  for (std::size_t k = 0; k < table.tasks.size(); ++k)
    plan.tasks.push_back(plan.maps[k].files.empty()
                             ? read_column(table, k, plan.labels)
                             : TaskInfo{table.tasks[k], Kind::Segmentation, class_names(plan.maps[k], *plan.store)});
  return plan;
}

FolderSet open_store(std::unique_ptr<FileStore> store, const FolderOptions& options, const RunControl& control) {
  if (!options.labels.empty())
    return open_files(table_plan(std::move(store), read_label_table(data::read_file(options.labels),
                                                                    options.labels.string(), FileColumn::Needed)),
                      options, control);
  for (const char* file : {"labels.csv", "manifest.csv"})
    if (store->holds(file)) {
      const LabelTable table = read_label_table(store->read(file), store->place(file), FileColumn::Needed);
      return open_files(table_plan(std::move(store), table), options, control);
    }
  if (!has_utkface_names(*store))
    throw DataError(
        fmt::format("{}: has neither labels.csv nor manifest.csv nor UTKFace's file names; name the CSV file of labels",
                    store->name()));
  return open_files(utkface_plan(std::move(store)), options, control);
}

}  // namespace

FolderSet open_folder(const fs::path& folder, const FolderOptions& options, const RunControl& control) {
  return open_store(open_folder_store(folder), options, control);
}

FolderSet open_tar(const fs::path& path, const FolderOptions& options, const RunControl& control) {
  return open_store(open_tar_store(path), options, control);
}

}  // namespace crosstalk::image
