#pragma once

#include <functional>
#include <stop_token>
#include <string>

namespace crosstalk {

/// How a caller follows and ends long work. Both members may be left empty.
struct RunControl {
  /// Called between units of work: the share done in [0, 1] and what is under way. Calls never overlap.
  std::function<void(double done, const std::string& what)> progress;
  /// Work ends at the next unit once a stop is requested, and says so in its status.
  std::stop_token stop;
};

}  // namespace crosstalk
