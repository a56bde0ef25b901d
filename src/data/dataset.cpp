#include "crosstalk/data/dataset.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "crosstalk/data/csv_scanner.hpp"
#include "crosstalk/data/mat.hpp"
#include "crosstalk/data/npy.hpp"
#include "crosstalk/data/svmlight.hpp"
#include "crosstalk/data/unpacking.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/names.hpp"
#include "crosstalk/split.hpp"
#include "one_vs_rest.hpp"
#include "recipes.hpp"
#include "small_letters.hpp"

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
  set.task_column = content.coding.task_column;
  set.label_column = content.coding.label_columns.front();
  set.csv = std::move(content);
  return set;
}

// Files of other programs that are often given in place of a table.
void require_table(const fs::path& path) {
  if (!fs::is_regular_file(path)) return;
  std::ifstream file(path, std::ios::binary);
  std::string head(512, '\0');
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, file.gcount())));
  const auto refuse = [&](const char* what, const char* how) {
    throw DataError(fmt::format("{}: is {}, which is not read; {}", path.string(), what, how));
  };
  if (head.starts_with("PAR1")) refuse("a Parquet file", "save it as CSV (pandas: read_parquet(...).to_csv(...))");
  if (head.starts_with("PK\3\4")) refuse("a spreadsheet or zip archive", "save the sheet as CSV");
  const std::size_t first = head.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return;
  const bool is_json =
      head[first] == '{' || (head[first] == '[' && head.find_first_of("{[\"", first + 1) != std::string::npos);
  if (is_json) refuse("JSON", "save it as CSV (pandas: read_json(..., lines=True).to_csv(...))");
}

// Whether a file begins with a row of `label index:value ...`.
bool looks_like_svmlight(const fs::path& path) {
  if (!fs::is_regular_file(path)) return false;  // what is read of a pipe is gone
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line) && (line.empty() || line[0] == '#')) {
  }
  std::istringstream words(line);
  std::string label;
  std::string entry;
  if (!(words >> label >> entry) || plain_number(label).kind != CellKind::Number) return false;
  const std::size_t colon = entry.find(':');
  if (colon == std::string::npos || entry.find_first_of(",;\t|") != std::string::npos) return false;
  return entry.substr(0, colon) == "qid" || (plain_number(entry.substr(0, colon)).kind == CellKind::Number &&
                                             plain_number(entry.substr(colon + 1)).kind == CellKind::Number);
}

Dataset svmlight(const fs::path& path) {
  SvmlightData content = read_svmlight(path);
  // A dense table of it, with a name for every feature: a file of one entry can ask for gigabytes.
  const auto bytes_of_feature = static_cast<std::size_t>(content.tasks.rows()) * sizeof(double) + sizeof(std::string);
  UnpackedBytes(path.string()).add(static_cast<std::size_t>(content.tasks.features()) * bytes_of_feature);
  Dataset set;
  set.train = content.tasks.dense();
  for (Eigen::Index k = 0; k < set.train.features(); ++k)
    set.train.feature_names.push_back(fmt::format("x{}", k + content.first_index));
  set.notes = std::move(content.notes);
  set.task_column = "qid";
  return set;
}

Dataset file(const fs::path& path, const LoadOptions& options) {
  std::string name = in_small_letters(path.filename().string());
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
  } else if (name.ends_with(".svm") || name.ends_with(".svmlight") || name.ends_with(".libsvm") ||
             looks_like_svmlight(path)) {
    set = svmlight(path);
  } else {
    require_table(path);
    set = csv(path, options);
  }
  set.sources = {path.string()};
  return set;
}

// The distinct labels of all tasks in ascending order, up to one more than `most`.
std::vector<double> distinct_labels(const TaskSet& tasks, std::size_t most) {
  std::set<double> labels;
  for (const Task& task : tasks)
    for (const double label : task.labels) {
      labels.insert(label);
      if (labels.size() > most) return {labels.begin(), labels.end()};
    }
  return {labels.begin(), labels.end()};
}

// Which of two words is the positive class: true or yes, else the last in byte order.
bool first_is_positive(const std::string& first, const std::string& second) {
  const auto says_yes = [](const std::string& word) {
    const std::string lower = in_small_letters(word);
    return lower == "true" || lower == "yes";
  };
  if (says_yes(first) != says_yes(second)) return says_yes(first);
  return first > second;
}

void become_classes(Dataset& set, std::vector<std::string> names, std::vector<double> labels,
                    const std::string& positive, bool are_words) {
  if (are_words && first_is_positive(names[0], names[1])) {
    std::swap(names[0], names[1]);
    std::swap(labels[0], labels[1]);
  }
  if (!positive.empty()) {
    const auto is_chosen = [&](const std::string& name) {
      return name == positive || (!are_words && plain_number(name).value == plain_number(positive).value &&
                                  plain_number(positive).kind == CellKind::Number);
    };
    if (!is_chosen(names[0]) && !is_chosen(names[1]))
      throw std::invalid_argument(fmt::format("`positive`: {} is no label of {}; its labels are {} and {}",
                                              in_quotes(positive), set.sources.front(), in_quotes(names[0]),
                                              in_quotes(names[1])));
    if (is_chosen(names[0])) {
      std::swap(names[0], names[1]);
      std::swap(labels[0], labels[1]);
    }
  }
  for (Task& task : set.train)
    for (double& label : task.labels) label = label == labels[1] ? 1.0 : -1.0;
  set.classes = ClassNames{names[0], names[1]};
  set.notes.push_back(
      fmt::format("the label has two values: {} is the positive class (+1), {} the negative (-1); "
                  "`positive` changes it",
                  in_quotes(names[1]), in_quotes(names[0])));
}

