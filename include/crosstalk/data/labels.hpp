#pragma once

#include "crosstalk/task_set.hpp"

namespace crosstalk::data {

/// When every label of every task is 0 or 1 and some are 0, turns 0 into -1 and says true. Other labels are left alone.
bool zero_one_to_signs(TaskSet& tasks);

/// The note for a user of whose labels this was done.
inline constexpr const char* kLabelsBecameSigns = "labels 0 and 1 were read as -1 and +1";

}  // namespace crosstalk::data
