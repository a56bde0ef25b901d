#pragma once

#include <optional>
#include <vector>

#include "crosstalk/attack/feasible_set.hpp"
#include "crosstalk/attack/schema.hpp"
#include "crosstalk/problem/problem.hpp"

namespace crosstalk::attack {

/// Where the injected rows of a problem may be.
struct LimitOptions {
  /// Whether a ball bounds rows that have rules for their columns, too.
  enum class Ball { Never, WithoutJumps, Always };

  /// > 0. Of the ball, in largest norms of a clean training row; in units of the data where these are not scaled.
  double radius = 1.0;
  std::optional<std::vector<ColumnRule>> rules = {};  ///< none: a ball alone
  /// WithoutJumps: where no column is binary, integer or one-hot. A corner of the box may be far from all rows.
  Ball ball = Ball::WithoutJumps;
};

struct Limits {
  FeasibleSet feasible;          ///< in the learner's units, without a screen
  std::optional<Schema> schema;  ///< refers to the problem; with rules
};

/// @throws std::invalid_argument as Schema does.
Limits limits_of(const Problem& problem, const LimitOptions& options);

}  // namespace crosstalk::attack
