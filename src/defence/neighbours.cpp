#include "crosstalk/defence/neighbours.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "crosstalk/quantile.hpp"

namespace crosstalk::defence {

namespace {

// At most 2,000 rows of a task, evenly, to measure distances to.
class References {
 public:
  References(const Task& task, const std::vector<Eigen::Index>& rows, bool bias) {
    constexpr std::size_t kMost = 2000;
    const std::size_t stride = (rows.size() + kMost - 1) / kMost;
    for (std::size_t k = 0; k < rows.size(); k += stride) rows_.push_back(rows[k]);
    places_ = task.features(rows_, Eigen::seq(0, task.features.cols() - (bias ? 2 : 1))).transpose();
  }

  [[nodiscard]] std::size_t size() const { return rows_.size(); }
  [[nodiscard]] Eigen::Index row(Eigen::Index k) const { return rows_[static_cast<std::size_t>(k)]; }

  // At least k of them.
  [[nodiscard]] std::size_t share(double of_all, std::size_t k) const {
    return std::max(k, static_cast<std::size_t>(std::ceil(of_all * static_cast<double>(size()))));
  }

  [[nodiscard]] Eigen::VectorXd squares_to(const Task& task, Eigen::Index j) const {
    const Eigen::VectorXd x = task.features.row(j).head(places_.rows()).transpose();
    return (places_.colwise() - x).colwise().squaredNorm().transpose();
  }

 private:
  std::vector<Eigen::Index> rows_;
  Eigen::MatrixXd places_;  // d x n
};

}  // namespace

Eigen::VectorXd reach(const Task& task, bool bias) {
  constexpr double kShare = 0.03;
  const References references(task, all_rows({task})[0], bias);
  const auto k = static_cast<std::ptrdiff_t>(references.share(kShare, 3));  // position 0 is the row itself
  if (k >= static_cast<std::ptrdiff_t>(references.size()) || !has_own_values(task, bias)) return {};
  Eigen::VectorXd result(task.rows());
  for (Eigen::Index j = 0; j < task.rows(); ++j) {
    Eigen::VectorXd squares = references.squares_to(task, j);
    std::nth_element(squares.begin(), squares.begin() + k, squares.end());
    result[j] = std::sqrt(squares[k]);
  }
  return result;
}

Look crowding(const TaskSet& tasks, bool bias) {
  Look look;
  for (const Task& task : tasks) {
    const Eigen::VectorXd reaches = reach(task, bias);
    const double usual = reaches.size() == 0 ? 0.0 : median(reaches);
    look.emplace_back(usual > 0.0 ? Eigen::VectorXd(usual * reaches.cwiseMax(usual / kMostTimesCloser).cwiseInverse())
                                  : Eigen::VectorXd::Ones(task.rows()));
  }
  return look;
}

Eigen::VectorXd disagreement(const Task& task, const Eigen::VectorXd& w, const std::vector<Eigen::Index>& kept,
                             bool bias) {
  constexpr std::size_t kRowsPerFeature = 10;
  constexpr double kShare = 0.05;
  if (kept.size() < kRowsPerFeature * static_cast<std::size_t>(task.features.cols()) || !has_own_values(task, bias))
    return {};
  const References references(task, kept, bias);
  const std::size_t k = references.share(kShare, 16);
  if (k >= references.size()) return {};
  const Eigen::VectorXd residuals = task.labels - task.features * w;
  Eigen::VectorXd result(task.rows());
  std::vector<Eigen::Index> order;
  Eigen::VectorXd near(static_cast<Eigen::Index>(k));
  for (Eigen::Index j = 0; j < task.rows(); ++j) {
    const Eigen::VectorXd squares = references.squares_to(task, j);
    order.clear();
    for (Eigen::Index r = 0; r < squares.size(); ++r)
      if (references.row(r) != j) order.push_back(r);
    std::ranges::nth_element(order, order.begin() + static_cast<std::ptrdiff_t>(k - 1), {},
                             [&](Eigen::Index r) { return squares[r]; });
    for (std::size_t r = 0; r < k; ++r) near[static_cast<Eigen::Index>(r)] = residuals[references.row(order[r])];
    result[j] = std::abs(residuals[j] - median(near));
  }
  const double usual = median(result(kept));
  return usual > 0.0 ? Eigen::VectorXd(result / usual) : Eigen::VectorXd();
}

}  // namespace crosstalk::defence
