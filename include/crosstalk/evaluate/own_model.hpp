#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/option_table.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::evaluate {

/// A model that is not ours: a command that learns from the files of an audit (victim::run_command).
struct OwnModelOptions {
  std::string command = {};  ///< a line for /bin/sh; empty: there is no such model
  double minutes = 60.0;     ///< after which one run of it is ended
  std::size_t jobs = 0;      ///< runs at a time; 0: as many as threads

  /// Keys, ranges and meanings.
  static const OptionTable<OwnModelOptions>& table();
};

/// The rows that it learns from in one run: the clean training rows of an audit, and injected ones.
struct OwnModelRows {
  std::string name;  ///< of the run and its folder: clean, scenario-2-patom, scenario-2-defended
  TaskSet injected =
      {};  ///< in the units of MTRL: of the m tasks, then of the fictitious ones; no tasks for the clean rows
  std::vector<std::size_t> hosts = {};               ///< of the fictitious tasks (attack::FictitiousAttack)
  std::vector<std::vector<Eigen::Index>> kept = {};  ///< of each task, the clean rows first; empty: all
};

/// What came of it.
struct OwnModelScores {
  Eigen::MatrixXd metrics = {};  ///< m x metrics on the evaluation rows, as mtrl::evaluate; empty where it failed
  std::string failure = {};      ///< why there are none, in one line; empty where there are
  double seconds = 0.0;
};

}  // namespace crosstalk::evaluate
