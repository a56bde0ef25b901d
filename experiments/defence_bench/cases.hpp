#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "attackers.hpp"
#include "corpus.hpp"
#include "crosstalk/defence/trim.hpp"
#include "crosstalk/task_set.hpp"

namespace bench {

/// One attack on one set.
struct CaseName {
  std::string set;
  std::string attacker;
  std::string kind;  ///< direct: the attacked tasks are the targets; indirect: the other half of the tasks are
  double budget = 0.2;
  std::uint64_t seed = 1;

  [[nodiscard]] std::string text() const;
};

/// The cases of a half: every set with every attacker at 20 %, PATOM and the exact attack also at 5 and 30 %.
std::vector<CaseName> cases_of(Half half, std::uint64_t seed);

struct Case {
  HonestSet honest;
  crosstalk::TaskSet rows;                  ///< all rows that a learner gets, in the units of the file
  std::vector<std::vector<bool>> injected;  ///< of rows
  std::vector<std::size_t> targets;         ///< tasks that the metric is the mean of
};

/// Makes the case, or reads it from the folder when it was made before. An empty name stands for no folder.
Case case_of(const CaseName& name, const std::string& folder);

/// What a learner that chooses scale and lambdas by `fit`'s rule makes of some rows, on the test rows of the targets.
/// @param kept      rows to learn from, at least one a task.
/// @param left_out  tasks that are learned alone; none if empty.
double learned_metric(const Case& problem, const crosstalk::defence::Rows& kept, std::vector<bool> left_out = {});

/// What weights make of the test rows of the targets: NMSE, 1 - AUC for two classes, or the mean absolute error.
/// @param W  d x m, in the units of the preparation.
double metric_of(const Case& problem, const crosstalk::Preparation& preparation, const Eigen::MatrixXd& W);

/// The learner's options by cross-validation on prepared rows.
crosstalk::mtrl::Options chosen_learner(const crosstalk::TaskSet& prepared, const crosstalk::mtrl::Loss& loss);

}  // namespace bench
