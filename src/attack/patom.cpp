#include "crosstalk/attack/patom.hpp"

#include <cmath>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/attack/span_attack.hpp"

namespace crosstalk::attack {

const OptionTable<PatomOptions>& PatomOptions::table() {
  static const auto table =
      OptionTable<PatomOptions>("patom")
          .add(&PatomOptions::step, {.key = "step", .meaning = "PATOM: step size", .range = above(0)})
          .add(&PatomOptions::iterations, {.key = "iterations", .meaning = "PATOM: iterations", .range = at_least(0)})
          .add(&PatomOptions::batch_share, {.key = "batch-share",
                                            .meaning = "PATOM: rows in a batch, as a multiple of the target rows",
                                            .range = Range{.low = 0, .high = 1000, .low_is_open = true}})
          .add(&PatomOptions::full_batch,
               {.key = "full-batch", .meaning = "PATOM: all target rows in place of batches"});
  return table;
}

void require_valid(const PatomOptions& options) {
  PatomOptions::table().require_valid(options);
}

AttackResult patom(const AttackProblem& problem, const PatomOptions& options, const RunControl& control) {
  require_valid(options);
  const auto& [clean, utility, feasible, start, learner, near, given_rng, inputs] = problem;
  if (inputs == nullptr && SpanAttack::suits(clean, feasible)) {
    const SpanAttack span(SpanAttack::clean_space(clean, feasible), clean, utility, start, near);
    return span.in_features(patom(
        {span.clean(), span.utility(), feasible, span.start(), learner, span.near(), given_rng}, options, control));
  }
  Rng rng = given_rng;
  const auto batch =
      static_cast<std::size_t>(std::max(1.0, std::round(options.batch_share * static_cast<double>(utility.rows()))));
  AttackResult result;
  result.injected = start;
  for (int t = 0;; ++t) {
    const TaskSet seen = inputs != nullptr ? inputs->map_rows(result.injected) : result.injected;
    const mtrl::EmpiricalRisk risk = clean.with_rows(seen);
    const Eigen::MatrixXd& last = t == 0 ? near.weights : result.iterates.back().fit.weights;
    mtrl::Fit fit = mtrl::solve_from(risk, learner, last);
    const double value = utility.value(fit.weights);
    result.iterates.push_back({value, std::move(fit)});
    result.stopped = control.stop.stop_requested();
    if (t == options.iterations || result.stopped) return result;
    if (control.progress) control.progress(static_cast<double>(t) / options.iterations, "PATOM");

    const mtrl::Fit& now = result.iterates.back().fit;
    const Eigen::MatrixXd utility_gradient =
        options.full_batch ? utility.gradient(now.weights) : utility.batch_gradient(now.weights, batch, rng);
    auto steps = options.gradient({risk, seen, now, learner, utility_gradient});
    if (inputs != nullptr) inputs->pull_back(result.injected, steps);
    for (std::size_t i = 0; i < result.injected.size(); ++i) {
      Task& task = result.injected[i];
      if (task.rows() == 0) continue;
      feasible.clear_immovable(steps.features[i]);
      const Task before = feasible.screen ? task : Task();
      task.features += options.step * steps.features[i];
      feasible.project_feasible_from(i, before, task);
    }
  }
}

}  // namespace crosstalk::attack
