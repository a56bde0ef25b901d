#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/mtrl/loss.hpp"
#include "crosstalk/mtrl/solve.hpp"
#include "crosstalk/option_table.hpp"
#include "crosstalk/preparation.hpp"
#include "crosstalk/run_control.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::defence {

/// The group of a task, 0 .. groups - 1: a hash of its name under the seed, whatever rows and other tasks there are.
/// @param groups  >= 1.
std::size_t group_of(std::string_view task, std::size_t groups, std::uint64_t seed);

/// Constants of the voting predictor. None may be chosen by looking at rows of all tasks: the proof needs each of the
/// T models to depend on the rows of its target and of its own group alone.
struct GroupOptions {
  std::size_t groups = 21;  ///< T, odd, >= 3
  std::uint64_t seed = 1;   ///< of group_of
  /// lambda1 > 0, lambda2 >= 0, smoothing > 0, in the units of the preparation.
  mtrl::Options learner = {.lambda1 = 1e-3, .lambda2 = 1e-2, .smoothing = 0.3};
  /// Fitted for each model on its own rows. `bias` must be true.
  PreparationOptions preparation = {.scale = Scale::Standard, .labels = LabelScale::Pooled};
  int threads = 1;  ///< results do not depend on it

  /// Keys, ranges and meanings.
  static const OptionTable<GroupOptions>& table();
};
/// @throws std::invalid_argument naming the option, its value and the rule.
void require_valid(const GroupOptions& options);

/// The most features that a voting predictor learns from: each of its m T systems is d x d.
inline constexpr Eigen::Index kMostGroupFeatures = 1000;

/// Features of the file in the units of one model: the columns that vary in the rows it is fitted on, prepared, and a
/// constant 1 behind them. A column that is constant in these rows (a word that only other tasks use) is left out, so
/// that it cannot change the model, not even in the last digit.
struct FeatureUnits {
  std::vector<Eigen::Index> columns;       ///< of the file, ascending; empty: the constant 1 alone
  std::optional<Preparation> preparation;  ///< of these columns; none without columns

  /// @return without columns when no column varies or the rows cannot be scaled.
  static FeatureUnits fit(const TaskSet& rows, PreparationOptions options);
  /// n x width()
  [[nodiscard]] Eigen::MatrixXd apply(const Eigen::MatrixXd& features) const;
  [[nodiscard]] Eigen::Index width() const;
};

/// What T models say of n rows of one task.
struct Votes {
  Eigen::MatrixXd sorted;  ///< n x T, ascending in each row, within [low, high]
  Eigen::VectorXd low;     ///< n: no vote can be below, from the target's own rows; -infinity without a clip
  Eigen::VectorXd high;    ///< n

  /// The predictor: the median of the votes, n.
  [[nodiscard]] Eigen::VectorXd prediction() const;
  /// Whatever k tasks but the target do, the prediction is at least the order statistic (T + 1)/2 - k of the clean
  /// votes (1-based), and at least `low`; n.
  [[nodiscard]] Eigen::VectorXd lower(std::size_t k) const;
  /// The same from above: the order statistic (T + 1)/2 + k; n.
  [[nodiscard]] Eigen::VectorXd upper(std::size_t k) const;
};

/// The voting predictor: for each target T linear models, each of the target's own rows and those of one group.
///
/// A group is learned once, as (2) on its tasks (docs/methods/learner.md). With T_g = (W W' + e^2 I)^(1/2) of its
/// weights and tau_g its trace over as many values as the group has tasks, the model of target i under group g is
///   argmin over w of  1/n_i sum_j loss(w'x_ij, y_ij) + l1/2 |w|^2 + l2 tau_g / 2  w' T_g^-1 w,
/// which for a target inside the group is its column of the group's own answer. Under an empty group, or one that
/// cannot be learned, it is the target alone, with (l1 + l2)/2 |w|^2: (2) with one task.
/// For the squared loss every vote is clipped to
///   x'w0 / 2 +- 1/2 sqrt(x'A^-1 x . c'w0),   A = 2 X'X / n + (l1 + l2) I,  c = 2 X'y / n,  w0 = A^-1 c,
/// in the target's own units: where x'(A + P)^-1 c lies for all positive semidefinite P.
struct VotingModel {
  struct Target {
    std::string name;
    FeatureUnits own;                    ///< fitted on its own rows
    Eigen::VectorXd alone;               ///< own.width(); of the target alone, the constant last
    std::vector<Eigen::VectorXd> under;  ///< T; under[g] goes with groups[g]; empty: `alone` votes
    Eigen::VectorXd clip_middle;         ///< own.width(); empty: no clip
    Eigen::MatrixXd clip_reach;          ///< own.width() square: the half width is |clip_reach z|
  };
  std::vector<FeatureUnits> groups;  ///< T
  std::vector<Target> targets;       ///< m

  /// @param features  n x d in the units of the file.  @param target  position among the targets.
  [[nodiscard]] Votes votes(std::size_t target, const Eigen::MatrixXd& features) const;
  /// The largest k of which something is proven: (T - 1)/2, and one more where every vote is clipped.
  [[nodiscard]] std::size_t most_malicious() const;
};

/// Learns the voting predictor.
/// @param tasks  m tasks in the units of the file, without a bias column; labels -1/+1 for classes.
/// @throws std::invalid_argument for options or tasks that are not valid, or more than kMostGroupFeatures features.
VotingModel learn_votes(const TaskSet& tasks, const mtrl::Loss& loss, const GroupOptions& options,
                        const RunControl& control = {});

/// The largest mean sum_i sums_i / sum_i counts_i over all choices of size - left_out tasks with counts: what honest
/// tasks may lose when nobody knows which `left_out` tasks are malicious (Dinkelbach's iteration, exact).
/// @return NaN when no task with counts is left.
double largest_mean(const Eigen::VectorXd& sums, const Eigen::VectorXd& counts, std::size_t left_out);

/// Test loss under the worst that k malicious tasks can do, k = 0 .. most.
struct GroupCertificate {
  Eigen::VectorXd rows;    ///< m, test rows
  Eigen::MatrixXd losses;  ///< m x (most + 1): mean over a task's rows of the largest loss in the interval; NaN: no row
  Eigen::MatrixXd correct;  ///< m x (most + 1): classes: share of rows whose whole interval has the label's sign
  /// most + 1: largest mean of `losses` over the rows of any m - k tasks: the k malicious ones are not counted.
  Eigen::VectorXd total_losses;
  Eigen::VectorXd total_correct;  ///< the same for `correct`, the smallest: certified accuracy
};
/// @param votes  m.  @param test  m tasks; only labels count.  @param most  k up to here.
GroupCertificate certify_votes(const std::vector<Votes>& votes, const TaskSet& test, const mtrl::Loss& loss,
                               std::size_t most);

/// Every task learned alone, for comparison: ridge (or the loss's own) in its own units.
struct SingleTasks {
  double lambda = 0.0;                       ///< of 1e-4 .. 10, least held-out loss over all rows of all tasks
  std::vector<Eigen::VectorXd> predictions;  ///< m, of the test rows
};
/// @param folds  >= 2, inside each task.  @param seed  of the folds.
SingleTasks learn_alone(const TaskSet& train, const TaskSet& test, const mtrl::Loss& loss, const GroupOptions& options,
                        std::size_t folds, std::uint64_t seed);

}  // namespace crosstalk::defence
