#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "crosstalk/sparse_task_set.hpp"

namespace crosstalk::data {

struct SvmlightOptions {
  /// Number of features, so that files of one source agree; 0: the largest index of the file.
  Eigen::Index features = 0;
  enum class FirstIndex {
    Detect,  ///< 0 where the file has an index 0, else 1
    Zero,
    One,
  };
  FirstIndex first_index = FirstIndex::Detect;
};

struct SvmlightData {
  SparseTaskSet tasks;             ///< in the order in which their names first appear
  Eigen::Index first_index = 1;    ///< 0 or 1: the index of the first feature
  std::vector<std::string> notes;  ///< what was found out about the file, one sentence each
};

/// Reads `label [qid:task] index:value ... [# comment]`, one row a line [Joachims, SVMlight]; entries not named are 0.
/// The text behind `qid:` names the task; without any all rows are one task, "all". Indices of a row in any order.
/// gzip is unpacked.
/// @throws DataError naming file and line: no rows, a label or value that is not a finite number, an entry that is not
///   index:value, an index outside the features or twice in a row, a qid that some rows have and others not.
SvmlightData read_svmlight(const std::filesystem::path& path, const SvmlightOptions& options = {});

}  // namespace crosstalk::data
