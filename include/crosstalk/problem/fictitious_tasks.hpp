#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "crosstalk/problem/problem.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk {

/// Names for tasks that an attacker makes up, which look like those of the data and are none of them: where most names
/// end in a number (`user 7`, `0012`), numbers after the largest one with as many digits; else names of the data with
/// -2, -3, ... behind.
/// @param taken  names of the data, at least one.
/// @return  `count` different names.
std::vector<std::string> fictitious_names(const std::vector<std::string>& taken, std::size_t count);

/// The set with so many tasks behind its own that have no rows.
TaskSet with_empty_tasks(TaskSet tasks, const std::vector<std::string>& names);

/// The problem with tasks behind its own that have no rows, neither to learn from nor to test on. They can be attacked
/// through, and `refit` learns them from their injected rows.
/// @param hosts  whose label scale each of them has, positions in the problem's tasks.
Problem with_fictitious_tasks(Problem problem, const std::vector<std::string>& names,
                              const std::vector<std::size_t>& hosts);

}  // namespace crosstalk
