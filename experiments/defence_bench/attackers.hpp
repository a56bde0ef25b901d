#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "crosstalk/attack/threat.hpp"
#include "crosstalk/mtrl/empirical_risk.hpp"
#include "crosstalk/mtrl/solve.hpp"

namespace bench {

/// Rows after an attack, in the learner's units of the clean rows.
struct Poisoned {
  crosstalk::TaskSet rows;                  ///< the clean tasks first; fictitious tasks behind them
  std::vector<std::vector<bool>> injected;  ///< of every row: whether the attacker made or changed it
};

/// What an attacker works on.
struct Victim {
  const crosstalk::mtrl::EmpiricalRisk& risk;  ///< of the clean rows
  const crosstalk::mtrl::Fit& fit;
  crosstalk::mtrl::Options learner;
  double radius = 1.0;  ///< the largest norm of a clean row, bias excepted
};

/// @param attacker  one of attackers_of but "none".
/// @param threat    whose budget is a share of the rows (of the tasks, for fictitious ones).
Poisoned attacked(const std::string& attacker, const Victim& victim, const crosstalk::attack::Threat& threat,
                  std::uint64_t seed);

}  // namespace bench
