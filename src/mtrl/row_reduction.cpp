#include "crosstalk/mtrl/row_reduction.hpp"

#include <utility>

#include "crosstalk/pivoted_cholesky.hpp"

namespace crosstalk::mtrl {

namespace {

using Layout = EmpiricalRisk::Layout;

// Rows that are all zero span nothing; a learner has one feature at least.
RowSpace span_of(const TaskSet& rows) {
  RowSpace space(rows);
  return space.outputs() > 0 ? space : space.extended(Eigen::MatrixXd::Identity(1, rows.features()));
}

EmpiricalRisk reduced_risk(const RowSpace& space, const TaskSet& rows, const Loss& loss) {
  return {space.map(rows), loss, layout_in_span(rows.rows(), space.outputs()), EmpiricalRisk::EmptyTasks::Allowed};
}

}  // namespace

Layout layout_in_span(Eigen::Index rows, Eigen::Index rank) {
  return rows <= 2 * rank ? Layout::Rows : Layout::Moments;
}

RowReduction::RowReduction(const TaskSet& rows, const Loss& loss)
    : space_(std::make_shared<const RowSpace>(span_of(rows))), risk_(reduced_risk(*space_, rows, loss)) {}

RowReduction::RowReduction(const RowReduction& clean, const TaskSet& injected)
    : space_(clean.space_), risk_(clean.risk_) {
  constexpr double kDependent = 1e-7;
  const Eigen::MatrixXd X = stacked_rows(injected, space_->inputs());
  const Eigen::MatrixXd Z = space_->map(X);
  const GramCoordinates beyond = gram_coordinates(gram(X) - gram(Z), X.rowwise().squaredNorm(), kDependent);
  pivots_ = X(beyond.pivots, Eigen::all);
  pivot_coordinates_ = Z(beyond.pivots, Eigen::all);
  factor_ = beyond.L;
  const Eigen::Index rank = factor_.rows();

  TaskSet rows;
  Eigen::Index top = 0;
  for (const Task& task : injected) {
    Task coordinates{task.name, Eigen::MatrixXd(task.rows(), Z.cols() + rank), task.labels};
    coordinates.features.leftCols(Z.cols()) = Z.middleRows(top, task.rows());
    coordinates.features.rightCols(rank) = beyond.Z.middleRows(top, task.rows());
    top += task.rows();
    rows.tasks.push_back(std::move(coordinates));
  }
  risk_ = clean.risk_.with_zero_features(rank).with_rows(rows);
}

Eigen::MatrixXd RowReduction::weights(const Eigen::MatrixXd& C) const {
  const Eigen::Index rank = factor_.rows();
  if (rank == 0) return space_->weights(C);
  // Q_1 C_1 + Q_2 C_2 = Q_1 (C_1 - Z_p' A) + X_p' A,  A = L^-T C_2.
  const Eigen::MatrixXd A = factor_.triangularView<Eigen::Lower>().transpose().solve(C.bottomRows(rank));
  Eigen::MatrixXd W = space_->weights(C.topRows(C.rows() - rank) - pivot_coordinates_.transpose() * A);
  W.noalias() += pivots_.transpose() * A;
  return W;
}

Eigen::MatrixXd RowReduction::coordinates(const Eigen::MatrixXd& W) const {
  const Eigen::Index rank = factor_.rows();
  const Eigen::MatrixXd inside = space_->coordinates(W);
  if (rank == 0) return inside;
  Eigen::MatrixXd C(inside.rows() + rank, W.cols());
  C.topRows(inside.rows()) = inside;
  const Eigen::MatrixXd beyond = pivots_ * W - pivot_coordinates_ * inside;
  C.bottomRows(rank) = factor_.triangularView<Eigen::Lower>().solve(beyond);
  return C;
}

// ---- what EmpiricalRisk has of rows ----

EmpiricalRisk EmpiricalRisk::mapped(const FeatureMap& phi, Layout layout) const {
  TaskSet rows;
  for (const Task& task : clean_->tasks)
    rows.tasks.push_back(
        {task.name, task.rows() > 0 ? phi.map(task.features) : Eigen::MatrixXd(0, phi.outputs()), task.labels});
  EmpiricalRisk result(std::move(rows), *loss_, layout, EmptyTasks::Allowed);
  result.weights_ = weights_;
  return result;
}

EmpiricalRisk EmpiricalRisk::with_zero_features(Eigen::Index count) const {
  TaskSet padded;
  for (const Task& task : clean_->tasks) {
    Task wider{task.name, Eigen::MatrixXd::Zero(task.rows(), features() + count), task.labels};
    wider.features.leftCols(features()) = task.features;
    padded.tasks.push_back(std::move(wider));
  }
  EmpiricalRisk result(std::move(padded), *loss_, layout(), EmptyTasks::Allowed);
  result.weights_ = weights_;
  if (layout() == Layout::Rows) {
    const RowProducts& known = clean_row_products();
    result.clean_->row_products->get([&] {
      RowProducts products = known;
      products.rows.conservativeResizeLike(Eigen::MatrixXd::Zero(known.rows.rows(), features() + count));
      return products;
    });
  }
  return result;
}

const EmpiricalRisk::RowProducts& EmpiricalRisk::clean_row_products() const {
  return clean_->row_products->get([&] {
    RowProducts products{stacked_rows(clean_->tasks, features()), {}, {}};
    products.gram = gram(products.rows);
    for (Eigen::Index i = 0, top = 0; i < tasks(); ++i) {
      const Eigen::Index count = clean_->tasks[static_cast<std::size_t>(i)].rows();
      if (count > 0) products.blocks.push_back({i, top, count});
      top += count;
    }
    return products;
  });
}

const EmpiricalRisk::RowProducts& EmpiricalRisk::row_products() const {
  if (!has_injected()) return clean_row_products();
  return row_products_->get([&] {
    const RowProducts& clean = clean_row_products();
    const Eigen::MatrixXd injected = stacked_rows(injected_, features());
    const Eigen::Index n = clean.rows.rows();
    const Eigen::Index k = injected.rows();
    RowProducts products{Eigen::MatrixXd(n + k, features()), Eigen::MatrixXd(n + k, n + k), clean.blocks};
    products.rows.topRows(n) = clean.rows;
    products.rows.bottomRows(k) = injected;
    products.gram.topLeftCorner(n, n) = clean.gram;
    products.gram.bottomLeftCorner(k, n).noalias() = injected * clean.rows.transpose();
    products.gram.topRightCorner(n, k) = products.gram.bottomLeftCorner(k, n).transpose();
    products.gram.bottomRightCorner(k, k) = gram(injected);
    for (Eigen::Index i = 0, top = n; i < tasks(); ++i) {
      const Eigen::Index count = injected_[static_cast<std::size_t>(i)].rows();
      if (count > 0) products.blocks.push_back({i, top, count});
      top += count;
    }
    return products;
  });
}

Eigen::VectorXd EmpiricalRisk::row_curvatures(const Evaluation& at) const {
  const auto& blocks = row_products().blocks;
  Eigen::VectorXd result(row_products().rows.rows());
  std::vector<Eigen::Index> taken(static_cast<std::size_t>(tasks()), 0);  // of the task's rows: clean, then injected
  for (const auto& [task, first, count] : blocks) {
    Eigen::Index& offset = taken[static_cast<std::size_t>(task)];
    result.segment(first, count) = at.second[static_cast<std::size_t>(task)].segment(offset, count) / divisor(task);
    offset += count;
  }
  return result;
}

const RowReduction& EmpiricalRisk::clean_reduction() const {
  return clean_->reduction->get([&] { return RowReduction(clean_->tasks, *loss_); });
}

const RowReduction& EmpiricalRisk::reduction() const {
  if (!has_injected()) return clean_reduction();
  return reduction_->get([&] { return RowReduction(clean_reduction(), injected_); });
}

EmpiricalRisk EmpiricalRisk::reduced() const {
  const EmpiricalRisk& risk = reduction().risk();
  return weights_.size() > 0 ? risk.weighted(weights_) : risk;
}

}  // namespace crosstalk::mtrl
