#pragma once

#include <Eigen/Core>

namespace crosstalk::mtrl {

/// The answer to A X = B.
struct LinearSolution {
  Eigen::MatrixXd X;      ///< d x m
  double residual = 0.0;  ///< |B - A X| / |B|, Frobenius
  int products = 0;       ///< products with A spent
};

/// A X = B for a symmetric positive definite operator on matrices, by preconditioned conjugate gradients.
/// Stops at a relative residual <= tolerance, after max_products, or when rounding has used up the definiteness.
/// @param times  V -> A V.  @param precondition  R -> P R, P symmetric positive definite and near A^-1.
template <class Times, class Precondition>
LinearSolution conjugate_gradients(const Eigen::MatrixXd& B, double tolerance, int max_products, const Times& times,
                                   const Precondition& precondition) {
  const double scale = B.norm();
  LinearSolution solution{Eigen::MatrixXd::Zero(B.rows(), B.cols()), 0.0, 0};
  if (scale == 0.0) return solution;
  Eigen::MatrixXd R = B;
  Eigen::MatrixXd Z = precondition(R);
  Eigen::MatrixXd direction = Z;
  double rho = R.cwiseProduct(Z).sum();
  solution.residual = 1.0;
  while (solution.residual > tolerance && solution.products < max_products) {
    const Eigen::MatrixXd product = times(direction);
    ++solution.products;
    const double curvature = direction.cwiseProduct(product).sum();
    if (!(curvature > 0.0)) break;
    const double step = rho / curvature;
    solution.X += step * direction;
    R -= step * product;
    solution.residual = R.norm() / scale;
    Z = precondition(R);
    const double next = R.cwiseProduct(Z).sum();
    direction = Z + (next / rho) * direction;
    rho = next;
  }
  return solution;
}

/// The same for A = M + C where M is inverted exactly: M need not be applied, since A Z = R + C Z for Z = M^-1 R.
/// @param correct  V -> C V.  @param invert  R -> M^-1 R, M symmetric positive definite.
template <class Correct, class Invert>
LinearSolution conjugate_gradients_splitting(const Eigen::MatrixXd& B, double tolerance, int max_products,
                                             const Correct& correct, const Invert& invert) {
  const double scale = B.norm();
  LinearSolution solution{Eigen::MatrixXd::Zero(B.rows(), B.cols()), 0.0, 0};
  if (scale == 0.0) return solution;
  Eigen::MatrixXd R = B;
  Eigen::MatrixXd direction = Eigen::MatrixXd::Zero(B.rows(), B.cols());
  Eigen::MatrixXd product = direction;
  double last_rho = 1.0;
  solution.residual = 1.0;
  while (solution.residual > tolerance && solution.products < max_products) {
    const Eigen::MatrixXd Z = invert(R);
    const double rho = R.cwiseProduct(Z).sum();
    direction = Z + (rho / last_rho) * direction;
    product = R + correct(Z) + (rho / last_rho) * product;
    ++solution.products;
    last_rho = rho;
    const double curvature = direction.cwiseProduct(product).sum();
    if (!(curvature > 0.0)) break;
    const double step = rho / curvature;
    solution.X += step * direction;
    R -= step * product;
    solution.residual = R.norm() / scale;
  }
  return solution;
}

}  // namespace crosstalk::mtrl
