#include "crosstalk/defence/mcd_distances.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include <Eigen/Cholesky>

#include "crosstalk/defence/row_scores.hpp"
#include "crosstalk/quantile.hpp"

namespace crosstalk::defence {

namespace {

// Features in units of their median deviation; of their standard deviation where most rows have the same value.
struct Standard {
  Eigen::RowVectorXd centre;
  Eigen::RowVectorXd scale;

  explicit Standard(const Eigen::MatrixXd& X) : centre(X.cols()), scale(X.cols()) {
    constexpr double kNearlyConstant = 0.05;
    for (Eigen::Index k = 0; k < X.cols(); ++k) {
      centre[k] = median(X.col(k));
      const double deviation = std::sqrt((X.col(k).array() - X.col(k).mean()).square().mean());
      scale[k] = median((X.col(k).array() - centre[k]).abs());
      if (scale[k] < kNearlyConstant * deviation) scale[k] = deviation;
      if (!(scale[k] > 0.0)) scale[k] = 1.0;
    }
  }
  [[nodiscard]] Eigen::MatrixXd of(const Eigen::MatrixXd& X) const {
    return ((X.rowwise() - centre).array().rowwise() / scale.array()).matrix();
  }
};

// Centre and covariance of some rows.
struct Cloud {
  Eigen::RowVectorXd centre;
  Eigen::LLT<Eigen::MatrixXd> factor;

  Cloud(const Eigen::MatrixXd& Z, const std::vector<Eigen::Index>& rows) {
    Eigen::MatrixXd core = Z(rows, Eigen::all);
    centre = core.colwise().mean();
    core.rowwise() -= centre;
    Eigen::MatrixXd C = Eigen::MatrixXd::Zero(Z.cols(), Z.cols());
    C.selfadjointView<Eigen::Lower>().rankUpdate(core.transpose(), 1.0 / static_cast<double>(rows.size()));
    // Rows that leave a feature constant would lie infinitely far from those that do not.
    constexpr double kRidge = 1e-6;
    const double mean_variance = C.trace() / static_cast<double>(Z.cols());
    C.diagonal().array() += mean_variance > 0.0 ? kRidge * mean_variance : 1.0;
    factor.compute(C);
  }
  [[nodiscard]] Eigen::VectorXd distances(const Eigen::MatrixXd& Z) const {
    const Eigen::MatrixXd white = factor.matrixL().solve((Z.rowwise() - centre).transpose());
    return white.colwise().squaredNorm().transpose();
  }
  [[nodiscard]] double log_determinant() const { return 2.0 * factor.matrixLLT().diagonal().array().log().sum(); }
};

std::vector<Eigen::Index> nearest(const Eigen::VectorXd& distances, Eigen::Index count) {
  std::vector<Eigen::Index> order(static_cast<std::size_t>(distances.size()));
  std::iota(order.begin(), order.end(), Eigen::Index{0});
  std::nth_element(order.begin(), order.begin() + count - 1, order.end(),
                   [&](Eigen::Index a, Eigen::Index b) { return distances[a] < distances[b]; });
  order.resize(static_cast<std::size_t>(count));
  return order;
}

}  // namespace

Eigen::VectorXd mcd_distances(const Eigen::MatrixXd& X, double core, const Eigen::MatrixXd& rows) {
  constexpr int kMostSteps = 50;
  if (X.cols() == 0) return Eigen::VectorXd::Ones(rows.rows());
  const Eigen::Index n = X.rows();
  const Eigen::Index half = (n + 1) / 2;
  const Eigen::Index size = std::max(half, static_cast<Eigen::Index>(std::ceil(core * static_cast<double>(n))));
  const Standard standard(X);
  const Eigen::MatrixXd Z = standard.of(X);
  // From the rows nearest to the median, and from there alone: the smallest determinant of several starts would be that
  // of a core around the injected rows, which lie closer together than any others.
  Cloud cloud(Z, nearest(Z.rowwise().squaredNorm(), half));
  for (int step = 0; step < kMostSteps; ++step) {
    Cloud next(Z, nearest(cloud.distances(Z), size));
    // Rows closer together never have a larger determinant, up to the ridge; the first step takes in more rows.
    const bool settled = step > 0 && next.log_determinant() > cloud.log_determinant() - 1e-9;
    cloud = std::move(next);
    if (settled) break;
  }
  const double middle = median(cloud.distances(Z));
  return cloud.distances(standard.of(rows)) / (middle > 0.0 ? middle : 1.0);
}

namespace {

// Values of a feature that at least 0.2 % of the rows have, three at least; the most frequent ones first.
std::vector<double> recurring_values(Eigen::VectorXd column) {
  const double fewest = std::max(3.0, 0.002 * static_cast<double>(column.size()));
  std::vector<std::pair<double, double>> runs;  // minus the count, value
  std::sort(column.begin(), column.end());
  for (auto begin = column.begin(); begin != column.end();) {
    const auto end = std::upper_bound(begin, column.end(), *begin);
    if (const auto count = static_cast<double>(end - begin); count >= fewest) runs.emplace_back(-count, *begin);
    begin = end;
  }
  std::ranges::sort(runs);
  std::vector<double> values;
  for (const auto& [count, value] : runs) values.push_back(value);
  return values;
}

// Whether a feature takes two values in most rows, and both of them inside of tasks, as indicators of categories do.
bool is_indicator(const RowScores& columns, const Rows& rows, const std::vector<double>& values) {
  constexpr double kMost = 0.7;
  constexpr double kFew = 0.002;
  if (values.size() < 2) return false;
  double n = 0.0;
  double of_both = 0.0;
  double of_the_rarer = 0.0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Eigen::ArrayXd column = columns[i](rows[i]);
    const auto first = static_cast<double>((column == values[0]).count());
    const auto second = static_cast<double>((column == values[1]).count());
    n += static_cast<double>(column.size());
    of_both += first + second;
    of_the_rarer += std::min(first, second);
  }
  return of_both >= kMost * n && of_the_rarer >= std::max(3.0, kFew * n);
}

// The tasks with indicators replaced by how far they are from a value that recurs: a rare category lies as far as one
// likes from a core that has none of it, but what lies between two is no category.
TaskSet without_categories(TaskSet tasks, const Rows& known, Eigen::Index d) {
  for (Eigen::Index k = 0; k < d; ++k) {
    RowScores columns;
    for (const Task& task : tasks) columns.emplace_back(task.features.col(k));
    const std::vector<double> values = recurring_values(pooled(columns, known));
    if (!is_indicator(columns, known, values)) continue;
    for (Task& task : tasks)
      for (double& x : task.features.col(k)) {
        double nearest = std::numeric_limits<double>::infinity();
        for (const double value : values) nearest = std::min(nearest, std::abs(x - value));
        x = nearest;
      }
  }
  return tasks;
}

}  // namespace