// Labels stay positions in the words; whoever learns them makes binary problems of them.
void become_several_classes(Dataset& set, const LoadOptions& options) {
  const CsvCoding& coding = set.csv->coding;
  if (!options.positive.empty())
    throw DataError(fmt::format("{}: `positive` needs a label of two values; {} has {}", set.sources.front(),
                                in_quotes(set.label_column), coding.label_words.size()));
  if (coding.label_columns.size() > 1)
    throw DataError(fmt::format("{}: the {} label columns have {} classes together; write two classes in each",
                                set.sources.front(), coding.label_columns.size(), coding.label_words.size()));
  set.notes.push_back(fmt::format("the label has {} classes ({}): each is learned against the rest{}",
                                  coding.label_words.size(), listed(coding.label_words),
                                  coding.task_column.empty() ? ", and the classes are the tasks" : " in every task"));
}

// What the labels of a file say about its use.
void settle_labels(Dataset& set, const LoadOptions& options) {
  constexpr std::size_t most_ratings = 10;
  const std::vector<std::string> words = set.csv ? set.csv->coding.label_words : std::vector<std::string>();
  const std::string& column = set.label_column;
  const std::string& file = set.sources.front();
  set.recipe.loss = "squared";
  set.recipe.scale = Scale::Standard;  // the units of its columns are anything
  set.recipe.labels = LabelScale::Pooled;
  set.recipe.folds = 5;
  if (!words.empty()) {
    if (options.loss == "squared")
      throw DataError(fmt::format("{}: column {} holds words ({}); `loss=squared` needs numbers", file,
                                  in_quotes(column), listed(words)));
    if (words.size() < 2)
      throw DataError(fmt::format("{}: the label {} has 1 word ({}); there must be two classes or more", file,
                                  in_quotes(column), listed(words)));
    set.recipe.loss = "squared-hinge";
    set.recipe.labels = LabelScale::None;
    if (words.size() == 2)
      become_classes(set, words, {0.0, 1.0}, options.positive, true);
    else
      become_several_classes(set, options);
    return;
  }
  const std::vector<double> values = distinct_labels(set.train, most_ratings);
  const bool whole = std::all_of(values.begin(), values.end(), [](double v) { return v == std::round(v); });
  if (options.loss == "squared") return;
  if (values.size() == 2) {
    const auto as_written = [&](double value) {
      const auto found = set.csv ? set.csv->label_texts.find(value) : std::map<double, std::string>::iterator();
      if (set.csv && found != set.csv->label_texts.end()) return found->second;
      return set.csv ? set.csv->coding.label_format.format(value) : fmt::format("{}", value);
    };
    become_classes(set, {as_written(values[0]), as_written(values[1])}, values, options.positive, false);
  } else if (values.size() > 2 && values.size() <= most_ratings && whole && options.loss.empty()) {
    throw DataError(
        fmt::format("{}: the label {} has {} whole numbers ({}): `loss=squared` learns them as a number; for classes, "
                    "write words",
                    file, in_quotes(column), values.size(), fmt::join(values, ", ")));
  }
  if (!options.positive.empty() && !set.classes)
    throw DataError(fmt::format("{}: `positive` needs a label of two values; {} has {}{}", file, in_quotes(column),
                                values.size() > most_ratings ? "more than " : "",
                                std::min(values.size(), most_ratings)));
  if (!has_sign_labels(set.train)) return;
  set.recipe.loss = "squared-hinge";
  set.recipe.labels = LabelScale::None;
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

double learner_label(const CsvCoding& coding, const std::optional<ClassNames>& classes, double label,
                     const std::string& name) {
  if (!classes || std::isnan(label)) return label;
  const bool numbers = coding.label_words.empty();
  const std::string word =
      numbers ? coding.label_format.format(label) : coding.label_words[static_cast<std::size_t>(label)];
  const auto is = [&](const std::string& wanted) {
    return numbers ? coding.label_format.parse(wanted) == label || plain_number(wanted).value == label : word == wanted;
  };
  if (is(classes->positive)) return 1.0;
  if (is(classes->negative)) return -1.0;
  throw DataError(fmt::format("{}: the label {} is neither {} nor {}, the classes of the model", name, in_quotes(word),
                              in_quotes(classes->negative), in_quotes(classes->positive)));
}

const OptionTable<LoadOptions>& LoadOptions::table() {
  static const auto table =
      OptionTable<LoadOptions>("")
          .add(&LoadOptions::loss, {.key = "loss",
                                    .meaning = "squared, squared-hinge or logistic",
                                    .words = {"squared", "squared-hinge", "logistic"}})
          .add(&LoadOptions::positive, {.key = "positive", .meaning = "Which of two labels is the positive class"});
  return table;
}

Dataset load(const std::string& name_or_path, const LoadOptions& options) {
  Dataset set;
  std::error_code ignored;
  if (const KnownSet* named = find_known_set(name_or_path)) {
    set = known(*named, options);
  } else if (fs::exists(name_or_path, ignored)) {
    set = file(name_or_path, options);
    set.is_file = true;
    settle_labels(set, options);
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
