#include "crosstalk/data/svmlight.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/data/files.hpp"
#include "crosstalk/error.hpp"

namespace crosstalk::data {

namespace {

constexpr Eigen::Index kMostFeatures = 100'000'000;  // an index beyond is a slip: weights have that many rows

using Entry = std::pair<Eigen::Index, double>;  // index as written, value

struct Row {
  std::size_t line;
  double label;
  std::string_view task;  // empty without qid
  std::vector<Entry> entries;
};

class Reader {
 public:
  Reader(const std::filesystem::path& path, const SvmlightOptions& options)
      : name_(path.string()), options_(options), text_(read_file(path)) {}

  [[nodiscard]] SvmlightData read() {
    std::string_view rest = text_;
    for (std::size_t line = 1; !rest.empty(); ++line) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      read_line(line, rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    if (rows_.empty()) throw DataError(fmt::format("{}: has no rows", name_));
    SvmlightData data;
    data.first_index = first_index();
    if (data.first_index == 0 && options_.first_index == SvmlightOptions::FirstIndex::Detect)
      data.notes.push_back(fmt::format("{}: indices start at 0", name_));
    const Eigen::Index features = features_from(data.first_index);
    group(features, data);
    return data;
  }

 private:
  [[noreturn]] void fail(std::size_t line, const std::string& what) const {
    throw DataError(fmt::format("{}:{}: {}", name_, line, what));
  }

  static std::string_view next_word(std::string_view& rest) {
    constexpr std::string_view kBlanks = " \t\r\f\v";
    rest.remove_prefix(std::min(rest.find_first_not_of(kBlanks), rest.size()));
    const std::string_view word = rest.substr(0, rest.find_first_of(kBlanks));
    rest.remove_prefix(word.size());
    return word;
  }

  static std::optional<double> number(std::string_view text) {
    if (text.starts_with('+')) text.remove_prefix(1);  // "+1" is a usual label
    double value = 0.0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || text.starts_with('+') || !std::isfinite(value))
      return std::nullopt;
    return value;
  }

  void read_line(std::size_t line, std::string_view rest) {
    rest = rest.substr(0, rest.find('#'));
    std::string_view word = next_word(rest);
    if (word.empty()) return;
    Row row{line, 0.0, {}, {}};
    const auto label = number(word);
    if (!label) fail(line, fmt::format("the label \"{}\" is not a finite number", word));
    row.label = *label;
    for (word = next_word(rest); !word.empty(); word = next_word(rest)) {
      if (word.starts_with("qid:"))
        read_task(row, word.substr(4));
      else
        row.entries.push_back(entry_of(line, word));
    }
    std::sort(row.entries.begin(), row.entries.end(), [](const Entry& a, const Entry& b) { return a.first < b.first; });
    const auto twice = std::adjacent_find(row.entries.begin(), row.entries.end(),
                                          [](const Entry& a, const Entry& b) { return a.first == b.first; });
    if (twice != row.entries.end()) fail(line, fmt::format("index {} occurs twice", twice->first));
    if (!rows_.empty() && row.task.empty() != rows_.front().task.empty())
      fail(line, row.task.empty() ? fmt::format("has no qid, but line {} has one", rows_.front().line)
                                  : fmt::format("has a qid, but line {} has none", rows_.front().line));
    rows_.push_back(std::move(row));
  }

  void read_task(Row& row, std::string_view task) const {
    if (task.empty()) fail(row.line, "qid: is without a value");
    if (!row.task.empty()) fail(row.line, "has two qids");
    if (!row.entries.empty()) fail(row.line, "qid must stand before the features");
    row.task = task;
  }

