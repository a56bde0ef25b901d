#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace crosstalk::defence {

/// Every number that Method::Trim decides by. `described` says where each comes from.
struct Calibration {
  std::size_t folds = 3;
  double norm_quantile = 0.9;
  double bound = 1.5;
  double shrinkage_rows = 10.0;
  double level = 0.01;
  double least_gain = 0.06;
  double most_of_a_task = 0.5;
  std::vector<double> shares = {0.005, 0.01, 0.02, 0.04, 0.08, 0.12, 0.18, 0.25};
  std::vector<double> coarse_shares = {0.02, 0.08, 0.25};
  double trimmed_share = 0.25;
  double most_of_tasks = 0.4;
  std::vector<double> task_shares = {0.03, 0.06, 0.1, 0.15, 0.2, 0.25, 0.3};
  std::vector<double> lambda1 = {1e-2, 1e-3, 1e-5};
  std::vector<double> lambda2 = {1e-1, 1e-2, 1e-3, 1e-5};
  std::size_t rounds = 4;
};

/// One number of a Calibration, in words.
struct CalibrationEntry {
  std::string name;
  std::string symbol;
  std::string value;
  std::string range;
  std::string meaning;  ///< with the null hypothesis where it decides a test
  std::string source;   ///< the theorem, or the experiment
};
std::vector<CalibrationEntry> described(const Calibration& calibration);

}  // namespace crosstalk::defence
