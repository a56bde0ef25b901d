#include "crosstalk/mtrl/row_preconditioner.hpp"

#include <cstddef>
#include <utility>

namespace crosstalk::mtrl {

RowPreconditioner::RowPreconditioner(const EmpiricalRisk& risk, const EmpiricalRisk::Evaluation& at, Eigen::MatrixXd P)
    : products_(risk.row_products()), P_(std::move(P)) {
  const Eigen::VectorXd curvatures = risk.row_curvatures(at);
  std::vector<Eigen::Index> task;  // of the rows used
  for (const auto& block : products_.blocks)
    for (Eigen::Index a = block.first; a < block.first + block.count; ++a)
      if (curvatures[a] > 0.0) {
        used_.push_back(a);
        task.push_back(block.task);
      }
  root_ = curvatures(used_).cwiseSqrt();
  const bool all = static_cast<Eigen::Index>(used_.size()) == curvatures.size();
  Eigen::MatrixXd system = all ? products_.gram : Eigen::MatrixXd(products_.gram(used_, used_));
  for (Eigen::Index b = 0; b < system.cols(); ++b) {
    const Eigen::VectorXd of_task = root_[b] * P_.col(task[static_cast<std::size_t>(b)]);
    for (Eigen::Index a = b; a < system.rows(); ++a)
      system(a, b) *= root_[a] * of_task[task[static_cast<std::size_t>(a)]];
    system(b, b) += 1.0;
  }
  factor_.compute(system);
}

Eigen::MatrixXd RowPreconditioner::apply(const Eigen::MatrixXd& R) const {
  const Eigen::MatrixXd RP = R * P_;
  Eigen::VectorXd scores(products_.rows.rows());
  for (const auto& [task, first, count] : products_.blocks)
    scores.segment(first, count).noalias() = products_.rows.middleRows(first, count) * RP.col(task);
  Eigen::VectorXd pull = scores(used_).cwiseProduct(root_);
  factor_.solveInPlace(pull);
  scores.setZero();
  scores(used_) = pull.cwiseProduct(root_);
  Eigen::MatrixXd rest = R;
  for (const auto& [task, first, count] : products_.blocks)
    rest.col(task).noalias() -= products_.rows.middleRows(first, count).transpose() * scores.segment(first, count);
  return rest * P_;
}

}  // namespace crosstalk::mtrl
