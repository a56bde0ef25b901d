#pragma once

#include <optional>
#include <string_view>

#include <Eigen/Core>

#include "crosstalk/feature_map.hpp"
#include "crosstalk/names.hpp"
#include "crosstalk/option_table.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk {

enum class Kernel {
  Linear,      ///< x'x': the learner without a kernel
  Rbf,         ///< exp(-|x - x'|^2 / (2 s^2))
  Polynomial,  ///< (x'x' / s^2 + 1)^p
  Laplacian,   ///< exp(-|x - x'|_1 / s)
};
inline constexpr auto kKernels = name_table<Kernel>("kernel", {{Kernel::Linear, "linear"},
                                                               {Kernel::Rbf, "rbf"},
                                                               {Kernel::Polynomial, "polynomial"},
                                                               {Kernel::Laplacian, "laplacian"}});
std::string_view to_string(Kernel kernel);

/// What a user says of the kernel.
struct KernelOptions {
  Kernel kernel = Kernel::Linear;
  std::optional<double> width = {};            ///< s, 1e-9 to 1e9; none: the median distance of two training rows
  std::optional<int> degree = {};              ///< p, 1 to 20; none: 3
  std::optional<Eigen::Index> landmarks = {};  ///< r at most, >= 1; none: kMostLandmarks, or all rows of fewer

  static constexpr Eigen::Index kMostLandmarks = 2000;
  /// Keys, ranges and meanings.
  static const OptionTable<KernelOptions>& table();
};
/// @throws std::invalid_argument for a number outside its range, or one that the kernel has no use for.
void require_valid(const KernelOptions& options);

/// A kernel with its numbers.
struct KernelFunction {
  Kernel kernel = Kernel::Rbf;
  double width = 1.0;  ///< s > 0
  int degree = 3;      ///< p >= 1

  /// k(x_i, y_j), n x r.
  /// @param X  n x d.  @param Y  r x d.
  [[nodiscard]] Eigen::MatrixXd operator()(const Eigen::MatrixXd& X, const Eigen::MatrixXd& Y) const;
  /// k(x_i, x_i), n.
  [[nodiscard]] Eigen::VectorXd diagonal(const Eigen::MatrixXd& X) const;
  /// sum_j A_ij grad_x k(x_i, y_j) in row i, n x d. The Laplacian kernel has a kink where a coordinate of x is one of
  /// y; there its part of the gradient is 0.
  /// @param A  n x r.
  [[nodiscard]] Eigen::MatrixXd gradient(const Eigen::MatrixXd& X, const Eigen::MatrixXd& Y,
                                         const Eigen::MatrixXd& A) const;
};

/// The median distance of two different rows, by the norm that the kernel sees: the sum of absolute differences for the
/// Laplacian, else the Euclidean one. Of more than 1,000 rows as many, evenly spaced, stand for all.
/// @return 0 where more than half of the pairs are equal, or there is no pair.
double median_distance(const Eigen::MatrixXd& X, Kernel kernel);

/// The feature map of a kernel with landmarks x_1, ..., x_r: with k(X_L, X_L) = C C',
///   x -> C^-1 k(X_L, x),
/// so that inner products of mapped rows are the kernel's, up to what the landmarks do not span (Nystroem). A learner
/// that penalises its weights by W'W alone is kernel MTRL on the mapped rows (docs/methods/kernels.md). The bias, a
/// last entry 1 of x, is passed on as it is.
class KernelMap final : public FeatureMap {
 public:
  /// Landmarks by pivoted Cholesky of the kernel matrix of the rows: every landmark is one whose row the others before
  /// it span badly. It ends after `most`, or where what is left of the largest diagonal entry is 1e-12 of it.
  /// @param X  n x d, finite, with the bias last if there is one.
  /// @param most  >= 1.
  KernelMap(const KernelFunction& kernel, const Eigen::MatrixXd& X, Eigen::Index most, bool bias);
  KernelMap(const KernelFunction& kernel, const TaskSet& rows, Eigen::Index most, bool bias);

  [[nodiscard]] Eigen::Index inputs() const override { return landmarks_.cols() + bias(); }
  [[nodiscard]] Eigen::Index outputs() const override { return landmarks_.rows() + bias(); }
  [[nodiscard]] Eigen::MatrixXd map(const Eigen::MatrixXd& X) const override;
  [[nodiscard]] Eigen::MatrixXd pullback(const Eigen::MatrixXd& X, const Eigen::MatrixXd& G) const override;

  /// Every task with its rows mapped.
  [[nodiscard]] TaskSet map(const TaskSet& tasks) const;

  /// The weights of the functions x -> sum_k B_ki k(x_k, x) + b_i that W stands for: C^-T W over the last row of W.
  /// @param W  (r + 1) x m.
  [[nodiscard]] Eigen::MatrixXd function_weights(const Eigen::MatrixXd& W) const;
  /// (k(x, x_1), ..., k(x, x_r), 1): what function_weights() are for, without a triangular solve.
  [[nodiscard]] TaskSet function_rows(const TaskSet& tasks) const;

  [[nodiscard]] const KernelFunction& kernel() const { return kernel_; }
  [[nodiscard]] const Eigen::MatrixXd& landmarks() const { return landmarks_; }  ///< r x d, without the bias
  /// trace(K - Z Z') of the rows that the landmarks were chosen from, Z these rows mapped; and trace(K).
  [[nodiscard]] double trace_error() const { return trace_error_; }
  [[nodiscard]] double trace() const { return trace_; }
  [[nodiscard]] Eigen::Index rows() const { return rows_; }  ///< n

 private:
  [[nodiscard]] Eigen::Index bias() const { return bias_ ? 1 : 0; }

  KernelFunction kernel_;
  bool bias_;
  Eigen::Index rows_;
  Eigen::MatrixXd landmarks_;
  Eigen::MatrixXd factor_;  // C, r x r, lower triangular
  double trace_ = 0.0;
  double trace_error_ = 0.0;
};

/// (k(x, x_1), ..., k(x, x_r)) of rows without a bias, and 1 where there is to be one: n x (r + 1).
Eigen::MatrixXd kernel_rows(const KernelFunction& kernel, const Eigen::MatrixXd& X, const Eigen::MatrixXd& landmarks,
                            bool bias);

}  // namespace crosstalk
