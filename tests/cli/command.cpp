#include "cli/command.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <sstream>

#include <fmt/format.h>

namespace cli {

namespace fs = std::filesystem;

namespace {

constexpr int seconds = 300;  // far more than any needs, sanitizers included

// In [-1, 1), the same on every machine.
double uniform(std::mt19937& source) {
  return static_cast<double>(source()) / 2147483648.0 - 1.0;
}

std::string sample(bool signs) {
  const std::vector<std::string> names = {"alpha", "beta", "gamma", "delta"};
  const std::vector<int> sizes = {9, 12, 15, 10};
  std::mt19937 source(7);
  std::string text = "shop,stars,a,b,c\n";
  for (int row = 0; row < 15; ++row)
    for (std::size_t task = 0; task < names.size(); ++task) {
      if (row >= sizes[task]) continue;
      const double a = uniform(source);
      const double b = uniform(source);
      const double c = uniform(source);
      const double direction = task < 2 ? 1.0 : -1.0;
      double label = direction * (a - 2.0 * b + 0.5 * c) + 0.2 * uniform(source) + 0.1;
      if (signs) label = label > 0.0 ? 1.0 : -1.0;
      text += fmt::format("{},{:.6g},{:.6f},{:.6f},{:.6f}\n", names[task], label, a, b, c);
    }
  return text;
}

// Number columns of a CSV file, its first column left out.
Eigen::MatrixXd numbers_in(const std::string& csv) {
  const Cells cells = cells_of(csv);
  Eigen::MatrixXd numbers(static_cast<Eigen::Index>(cells.rows.size()),
                          static_cast<Eigen::Index>(cells.header.size()) - 1);
  for (std::size_t i = 0; i < cells.rows.size(); ++i)
    for (std::size_t j = 1; j < cells.header.size(); ++j)
      numbers(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j) - 1) = number(cells.rows[i][j]);
  return numbers;
}

void drop_timings(nlohmann::json& json) {
  if (!json.is_structured()) return;
  if (json.is_object())
    for (const char* key : {"timings", "seconds", "learning_seconds", "peak_mb"}) json.erase(key);
  for (auto& entry : json) drop_timings(entry);
}

}  // namespace

std::size_t Cells::column(const std::string& name) const {
  const auto found = std::find(header.begin(), header.end(), name);
  EXPECT_NE(found, header.end()) << "no column " << name;
  return static_cast<std::size_t>(found - header.begin());
}

Cells cells_of(const std::string& csv, char separator) {
  Cells cells;
  std::istringstream lines(csv);
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string> row;
    std::istringstream fields(line);
    for (std::string field; std::getline(fields, field, separator);) row.push_back(field);
    if (cells.header.empty())
      cells.header = row;
    else
      cells.rows.push_back(row);
  }
  return cells;
}

double number(const std::string& cell) {
  char* end = nullptr;
  const double value = std::strtod(cell.c_str(), &end);
  EXPECT_TRUE(end != cell.c_str() && *end == '\0') << '"' << cell << "\" is not a number";
  return value;
}

std::vector<Row> rows_of(const Cells& cells) {
  const std::size_t task = cells.column("shop");
  const std::size_t label = cells.column("stars");
  std::vector<Row> rows;
  for (const auto& cell : cells.rows) {
    Row row{cell[task], number(cell[label]), {}};
    for (std::size_t j = 0; j < cell.size(); ++j)
      if (j != task && j != label && cells.header[j] != "injected" && cells.header[j] != "part")
        row.features.push_back(number(cell[j]));
    rows.push_back(row);
  }
  return rows;
}

std::string ratings_csv() {
  return sample(false);
}

std::string signs_csv() {
  return sample(true);
}

Finished Command::crosstalk(const std::vector<std::string>& words) const {
  return test_support::run(std::vector<std::string>{CROSSTALK_COMMAND} + words, folder_.path(), seconds);
}

Finished Command::crosstalk_with(const std::vector<std::string>& settings,
                                 const std::vector<std::string>& words) const {
  return test_support::run(
      std::vector<std::string>{"env"} + settings + std::vector<std::string>{CROSSTALK_COMMAND} + words, folder_.path(),
      seconds);
}

Finished Command::shell(const std::string& script) const {
  return test_support::run({"env", "CROSSTALK=" CROSSTALK_COMMAND, "sh", "-c", script}, folder_.path(), seconds);
}

std::map<std::string, std::string> Command::files(const std::string& folder) const {
  std::map<std::string, std::string> found;
  if (!fs::exists(path(folder))) return found;
  for (const auto& entry : fs::recursive_directory_iterator(path(folder)))
    if (entry.is_regular_file()) found[fs::relative(entry.path(), path(folder)).string()] = read_file(entry.path());
  return found;
}

nlohmann::json Command::record(const std::string& folder) const {
  auto json = nlohmann::json::parse(read_file(path(folder) / "run.json"), nullptr, false);
  EXPECT_TRUE(json.is_object()) << folder << "/run.json";
  return json;
}

std::map<std::string, std::string> Command::comparable(const std::string& folder) const {
  auto found = files(folder);
  auto json = without_timings(record(folder));
  json.at("audit").erase("report_file");
  found["run.json"] = json.dump(1);
  return found;
}

std::vector<std::string> operator+(std::vector<std::string> words, const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

std::vector<std::string> on_ratings(const std::string& command) {
  return {command, "ratings.csv", "--task", "shop", "--label", "stars", "--lambda1", "0.01", "--lambda2", "0.05"};
}

testing::AssertionResult ended_well(const Finished& finished) {
  if (finished.exit_code == 0 && finished.err.empty()) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "exit code " << finished.exit_code << (finished.timed_out ? ", timed out" : "")
                                     << "\nstdout: " << finished.out << "\nstderr: " << finished.err;
}

testing::AssertionResult was_refused(const Finished& finished, int exit_code, const std::vector<std::string>& parts) {
  const auto fail = [&](const std::string& what) {
    return testing::AssertionFailure() << what << "\nexit code " << finished.exit_code << "\nstdout: " << finished.out
                                       << "\nstderr: " << finished.err;
  };
  if (finished.exit_code != exit_code) return fail(fmt::format("not exit code {}", exit_code));
  if (!finished.out.empty()) return fail("something stands on stdout");
  if (!finished.err.starts_with("crosstalk: ")) return fail("the message does not say who speaks");
  if (std::count(finished.err.begin(), finished.err.end(), '\n') != 1 || finished.err.back() != '\n')
    return fail("the message is not one line");
  for (const std::string& part : parts)
    if (finished.err.find(part) == std::string::npos) return fail("the message does not name " + part);
  return testing::AssertionSuccess();
}

nlohmann::json without_timings(nlohmann::json record) {
  drop_timings(record);
  return record;
}

Eigen::MatrixXd weights_in(const std::string& weights_csv) {
  return numbers_in(weights_csv).transpose();
}

Eigen::MatrixXd covariance_in(const std::string& covariance_csv) {
  return numbers_in(covariance_csv);
}

}  // namespace cli
