#include "crosstalk/attack/limits.hpp"

#include <limits>
#include <utility>

namespace crosstalk::attack {

Limits limits_of(const Problem& problem, const LimitOptions& options) {
  const PreparationOptions& preparation = problem.preparation.options();
  const double ball =
      options.radius * (preparation.scale == Scale::Standard ? problem.preparation.largest_norm(problem.train) : 1.0);
  // A task with one label would have no scale.
  const bool keep_two_labels = preparation.labels == LabelScale::Task;
  if (!options.rules) {
    FeasibleSet feasible{ball, preparation.bias};
    feasible.keep_two_labels = keep_two_labels;
    return {std::move(feasible), {}};
  }
  Schema schema(problem.raw_train, problem.dataset.label_column, *options.rules);
  FeasibleSet feasible = schema.in_learner_units(problem.preparation, std::numeric_limits<double>::infinity());
  feasible.keep_two_labels = keep_two_labels;
  using Ball = LimitOptions::Ball;
  if (options.ball == Ball::Always || (options.ball == Ball::WithoutJumps && !feasible.has_jumps())) {
    feasible.radius = ball;
    feasible.require_valid(problem.raw_train.features());
  }
  return {std::move(feasible), std::move(schema)};
}

}  // namespace crosstalk::attack
