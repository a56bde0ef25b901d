#include "crosstalk/row_space.hpp"

#include <gmock/gmock.h>

#include "crosstalk/pivoted_cholesky.hpp"
#include "crosstalk/principal_axes.hpp"
#include "crosstalk/symmetric_eigen.hpp"
#include "support/problems.hpp"

namespace crosstalk {
namespace {

using problems::normal_matrix;

// Q, d x r.
Eigen::MatrixXd basis(const RowSpace& space) {
  return space.weights(Eigen::MatrixXd::Identity(space.outputs(), space.outputs()));
}

double unorthogonality(const Eigen::MatrixXd& Q) {
  return (Q.transpose() * Q - Eigen::MatrixXd::Identity(Q.cols(), Q.cols())).norm();
}

// Rows from nearly the same to quite different, the shortest 1e-6 as long as the longest.
Eigen::MatrixXd graded_rows() {
  Eigen::MatrixXd X = normal_matrix(12, 40, 1);
  for (Eigen::Index j = 1; j < 12; ++j) X.row(j) = std::pow(0.3, j) * (X.row(0) + std::pow(10.0, -j) * X.row(j));
  return X;
}

TEST(RowSpace, HoldsItsRowsInAnOrthonormalBasis) {
  for (const Eigen::MatrixXd& X : {normal_matrix(10, 40, 1), graded_rows()}) {
    const RowSpace space = RowSpace(40).extended(X);
    EXPECT_EQ(space.outputs(), X.rows());
    EXPECT_LT(unorthogonality(basis(space)), 1e-13);
    const Eigen::MatrixXd back = space.pullback(X, space.map(X));
    for (Eigen::Index j = 0; j < X.rows(); ++j) EXPECT_LT((back.row(j) - X.row(j)).norm(), 1e-12 * X.row(j).norm());
  }
}

TEST(RowSpace, DependentAndZeroRowsAddNothing) {
  Eigen::MatrixXd X = normal_matrix(10, 40, 1);
  X.row(3) = X.row(1) - 2.0 * X.row(2);
  X.row(5).setZero();
  X.row(7) = 1e9 * X.row(8);
  const RowSpace space = RowSpace(40).extended(X);
  EXPECT_EQ(space.outputs(), 7);
  EXPECT_EQ(space.extended(X).outputs(), 7);
  EXPECT_LT(unorthogonality(basis(space)), 1e-13);
  EXPECT_EQ(RowSpace(40).extended(Eigen::MatrixXd::Zero(3, 40)).outputs(), 0);
}

TEST(RowSpace, ExtensionsKeepTheCoordinatesThereAre) {
  const RowSpace before = RowSpace(40).extended(normal_matrix(10, 40, 1));
  Eigen::MatrixXd more = normal_matrix(5, 40, 2);
  more.row(4) = before.pullback(more, normal_matrix(1, 10, 3)).row(0) + 1e-9 * more.row(3);
  const RowSpace after = before.extended(more);
  EXPECT_EQ(after.outputs(), 14);  // the last is the fourth's direction once more
  EXPECT_LT((basis(after).leftCols(10) - basis(before)).norm(), 1e-15);
  EXPECT_LT(unorthogonality(basis(after)), 1e-13);
}

TEST(RowSpace, ALastFeatureApartIsTheLastCoordinate) {
  Eigen::MatrixXd X = normal_matrix(6, 40, 1);
  X.col(39).setOnes();
  const RowSpace space = RowSpace(40, RowSpace::LastFeature::Apart).extended(X);
  EXPECT_EQ(space.outputs(), 7);
  const Eigen::MatrixXd Z = space.map(X);
  EXPECT_EQ(Z.col(6), Eigen::VectorXd::Ones(6));
  EXPECT_LT((Z.leftCols(6).rowwise().norm() - X.leftCols(39).rowwise().norm()).norm(), 1e-12);
  EXPECT_LT((space.pullback(X, Z) - X).norm(), 1e-12);
  EXPECT_LT((space.coordinates(space.weights(Z.transpose())) - Z.transpose()).norm(), 1e-12);
}

TEST(RowSpace, RefusesRowsOfAnotherWidth) {
  EXPECT_THAT([] { static_cast<void>(RowSpace(40).extended(Eigen::MatrixXd::Ones(2, 39))); },
              testing::ThrowsMessage<std::invalid_argument>("row space: 39 features for one of 40"));
}

TEST(GramCoordinates, HaveTheInnerProductsOfTheRows) {
  Eigen::MatrixXd X = normal_matrix(10, 40, 1);
  X.row(3) = X.row(1) - 2.0 * X.row(2);
  X.row(6) *= 1e6;
  X.row(8).setZero();
  const Eigen::MatrixXd K = gram(X);
  EXPECT_LT((K - X * X.transpose()).norm(), 1e-12 * K.norm());
  const GramCoordinates found = gram_coordinates(K, K.diagonal(), 1e-7);
  EXPECT_EQ(found.Z.cols(), 8);
  EXPECT_LT((found.Z * found.Z.transpose() - K).cwiseAbs().maxCoeff(), 1e-12 * K.norm());
  EXPECT_EQ(found.Z(found.pivots, Eigen::all), found.L);
  EXPECT_EQ(found.L.triangularView<Eigen::StrictlyUpper>().toDenseMatrix().norm(), 0.0);
}

// Eigenvectors of the scatter matrix, as their definition has them.
TEST(PrincipalAxes, AreEigenvectorsOfTheScatter) {
  for (const Eigen::Index rows : {6, 40}) {
    TaskSet tasks = {{"a", normal_matrix(rows, 30, 1), Eigen::VectorXd::Zero(rows)},
                     {"b", normal_matrix(rows + 2, 30, 2), Eigen::VectorXd::Zero(rows + 2)}};
    tasks[0].features.array() += 3.0;
    const PrincipalAxes found = principal_axes(tasks, 10);
    Eigen::MatrixXd X(2 * rows + 2, 30);
    X << tasks[0].features, tasks[1].features;
    EXPECT_LT((found.mean - X.colwise().mean()).norm(), 1e-13);
    X.rowwise() -= found.mean;
    const Eigen::MatrixXd scatter = X.transpose() * X / static_cast<double>(X.rows());
    const Eigen::VectorXd values = symmetric_eigen(scatter).values.reverse().head(10);
    EXPECT_LT(unorthogonality(found.axes), 1e-13);
    EXPECT_LT((scatter * found.axes - found.axes * values.asDiagonal()).norm(), 1e-12 * values[0]) << rows;
    for (Eigen::Index k = 0; k < 10; ++k)
      EXPECT_EQ(found.axes.col(k).maxCoeff(), found.axes.col(k).cwiseAbs().maxCoeff());
  }
}

TEST(PrincipalAxes, BeyondTheRankAreOrthonormalAndWithoutVariance) {
  const TaskSet tasks = {{"a", normal_matrix(4, 12, 1), Eigen::VectorXd::Zero(4)}};
  const PrincipalAxes found = principal_axes(tasks, 12);
  EXPECT_LT(unorthogonality(found.axes), 1e-13);
  EXPECT_LT(((tasks[0].features.rowwise() - found.mean) * found.axes.rightCols(9)).norm(), 1e-13);
}

TEST(PrincipalAxes, OfRowsThatAreAllTheSameAreAnyDirections) {
  const TaskSet tasks = {{"a", Eigen::MatrixXd::Ones(3, 5), Eigen::VectorXd::Zero(3)}};
  EXPECT_LT(unorthogonality(principal_axes(tasks, 5).axes), 1e-13);
}

}  // namespace
}  // namespace crosstalk
