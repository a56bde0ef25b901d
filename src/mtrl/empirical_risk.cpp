#include "crosstalk/mtrl/empirical_risk.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/mtrl/row_reduction.hpp"

namespace crosstalk::mtrl {

namespace {

void require_sign_labels(const TaskSet& tasks, const Loss& loss) {
  for (const Task& task : tasks)
    for (Eigen::Index j = 0; j < task.rows(); ++j)
      if (std::abs(task.labels[j]) != 1.0)
        throw std::invalid_argument(fmt::format("task \"{}\" has the label {} in row {}; the {} loss needs -1 or +1",
                                                task.name, task.labels[j], j + 1, loss.name()));
}

EmpiricalRisk::Layout layout_for(const TaskSet& tasks) {
  constexpr Eigen::Index kWideFrom = 100;  // features; with fewer both ways take milliseconds
  const bool is_wide = tasks.features() >= kWideFrom && tasks.features() > tasks.rows();
  return is_wide ? EmpiricalRisk::Layout::RowSpace : EmpiricalRisk::Layout::Moments;
}

}  // namespace

EmpiricalRisk::Moments EmpiricalRisk::moments_of(const Task& task) {
  const Eigen::MatrixXd& X = task.features;
  const Eigen::Index d = X.cols();
  if (task.rows() == 0) return {Eigen::MatrixXd::Zero(d, d), Eigen::VectorXd::Zero(d), 0.0};
  return {X.transpose() * X, X.transpose() * task.labels, task.labels.squaredNorm()};
}

EmpiricalRisk::EmpiricalRisk(TaskSet tasks, const Loss& loss, Layout layout, EmptyTasks empty_tasks) : loss_(&loss) {
  require_valid(tasks, "empirical risk", empty_tasks == EmptyTasks::Allowed);
  if (loss.is_classification()) require_sign_labels(tasks, loss);
  auto clean = std::make_shared<Clean>();
  clean->tasks = std::move(tasks);
  const TaskSet& own = clean->tasks;
  clean->population = static_cast<Eigen::Index>(own.size());
  clean->layout = layout == Layout::Automatic ? layout_for(own) : layout;
  if (clean->layout != Layout::Moments) {
    clean->row_products = std::make_shared<Lazy<RowProducts>>();
    clean->reduction = std::make_shared<Lazy<RowReduction>>();
    clean_ = std::move(clean);
    return;
  }
  if (loss.is_squared()) {
    clean->moments.reserve(own.size());
    for (const Task& task : own) clean->moments.push_back(moments_of(task));
  }
  const Eigen::Index d = own.features();
  if (d > static_cast<Eigen::Index>(own.size())) {
    Eigen::MatrixXd mean = Eigen::MatrixXd::Zero(d, d);
    double filled = 0.0;
    for (std::size_t i = 0; i < own.size(); ++i) {
      if (own[i].rows() == 0) continue;
      filled += 1.0;
      const auto n = static_cast<double>(own[i].rows());
      if (loss.is_squared())
        mean += clean->moments[i].gram / n;
      else
        mean.noalias() += own[i].features.transpose() * own[i].features / n;
    }
    clean->mean_second_moment = symmetric_eigen(mean / filled);
  }
  clean_ = std::move(clean);
}

EmpiricalRisk EmpiricalRisk::with_rows(const TaskSet& injected) const {
  if (static_cast<Eigen::Index>(injected.size()) != tasks())
    throw std::invalid_argument(fmt::format("with_rows: {} tasks for a risk of {}", injected.size(), tasks()));
  if (loss_->is_classification()) require_sign_labels(injected, *loss_);
  EmpiricalRisk result = *this;
  result.injected_ = injected;
  result.poisoned_moments_.clear();
  if (layout() != Layout::Moments) {
    result.row_products_ = std::make_shared<Lazy<RowProducts>>();
    result.reduction_ = std::make_shared<Lazy<RowReduction>>();
  }
  if (!uses_moments()) return result;
  result.poisoned_moments_.resize(injected.size());
  for (std::size_t i = 0; i < injected.size(); ++i) {
    if (injected[i].rows() == 0) continue;
    auto sum = std::make_shared<Moments>(moments_of(injected[i]));
    sum->gram += clean_->moments[i].gram;
    sum->cross += clean_->moments[i].cross;
    sum->label_square += clean_->moments[i].label_square;
    result.poisoned_moments_[i] = std::move(sum);
  }
  return result;
}

EmpiricalRisk EmpiricalRisk::sample(Eigen::Index stride) const {
  TaskSet chosen;
  TaskSet injected;
  for (std::size_t i = 0; i < clean_->tasks.size(); i += static_cast<std::size_t>(stride)) {
    chosen.tasks.push_back(clean_->tasks[i]);
    if (injected_.size() != 0) injected.tasks.push_back(injected_[i]);
  }
  EmpiricalRisk result =
      EmpiricalRisk(std::move(chosen), *loss_, layout(), EmptyTasks::Allowed).standing_for(population());
  if (weights_.size() > 0) result.weights_ = weights_(Eigen::seq(0, Eigen::last, stride));
  return injected.size() == 0 ? result : result.with_rows(injected);
}

EmpiricalRisk EmpiricalRisk::standing_for(Eigen::Index population) const {
  if (population < tasks())
    throw std::invalid_argument(fmt::format("standing_for: {} tasks cannot stand for {}", tasks(), population));
  EmpiricalRisk result = *this;
  auto clean = std::make_shared<Clean>(*clean_);
  clean->population = population;
  result.clean_ = std::move(clean);
  return result;
}

EmpiricalRisk EmpiricalRisk::weighted(const Eigen::VectorXd& weights) const {
  if (weights.size() != tasks() || !(weights.minCoeff() >= 0.0) || !weights.allFinite())
    throw std::invalid_argument("weighted: there must be a finite weight >= 0 for every task");
  EmpiricalRisk result = *this;
  result.weights_ = weights;
  return result;
}

Eigen::Index EmpiricalRisk::rows(Eigen::Index task) const {
  const auto i = static_cast<std::size_t>(task);
  return clean_->tasks[i].rows() + (injected_.size() == 0 ? 0 : injected_[i].rows());
}

double EmpiricalRisk::divisor(Eigen::Index task) const {
  return static_cast<double>(std::max<Eigen::Index>(rows(task), 1)) / (weights_.size() > 0 ? weights_[task] : 1.0);
}

const EmpiricalRisk::Moments& EmpiricalRisk::moments(Eigen::Index task) const {
  const auto i = static_cast<std::size_t>(task);
  return poisoned_moments_.empty() || !poisoned_moments_[i] ? clean_->moments[i] : *poisoned_moments_[i];
}

template <class Visit>
void EmpiricalRisk::for_each_part(Eigen::Index task, Visit visit) const {
  const auto i = static_cast<std::size_t>(task);
  if (clean_->tasks[i].rows() != 0) visit(clean_->tasks[i]);
  if (injected_.size() != 0 && injected_[i].rows() != 0) visit(injected_[i]);
}

EmpiricalRisk::Evaluation EmpiricalRisk::evaluate(const Eigen::MatrixXd& W) const {
  Evaluation result{0.0, Eigen::VectorXd::Zero(W.cols()), Eigen::MatrixXd::Zero(W.rows(), W.cols()), {}};
  if (uses_moments()) {
    // sum_j (y - w'x)^2 = w'Gw - 2 c'w + y'y, with G = X'X and c = X'y.
    Eigen::VectorXd Gw(W.rows());
    for (Eigen::Index i = 0; i < W.cols(); ++i) {
      const Moments& sums = moments(i);
      const double n = divisor(i);
      Gw.noalias() = sums.gram * W.col(i);
      result.values[i] = (W.col(i).dot(Gw - 2.0 * sums.cross) + sums.label_square) / n;
      result.gradient.col(i) = (2.0 / n) * (Gw - sums.cross);
    }
    result.value = result.values.sum();
    return result;
  }
  result.second.resize(static_cast<std::size_t>(W.cols()));
  Eigen::VectorXd first;
  for (Eigen::Index i = 0; i < W.cols(); ++i) {
    const double n = divisor(i);
    Eigen::VectorXd& second = result.second[static_cast<std::size_t>(i)];
    second.resize(rows(i));
    Eigen::Index offset = 0;
    for_each_part(i, [&](const Task& part) {
      first.noalias() = part.features * W.col(i);
      for (Eigen::Index j = 0; j < part.rows(); ++j) {
        const Loss::Jet jet = loss_->at(first[j], part.labels[j]);
        result.values[i] += jet.value / n;
        first[j] = jet.first;
        second[offset + j] = jet.second;
      }
      result.gradient.col(i).noalias() += part.features.transpose() * first / n;
      offset += part.rows();
    });
  }
  result.value = result.values.sum();
  return result;
}

double EmpiricalRisk::accurate_value(const Eigen::MatrixXd& W) const {
  constexpr double kCancelled = 1e-3;  // share of y'y below which the moments lose more than three of sixteen digits
  Eigen::VectorXd values = evaluate(W).values;
  if (uses_moments())
    for (Eigen::Index i = 0; i < W.cols(); ++i) {
      const double n = divisor(i);
      if (values[i] * n > kCancelled * moments(i).label_square) continue;
      double sum = 0.0;
      for_each_part(i, [&](const Task& part) { sum += (part.features * W.col(i) - part.labels).squaredNorm(); });
      values[i] = sum / n;
    }
  return values.sum();
}

Eigen::MatrixXd EmpiricalRisk::hessian_block(const Evaluation& at, Eigen::Index task) const {
  const double n = divisor(task);
  if (uses_moments()) return (2.0 / n) * moments(task).gram;
  // Z'Z with the rows of Z those of X times the root of their weight; the hinge gives most rows none.
  const Eigen::VectorXd& second = at.second[static_cast<std::size_t>(task)];
  Eigen::MatrixXd Z((second.array() > 0.0).count(), features());
  std::vector<Eigen::Index> used;
  Eigen::Index top = 0;
  Eigen::Index offset = 0;
  for_each_part(task, [&](const Task& part) {
    used.clear();
    for (Eigen::Index j = 0; j < part.rows(); ++j)
      if (second[offset + j] > 0.0) used.push_back(j);
    const auto count = static_cast<Eigen::Index>(used.size());
    const Eigen::VectorXd scale = (second.segment(offset, part.rows())(used) / n).cwiseSqrt();
    for (Eigen::Index k = 0; k < features(); ++k)
      Z.col(k).segment(top, count) = part.features.col(k)(used).cwiseProduct(scale);
    top += count;
    offset += part.rows();
  });
  Eigen::MatrixXd block = Eigen::MatrixXd::Zero(features(), features());
  if (Z.rows() == 0) return block;  // BLAS complains of a product over nothing
  block.selfadjointView<Eigen::Lower>().rankUpdate(Z.transpose());
  block.triangularView<Eigen::StrictlyUpper>() = block.transpose();
  return block;
}

Eigen::MatrixXd EmpiricalRisk::hessian_times(const Evaluation& at, const Eigen::MatrixXd& V) const {
  Eigen::MatrixXd product = Eigen::MatrixXd::Zero(V.rows(), V.cols());
  for (Eigen::Index i = 0; i < V.cols(); ++i) {
    const double n = divisor(i);
    if (uses_moments()) {
      product.col(i).noalias() = (2.0 / n) * (moments(i).gram * V.col(i));
      continue;
    }
    const Eigen::VectorXd& second = at.second[static_cast<std::size_t>(i)];
    Eigen::Index offset = 0;
    for_each_part(i, [&](const Task& part) {
      const Eigen::VectorXd z = (part.features * V.col(i)).cwiseProduct(second.segment(offset, part.rows())) / n;
      product.col(i).noalias() += part.features.transpose() * z;
      offset += part.rows();
    });
  }
  return product;
}

Eigen::VectorXd EmpiricalRisk::hessian_traces(const Evaluation& at) const {
  Eigen::VectorXd traces = Eigen::VectorXd::Zero(tasks());
  for (Eigen::Index i = 0; i < tasks(); ++i) {
    const double n = divisor(i);
    if (uses_moments()) {
      traces[i] = 2.0 / n * moments(i).gram.trace();
      continue;
    }
    Eigen::Index offset = 0;
    for_each_part(i, [&](const Task& part) {
      traces[i] += part.features.rowwise().squaredNorm().dot(
                       at.second[static_cast<std::size_t>(i)].segment(offset, part.rows())) /
                   n;
      offset += part.rows();
    });
  }
  return traces;
}

}  // namespace crosstalk::mtrl
