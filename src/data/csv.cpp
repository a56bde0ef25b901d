#include "crosstalk/data/csv.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "crosstalk/data/csv_scanner.hpp"
#include "crosstalk/data/files.hpp"
#include "crosstalk/error.hpp"

namespace crosstalk::data {

namespace {

constexpr std::size_t kMostValues = 100;  // of a one-hot encoded column
constexpr double kShareOfNumbers = 0.9;   // from here on a word in a column is a mistake, not a category
constexpr std::size_t kCountValuesUpTo = 100000;

enum class Kind { Number, Missing, NotFinite, Word };

struct Parsed {
  Kind kind;
  double value = 0.0;
};

Parsed parse_number(std::string_view field) {
  if (field.empty()) return {Kind::Missing};
  const char* begin = field.data();
  const char* end = begin + field.size();
  if (*begin == '+' && field.size() > 1 && begin[1] != '-') ++begin;
  double value = 0.0;
  const auto [stop, error] = std::from_chars(begin, end, value);
  if (error == std::errc::invalid_argument || stop != end) return {Kind::Word};
  // Out of range is said of 1e999 and of 1e-999 alike; strtod tells them apart.
  if (error == std::errc::result_out_of_range) value = std::strtod(std::string(begin, end).c_str(), nullptr);
  if (!std::isfinite(value)) return {Kind::NotFinite};
  return {Kind::Number, value};
}

// A feature column as the file has it.
struct Column {
  std::size_t position;  // in the record
  std::string name;
  std::size_t words = 0;         // values that are not numbers
  std::string first_word_place;  // file:line
  std::string first_word;
  std::vector<std::string> values;  // sorted, when the column is one-hot encoded
  [[nodiscard]] bool categorical() const { return words > 0; }
  [[nodiscard]] std::size_t width() const { return categorical() ? values.size() : 1; }
};

struct Header {
  std::vector<std::string> names;
  std::size_t label = 0;
  std::size_t task = SIZE_MAX;  // SIZE_MAX: no task column
  std::vector<Column> features;
};

std::size_t position_of(const std::vector<std::string>& names, const std::string& name, const std::string& file) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  const std::string near = nearest_name(name, names);
  const std::string hint = near.empty() ? "its columns are " + listed(names) : "did you mean " + in_quotes(near) + "?";
  throw DataError(fmt::format("{}: no column {}; {}", file, in_quotes(name), hint));
}

Header read_header(CsvScanner& scanner, const CsvOptions& options, bool with_task_column) {
  std::vector<std::string_view> fields;
  scanner.next(fields);
  const std::string& file = scanner.name();
  Header header;
  std::unordered_set<std::string_view> seen;
  for (const std::string_view field : fields) {
    header.names.emplace_back(field.empty() ? fmt::format("column {}", header.names.size() + 1) : std::string(field));
    if (!field.empty() && !seen.insert(field).second)
      throw DataError(fmt::format("{}:{}: two columns are named {}", file, scanner.line(), in_quotes(field)));
  }
  std::set<std::size_t> ignored;
  for (const std::string& name : options.ignore) ignored.insert(position_of(header.names, name, file));
  header.label = position_of(header.names, options.label_column, file);
  if (with_task_column) header.task = position_of(header.names, options.task_column, file);
  if (header.label == header.task)
    throw DataError(
        fmt::format("{}: column {} cannot be both the task and the label", file, in_quotes(options.label_column)));
  for (const std::size_t position : ignored)
    if (position == header.label || position == header.task)
      throw DataError(fmt::format("{}: column {} cannot be ignored: it is the {}", file,
                                  in_quotes(header.names[position]), position == header.label ? "label" : "task"));
  for (std::size_t j = 0; j < fields.size(); ++j) {
    if (j == header.label || j == header.task || ignored.contains(j)) continue;
    if (fields[j].empty())
      throw DataError(fmt::format("{}:{}: column {} has no name; name it, or drop it with --ignore \"column {}\"", file,
                                  scanner.line(), j + 1, j + 1));
    header.features.push_back({j, header.names[j], 0, {}, {}, {}});
  }
  if (header.features.empty()) throw DataError(file + ": no column is left as a feature");
  return header;
}

// Names of tasks to 0, 1, ... in order of appearance.
class TaskNames {
 public:
  std::uint32_t index(std::string_view name) {
    if (last_ < names_.size() && names_[last_] == name) return last_;  // rows of a task often stand together
    const auto [entry, added] = indices_.try_emplace(std::string(name), static_cast<std::uint32_t>(names_.size()));
    if (added) names_.emplace_back(name);
    return last_ = entry->second;
  }
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }

