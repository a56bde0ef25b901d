#include "crosstalk/kernel_map.hpp"

#include <gmock/gmock.h>
#include <Eigen/Eigenvalues>

#include "crosstalk/pivoted_cholesky.hpp"
#include "support/gradient_check.hpp"
#include "support/problems.hpp"

namespace crosstalk {
namespace {

using problems::normal_matrix;
using testing::StartsWith;
using testing::ThrowsMessage;

const KernelFunction kAll[] = {
    {Kernel::Linear, 1.0, 1}, {Kernel::Rbf, 1.3, 1}, {Kernel::Polynomial, 1.3, 3}, {Kernel::Laplacian, 2.0, 1}};

Eigen::MatrixXd with_bias(Eigen::MatrixXd X) {
  X.conservativeResize(Eigen::NoChange, X.cols() + 1);
  X.col(X.cols() - 1).setOnes();
  return X;
}

TEST(KernelFunction, HasTheValuesOfItsFormula) {
  const Eigen::MatrixXd x = Eigen::RowVector2d(1.0, -2.0);
  const Eigen::MatrixXd y = Eigen::RowVector2d(0.5, 1.0);
  const auto value = [&](Kernel kernel) { return KernelFunction{kernel, 2.0, 3}(x, y)(0, 0); };
  EXPECT_NEAR(value(Kernel::Linear), -1.5, 1e-15);
  EXPECT_NEAR(value(Kernel::Rbf), std::exp(-9.25 / 8.0), 1e-15);
  EXPECT_NEAR(value(Kernel::Polynomial), std::pow(1.0 - 1.5 / 4.0, 3), 1e-15);
  EXPECT_NEAR(value(Kernel::Laplacian), std::exp(-3.5 / 2.0), 1e-15);
  for (const KernelFunction& kernel : kAll) {
    const Eigen::MatrixXd X = normal_matrix(5, 3, 1);
    EXPECT_LT((kernel.diagonal(X) - kernel(X, X).diagonal()).norm(), 1e-13) << to_string(kernel.kernel);
  }
}

// Of rows far from 0, as years and money are, the squares cancel.
TEST(KernelFunction, DoesNotDependOnThePlaceOfTheRows) {
  const Eigen::MatrixXd X = normal_matrix(20, 3, 1);
  const KernelFunction rbf{Kernel::Rbf, 1.3, 1};
  const Eigen::MatrixXd near = rbf(X, X.topRows(5));
  const Eigen::MatrixXd far = rbf(X.array() + 1e8, X.topRows(5).array() + 1e8);
  EXPECT_LT((near - far).cwiseAbs().maxCoeff(), 1e-6);
}

TEST(KernelMap, InnerProductsOfMappedRowsAreTheKernels) {
  const Eigen::MatrixXd X = normal_matrix(30, 4, 1);
  for (const KernelFunction& kernel : kAll) {
    const KernelMap map(kernel, with_bias(X), 1000, true);
    const Eigen::MatrixXd Z = map.map(with_bias(X));
    const Eigen::MatrixXd K = kernel(X, X).array() + 1.0;  // the bias is a feature of its own
    EXPECT_LT((Z * Z.transpose() - K).norm(), 1e-9 * K.norm()) << to_string(kernel.kernel);
    EXPECT_LE(map.trace_error(), 1e-9 * map.trace());
    EXPECT_EQ(map.outputs(), (kernel.kernel == Kernel::Linear ? 4 : 30) + 1) << to_string(kernel.kernel);
  }
}

TEST(KernelMap, FewLandmarksLeaveTheTraceThatItStates) {
  const Eigen::MatrixXd X = normal_matrix(200, 3, 2);
  const KernelFunction kernel{Kernel::Rbf, 1.0, 1};
  const Eigen::MatrixXd K = kernel(X, X);
  double last = K.trace();
  for (const Eigen::Index most : {5, 20, 80}) {
    const KernelMap map(kernel, X, most, false);
    EXPECT_EQ(map.outputs(), most);
    const Eigen::MatrixXd Z = map.map(X);
    EXPECT_NEAR(map.trace_error(), (K - Z * Z.transpose()).trace(), 1e-9 * map.trace());
    EXPECT_LT(map.trace_error(), last);
    last = map.trace_error();
  }
  // No r vectors leave less than the smallest n - r eigenvalues; pivots that are badly chosen leave much more.
  const Eigen::VectorXd values = Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(K).eigenvalues();
  EXPECT_LT(last, 20.0 * values.head(120).sum());
}

TEST(KernelMap, PullsDerivativesBack) {
  const Eigen::MatrixXd X = with_bias(normal_matrix(12, 3, 3));
  const Eigen::MatrixXd at = with_bias(normal_matrix(4, 3, 4));
  for (const KernelFunction& kernel : kAll) {
    const KernelMap map(kernel, X, 8, true);
    const Eigen::MatrixXd G = normal_matrix(4, map.outputs(), 5);
    const auto value = [&](const Eigen::MatrixXd& rows) { return map.map(rows).cwiseProduct(G).sum(); };
    EXPECT_TRUE(test_support::is_gradient(value, at, map.pullback(at, G))) << to_string(kernel.kernel);
  }
}

TEST(KernelMap, WeightsOfFunctionsPredictTheSame) {
  const TaskSet tasks = {{"a", with_bias(normal_matrix(15, 3, 6)), Eigen::VectorXd::Zero(15)},
                         {"b", with_bias(normal_matrix(9, 3, 7)), Eigen::VectorXd::Zero(9)}};
  for (const KernelFunction& kernel : kAll) {
    const KernelMap map(kernel, tasks, 1000, true);
    const Eigen::MatrixXd W = normal_matrix(map.outputs(), 2, 8);
    const TaskSet mapped = map.map(tasks);
    const TaskSet rows = map.function_rows(tasks);
    for (const std::size_t i : {0U, 1U})
      EXPECT_LT((rows[i].features * map.function_weights(W) - mapped[i].features * W).norm(),
                1e-9 * (mapped[i].features * W).norm())
          << to_string(kernel.kernel);
  }
}

TEST(KernelMap, EqualRowsAreOneLandmark) {
  Eigen::MatrixXd X = normal_matrix(10, 2, 9);
  X.bottomRows(5) = X.topRows(5);
  EXPECT_EQ(KernelMap({Kernel::Laplacian, 1.0, 1}, X, 1000, false).outputs(), 5);
}

TEST(MedianDistance, IsThatOfThePairs) {
  Eigen::MatrixXd X(4, 2);
  X << 0, 0, 3, 4, 6, 8, 9, 12;  // distances 5 (three times), 10 (twice), 15
  EXPECT_NEAR(median_distance(X, Kernel::Rbf), 10.0, 1e-12);
  EXPECT_NEAR(median_distance(X, Kernel::Laplacian), 14.0, 1e-12);
  EXPECT_EQ(median_distance(Eigen::MatrixXd::Ones(5, 2), Kernel::Rbf), 0.0);
  EXPECT_EQ(median_distance(Eigen::MatrixXd::Ones(1, 2), Kernel::Rbf), 0.0);
}

TEST(KernelOptions, RefusesNumbersThatTheKernelHasNoUseFor) {
  const auto refused = [](const KernelOptions& options, const char* text) {
    EXPECT_THAT([&] { require_valid(options); }, ThrowsMessage<std::invalid_argument>(StartsWith(text)));
  };
  refused({.width = 2.0}, "`width` is 2, but the kernel is linear; it must be rbf, polynomial or laplacian");
  refused({.landmarks = 7}, "`landmarks` is 7, but the kernel is linear");
  refused({.kernel = Kernel::Rbf, .degree = 2}, "`degree` is 2, but the kernel is rbf; it must be polynomial");
  refused({.kernel = Kernel::Rbf, .width = 0.0}, "width is 0; it must be");
  refused({.kernel = Kernel::Polynomial, .degree = 21}, "degree is 21; it must be");
  EXPECT_NO_THROW(require_valid({.kernel = Kernel::Polynomial, .width = 1.0, .degree = 2, .landmarks = 3}));
}

}  // namespace
}  // namespace crosstalk
