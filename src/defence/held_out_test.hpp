#pragma once

#include <vector>

#include <Eigen/Core>

#include "crosstalk/defence/calibration.hpp"
#include "crosstalk/defence/row_scores.hpp"
#include "crosstalk/defence/trim.hpp"
#include "crosstalk/mtrl/solve.hpp"

namespace crosstalk::defence {

/// How much better one way to learn predicts held-out rows than another, row by row.
struct Comparison {
  double gain = 0.0;            ///< mean loss before less mean loss after
  double before = 0.0;          ///< mean loss before
  double standard_error = 0.0;  ///< of the gain
  double rows = 0.0;            ///< that were compared

  /// One-sided p of the hypothesis that nothing is gained, by the normal law of a mean.
  [[nodiscard]] double p() const;
};

/// The learner, and the other one unless its lambdas are the same.
std::vector<mtrl::Options> distinct_lambdas(const mtrl::Options& learner, const mtrl::Options& other);

/// Bounded losses on rows of folds that the models did not learn from. For numbers 1 - exp(-u^2 / (2 c^2)) with u the
/// residual over the task's scale [Dennis and Welsch 1978], the smaller of the scales of the two models that are
/// compared [S-estimators judge a fit by its scale: Rousseeuw and Yohai 1984]; for signs 1 - AUC of each task and fold,
/// with the standard error of [DeLong, DeLong and Clarke-Pearson 1988].
class HeldOutTest {
 public:
  using Models = std::vector<Eigen::MatrixXd>;  ///< weights for each fold, d x m, learned from the other folds

  /// @param tasks, loss, calibration  must outlive this.  @param folds  the fold of every row, 0 to folds - 1.
  HeldOutTest(const TaskSet& tasks, const mtrl::Loss& loss, const mtrl::Options& learner, Rows folds,
              const Calibration& calibration);

  /// @param kept    rows to learn from; a task without any has weights 0 and nothing to do with the others.
  /// @param starts  models to start from, the better for each fold, and to end at after a few Newton steps; none for
  ///   fits to the tolerance.
  [[nodiscard]] Models fits(const Rows& kept, const mtrl::Options& learner, const std::vector<Models>& starts) const;
  /// The same with rows of its own for each fold.
  [[nodiscard]] Models fits(const std::vector<Rows>& kept, const mtrl::Options& learner,
                            const std::vector<Models>& starts) const;
  /// The same with Huber's loss, which bounds what a row with a large residual does.
  [[nodiscard]] Models huber_fits(const Rows& kept, const mtrl::Options& learner, const Models& near) const;
  /// The lambdas of the calibration whose fits to the kept rows have the least bounded loss on held-out kept rows.
  [[nodiscard]] mtrl::Options chosen_learner(const Rows& kept) const;
  [[nodiscard]] Comparison compare(const Rows& judged, const Models& before, const Models& after) const;
  /// The same with the one of several models before that leaves the least certain gain.
  [[nodiscard]] Comparison compare_with_best(const Rows& judged, const std::vector<Models>& before,
                                             const Models& after) const;
  /// Size of every row's residual (signs: loss) under the model that did not learn from it, over the scale of the task
  /// (of the class).
  [[nodiscard]] RowScores residuals(const Rows& kept, const Models& models) const;

  [[nodiscard]] std::size_t folds() const { return calibration_.folds; }
  /// The rows that the models of a fold learn from.
  [[nodiscard]] Rows learned_rows(const Rows& kept, std::size_t fold) const;
  /// The rows that they are judged on.
  [[nodiscard]] Rows judged_rows(const Rows& kept, std::size_t fold) const;

 private:
  [[nodiscard]] Eigen::VectorXd scores(std::size_t task, const std::vector<Eigen::Index>& rows,
                                       const Models& models) const;
  [[nodiscard]] Eigen::VectorXd scales(const Rows& judged, const Models& models) const;
  [[nodiscard]] Comparison compare_numbers(const Rows& judged, const Models& before, const Models& after,
                                           const Eigen::VectorXd& scales) const;
  [[nodiscard]] Comparison compare_signs(const Rows& judged, const Models& before, const Models& after) const;

  const TaskSet& tasks_;
  const mtrl::Loss& loss_;
  mtrl::Options learner_;
  Rows folds_;
  const Calibration& calibration_;
};

}  // namespace crosstalk::defence
