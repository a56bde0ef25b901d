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
  /// Names of the learners, by Victim::learner; empty: the usual one alone.
  std::vector<std::string> learners = {};
  std::vector<std::string> failures = {};  ///< of learners that got no result, one sentence each
  bool flip = false;                       ///< victims saw mirror images
  std::size_t train_images = 0;
  std::size_t test_images = 0;
  int largest_change = 0;  ///< levels
  double psnr = 0.0;
  std::string sheet_svg = {};  ///< images before, after and the change
  std::string version = {};
  std::string command = {};
};

/// {clean, protected}.{mtl, stl}.{mean, low, high, yardstick, tasks by name, details} of the first learner; `learners`,
/// a list of what each got; `strongest`, one of these; `verdict`. Shares, not percentages.
nlohmann::ordered_json to_json(const std::vector<Victim>& victims, const VerificationFacts& facts);

/// One row a task, of the first learner: clean, protected, drop, yardstick.
report::Table verification_table(const std::vector<Victim>& victims, const VerificationFacts& facts, bool mtl);

/// One row a learner: its mean over the tasks, that of the clean images, the majority baseline, the share left, and
/// what it got of each task. The strongest is first, the others by what is left.
report::Table learners_table(const std::vector<Victim>& victims, const VerificationFacts& facts);

/// The answer in a sentence, as the report has it.
std::string verification_answer(const std::vector<Victim>& victims, const VerificationFacts& facts);

report::Page verification_page(const std::vector<Victim>& victims, const VerificationFacts& facts);

}  // namespace crosstalk::image
