#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/defence/row_scores.hpp"
#include "crosstalk/defence/trim.hpp"
#include "crosstalk/mtrl/solve.hpp"

namespace crosstalk::defence {

inline constexpr std::size_t kFolds = 3;

/// Rows dealt out to folds in the order of how far they scores, so that the folds do not depend on the order of the
/// file.
/// @return the fold of every row, 0 to kFolds - 1.
Rows folds_of(const RowScores& scores);

/// Rows dealt out at random; signs are stratified.
Rows random_folds(const TaskSet& tasks, std::uint64_t seed);

/// The rows that are not in the fold; a task of which nothing would be left keeps its rows.
Rows outside_fold(const Rows& rows, const Rows& folds, std::size_t fold);

/// The rows that are in the fold.
Rows inside_fold(const Rows& rows, const Rows& folds, std::size_t fold);

/// The data, and how well some rows teach others: what defences and screens share.
class CrossValidator {
 public:
  /// @param tasks, loss  must outlive this.
  CrossValidator(const TaskSet& tasks, const mtrl::Loss& loss, const mtrl::Options& learner, Rows folds);

  [[nodiscard]] mtrl::Fit fit(const Rows& rows, const mtrl::Options& options) const;

  /// Losses of the rows, each by a fit to those that are not in its fold. NaN for the others of the task.
  [[nodiscard]] RowScores held_out(const Rows& rows, const mtrl::Options& options) const;

  /// A model for choosing needs no ten digits.
  [[nodiscard]] static mtrl::Options coarse(mtrl::Options options);

  /// The learner's options to scores at residuals by. Where it pulls its weights hard to zero, injected rows hide among
  /// large residuals: a weaker pull is taken as long as it predicts held-out rows better.
  [[nodiscard]] mtrl::Options screening_options(const Rows& rows) const;

  /// A fit that rows which no model explains cannot pull far.
  [[nodiscard]] mtrl::Fit robust_fit(const Rows& rows, const mtrl::Options& options) const;

  [[nodiscard]] const TaskSet& tasks() const { return tasks_; }
  [[nodiscard]] const mtrl::Loss& loss() const { return loss_; }
  [[nodiscard]] const Rows& folds() const { return folds_; }

 private:
  const TaskSet& tasks_;
  const mtrl::Loss& loss_;
  mtrl::Options learner_;
  Rows folds_;
};

}  // namespace crosstalk::defence
