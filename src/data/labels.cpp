#include "crosstalk/data/labels.hpp"

#include <algorithm>

namespace crosstalk::data {

bool zero_one_to_signs(TaskSet& tasks) {
  bool any_zero = false;
  for (const Task& task : tasks) {
    for (const double label : task.labels) {
      if (label != 0.0 && label != 1.0) return false;
      any_zero = any_zero || label == 0.0;
    }
  }
  if (!any_zero) return false;
  for (Task& task : tasks)
    for (double& label : task.labels) label = label == 0.0 ? -1.0 : 1.0;
  return true;
}

}  // namespace crosstalk::data
