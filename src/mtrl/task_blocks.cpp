#include "crosstalk/mtrl/task_blocks.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace crosstalk::mtrl {

namespace {

// Gauss-Jordan elimination without pivoting, which positive definite matrices do not need, on every matrix of the
// group. Sweeping index k maps a_kk to -1/a_kk, a_ik to a_ik/a_kk and a_ij to a_ij - a_ik a_jk/a_kk; all swept, -A^-1
// is left.
void invert(TaskBlocks::Group& A, Eigen::Index d) {
  const Packing packing{d};
  TaskBlocks::Group pivot_column(TaskBlocks::kGroup, d);
  TaskBlocks::Group scaled(TaskBlocks::kGroup, d);
  for (Eigen::Index k = 0; k < d; ++k) {
    for (Eigen::Index i = 0; i < d; ++i) pivot_column.col(i) = A.col(packing.position(i, k));
    const Eigen::Array<double, TaskBlocks::kGroup, 1> reciprocal = pivot_column.col(k).inverse();
    pivot_column.col(k).setZero();
    for (Eigen::Index i = 0; i < d; ++i) scaled.col(i) = pivot_column.col(i) * reciprocal;
    Eigen::Index entry = 0;
    for (Eigen::Index j = 0; j < d; ++j) {
      const Eigen::Array<double, TaskBlocks::kGroup, 1> factor = scaled.col(j);
      for (Eigen::Index i = j; i < d; ++i, ++entry) A.col(entry) -= pivot_column.col(i) * factor;
    }
    for (Eigen::Index i = 0; i < d; ++i) A.col(packing.position(i, k)) = scaled.col(i);
    A.col(packing.position(k, k)) = -reciprocal;
  }
  A = -A;
}

Eigen::VectorXd pack(const Eigen::MatrixXd& symmetric) {
  const Eigen::Index d = symmetric.rows();
  Eigen::VectorXd result(Packing{d}.size());
  Eigen::Index entry = 0;
  for (Eigen::Index b = 0; b < d; ++b)
    for (Eigen::Index a = b; a < d; ++a, ++entry) result[entry] = symmetric(a, b);
  return result;
}

}  // namespace

void TaskBlocks::inverses(Eigen::Index first, Group& result) const {
  const Eigen::Index d = packing_.d;
  result.resize(kGroup, packing_.size());
  for (Eigen::Index lane = 0; lane < kGroup; ++lane) {
    const bool real = first + lane < tasks();
    const Eigen::MatrixXd block = real ? Eigen::MatrixXd(risk_.hessian_block(at_, first + lane) + M_)
                                       : Eigen::MatrixXd(Eigen::MatrixXd::Identity(d, d));
    Eigen::Index entry = 0;
    for (Eigen::Index b = 0; b < d; ++b)
      for (Eigen::Index a = b; a < d; ++a, ++entry) result(lane, entry) = block(a, b);
  }
  invert(result, d);
}

void multiply(const TaskBlocks::Group& inverses, const Packing& packing, const Eigen::MatrixXd& R, Eigen::Index first,
              Eigen::MatrixXd& result) {
  const Eigen::Index d = packing.d;
  const Eigen::Index count = std::min(TaskBlocks::kGroup, R.cols() - first);
  TaskBlocks::Group right = TaskBlocks::Group::Zero(TaskBlocks::kGroup, d);
  right.topRows(count) = R.middleCols(first, count).transpose().array();
  TaskBlocks::Group product = TaskBlocks::Group::Zero(TaskBlocks::kGroup, d);
  Eigen::Index entry = 0;
  for (Eigen::Index b = 0; b < d; ++b) {
    product.col(b) += inverses.col(entry++) * right.col(b);
    for (Eigen::Index a = b + 1; a < d; ++a, ++entry) {
      product.col(a) += inverses.col(entry) * right.col(b);
      product.col(b) += inverses.col(entry) * right.col(a);
    }
  }
  result.middleCols(first, count) = product.topRows(count).matrix().transpose();
}

CurvatureSum::CurvatureSum(Packing packing)
    : packing_(packing),
      inverses_(kGathered, packing.size()),
      products_(kGathered, packing.size()),
      sum_(Eigen::MatrixXd::Zero(packing.size(), packing.size())),
      inverse_sum_(Eigen::VectorXd::Zero(packing.size())),
      product_sum_(Eigen::VectorXd::Zero(packing.size())) {}

void CurvatureSum::add(const TaskBlocks::Group& inverses, const Eigen::MatrixXd& W, Eigen::Index first) {
  const Eigen::Index count = std::min(TaskBlocks::kGroup, W.cols() - first);
  const Eigen::ArrayXXd weights = W.middleCols(first, count).transpose().array();
  Eigen::Index entry = 0;
  for (Eigen::Index b = 0; b < packing_.d; ++b)
    for (Eigen::Index a = b; a < packing_.d; ++a, ++entry) {
      inverses_.col(entry).segment(gathered_, count) = inverses.col(entry).head(count);
      products_.col(entry).segment(gathered_, count) = weights.col(a) * weights.col(b);
    }
  gathered_ += count;
  if (gathered_ + TaskBlocks::kGroup > kGathered) flush();
}

