#include "crosstalk/evaluate/problem_audit.hpp"

#include <utility>

#include "crosstalk/error.hpp"
#include "crosstalk/problem/fictitious_tasks.hpp"

namespace crosstalk::evaluate {

std::function<Eigen::VectorXd(const TaskSet&, const std::vector<std::size_t>&)> refit_of(const Problem& problem) {
  if (problem.preparation.options().scale != Scale::Standard) return {};
  return [&problem](const TaskSet& injected, const std::vector<std::size_t>& hosts) -> Eigen::VectorXd {
    if (hosts.empty()) return refit(problem, problem.preparation.undo(injected)).losses;
    const Problem made_up =
        with_fictitious_tasks(problem, fictitious_names(problem.train.names(), hosts.size()), hosts);
    return refit(made_up, made_up.preparation.undo(injected))
        .losses.head(static_cast<Eigen::Index>(problem.train.size()));
  };
}

Resplit resplit_of(Problem other, const std::vector<std::string>& names,
                   const std::function<attack::FeasibleSet(const Problem&)>& feasible_of) {
  if (other.train.names() != names) throw DataError("this split leaves out other tasks");
  attack::FeasibleSet feasible = feasible_of(other);
  TaskSet evaluation = other.evaluation();
  return {std::move(other.train), std::move(evaluation), std::move(feasible)};
}

}  // namespace crosstalk::evaluate
