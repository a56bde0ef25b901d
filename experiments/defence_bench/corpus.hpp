#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "crosstalk/mtrl/loss.hpp"
#include "crosstalk/preparation.hpp"
#include "crosstalk/task_set.hpp"

namespace bench {

/// Constants are chosen on the development half alone, which has what an earlier version of the defence was reported
/// on; documents state numbers of the others. Reported: sets on which the rows' part of the defence has been reported
/// before. Blind: sets and attackers that were fixed, with the whole defence, before the first run on them.
enum class Half { Development, Reported, Blind, Fresh };
Half half_named(const std::string& name);

/// Names of the sets of a half: generated laws first, then sets of $CROSSTALK_DATA, then those that export_r_sets.R
/// wrote to $CROSSTALK_R_SETS. The lists are fixed.
const std::vector<std::string>& sets_of(Half half);

/// Names of the attackers of a half, "none" first; PATOM and the exact attack are in all. The blind half has those of
/// the reported one.
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
