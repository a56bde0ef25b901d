#include "crosstalk/kernel_map.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "crosstalk/pivoted_cholesky.hpp"
#include "crosstalk/row_space.hpp"

namespace crosstalk {

namespace {

// |x_i - y_j|^2, from the mean of Y, since far from 0 the squares cancel.
Eigen::MatrixXd squared_distances(const Eigen::MatrixXd& X, const Eigen::MatrixXd& Y) {
  Eigen::MatrixXd D(X.rows(), Y.rows());
  if (D.size() == 0) return D;
  const Eigen::RowVectorXd centre = Y.colwise().mean();
  const Eigen::MatrixXd x = X.rowwise() - centre;
  const Eigen::MatrixXd y = Y.rowwise() - centre;
  D.noalias() = -2.0 * x * y.transpose();
  D.colwise() += x.rowwise().squaredNorm();
  D.rowwise() += y.rowwise().squaredNorm().transpose();
  return D.cwiseMax(0.0);
}

// |x_i - y_j|_1
Eigen::MatrixXd absolute_distances(const Eigen::MatrixXd& X, const Eigen::MatrixXd& Y) {
  Eigen::MatrixXd D = Eigen::MatrixXd::Zero(X.rows(), Y.rows());
  for (Eigen::Index j = 0; j < Y.rows(); ++j)
    for (Eigen::Index k = 0; k < X.cols(); ++k) D.col(j).array() += (X.col(k).array() - Y(j, k)).abs();
  return D;
}

// x_i'y_j / s^2 + 1
Eigen::MatrixXd scaled_products(const Eigen::MatrixXd& X, const Eigen::MatrixXd& Y, double width) {
  if (X.rows() == 0 || Y.rows() == 0) return {X.rows(), Y.rows()};
  return (X * Y.transpose() / (width * width)).array() + 1.0;
}

}  // namespace

std::string_view to_string(Kernel kernel) {
  return kKernels.name_of(kernel);
}

const OptionTable<KernelOptions>& KernelOptions::table() {
  static const auto table =
      OptionTable<KernelOptions>("")
          .add(&KernelOptions::kernel,
               {.key = "kernel",
                .meaning = "Kernel of the learner: linear, the learner without one; rbf: exp(-|x - x'|^2 / (2 s^2)); "
                           "polynomial: (x'x' / s^2 + 1)^p; laplacian: exp(-|x - x'|_1 / s)",
                .words = kKernels.names()})
          .add(&KernelOptions::width,
               {.key = "width",
                .meaning = "Kernel: its width s, in units of the prepared features; the median distance of two "
                           "training rows, with --cv the best of a few multiples of it",
                .range = from_to(1e-9, 1e9)})
          .add(&KernelOptions::degree,
               {.key = "degree", .meaning = "Kernel: the polynomial's degree p; 3 without it", .range = from_to(1, 20)})
          .add(&KernelOptions::landmarks,
               {.key = "landmarks",
                .meaning = "Kernel: rows whose kernel functions the learner combines, at most; 2000, or all training "
                           "rows where there are fewer",
                .range = at_least(1)});
  return table;
}

void require_valid(const KernelOptions& options) {
  KernelOptions::table().require_valid(options);
  const auto refuse = [&](bool is_given, const char* option, double value, const char* kernels) {
    if (is_given)
      throw std::invalid_argument(fmt::format("`{}` is {:g}, but the kernel is {}; it must be {}", option, value,
                                              to_string(options.kernel), kernels));
  };
  const bool linear = options.kernel == Kernel::Linear;
  refuse(linear && options.width, "width", options.width.value_or(0.0), "rbf, polynomial or laplacian");
  refuse(linear && options.landmarks, "landmarks", static_cast<double>(options.landmarks.value_or(0)),
         "rbf, polynomial or laplacian");
  refuse(options.kernel != Kernel::Polynomial && options.degree, "degree", options.degree.value_or(0), "polynomial");
}

Eigen::MatrixXd KernelFunction::operator()(const Eigen::MatrixXd& X, const Eigen::MatrixXd& Y) const {
  switch (kernel) {
    case Kernel::Rbf: return (squared_distances(X, Y).array() / (-2.0 * width * width)).exp();
    case Kernel::Polynomial: return scaled_products(X, Y, width).array().pow(degree);
    case Kernel::Laplacian: return (absolute_distances(X, Y).array() / -width).exp();
    case Kernel::Linear: break;
  }
  if (X.rows() == 0 || Y.rows() == 0) return {X.rows(), Y.rows()};
  return X * Y.transpose();
}

Eigen::VectorXd KernelFunction::diagonal(const Eigen::MatrixXd& X) const {
  const Eigen::VectorXd squares = X.rowwise().squaredNorm();
  if (kernel == Kernel::Linear) return squares;
  if (kernel == Kernel::Polynomial) return (squares.array() / (width * width) + 1.0).pow(degree);
  return Eigen::VectorXd::Ones(X.rows());
}

Eigen::MatrixXd KernelFunction::gradient(const Eigen::MatrixXd& X, const Eigen::MatrixXd& Y,
                                         const Eigen::MatrixXd& A) const {
  if (X.rows() == 0 || Y.rows() == 0) return Eigen::MatrixXd::Zero(X.rows(), X.cols());
  switch (kernel) {
    case Kernel::Rbf: {
      // -(x - y) k / s^2
      const Eigen::MatrixXd AK = A.cwiseProduct((*this)(X, Y));
      return (AK * Y - AK.rowwise().sum().asDiagonal() * X) / (width * width);
    }
    case Kernel::Polynomial: {
      // p (x'y / s^2 + 1)^(p-1) y / s^2
      const Eigen::MatrixXd powers = scaled_products(X, Y, width).array().pow(degree - 1);
      return (degree / (width * width)) * (A.cwiseProduct(powers) * Y);
    }
    case Kernel::Laplacian: {
      // -sign(x - y) k / s
      const Eigen::MatrixXd AK = A.cwiseProduct((*this)(X, Y)) / -width;
      Eigen::MatrixXd result = Eigen::MatrixXd::Zero(X.rows(), X.cols());
      for (Eigen::Index k = 0; k < X.cols(); ++k)
        for (Eigen::Index j = 0; j < Y.rows(); ++j)
          result.col(k).array() += AK.col(j).array() * (X.col(k).array() - Y(j, k)).sign();
      return result;
    }
    case Kernel::Linear: break;
  }
  return A * Y;
}

double median_distance(const Eigen::MatrixXd& X, Kernel kernel) {
  constexpr Eigen::Index kMost = 1000;
  const Eigen::Index n = std::min(X.rows(), kMost);
  if (n < 2) return 0.0;
  Eigen::MatrixXd some(n, X.cols());
  for (Eigen::Index j = 0; j < n; ++j) some.row(j) = X.row(j * X.rows() / n);
  const Eigen::MatrixXd D =
      kernel == Kernel::Laplacian ? absolute_distances(some, some) : squared_distances(some, some);
  std::vector<double> pairs;
  pairs.reserve(static_cast<std::size_t>(n * (n - 1) / 2));
  for (Eigen::Index j = 0; j < n; ++j)
    for (Eigen::Index i = j + 1; i < n; ++i) pairs.push_back(D(i, j));
  const auto middle = pairs.begin() + static_cast<std::ptrdiff_t>(pairs.size() / 2);
  std::nth_element(pairs.begin(), middle, pairs.end());
  return kernel == Kernel::Laplacian ? *middle : std::sqrt(*middle);
}

Eigen::MatrixXd kernel_rows(const KernelFunction& kernel, const Eigen::MatrixXd& X, const Eigen::MatrixXd& landmarks,
                            bool bias) {
  const Eigen::Index r = landmarks.rows();
  Eigen::MatrixXd rows(X.rows(), r + (bias ? 1 : 0));
  rows.leftCols(r) = kernel(X, landmarks);
  if (bias) rows.col(r).setOnes();
  return rows;
}

KernelMap::KernelMap(const KernelFunction& kernel, const TaskSet& rows, Eigen::Index most, bool bias)
    : KernelMap(kernel, stacked_rows(rows, rows.features()), most, bias) {}

KernelMap::KernelMap(const KernelFunction& kernel, const Eigen::MatrixXd& with_bias, Eigen::Index most, bool has_bias)
    : kernel_(kernel), bias_(has_bias), rows_(with_bias.rows()) {
  // The pivots' residuals may be 1e-12 of the largest: C^-1 then loses six of sixteen digits.
  constexpr double kDependent = 1e-12;
  const Eigen::MatrixXd X = with_bias.leftCols(with_bias.cols() - bias());
  const Eigen::VectorXd diagonal = kernel.diagonal(X);
  if (!diagonal.allFinite())
    throw std::invalid_argument(
        fmt::format("kernel: a value of the {} kernel is too large for a double", to_string(kernel.kernel)));
  const PartialCholesky chosen = partial_cholesky(
      diagonal,
      [&](const std::vector<Eigen::Index>& columns) { return kernel_(X, Eigen::MatrixXd(X(columns, Eigen::all))); },
      most, kDependent);
  landmarks_ = X(chosen.pivots, Eigen::all);
  factor_ = chosen.L(chosen.pivots, Eigen::all).triangularView<Eigen::Lower>();
  trace_ = diagonal.sum();
  trace_error_ = chosen.rest.sum();
}

Eigen::MatrixXd KernelMap::map(const Eigen::MatrixXd& X) const {
  const Eigen::Index d = landmarks_.cols();
  const Eigen::Index r = landmarks_.rows();
  Eigen::MatrixXd Z(X.rows(), r + bias());
  if (X.rows() == 0) return Z;
  Eigen::MatrixXd K = kernel_(X.leftCols(d), landmarks_);
  factor_.triangularView<Eigen::Lower>().transpose().solveInPlace<Eigen::OnTheRight>(K);
  Z.leftCols(r) = K;
  if (bias_) Z.col(r) = X.col(d);
  return Z;
}

Eigen::MatrixXd KernelMap::pullback(const Eigen::MatrixXd& X, const Eigen::MatrixXd& G) const {
  const Eigen::Index d = landmarks_.cols();
  const Eigen::Index r = landmarks_.rows();
  Eigen::MatrixXd result = Eigen::MatrixXd::Zero(X.rows(), d + bias());
  if (X.rows() == 0) return result;
  // J = C^-1 dk/dx, so that J'g = (dk/dx)' C^-T g.
  Eigen::MatrixXd A = G.leftCols(r);
  factor_.triangularView<Eigen::Lower>().solveInPlace<Eigen::OnTheRight>(A);
  result.leftCols(d) = kernel_.gradient(X.leftCols(d), landmarks_, A);
  if (bias_) result.col(d) = G.col(r);
  return result;
}

TaskSet KernelMap::map(const TaskSet& tasks) const {
  TaskSet result;
  for (const Task& task : tasks) result.tasks.push_back({task.name, map(task.features), task.labels, task.origin});
  return result;
}

Eigen::MatrixXd KernelMap::function_weights(const Eigen::MatrixXd& W) const {
  Eigen::MatrixXd B = W;
  B.topRows(landmarks_.rows()) = factor_.triangularView<Eigen::Lower>().transpose().solve(W.topRows(landmarks_.rows()));
  return B;
}

TaskSet KernelMap::function_rows(const TaskSet& tasks) const {
  TaskSet result;
  for (const Task& task : tasks)
    result.tasks.push_back({task.name,
                            kernel_rows(kernel_, task.features.leftCols(landmarks_.cols()), landmarks_, bias_),
                            task.labels, task.origin});
  return result;
}

}  // namespace crosstalk
