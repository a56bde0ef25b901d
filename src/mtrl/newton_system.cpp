#include "crosstalk/mtrl/newton_system.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "crosstalk/interruption.hpp"
#include "crosstalk/symmetric_eigen.hpp"

namespace crosstalk::mtrl {

Eigen::MatrixXd inverse_penalties(const Coupling& coupling, const Penalty& penalty) {
  // T = U diag(t) U':  1 / (l1 + l2 tau / t) = t / (l1 t + l2 tau).
  const Eigen::MatrixXd& U = coupling.basis();
  if (penalty.lambda2 == 0.0) return Eigen::MatrixXd::Identity(U.rows(), U.rows()) / penalty.lambda1;
  const auto inverse = [&](double t) {
    return t > 0.0 ? t / (penalty.lambda1 * t + penalty.lambda2 * coupling.tau()) : 0.0;
  };
  return U * coupling.spectrum().unaryExpr(inverse).asDiagonal() * U.transpose();
}

NewtonSystem::NewtonSystem(const EmpiricalRisk& risk, const EmpiricalRisk::Evaluation& at, const Coupling& coupling,
                           const Penalty& penalty)
    : NewtonSystem(risk, at, coupling, penalty, Eigen::MatrixXd()) {}

NewtonSystem::NewtonSystem(const EmpiricalRisk& risk, const EmpiricalRisk::Evaluation& at, const Coupling& coupling,
                           const Penalty& penalty, Eigen::MatrixXd dual)
    : risk_(risk), at_(at), coupling_(coupling), penalty_(penalty), dual_(std::move(dual)) {
  if (coupling.task_side() && risk.layout() != EmpiricalRisk::Layout::Moments)
    by_rows_.emplace(risk, at, inverse_penalties(coupling, penalty));
  else if (coupling.task_side())
    prepare_task_side();
  else
    prepare_feature_side();
}

Eigen::MatrixXd NewtonSystem::penalties() const {
  Eigen::MatrixXd result = penalty_.lambda2 * coupling_.tau() * coupling_.inverse_root();
  result.diagonal().array() += penalty_.lambda1;
  return result;
}

void NewtonSystem::prepare_feature_side() {
  // M = l1 I + l2 tau T^-1; then H with T held fixed is blockdiag(H_i + M).
  const Eigen::MatrixXd M = penalties();
  const auto m = static_cast<std::size_t>(risk_.tasks());
  factors_.reserve(m);
  const bool keep_blocks = !risk_.loss().is_squared();
  for (std::size_t i = 0; i < m; ++i) {
    Eigen::MatrixXd block = risk_.hessian_block(at_, static_cast<Eigen::Index>(i));
    factors_.emplace_back(block + M);
    if (keep_blocks) blocks_.push_back(std::move(block));
  }
}

void NewtonSystem::prepare_task_side() {
  // H with T = S held fixed is  V -> [H_i v_i] + V (l1 I + l2 tau S^-1).  With H_i = k_i G, K = diag(k), G the mean
  // second moment, and Y = V K^1/2 it reads  (G Y + Y K^-1/2 (l1 I + l2 tau S^-1) K^-1/2) K^1/2:
  // a Sylvester operator, diagonal in the eigenvectors of its two symmetric sides.
  const SymmetricEigen& G = risk_.mean_second_moment();
  const double mean_trace = std::max(G.values.sum(), 1e-300);
  Eigen::VectorXd k = risk_.hessian_traces(at_) / mean_trace;
  k = k.cwiseMax(1e-8 * std::max(k.maxCoeff(), 1e-8));
  const Eigen::VectorXd scale = k.cwiseSqrt().cwiseInverse();
  const SymmetricEigen P = symmetric_eigen(scale.asDiagonal() * penalties() * scale.asDiagonal());
  task_basis_ = scale.asDiagonal() * P.vectors;
  const Eigen::VectorXd g = G.values.cwiseMax(0.0);
  inverse_.resize(g.size(), P.values.size());
  for (Eigen::Index b = 0; b < inverse_.cols(); ++b) inverse_.col(b) = (g.array() + P.values[b]).inverse();
}

void NewtonSystem::form_blocks() const {
  if (!blocks_.empty() || by_rows_ || risk_.loss().is_squared()) return;
  for (Eigen::Index i = 0; i < risk_.tasks(); ++i)
    if (risk_.rows(i) < risk_.features()) return;  // then products by rows are cheaper for good
  for (Eigen::Index i = 0; i < risk_.tasks(); ++i) blocks_.push_back(risk_.hessian_block(at_, i));
}

void NewtonSystem::form_inverses() const {
  const Eigen::MatrixXd identity = Eigen::MatrixXd::Identity(risk_.features(), risk_.features());
  for (const auto& factor : factors_) inverses_.push_back(factor.solve(identity));
}

Eigen::MatrixXd NewtonSystem::coupling_times(const Eigen::MatrixXd& V) const {
  return penalty_.lambda2 * (dual_.size() > 0 ? coupling_.hessian_times(V, dual_) : coupling_.hessian_times(V));
}

Eigen::MatrixXd NewtonSystem::times(const Eigen::MatrixXd& V) const {
  Eigen::MatrixXd product = penalty_.lambda1 * V;
  if (penalty_.lambda2 > 0.0) product += coupling_times(V);
  if (blocks_.empty()) return product + risk_.hessian_times(at_, V);
  for (Eigen::Index i = 0; i < V.cols(); ++i)
    product.col(i).noalias() += blocks_[static_cast<std::size_t>(i)] * V.col(i);
  return product;
}

Eigen::MatrixXd NewtonSystem::precondition(const Eigen::MatrixXd& R) const {
  if (!factors_.empty()) {
    Eigen::MatrixXd result(R.rows(), R.cols());
    for (Eigen::Index i = 0; i < R.cols(); ++i)
      if (inverses_.empty())
        result.col(i) = factors_[static_cast<std::size_t>(i)].solve(R.col(i));
      else
        result.col(i).noalias() = inverses_[static_cast<std::size_t>(i)] * R.col(i);
    return result;
  }
  if (by_rows_) return by_rows_->apply(R);
  const Eigen::MatrixXd& Q = risk_.mean_second_moment().vectors;
  const Eigen::MatrixXd rotated = (Q.transpose() * (R * task_basis_)).cwiseProduct(inverse_);
  return Q * (rotated * task_basis_.transpose());
}

LinearSolution NewtonSystem::solve(const Eigen::MatrixXd& B, double tolerance, int max_products) const {
  if (by_rows_) {
    // What T adds that moves with W.
    const auto moving_root = [&](const Eigen::MatrixXd& V) -> Eigen::MatrixXd {
      if (penalty_.lambda2 == 0.0) return Eigen::MatrixXd::Zero(V.rows(), V.cols());
      return coupling_times(V) - penalty_.lambda2 * coupling_.tau() * V * coupling_.inverse_root();
    };
    return conjugate_gradients_splitting(B, tolerance, max_products, moving_root, [this](const Eigen::MatrixXd& R) {
      end_if_interrupted();
      return by_rows_->apply(R);
    });
  }
  int products = 0;
  const auto product = [&](const Eigen::MatrixXd& V) {
    end_if_interrupted();
    if (++products == kProductsByRows) form_blocks();
    if (products == B.rows()) form_inverses();
    return times(V);
  };
  return conjugate_gradients(B, tolerance, max_products, product,
                             [this](const Eigen::MatrixXd& R) { return precondition(R); });
}

}  // namespace crosstalk::mtrl
