#pragma once

#include <functional>
#include <string>
#include <vector>

#include "crosstalk/evaluate/audit.hpp"
#include "crosstalk/problem/problem.hpp"

namespace crosstalk::evaluate {

/// AuditOptions::refit of a problem whose features are standardised: injected rows move the means and deviations, too.
/// Empty for others. @param problem  must outlive it.
std::function<Eigen::VectorXd(const TaskSet& injected, const std::vector<std::size_t>& hosts)> refit_of(
    const Problem& problem);

/// What AuditOptions::resplit gives for the same rows split by another seed.
/// @param names        of the tasks of the audit.
/// @param feasible_of  where injected rows may be.
/// @throws DataError when the split has other tasks.
Resplit resplit_of(Problem other, const std::vector<std::string>& names,
                   const std::function<attack::FeasibleSet(const Problem&)>& feasible_of);

}  // namespace crosstalk::evaluate
