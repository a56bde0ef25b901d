#pragma once

#include <string>
#include <vector>

#include <Eigen/Core>
#include <Eigen/SparseCore>

#include "crosstalk/task_set.hpp"

namespace crosstalk {

using SparseRows = Eigen::SparseMatrix<double, Eigen::RowMajor>;

/// One learning task whose rows are mostly zeros.
struct SparseTask {
  std::string name;
  SparseRows features;     ///< n x d, compressed
  Eigen::VectorXd labels;  ///< n
};

/// m tasks over the same d features.
struct SparseTaskSet {
  std::vector<SparseTask> tasks;

  [[nodiscard]] Eigen::Index features() const { return tasks.empty() ? 0 : tasks.front().features.cols(); }
  [[nodiscard]] Eigen::Index rows() const;
  /// The same with every zero written out: n x d doubles a task.
  [[nodiscard]] TaskSet dense() const;
};

}  // namespace crosstalk