Eigen::MatrixXd CurvatureSum::total(const Eigen::MatrixXd& moment, Eigen::Index tasks) {
  flush();
  const double share = static_cast<double>(tasks_) / static_cast<double>(tasks);
  const Eigen::VectorXd missing = pack(moment) - product_sum_ / share;
  return sum_ / share + (inverse_sum_ / static_cast<double>(tasks_)) * missing.transpose();
}

void CurvatureSum::flush() {
  const auto C = inverses_.topRows(gathered_);
  const auto P = products_.topRows(gathered_);
  sum_.noalias() += C.transpose() * P;
  inverse_sum_ += C.colwise().sum().transpose();
  product_sum_ += P.colwise().sum().transpose();
  tasks_ += gathered_;
  gathered_ = 0;
}

CoupledSystem::CoupledSystem(const Eigen::MatrixXd& sum, const Eigen::MatrixXd& basis, const Eigen::VectorXd& t,
                             double tau, double lambda2)
    : packing_{t.size()}, scale_(packing_.size()) {
  const Eigen::Index d = packing_.d;
  const Eigen::Index p = packing_.size();
  // The first index pair into the basis U as well: rotated.col(k) is U' C U for the k-th column C.
  Eigen::MatrixXd rotated(d * d, p);
  Eigen::MatrixXd C(d, d);
  for (Eigen::Index k = 0; k < p; ++k) {
    for (Eigen::Index b = 0; b < d; ++b)
      for (Eigen::Index a = 0; a < d; ++a) C(a, b) = sum(packing_.position(a, b), k);
    rotated.col(k).reshaped(d, d).noalias() = basis.transpose() * C * basis;
  }
  Eigen::VectorXd trace(p);  // Z -> tr(T^-1 Z) for a scaled Z
  for (Eigen::Index b = 0; b < d; ++b)
    for (Eigen::Index a = b; a < d; ++a) {
      const Eigen::Index k = packing_.position(a, b);
      scale_[k] = (a == b ? 1.0 : std::sqrt(2.0)) * std::sqrt(lambda2 * tau / ((t[a] + t[b]) * t[a] * t[b]));
      trace[k] = a == b ? 1.0 / (t[a] * scale_[k]) : 0.0;
    }
  // With D = diag(scale), u = trace and y = D Z, (I + A Q) Z = Z_0 reads (I - E + l2/2 E u u') y = D Z_0, E = D A D,
  // the entries of A being (C_ac w_b w_d + C_ad w_b w_c + C_bc w_a w_d + C_bd w_a w_c) / 2 summed over the tasks.
  Eigen::MatrixXd E(p, p);
  for (Eigen::Index f = 0; f < d; ++f)
    for (Eigen::Index c = f; c < d; ++c) {
      const Eigen::Index column = packing_.position(c, f);
      for (Eigen::Index b = 0; b < d; ++b)
        for (Eigen::Index a = b; a < d; ++a) {
          const Eigen::Index row = packing_.position(a, b);
          const double entry =
              rotated(a + d * c, packing_.position(b, f)) + rotated(a + d * f, packing_.position(b, c)) +
              rotated(b + d * c, packing_.position(a, f)) + rotated(b + d * f, packing_.position(a, c));
          E(row, column) = 0.5 * scale_[row] * scale_[column] * entry;
        }
    }
  Eigen::MatrixXd system = -E;
  system.noalias() += (0.5 * lambda2) * (E * trace) * trace.transpose();
  system.diagonal().array() += 1.0;
  factors_.compute(system);
  scaled_A_ = std::move(E);
}

Eigen::MatrixXd CoupledSystem::respond(const Eigen::MatrixXd& Y) const {
  // In packed coordinates, entries off the diagonal times sqrt 2, the scaled Y is D^-1 Y; scale_ holds the sqrt 2 of D.
  Eigen::VectorXd y = pack(Y);
  for (Eigen::Index b = 0; b < packing_.d; ++b)
    for (Eigen::Index a = b + 1; a < packing_.d; ++a) y[packing_.position(a, b)] *= 2.0;
  const Eigen::VectorXd z = factors_.solve(scaled_A_ * y.cwiseQuotient(scale_)).cwiseQuotient(scale_);
  Eigen::MatrixXd Z(packing_.d, packing_.d);
  for (Eigen::Index b = 0; b < packing_.d; ++b)
    for (Eigen::Index a = 0; a < packing_.d; ++a) Z(a, b) = z[packing_.position(a, b)];
  return Z;
}

}  // namespace crosstalk::mtrl
