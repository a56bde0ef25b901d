#pragma once

#include <memory>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/feature_map.hpp"
#include "crosstalk/lazy.hpp"
#include "crosstalk/mtrl/loss.hpp"
#include "crosstalk/symmetric_eigen.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::mtrl {

class RowReduction;

/// R(W) = sum_i 1/N_i sum_j loss(w_i' x_ij, y_ij), the data term of (1), and its derivatives.
///
/// A risk is made once for the clean data; `with_rows` adds injected rows to it at a cost that, for the squared loss,
/// does not depend on the number of clean rows: the data enters through X_i'X_i and X_i'y_i only.
/// Copies are cheap enough to make one per attack iteration; the clean rows are shared between them.
class EmpiricalRisk {
 public:
  /// What the solver works with.
  enum class Layout {
    Automatic,  ///< RowSpace where there are more features than rows, and 100 of them; else Moments
    Moments,    ///< X_i'X_i for the squared loss, and the mean second moment: cost grows with d^3
    Rows,       ///< the rows and their inner products: cost grows with the cube of the number of rows
    RowSpace,   ///< Rows, in coordinates of the rows' span (RowReduction): W in between has d x m entries and no more
  };

  /// Whether a task may have no clean row. Its term is 0 until `with_rows` gives it rows.
  enum class EmptyTasks { Refused, Allowed };

  /// @throws std::invalid_argument when the tasks are not valid, or a label is not -1/+1 for a classification loss.
  EmpiricalRisk(TaskSet tasks, const Loss& loss, Layout layout = Layout::Automatic,
                EmptyTasks empty_tasks = EmptyTasks::Refused);

  /// The risk over the clean rows and these: N_i = n_i + rows of injected[i]. Replaces rows added earlier.
  /// @param injected  m tasks in the same order; a task without rows gets none.
  [[nodiscard]] EmpiricalRisk with_rows(const TaskSet& injected) const;

  /// Every stride-th task, standing for all of them: population() stays what it is.
  /// @param stride  >= 1.
  [[nodiscard]] EmpiricalRisk sample(Eigen::Index stride) const;

  /// The same tasks as a sample of so many: T and tau count them all.
  /// @param population  >= tasks().
  [[nodiscard]] EmpiricalRisk standing_for(Eigen::Index population) const;

  /// The risk over phi(x) in place of x, without the injected rows.
  [[nodiscard]] EmpiricalRisk mapped(const FeatureMap& phi, Layout layout = Layout::Automatic) const;
  /// The same with so many features behind the others that are 0 in all clean rows; without the injected rows.
  [[nodiscard]] EmpiricalRisk with_zero_features(Eigen::Index count) const;

  /// Every task's term times a weight >= 0: R(W) = sum_i w_i/N_i sum_j loss. The rows stay what they are.
  /// @throws std::invalid_argument when there are not m finite weights, none negative.
  [[nodiscard]] EmpiricalRisk weighted(const Eigen::VectorXd& weights) const;

  struct Evaluation {
    double value;                         ///< R(W)
    Eigen::VectorXd values;               ///< mean loss of every task, times its weight, m
    Eigen::MatrixXd gradient;             ///< d x m
    std::vector<Eigen::VectorXd> second;  ///< loss'' by row, a vector per task; empty where X'X says all
  };
  /// @param W  d x m, column i the weights of task i.
  [[nodiscard]] Evaluation evaluate(const Eigen::MatrixXd& W) const;

  /// R(W) as `evaluate` gives it, but for tasks that fit so well that X'X, X'y and y'y cancel: these are summed row by
  /// row.
  [[nodiscard]] double accurate_value(const Eigen::MatrixXd& W) const;

  /// The second derivative of the risk of task i at the evaluated W: X_i' diag(loss'') X_i / N_i, d x d.
  [[nodiscard]] Eigen::MatrixXd hessian_block(const Evaluation& at, Eigen::Index task) const;
  /// Column i = hessian_block(i) * v_i, without forming the block where the rows are cheaper.
  [[nodiscard]] Eigen::MatrixXd hessian_times(const Evaluation& at, const Eigen::MatrixXd& V) const;
  /// trace of hessian_block(i) for every task.
  [[nodiscard]] Eigen::VectorXd hessian_traces(const Evaluation& at) const;

