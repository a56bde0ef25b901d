#include "crosstalk/data/dataset.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "crosstalk/data/csv_scanner.hpp"
#include "crosstalk/data/labels.hpp"
#include "crosstalk/data/mat.hpp"
#include "crosstalk/data/npy.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/split.hpp"
#include "one_vs_rest.hpp"
#include "recipes.hpp"

namespace crosstalk::data {

namespace fs = std::filesystem;

namespace {

Dataset known(const KnownSet& set, const LoadOptions& options) {
  if (const auto folder = locate(set, options.search_path)) return load_known_set(set, *folder, options);
  std::vector<std::string> roots;
  for (const fs::path& root : options.search_path) roots.push_back((root / set.folder).string());
  throw DataError(fmt::format(
      "data set \"{}\" is not on this machine (looked for {} in {}); get it with `{}`", set.name,
      set.files.front().name, fmt::join(roots, ", "),
      set.debian_package.empty() ? "crosstalk data fetch " + set.name : "apt-get install " + set.debian_package));
}

Dataset idx_pair(const fs::path& images, const LoadOptions& options) {
  std::string labels_name = images.filename().string();
  for (const auto& [from, to] : {std::pair<std::string_view, std::string_view>{"images", "labels"}, {"idx3", "idx1"}})
    if (const std::size_t at = labels_name.rfind(from); at != std::string::npos)
      labels_name.replace(at, from.size(), to);
  const fs::path labels = images.parent_path() / labels_name;
  constexpr std::size_t rows_a_side = 300;
  Dataset set;
  set.train = one_vs_rest(images, labels, {.rows_a_side = rows_a_side, .seed = options.seed, .stream = "idx rows"});
  if (set.train.size() < 2)
    throw DataError(fmt::format("{}: one class against the rest needs at least two classes", labels.string()));
  set.notes = {
      fmt::format("each task is one class against the rest: up to {0} rows of the class and {0} of the others, drawn "
                  "with seed {1}",
                  rows_a_side, options.seed)};
  set.sources = {images.string(), labels.string()};
  return set;
}

Dataset csv(const fs::path& path, const LoadOptions& options) {
  CsvData content = read_csv(path, options.csv);
  Dataset set;
  set.train = std::move(content.tasks);
  set.notes = std::move(content.notes);
  set.task_column = options.csv.task_column;
  set.label_column = options.csv.label_column;
  set.sources = {path.string()};
  return set;
}

Dataset file(const fs::path& path, const LoadOptions& options) {
  std::string name = path.filename().string();
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  Dataset set;
  if (name.ends_with(".npz")) {
    set.train = read_npz_tasks(path);
  } else if (name.ends_with(".npy")) {
    throw DataError(fmt::format("{}: a .npy file holds one array; features and labels need a .npz", path.string()));
  } else if (name.ends_with(".mat")) {
    set.train = read_mat_tasks(path);
  } else if (name.ends_with("-images-idx3-ubyte")) {
    return idx_pair(path, options);
  } else {
    return csv(path, options);
  }
  set.sources = {path.string()};
  return set;
}

// What the labels of a file say about its use; 0 and 1 become signs unless the user asked for regression. The units of
// its columns are anything.
void settle_labels(Dataset& set, const std::string& asked_loss) {
  if (asked_loss != "squared" && zero_one_to_signs(set.train)) set.notes.emplace_back(kLabelsBecameSigns);
  set.recipe.loss = has_sign_labels(set.train) ? "squared-hinge" : "squared";
  set.recipe.scale = Scale::Standard;
  if (set.recipe.loss == "squared") set.recipe.labels = LabelScale::Pooled;
}

std::string nearest_source(const std::string& wanted) {
  std::vector<std::string> candidates;
  for (const KnownSet& set : known_sets()) candidates.push_back(set.name);
  const fs::path parent = fs::path(wanted).parent_path();
  std::error_code error;
  for (fs::directory_iterator entry(parent.empty() ? "." : parent, error), end; !error && entry != end;
       entry.increment(error))
    candidates.push_back((parent / entry->path().filename()).string());
  return nearest_name(wanted, candidates);
}

}  // namespace

Dataset load(const std::string& name_or_path, const LoadOptions& options) {
  Dataset set;
  std::error_code ignored;
  if (const KnownSet* named = find_known_set(name_or_path)) {
    set = known(*named, options);
  } else if (fs::exists(name_or_path, ignored)) {
    set = file(name_or_path, options);
    settle_labels(set, options.loss);
  } else {
    const std::string near = nearest_source(name_or_path);
    throw DataError(fmt::format(
        "no data set or file {}{}", in_quotes(name_or_path),
        near.empty() ? "; `crosstalk data list` names the known sets" : fmt::format("; did you mean \"{}\"?", near)));
  }
  set.name = name_or_path;
  return set;
}

}  // namespace crosstalk::data
