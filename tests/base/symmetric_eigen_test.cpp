#include "crosstalk/symmetric_eigen.hpp"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "crosstalk/error.hpp"
#include "support/problems.hpp"

namespace crosstalk {
namespace {

// Below 128 rows Eigen's solver works, from there LAPACK's.
class SymmetricEigenOfSize : public testing::TestWithParam<Eigen::Index> {};
INSTANTIATE_TEST_SUITE_P(BothPaths, SymmetricEigenOfSize, testing::Values(1, 2, 20, 127, 128, 150));

TEST_P(SymmetricEigenOfSize, DecomposesTheMatrix) {
  const Eigen::Index n = GetParam();
  const Eigen::MatrixXd half = problems::normal_matrix(n, n, 1);
  const Eigen::MatrixXd A = half + half.transpose();
  const SymmetricEigen eigen = symmetric_eigen(A);
  const double size = A.norm();
  EXPECT_TRUE(std::is_sorted(eigen.values.begin(), eigen.values.end()));
  EXPECT_LT((eigen.vectors * eigen.values.asDiagonal() * eigen.vectors.transpose() - A).norm(), 1e-13 * size);
  EXPECT_LT((eigen.vectors.transpose() * eigen.vectors - Eigen::MatrixXd::Identity(n, n)).norm(), 1e-12);
}

TEST_P(SymmetricEigenOfSize, ReadsTheLowerTriangleOnly) {
  const Eigen::Index n = GetParam();
  const Eigen::MatrixXd half = problems::normal_matrix(n, n, 2);
  const Eigen::MatrixXd A = half + half.transpose();
  Eigen::MatrixXd lower = A;
  lower.triangularView<Eigen::StrictlyUpper>().setConstant(99.0);
  EXPECT_EQ(symmetric_eigen(lower).values, symmetric_eigen(A).values);
}

TEST_P(SymmetricEigenOfSize, FindsTheNullSpace) {
  const Eigen::Index n = GetParam();
  const Eigen::MatrixXd half = problems::normal_matrix(n, 1, 3);
  const SymmetricEigen eigen = symmetric_eigen(half * half.transpose());
  EXPECT_NEAR(eigen.values[n - 1], half.squaredNorm(), 1e-12 * half.squaredNorm());
  EXPECT_LT(eigen.values.head(n - 1).cwiseAbs().sum(), 1e-12 * half.squaredNorm());
}

TEST(SymmetricEigen, SaysWhatIsWrongWithTheData) {
  for (const Eigen::Index n : {20, 150})
    EXPECT_THROW(symmetric_eigen(Eigen::MatrixXd::Constant(n, n, std::nan(""))), DataError) << n;
}

}  // namespace
}  // namespace crosstalk