 private:
  std::unordered_map<std::string, std::uint32_t> indices_;
  std::vector<std::string> names_;
  std::uint32_t last_ = 0;
};

class Reader {
 public:
  Reader(const std::vector<CsvSource>& sources, const CsvOptions& options) : sources_(sources), options_(options) {}

  CsvData read() {
    for (const CsvSource& source : sources_) texts_.push_back(read_file(source.path));
    for (std::size_t i = 0; i < sources_.size(); ++i) read_numbers(i);
    decide_categories();
    if (std::any_of(header_.features.begin(), header_.features.end(), [](const Column& c) { return c.categorical(); }))
      read_categories();
    texts_ = {};  // given back before the tasks take their memory
    return build();
  }

 private:
  CsvScanner scanner(std::size_t source) const {
    return {texts_[source], sources_[source].path.string(), options_.separator};
  }

  bool next_row(CsvScanner& scanner, std::vector<std::string_view>& fields) const {
    if (!scanner.next(fields)) return false;
    if (fields.size() != header_.names.size())
      throw DataError(fmt::format("{}:{}: {} fields where the header has {}", scanner.name(), scanner.line(),
                                  fields.size(), header_.names.size()));
    return true;
  }

  void open_source(CsvScanner& scanner, const CsvSource& source) {
    Header header = read_header(scanner, options_, source.task.empty() && !options_.task_column.empty());
    if (header_.names.empty()) {
      header_ = std::move(header);
    } else if (header.names != header_.names) {
      throw DataError(
          fmt::format("{}: its columns differ from those of {}", scanner.name(), sources_.front().path.string()));
    }
  }

  // First pass: everything that is a number, and what is not.
  void read_numbers(std::size_t source) {
    CsvScanner rows = scanner(source);
    open_source(rows, sources_[source]);
    reserve(texts_[source]);
    const std::size_t rows_before = labels_.size();
    const std::string fixed_task = !sources_[source].task.empty() ? sources_[source].task : "all";
    std::vector<std::string_view> fields;
    while (next_row(rows, fields)) {
      const auto reject = [&](std::size_t position, const std::string& what) {
        throw DataError(
            fmt::format("{}:{}: {} (column {})", rows.name(), rows.line(), what, in_quotes(header_.names[position])));
      };
      const auto number = [&](std::size_t position) {
        const Parsed parsed = parse_number(fields[position]);
        if (parsed.kind == Kind::Missing) reject(position, "the value is missing; every field must be filled");
        if (parsed.kind == Kind::NotFinite) reject(position, in_quotes(fields[position]) + " is not a finite number");
        return parsed;
      };
      std::string_view task = fixed_task;
      if (header_.task != SIZE_MAX && sources_[source].task.empty()) {
        task = fields[header_.task];
        if (task.empty()) reject(header_.task, "the task's name is missing");
      }
      const Parsed label = number(header_.label);
      if (label.kind == Kind::Word) reject(header_.label, in_quotes(fields[header_.label]) + " is not a number");
      task_of_row_.push_back(tasks_.index(task));
      labels_.push_back(label.value);
      for (Column& column : header_.features) {
        const Parsed parsed = number(column.position);
        if (parsed.kind == Kind::Word && column.words++ == 0) {
          column.first_word = fields[column.position];
          column.first_word_place = fmt::format("{}:{}", rows.name(), rows.line());
        }
        values_.push_back(parsed.value);
      }
    }
    if (labels_.size() == rows_before) throw DataError(rows.name() + ": holds a header but no rows");
  }

  // Room for all rows at once, so that growing never doubles the peak; a number takes at least two characters.
  void reserve(const std::string& text) {
    const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
    const std::size_t rows = std::min(lines, text.size() / (2 * header_.names.size()) + 1);
    labels_.reserve(labels_.size() + rows);
    task_of_row_.reserve(task_of_row_.size() + rows);
    values_.reserve(values_.size() + rows * header_.features.size());
  }

