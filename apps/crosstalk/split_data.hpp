#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "crosstalk/data/dataset.hpp"
#include "crosstalk/split.hpp"
#include "options.hpp"

namespace crosstalk::app {

/// Which rows are learned from and which are measured on, and who said so.
struct DataSplit {
  Split rows;
  std::string by;                       ///< "test file", "column", "part", "test part", "fraction" or "nothing"
  std::optional<double> test_fraction;  ///< of a split by fraction
};

/// Splits the rows of a data set, which are taken from it: by --test, by --split-by, by the set's own test part, by the
/// column `part` that crosstalk wrote, or else by a fraction of each task's rows.
/// @param fraction  what is held out when nothing else decides and the user does not say.
/// @throws std::invalid_argument for flags that do not go together, DataError for a split that leaves nothing.
DataSplit split_data(data::Dataset& dataset, const DataOptions& options, double fraction, std::uint64_t seed);

/// Leaves out tasks of fewer rows than --min-rows asks for and, of classes, those that have only one in training, and
/// notes them. Nothing without --min-rows.
void leave_out_small_tasks(Split& rows, const DataOptions& options, bool is_classification,
                           std::vector<std::string>& notes);

}  // namespace crosstalk::app