std::vector<Eigen::VectorXd> mcd_distances(const TaskSet& all_tasks, bool bias, double core, const Rows& known) {
  const Eigen::Index d = all_tasks.features() - (bias ? 1 : 0);
  // Tasks may stand in different places, as patients of different age do: each has its own median; with less than ten
  // rows mixed with that of all rows.
  constexpr double kRowsOfItsOwn = 10.0;
  const TaskSet tasks = without_categories(all_tasks, known, d);
  const TaskSet in_core = select(tasks, known);
  Eigen::MatrixXd all(in_core.rows(), d);
  Eigen::Index first = 0;
  for (const Task& task : in_core) {
    all.middleRows(first, task.rows()) = task.features.leftCols(d);
    first += task.rows();
  }
  Eigen::RowVectorXd pooled(d);
  for (Eigen::Index k = 0; k < d; ++k) pooled[k] = median(all.col(k));
  Eigen::MatrixXd rows(tasks.rows(), d);
  first = 0;
  Eigen::Index first_in_core = 0;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const double own = std::min(1.0, static_cast<double>(in_core[i].rows()) / kRowsOfItsOwn);
    Eigen::RowVectorXd centre = (1.0 - own) * pooled;
    for (Eigen::Index k = 0; k < d; ++k) centre[k] += own * median(in_core[i].features.col(k));
    rows.middleRows(first, tasks[i].rows()) = tasks[i].features.leftCols(d).rowwise() - centre;
    all.middleRows(first_in_core, in_core[i].rows()).rowwise() -= centre;
    first += tasks[i].rows();
    first_in_core += in_core[i].rows();
  }
  const Eigen::VectorXd distances = mcd_distances(all, core, rows);
  std::vector<Eigen::VectorXd> result;
  first = 0;
  for (const Task& task : tasks) {
    result.emplace_back(distances.segment(first, task.rows()));
    first += task.rows();
  }
  return result;
}

}  // namespace crosstalk::defence
