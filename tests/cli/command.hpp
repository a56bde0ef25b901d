#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <Eigen/Core>
#include <nlohmann/json.hpp>

#include "support/process.hpp"

namespace cli {

using test_support::Finished;
using test_support::read_file;

/// A CSV file as it stands: no quotes, no numbers.
struct Cells {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;

  /// Position of a column; the test fails when there is none.
  [[nodiscard]] std::size_t column(const std::string& name) const;
};
Cells cells_of(const std::string& csv, char separator = ',');
double number(const std::string& cell);

/// One row of the samples below: its task, its label, its features.
struct Row {
  std::string task;
  double label;
  std::vector<double> features;
};
/// Rows of a file with the columns shop, stars, then features; the columns `injected` and `part` are left out.
std::vector<Row> rows_of(const Cells& cells);

/// Regression tasks alpha, beta (related), gamma, delta (their opposite) with 9, 12, 15 and 10 rows, mixed, in the
/// columns shop, stars, a, b, c.
std::string ratings_csv();
/// The same with the sign of the stars as label.
std::string signs_csv();

/// Runs the command in a folder of its own.
class Command : public testing::Test {
 public:
  [[nodiscard]] std::filesystem::path path(const std::string& name) const { return folder_.path() / name; }
  void write(const std::string& name, const std::string& text) const { test_support::write_file(path(name), text); }
  /// `crosstalk WORDS...`
  [[nodiscard]] Finished crosstalk(const std::vector<std::string>& words) const;
  /// The same after `env SETTINGS...`, such as PATH=/nonexistent.
  [[nodiscard]] Finished crosstalk_with(const std::vector<std::string>& settings,
                                        const std::vector<std::string>& words) const;
  /// A script of sh in which "$CROSSTALK" is the command.
  [[nodiscard]] Finished shell(const std::string& script) const;
  /// Files below a folder by their relative names; none when there is no such folder.
  [[nodiscard]] std::map<std::string, std::string> files(const std::string& folder) const;
  /// run.json of an output folder.
  [[nodiscard]] nlohmann::json record(const std::string& folder) const;
  /// Files of an audit, run.json without what may differ from a run of the same in another folder.
  [[nodiscard]] std::map<std::string, std::string> comparable(const std::string& folder) const;

 private:
  test_support::TemporaryFolder folder_;
};

/// The words and more words.
std::vector<std::string> operator+(std::vector<std::string> words, const std::vector<std::string>& more);

/// Words that name the columns of the samples and a learner, for `fit FILE`, `attack FILE`, `audit FILE`.
std::vector<std::string> on_ratings(const std::string& command);

/// tests that it ended well and said nothing on stderr.
testing::AssertionResult ended_well(const Finished& finished);
/// tests for exit code 1 or 2, an empty stdout, and one line on stderr that holds every part.
testing::AssertionResult was_refused(const Finished& finished, int exit_code, const std::vector<std::string>& parts);

/// run.json without what may differ between two runs of the same: times and memory.
nlohmann::json without_timings(nlohmann::json record);

/// W, d x m, and Omega as the command wrote them, tasks in the file's order.
Eigen::MatrixXd weights_in(const std::string& weights_csv);
Eigen::MatrixXd covariance_in(const std::string& covariance_csv);

}  // namespace cli
