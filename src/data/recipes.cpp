#include "recipes.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <stdexcept>
#include <unordered_map>

#include <fmt/format.h>

#include "checked_tasks.hpp"
#include "crosstalk/data/csv_scanner.hpp"
#include "crosstalk/data/files.hpp"
#include "crosstalk/data/labels.hpp"
#include "crosstalk/data/mat.hpp"
#include "crosstalk/data/sha256.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/rng.hpp"
#include "one_vs_rest.hpp"

namespace crosstalk::data {

namespace fs = std::filesystem;

namespace {

Dataset image_classes(const fs::path& folder, const LoadOptions& options, const std::vector<std::string>& names) {
  constexpr std::size_t rows_a_side = 300;
  const auto part = [&](const std::string& prefix) {
    return one_vs_rest(folder / (prefix + "-images-idx3-ubyte.gz"), folder / (prefix + "-labels-idx1-ubyte.gz"),
                       {.rows_a_side = rows_a_side, .class_names = names, .seed = options.seed, .stream = prefix});
  };
  Dataset set;
  set.train = part("train");
  set.test = part("t10k");
  if (set.test->names() != set.train.names())
    throw DataError(fmt::format("{}: the training and test files do not hold the same classes", folder.string()));
  set.recipe = {.loss = "squared-hinge", .test_fraction = 0.0, .pca = 128};
  set.notes = {
      fmt::format("each task is one class against the rest: {0} rows of the class and {0} of the others, drawn with "
                  "seed {1} from the training files, and as many from the test files",
                  rows_a_side, options.seed)};
  return set;
}

Dataset fashion_mnist(const fs::path& folder, const LoadOptions& options) {
  return image_classes(
      folder, options,
      {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"});
}

Dataset mnist(const fs::path& folder, const LoadOptions& options) {
  return image_classes(folder, options, {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"});
}

std::vector<Eigen::Index> first_of_equal_rows(const Eigen::MatrixXd& matrix) {
  std::vector<Eigen::Index> rows;
  std::set<std::vector<double>> seen;
  for (Eigen::Index r = 0; r < matrix.rows(); ++r) {
    std::vector<double> row(static_cast<std::size_t>(matrix.cols()));
    Eigen::Map<Eigen::RowVectorXd>(row.data(), matrix.cols()) = matrix.row(r);
    if (seen.insert(std::move(row)).second) rows.push_back(r);
  }
  return rows;
}

Dataset sarcos(const fs::path& folder, const LoadOptions& options) {
  constexpr Eigen::Index joints = 7;
  constexpr Eigen::Index inputs = 3 * joints;
  constexpr std::size_t train_rows = 300;
  constexpr std::size_t test_rows = 600;
  const fs::path file = folder / "sarcos_inv_test.mat";
  const std::vector<MatVariable> variables = read_mat(file);
  const Eigen::MatrixXd& table = mat_matrix(variables, "sarcos_inv_test", file);
  if (table.cols() != inputs + joints)
    throw DataError(fmt::format("{}: has {} columns; {} inputs and {} torques are expected", file.string(),
                                table.cols(), inputs, joints));
  const std::vector<Eigen::Index> distinct = first_of_equal_rows(table.leftCols(inputs));
  if (distinct.size() < train_rows + test_rows)
    throw DataError(
        fmt::format("{}: has {} distinct rows; {} are needed", file.string(), distinct.size(), train_rows + test_rows));

  Rng rng = Rng::stream(options.seed, "sarcos rows");
  const std::vector<std::size_t> order = rng.permutation(distinct.size());
  const auto part = [&](std::size_t begin, std::size_t count) {
    std::vector<Eigen::Index> rows;
    for (std::size_t k = begin; k < begin + count; ++k) rows.push_back(distinct[order[k]]);
    std::sort(rows.begin(), rows.end());
    TaskSet tasks;
    for (Eigen::Index t = 0; t < joints; ++t)
      tasks.tasks.push_back(
          {fmt::format("torque {}", t + 1), table(rows, Eigen::seqN(0, inputs)), table.col(inputs + t)(rows)});
    for (const char* what : {"position", "velocity", "acceleration"})
      for (Eigen::Index j = 1; j <= joints; ++j) tasks.feature_names.push_back(fmt::format("{} {}", what, j));
    return checked_tasks(std::move(tasks), file);
  };
  Dataset set;
  set.train = part(0, train_rows);
  set.test = part(train_rows, test_rows);
  set.recipe = {.loss = "squared", .test_fraction = 0.0};
  set.notes = {fmt::format("{} of {} rows have inputs that occur before and were dropped",
                           table.rows() - static_cast<Eigen::Index>(distinct.size()), table.rows()),
               fmt::format("{} training and {} test rows were drawn with seed {}, the same for all tasks", train_rows,
                           test_rows, options.seed)};
  return set;
}

Dataset landmine(const fs::path& folder, const LoadOptions&) {
  Dataset set;
  set.train = read_mat_tasks(folder / "LandmineData.mat");
  if (zero_one_to_signs(set.train)) set.notes = {kLabelsBecameSigns};
  set.recipe = {.loss = "squared-hinge", .test_fraction = 0.8};
  return set;
}

Dataset school(const fs::path& folder, const LoadOptions&) {
  const fs::path file = folder / "school.mat";
  Dataset set;
  set.train = read_mat_tasks(file);
  for (Task& task : set.train) {
    const Eigen::Index last = task.features.cols() - 1;
    if (last < 1 || (task.features.col(last).array() != 1.0).any())
      throw DataError(fmt::format("{}: the last column of task {} is not the constant 1", file.string(), task.name));
    task.features.conservativeResize(Eigen::NoChange, last);
  }
  set.recipe = {.loss = "squared", .test_fraction = 0.25};
  set.notes = {"the constant last column was dropped; the learner adds its own"};
  return set;
}

Dataset from_csv(const std::vector<CsvSource>& sources, CsvOptions options) {
  options.as_published = true;
  CsvData csv = read_csv(sources, options);
  Dataset set;
  set.train = std::move(csv.tasks);
  set.notes = std::move(csv.notes);
  set.task_column = options.task_column;
  set.label_column = options.label_columns.front();
  return set;
}

Dataset parkinsons(const fs::path& folder, const LoadOptions&) {
  Dataset set = from_csv({{folder / "parkinsons_updrs.data", ""}},
                         {.task_column = "subject#", .label_columns = {"motor_UPDRS"}, .ignore = {"total_UPDRS"}});
  set.notes.emplace_back("column \"total_UPDRS\" was dropped: it is the label's twin");
  return set;
}

Dataset student(const fs::path& folder, const LoadOptions&) {
  Dataset set = from_csv({{folder / "student-mat.csv", "mathematics"}, {folder / "student-por.csv", "portuguese"}},
                         {.label_columns = {"G3"}});
  set.task_column = "course";
  return set;
}

Dataset newsgroups(const fs::path& folder, const LoadOptions&) {
  Dataset set;
  for (const char* name : {"comp.vs.sci_task1", "comp.vs.sci_task2", "rec.vs.talk_task1", "rec.vs.talk_task2"}) {
    const fs::path file = folder / (std::string(name) + ".mat");
    const std::vector<MatVariable> variables = read_mat(file);
    const Eigen::MatrixXd& words = mat_matrix(variables, "fea", file);
    const Eigen::MatrixXd& group = mat_matrix(variables, "gnd", file);
    if (group.cols() != 1 || group.rows() != words.rows() || ((group.array() != 1.0) && (group.array() != 2.0)).any())
      throw DataError(
          fmt::format("{}: gnd must hold 1 or 2 for each of the {} rows of fea", file.string(), words.rows()));
    set.train.tasks.push_back({name, words, 2.0 * group.col(0).array() - 3.0});
  }
  set.train = checked_tasks(std::move(set.train), folder);
  set.recipe.loss = "squared-hinge";
  set.notes = {"labels 1 and 2 were read as -1 and +1"};
  return set;
}

// Rows of a CSV file with the given columns, which are handed over in this order.
template <typename Visit>
void for_each_row(const fs::path& file, const std::vector<std::string>& columns, Visit&& visit) {
  const std::string text = read_file(file);
  CsvScanner scanner(text, file.string());
  std::vector<std::string_view> fields;
  scanner.next(fields);
  std::vector<std::size_t> positions;
  for (const std::string& column : columns) {
    const auto found = std::find(fields.begin(), fields.end(), column);
    if (found == fields.end()) throw DataError(fmt::format("{}: no column {}", file.string(), in_quotes(column)));
    positions.push_back(static_cast<std::size_t>(found - fields.begin()));
  }
  const std::size_t width = fields.size();
  std::vector<std::string_view> wanted(columns.size());
  while (scanner.next(fields)) {
    const std::string place = fmt::format("{}:{}", file.string(), scanner.line());
    if (fields.size() != width)
      throw DataError(fmt::format("{}: {} fields where the header has {}", place, fields.size(), width));
    for (std::size_t k = 0; k < positions.size(); ++k) wanted[k] = fields[positions[k]];
    visit(wanted, place);
  }
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

Dataset movielens(const fs::path& folder, const LoadOptions&) {
  constexpr std::size_t fewest_ratings = 20;
  std::unordered_map<std::string, std::vector<std::string>> genres_of;
  std::set<std::string> genres;
  for_each_row(folder / "movies.csv", {"movieId", "genres"}, [&](const auto& fields, const std::string&) {
    std::vector<std::string>& film = genres_of[std::string(fields[0])] = split(fields[1], '|');
    genres.insert(film.begin(), film.end());
  });

  struct User {
    std::string name;
    std::vector<const std::vector<std::string>*> films;
    std::vector<double> ratings;
  };
  std::vector<User> users;
  std::unordered_map<std::string, std::size_t> position;
  for_each_row(
      folder / "ratings.csv", {"userId", "movieId", "rating"}, [&](const auto& fields, const std::string& place) {
        const auto film = genres_of.find(std::string(fields[1]));
        if (film == genres_of.end())
          throw DataError(fmt::format("{}: film {} is not in movies.csv", place, in_quotes(fields[1])));
        double rating = 0.0;
        const char* end = fields[2].data() + fields[2].size();
        if (const auto [stop, error] = std::from_chars(fields[2].data(), end, rating);
            error != std::errc() || stop != end)
          throw DataError(fmt::format("{}: {} is not a number (column \"rating\")", place, in_quotes(fields[2])));
        const auto [entry, added] = position.try_emplace(std::string(fields[0]), users.size());
        if (added) users.push_back({entry->first, {}, {}});
        users[entry->second].films.push_back(&film->second);
        users[entry->second].ratings.push_back(rating);
      });

  Dataset set;
  set.train.feature_names.assign(genres.begin(), genres.end());
  const auto width = static_cast<Eigen::Index>(genres.size());
  for (const User& user : users) {
    if (user.ratings.size() < fewest_ratings) continue;
    const auto rows = static_cast<Eigen::Index>(user.ratings.size());
    Task task{user.name, Eigen::MatrixXd::Zero(rows, width),
              Eigen::Map<const Eigen::VectorXd>(user.ratings.data(), rows)};
    for (Eigen::Index r = 0; r < rows; ++r)
      for (const std::string& genre : *user.films[static_cast<std::size_t>(r)])
        task.features(r, std::distance(genres.begin(), genres.find(genre))) = 1.0;
    set.train.tasks.push_back(std::move(task));
  }
  set.train = checked_tasks(std::move(set.train), folder / "ratings.csv");
  set.task_column = "userId";
  set.label_column = "rating";
  set.notes = {fmt::format("{} of {} users have at least {} ratings; the others were left out", set.train.size(),
                           users.size(), fewest_ratings)};
  return set;
}

// A file that is cut short, or another version, can still be read, and would give other results under the same name.
void require_known_file(const fs::path& folder, const KnownFile& file) {
  const fs::path path = folder / file.name;
  std::error_code error;
  const std::uintmax_t bytes = fs::file_size(path, error);
  if (error) throw DataError(fmt::format("{}: {}", path.string(), error.message()));
  if (bytes != file.bytes)
    throw DataError(
        fmt::format("{}: has {} bytes, and the set's file {}; get it again", path.string(), bytes, file.bytes));
  if (sha256_of_file(path) != file.sha256)
    throw DataError(fmt::format("{}: is not the set's file (its SHA-256 is another); get it again", path.string()));
}

}  // namespace

Dataset load_known_set(const KnownSet& set, const fs::path& folder, const LoadOptions& options) {
  using Load = Dataset (*)(const fs::path&, const LoadOptions&);
  static constexpr std::pair<std::string_view, Load> loaders[] = {{"fashion-mnist", fashion_mnist},
                                                                  {"mnist", mnist},
                                                                  {"sarcos", sarcos},
                                                                  {"landmine", landmine},
                                                                  {"school", school},
                                                                  {"parkinsons", parkinsons},
                                                                  {"student", student},
                                                                  {"newsgroups", newsgroups},
                                                                  {"movielens", movielens}};
  for (const auto& [name, load] : loaders) {
    if (name != set.name) continue;
    if (options.check_known_files)
      for (const KnownFile& file : set.files) require_known_file(folder, file);
    Dataset dataset = load(folder, options);
    for (const KnownFile& file : set.files) dataset.sources.push_back((folder / file.name).string());
    return dataset;
  }
  throw std::invalid_argument(fmt::format("load_known_set: no recipe for \"{}\"", set.name));
}

}  // namespace crosstalk::data
