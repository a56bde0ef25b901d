#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "crosstalk/mtrl/loss.hpp"
#include "crosstalk/preparation.hpp"
#include "crosstalk/task_set.hpp"

namespace bench {

/// Constants are chosen on the development half alone; documents state numbers of the reported half alone. The
/// development half has what an earlier version of the defence was reported on.
enum class Half { Development, Reported };
Half half_named(const std::string& name);

/// Names of the sets of a half: generated laws first, then sets of $CROSSTALK_DATA. The lists are fixed.
const std::vector<std::string>& sets_of(Half half);

/// Names of the attackers of a half, "none" first; PATOM and the exact attack are in both.
const std::vector<std::string>& attackers_of(Half half);

/// Honest data in the units of the file, without a bias column.
struct HonestSet {
  crosstalk::TaskSet train;
  crosstalk::TaskSet test;
  const crosstalk::mtrl::Loss* loss = nullptr;
  crosstalk::PreparationOptions preparation;
  /// The law has no variance, so the metric is the mean absolute error over that of the median.
  bool is_heavy_tailed = false;
};

/// @param name  one of sets_of.
/// @throws std::runtime_error when a set of files is not below $CROSSTALK_DATA.
HonestSet honest_set(const std::string& name, std::uint64_t seed);

/// Whether the set is generated.
bool is_law(const std::string& name);

}  // namespace bench