  void decide_categories() const {
    const auto rows = static_cast<double>(labels_.size());
    for (const Column& column : header_.features)
      if (column.categorical() && rows - static_cast<double>(column.words) >= kShareOfNumbers * rows)
        throw DataError(fmt::format("{}: {} is not a number (column {}, where {} of {} values are)",
                                    column.first_word_place, in_quotes(column.first_word), in_quotes(column.name),
                                    labels_.size() - column.words, labels_.size()));
  }

  // Second pass, over the columns that hold words: the values, then each row's position among them.
  void read_categories() {
    const auto for_each_word = [&](auto&& visit) {
      std::size_t row = 0;
      std::vector<std::string_view> fields;
      for (std::size_t source = 0; source < sources_.size(); ++source) {
        CsvScanner rows = scanner(source);
        rows.next(fields);
        for (; next_row(rows, fields); ++row)
          for (std::size_t k = 0; k < header_.features.size(); ++k)
            if (header_.features[k].categorical()) visit(k, fields[header_.features[k].position], row);
      }
    };
    std::vector<std::set<std::string, std::less<>>> distinct(header_.features.size());
    for_each_word([&](std::size_t k, std::string_view value, std::size_t) {
      if (distinct[k].size() < kCountValuesUpTo && !distinct[k].contains(value)) distinct[k].emplace(value);
    });
    for (std::size_t k = 0; k < distinct.size(); ++k) {
      Column& column = header_.features[k];
      if (distinct[k].size() > kMostValues)
        throw DataError(
            fmt::format("{}: column {} has {}{} different values that are not all numbers, and at most {} can be "
                        "one-hot encoded; it is probably an identifier: drop it with --ignore or give it as the task",
                        sources_.front().path.string(), in_quotes(column.name),
                        distinct[k].size() == kCountValuesUpTo ? "at least " : "", distinct[k].size(), kMostValues));
      column.values.assign(distinct[k].begin(), distinct[k].end());
    }
    for_each_word([&](std::size_t k, std::string_view value, std::size_t row) {
      const std::vector<std::string>& values = header_.features[k].values;
      const auto found = std::lower_bound(values.begin(), values.end(), value);
      values_[row * header_.features.size() + k] = static_cast<double>(found - values.begin());
    });
  }

  CsvData build() const {
    CsvData data;
    Eigen::Index width = 0;
    for (const Column& column : header_.features) {
      width += static_cast<Eigen::Index>(column.width());
      if (!column.categorical()) data.tasks.feature_names.push_back(column.name);
      for (const std::string& value : column.values) data.tasks.feature_names.push_back(column.name + "=" + value);
      if (column.categorical())
        data.notes.push_back(fmt::format("column \"{}\" has {} value{} and was one-hot encoded", column.name,
                                         column.values.size(), column.values.size() == 1 ? "" : "s"));
    }
    std::vector<Eigen::Index> sizes(tasks_.names().size(), 0);
    for (const std::uint32_t task : task_of_row_) ++sizes[task];
    for (std::size_t t = 0; t < sizes.size(); ++t)
      data.tasks.tasks.push_back({tasks_.names()[t], Eigen::MatrixXd(sizes[t], width), Eigen::VectorXd(sizes[t])});

    std::vector<Eigen::Index> filled(sizes.size(), 0);
    const double* value = values_.data();
    for (std::size_t row = 0; row < labels_.size(); ++row) {
      Task& task = data.tasks[task_of_row_[row]];
      const Eigen::Index r = filled[task_of_row_[row]]++;
      task.labels[r] = labels_[row];
      Eigen::Index j = 0;
      for (const Column& column : header_.features) {
        const auto columns = static_cast<Eigen::Index>(column.width());
        if (column.categorical()) {
          task.features.row(r).segment(j, columns).setZero();
          task.features(r, j + static_cast<Eigen::Index>(*value++)) = 1.0;
        } else {
          task.features(r, j) = *value++;
        }
        j += columns;
      }
    }
    return data;
  }

  const std::vector<CsvSource>& sources_;
  const CsvOptions& options_;
  std::vector<std::string> texts_;
  Header header_;
  TaskNames tasks_;
  std::vector<std::uint32_t> task_of_row_;
  std::vector<double> labels_;
  std::vector<double> values_;  // row after row, one entry a feature column
};

}  // namespace

CsvData read_csv(const std::vector<CsvSource>& sources, const CsvOptions& options) {
  return Reader(sources, options).read();
}

CsvData read_csv(const std::filesystem::path& path, const CsvOptions& options) {
  return read_csv({{path, ""}}, options);
}

}  // namespace crosstalk::data
