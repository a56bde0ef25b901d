#pragma once

#include <string_view>
#include <vector>

#include "crosstalk/defence/row_scores.hpp"
#include "crosstalk/defence/trim.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::defence {

/// A statistic of a row's features, larger for rows that stand out more. None sees a label: labels judge afterwards
/// whether rows are better left out, which they could not if they had chosen them.
struct Detector {
  std::string_view name;
  std::string_view statistic;
  std::string_view null_model;
  std::string_view applies;
  std::string_view reference;
  /// @param bias  the last feature is the constant 1 and is left out.
  /// @param rows  those that the statistic is measured by.
  /// @return a score for every row of every task. Null where it follows from the statistics before.
  RowScores (*score)(const TaskSet& tasks, bool bias, const Rows& rows);
};

/// All of them, in the order in which they are listed everywhere.
const std::vector<Detector>& detectors();

/// The statistics of all detectors, in their order.
std::vector<RowScores> measured(const TaskSet& tasks, bool bias, const Rows& rows);

}  // namespace crosstalk::defence
