#pragma once

#include <memory>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/feature_map.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk {

/// The span of rows in R^d in an orthonormal basis Q, d x r: the feature map x -> Q'x, whose Jacobian is Q' everywhere.
///
/// With more features than rows, the weights of every learner that penalises them by W'W alone lie in the span of the
/// rows: W = Q C, W'W = C'C and W'x = C'Q'x, so that the same problem in r coordinates has the same answer.
///
/// The basis comes from the Gram matrix of the rows by pivoted Cholesky, twice (Yamamoto et al. 2015, CholeskyQR2), and
/// again for what is left of rows that are nearly dependent: the cost is that of products of matrices, 4 n^2 d, and
/// the basis is orthonormal to rounding whatever the rank. What of a row is below 1e-13 of its norm counts as
/// dependent.
class RowSpace final : public FeatureMap {
 public:
  enum class LastFeature {
    LikeOthers,
    Apart,  ///< it is the last coordinate, unchanged, and no other coordinate sees it: for a constant bias
  };
  /// The span of no rows.
  explicit RowSpace(Eigen::Index features, LastFeature last = LastFeature::LikeOthers)
      : features_(features), last_(last) {}
  /// The span of the rows of all tasks.
  explicit RowSpace(const TaskSet& tasks, LastFeature last = LastFeature::LikeOthers);

  /// The span of these rows and those known; the first r coordinates stay what they are (but for a last feature apart,
  /// which stays last).
  /// @param X  k x d, finite.
  [[nodiscard]] RowSpace extended(Eigen::MatrixXd X) const;
  [[nodiscard]] RowSpace extended(const TaskSet& tasks) const;

  [[nodiscard]] Eigen::Index inputs() const override { return features_; }
  [[nodiscard]] Eigen::Index outputs() const override { return rank_ + apart(); }
  /// X Q, n x r.
  [[nodiscard]] Eigen::MatrixXd map(const Eigen::MatrixXd& X) const override;
  /// G Q', n x d.
  [[nodiscard]] Eigen::MatrixXd pullback(const Eigen::MatrixXd& X, const Eigen::MatrixXd& G) const override;

  /// Every task with its rows mapped.
  [[nodiscard]] TaskSet map(const TaskSet& tasks) const;
  /// Every task with its rows pulled back: the rows themselves where they are in the span.
  [[nodiscard]] TaskSet rows_at(const TaskSet& coordinates) const;
  /// Q C, d x m from r x m.
  [[nodiscard]] Eigen::MatrixXd weights(const Eigen::MatrixXd& C) const;
  /// Q'W, r x m from d x m.
  [[nodiscard]] Eigen::MatrixXd coordinates(const Eigen::MatrixXd& W) const;

 private:
  [[nodiscard]] Eigen::Index apart() const { return last_ == LastFeature::Apart ? 1 : 0; }
  [[nodiscard]] Eigen::Index mapped_features() const { return features_ - apart(); }
  [[nodiscard]] Eigen::MatrixXd rows_of(const Eigen::MatrixXd& coordinates) const;

  Eigen::Index features_;
  LastFeature last_;
  Eigen::Index rank_ = 0;  // r without a last feature apart
  /// Q' in parts, each with orthonormal rows and mapped_features() columns; extensions share the parts before.
  std::vector<std::shared_ptr<const Eigen::MatrixXd>> parts_;
};

/// The rows of all tasks one below the other, n x d; a task without rows may have no columns either.
Eigen::MatrixXd stacked_rows(const TaskSet& tasks, Eigen::Index features);

}  // namespace crosstalk