  /// Eigendecomposition of mean_i X_i'X_i / n_i over the clean rows: what the tasks' Hessians have in common.
  /// Made with the risk when d > m, where the solver asks for it; empty otherwise.
  [[nodiscard]] const SymmetricEigen& mean_second_moment() const { return clean_->mean_second_moment; }

  /// All rows: the clean ones, task by task, then the injected ones, task by task.
  struct RowProducts {
    struct Block {
      Eigen::Index task;
      Eigen::Index first;
      Eigen::Index count;
    };
    Eigen::MatrixXd rows;  ///< N x d
    Eigen::MatrixXd gram;  ///< rows rows', N x N
    std::vector<Block> blocks;
  };
  /// Made when first asked for, and shared by copies. Not for the layout Moments.
  [[nodiscard]] const RowProducts& row_products() const;
  /// w_i loss'' / N_i of every row, in the order of row_products().
  [[nodiscard]] Eigen::VectorXd row_curvatures(const Evaluation& at) const;

  /// How to go to coordinates of the rows' span and back, for the layout RowSpace; made when first asked for.
  [[nodiscard]] const RowReduction& reduction() const;
  /// This risk in those coordinates.
  [[nodiscard]] EmpiricalRisk reduced() const;

  [[nodiscard]] Layout layout() const { return clean_->layout; }
  [[nodiscard]] Eigen::Index tasks() const { return static_cast<Eigen::Index>(clean_->tasks.size()); }
  /// The number of tasks that these stand for: tasks(), or that of the risk they are a sample of.
  [[nodiscard]] Eigen::Index population() const { return clean_->population; }
  [[nodiscard]] Eigen::Index features() const { return clean_->tasks.features(); }
  /// N_i; 0 for a task that has no row yet
  [[nodiscard]] Eigen::Index rows(Eigen::Index task) const;
  [[nodiscard]] const TaskSet& clean() const { return clean_->tasks; }
  [[nodiscard]] const Loss& loss() const { return *loss_; }

 private:
  /// What the squared loss needs of a task's rows.
  struct Moments {
    Eigen::MatrixXd gram;   ///< X'X
    Eigen::VectorXd cross;  ///< X'y
    double label_square;    ///< y'y
  };
  struct Clean {
    TaskSet tasks;
    std::vector<Moments> moments;  ///< squared loss only
    SymmetricEigen mean_second_moment;
    Eigen::Index population;
    Layout layout;
    std::shared_ptr<Lazy<RowProducts>> row_products;
    std::shared_ptr<Lazy<RowReduction>> reduction;
  };

  [[nodiscard]] static Moments moments_of(const Task& task);
  [[nodiscard]] bool uses_moments() const { return loss_->is_squared() && clean_->layout == Layout::Moments; }
  [[nodiscard]] bool has_injected() const { return injected_.size() != 0; }
  [[nodiscard]] const RowProducts& clean_row_products() const;
  [[nodiscard]] const RowReduction& clean_reduction() const;
  /// Calls visit(rows of the task) for the clean part and, when there is one, the injected part.
  template <class Visit>
  void for_each_part(Eigen::Index task, Visit visit) const;
  [[nodiscard]] const Moments& moments(Eigen::Index task) const;
  /// N_i / w_i; 1 / w_i for a task without rows
  [[nodiscard]] double divisor(Eigen::Index task) const;

  std::shared_ptr<const Clean> clean_;
  const Loss* loss_;
  TaskSet injected_;  ///< m tasks, or none
  std::vector<std::shared_ptr<const Moments>>
      poisoned_moments_;                             ///< m entries, null where nothing was injected; or none
  std::shared_ptr<Lazy<RowProducts>> row_products_;  ///< with the injected rows; none without them
  std::shared_ptr<Lazy<RowReduction>> reduction_;
  Eigen::VectorXd weights_;  ///< m entries, or none for 1
};

}  // namespace crosstalk::mtrl