  [[nodiscard]] Entry entry_of(std::size_t line, std::string_view word) const {
    const std::size_t colon = word.find(':');
    const std::string_view index_text = word.substr(0, colon);
    std::int64_t index = 0;
    const auto [end, error] = std::from_chars(index_text.data(), index_text.data() + index_text.size(), index);
    if (colon == std::string_view::npos || error == std::errc::invalid_argument ||
        end != index_text.data() + index_text.size())
      fail(line, fmt::format("\"{}\" is not index:value", word));
    if (error != std::errc() || index < 0 || index > kMostFeatures)
      fail(line, fmt::format("the index {} is outside 0 to {}", index_text, kMostFeatures));
    const auto value = number(word.substr(colon + 1));
    if (!value) fail(line, fmt::format("\"{}\" is not a finite number (index {})", word.substr(colon + 1), index));
    return {static_cast<Eigen::Index>(index), *value};
  }

  // The row that has the smallest or largest index.
  template <class Better>
  [[nodiscard]] const Row* extreme(const Better& better) const {
    const Row* found = nullptr;
    for (const Row& row : rows_)
      if (!row.entries.empty() && (found == nullptr || better(row, *found))) found = &row;
    return found;
  }

  [[nodiscard]] Eigen::Index first_index() const {
    const Row* lowest =
        extreme([](const Row& a, const Row& b) { return a.entries.front().first < b.entries.front().first; });
    const bool has_zero = lowest != nullptr && lowest->entries.front().first == 0;
    if (options_.first_index == SvmlightOptions::FirstIndex::One && has_zero)
      fail(lowest->line, "the index is 0; the first is 1");
    if (options_.first_index == SvmlightOptions::FirstIndex::Detect) return has_zero ? 0 : 1;
    return options_.first_index == SvmlightOptions::FirstIndex::Zero ? 0 : 1;
  }

  [[nodiscard]] Eigen::Index features_from(Eigen::Index first) const {
    const Row* highest =
        extreme([](const Row& a, const Row& b) { return a.entries.back().first > b.entries.back().first; });
    if (highest == nullptr) throw DataError(fmt::format("{}: no row has a feature", name_));
    const Eigen::Index found = highest->entries.back().first - first + 1;
    if (options_.features == 0) return found;
    if (found > options_.features)
      fail(highest->line,
           fmt::format("the index {} is beyond the {} features", highest->entries.back().first, options_.features));
    return options_.features;
  }

  void group(Eigen::Index features, SvmlightData& data) const {
    std::unordered_map<std::string_view, std::size_t> position;
    std::vector<std::vector<const Row*>> rows_of;
    for (const Row& row : rows_) {
      const auto [at, is_new] = position.try_emplace(row.task, rows_of.size());
      if (is_new) {
        rows_of.emplace_back();
        data.tasks.tasks.push_back({row.task.empty() ? "all" : std::string(row.task), {}, {}});
      }
      rows_of[at->second].push_back(&row);
    }
    for (std::size_t i = 0; i < rows_of.size(); ++i) {
      const auto n = static_cast<Eigen::Index>(rows_of[i].size());
      SparseTask& task = data.tasks.tasks[i];
      task.labels.resize(n);
      task.features = SparseRows(n, features);
      Eigen::VectorXi sizes(n);
      for (Eigen::Index j = 0; j < n; ++j)
        sizes[j] = static_cast<int>(rows_of[i][static_cast<std::size_t>(j)]->entries.size());
      task.features.reserve(sizes);
      for (Eigen::Index j = 0; j < n; ++j) {
        const Row& row = *rows_of[i][static_cast<std::size_t>(j)];
        task.labels[j] = row.label;
        for (const auto& [index, value] : row.entries)
          if (value != 0.0) task.features.insert(j, index - data.first_index) = value;
      }
      task.features.makeCompressed();
    }
  }

  std::string name_;
  const SvmlightOptions& options_;
  std::string text_;
  std::vector<Row> rows_;
};

}  // namespace

SvmlightData read_svmlight(const std::filesystem::path& path, const SvmlightOptions& options) {
  if (options.features < 0)
    throw std::invalid_argument(fmt::format("svmlight: features is {}; it must be >= 0", options.features));
  return Reader(path, options).read();
}

}  // namespace crosstalk::data
