#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "crosstalk/defence/defend.hpp"
#include "crosstalk/defence/task_influence.hpp"
#include "crosstalk/report/page.hpp"
#include "crosstalk/report/table.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::pages {

/// What a report on a defence says beyond its result.
struct DefenceFacts {
  std::string data_name = {};
  std::string learner = {};  ///< in words
  std::string preparation = {};
  std::string version = {};
  defence::Options options = {};
};

/// `flags`: every row; `tasks`: every task. Rows count from 1 in the order of the task's rows.
/// @param influences  of every task, or none: columns of `tasks`.
/// @param lines       of the file, of every row of every task; none where no file has them.
std::map<std::string, report::Table> defence_tables(const TaskSet& tasks, const defence::Defended& result,
                                                    const std::vector<defence::TaskInfluence>& influences,
                                                    const std::vector<std::vector<std::size_t>>& lines = {});

report::Page defence_page(const TaskSet& tasks, const defence::Defended& result,
                          const std::vector<defence::TaskInfluence>& influences, const DefenceFacts& facts);

/// Rows flagged over all tasks.
std::size_t rows_flagged(const defence::Defended& result);

}  // namespace crosstalk::pages
