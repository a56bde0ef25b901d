#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/names.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk {

enum class Scale {
  None,
  UnitBall,  ///< divide all features by the largest row norm of the training rows
  Standard,  ///< every feature to mean 0 and variance 1 on the pooled training rows, then rows to norm 1 in root mean
             ///< square
};
inline constexpr auto kScales =
    name_table<Scale>("scale", {{Scale::None, "none"}, {Scale::UnitBall, "unit-ball"}, {Scale::Standard, "standard"}});
std::string_view to_string(Scale scale);
/// @throws std::invalid_argument for a name that no scale has.
Scale scale_named(const std::string& name);

/// Which labels are brought to mean 0 and variance 1 together.
enum class LabelScale {
  None,    ///< labels stay as they are
  Pooled,  ///< those of all training rows
  Task,    ///< those of each task on their own
};
inline constexpr auto kLabelScales = name_table<LabelScale>(
    "scale of labels", {{LabelScale::None, "none"}, {LabelScale::Pooled, "all"}, {LabelScale::Task, "task"}});
/// "none", "all" or "task".
std::string_view to_string(LabelScale scale);
/// Also takes "false" for none and "true" for task. @throws std::invalid_argument for any other name.
LabelScale label_scale_named(const std::string& name);

struct PreparationOptions {
  Scale scale = Scale::UnitBall;
  LabelScale labels = LabelScale::None;
  Eigen::Index pca = 0;  ///< keep this many principal components of the pooled training rows; 0 for all features
  bool bias = true;      ///< append a constant feature 1 as the last column
};

/// What is done to features and labels before learning, fitted on training rows and then the same for all rows:
///   x -> P'((x - mean) / deviation) / divisor, then (x, 1) [bias];   y -> (y - label_mean_i) / label_deviation_i.
/// Means and deviations of the features belong to Scale::Standard; PCA has a mean and the axes P. Under
/// Scale::Standard a column that is constant on the training rows is 0 there; one raw unit of it, for rows that differ,
/// is the size of the constant.
class Preparation {
 public:
  /// @throws std::invalid_argument when pca is not between 0 and the number of features; DataError when the training
  ///   rows cannot be scaled: all features 0 (or constant), norms or labels beyond the range of a double, labels that
  ///   are all equal.
  static Preparation fit(const TaskSet& training, const PreparationOptions& options);

  /// To the learner's units.
  [[nodiscard]] TaskSet apply(const TaskSet& raw) const;
  /// Back to the units of the file: exact without PCA; with PCA the point of the principal subspace.
  [[nodiscard]] TaskSet undo(const TaskSet& prepared) const;
  /// The same with so many tasks behind the others, each with the label scale of one of them.
  /// @param like  positions of those.
  [[nodiscard]] Preparation with_tasks_like(const std::vector<std::size_t>& like) const;
  /// A prediction in the learner's units, in the units of the file.
  [[nodiscard]] double label_in_file_units(std::size_t task, double label) const;
  /// What one unit of the learner's labels is in units of the file, for every task; empty: all 1.
  [[nodiscard]] const Eigen::VectorXd& label_units() const { return label_deviation_; }
  /// How far a column moves in the learner's units when it moves by 1 in the file's. Only without PCA.
  [[nodiscard]] double unit_step(Eigen::Index feature) const;
  /// The largest norm of a row in the learner's units, the bias left out.
  [[nodiscard]] double largest_norm(const TaskSet& prepared) const;

  /// Whether it can be applied to rows of so many features of the file.
  [[nodiscard]] bool fits(Eigen::Index raw_features) const;
  /// Number of features of the file, given that of the learner.
  [[nodiscard]] Eigen::Index raw_features(Eigen::Index prepared_features) const;

  /// Names of the file's features at fit; empty when it had none.
  [[nodiscard]] const std::vector<std::string>& raw_names() const { return raw_names_; }
  /// Number of tasks with a label scale; 0 where labels stay as they are.
  [[nodiscard]] Eigen::Index label_scales() const { return label_mean_.size(); }
  [[nodiscard]] const PreparationOptions& options() const { return options_; }
  [[nodiscard]] double divisor() const { return divisor_; }

 private:
  friend struct PreparationJson;  // src/preparation_json.hpp

  [[nodiscard]] Eigen::MatrixXd before_division(const Eigen::MatrixXd& raw) const;

  PreparationOptions options_;
  double divisor_ = 1.0;
  Eigen::RowVectorXd mean_;       // Standard or PCA: d, else empty
  Eigen::RowVectorXd deviation_;  // Standard: d, > 0, else empty
  Eigen::MatrixXd components_;    // PCA: d x k, else empty
  Eigen::VectorXd label_mean_;    // m, or empty
  Eigen::VectorXd label_deviation_;
  std::vector<std::string> raw_names_;
};

}  // namespace crosstalk
