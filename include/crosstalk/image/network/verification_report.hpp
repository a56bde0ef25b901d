#pragma once

#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "crosstalk/image/network/verification.hpp"
#include "crosstalk/report/page.hpp"
#include "crosstalk/report/table.hpp"

namespace crosstalk::image {

/// What a verification's report says besides the victims.
struct VerificationFacts {
  std::string set;
  std::string published;  ///< where its copy lies
  std::string method;     ///< how it was protected; empty when not known
  std::vector<TaskInfo> tasks;
  std::vector<std::size_t> left_usable = {};  ///< tasks that the copy does not protect
  VerificationOptions options;
  std::size_t train_images = 0;
  std::size_t test_images = 0;
  int largest_change = 0;  ///< levels
  double psnr = 0.0;
  std::string sheet_svg = {};  ///< images before, after and the change
  std::string version = {};
  std::string command = {};
};

/// {clean, protected}.{mtl, stl}.{mean, low, high, yardstick, tasks by name, details}; shares, not percentages.
nlohmann::ordered_json to_json(const std::vector<Victim>& victims, const VerificationFacts& facts);

/// One row a learner and task: clean, protected, drop, yardstick.
report::Table verification_table(const std::vector<Victim>& victims, const VerificationFacts& facts, bool mtl);

/// The answer in a sentence, as the report has it.
std::string verification_answer(const std::vector<Victim>& victims, const VerificationFacts& facts);

report::Page verification_page(const std::vector<Victim>& victims, const VerificationFacts& facts);

}  // namespace crosstalk::image
