#include "crosstalk/defence/isolation_forest.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "crosstalk/rng.hpp"

namespace crosstalk::defence {

namespace {

constexpr int kTrees = 100;
constexpr std::size_t kRowsPerTree = 256;
constexpr std::uint64_t kForestSeed = 1;

// c(n), the mean depth of an unsuccessful search in a binary tree of n rows.
double mean_depth(double n) {
  constexpr double kEuler = 0.5772156649;
  return n <= 1.0 ? 0.0 : 2.0 * (std::log(n - 1.0 + 1e-12) + kEuler) - 2.0 * (n - 1.0) / n;
}

class Tree {
 public:
  // X: n x d.
  Tree(const Eigen::MatrixXd& X, Rng& rng) : X_(X), rng_(rng) {
    std::vector<std::size_t> rows = rng.permutation(static_cast<std::size_t>(X.rows()));
    rows.resize(std::min(rows.size(), kRowsPerTree));
    deepest_ = static_cast<int>(std::ceil(std::log2(static_cast<double>(rows.size()))));
    std::vector<Eigen::Index> own(rows.begin(), rows.end());
    grow(own.begin(), own.end(), 0);
  }

  [[nodiscard]] double depth(const Eigen::RowVectorXd& x) const {
    std::size_t at = 0;
    while (nodes_[at].feature >= 0)
      at = x[nodes_[at].feature] < nodes_[at].threshold ? nodes_[at].low : nodes_[at].high;
    return nodes_[at].depth;
  }

 private:
  struct Node {
    Eigen::Index feature = -1;  // none in a leaf
    double threshold = 0.0;
    std::size_t low = 0;
    std::size_t high = 0;
    double depth = 0.0;  // of a leaf, the levels that its rows would take included
  };
  using Iterator = std::vector<Eigen::Index>::iterator;

  std::size_t grow(Iterator begin, Iterator end, int level) {
    const std::size_t at = nodes_.size();
    nodes_.emplace_back();
    nodes_[at].depth = level + mean_depth(static_cast<double>(end - begin));
    if (level >= deepest_ || end - begin <= 1) return at;
    const auto [feature, threshold] = split(begin, end);
    if (feature < 0) return at;
    const Iterator middle =
        std::partition(begin, end, [&, k = feature, t = threshold](Eigen::Index j) { return X_(j, k) < t; });
    nodes_[at].feature = feature;
    nodes_[at].threshold = threshold;
    const std::size_t low = grow(begin, middle, level + 1);
    const std::size_t high = grow(middle, end, level + 1);
    nodes_[at].low = low;
    nodes_[at].high = high;
    return at;
  }

  // A feature that varies among the rows, found in ten draws or not at all, and a value inside of its range.
  std::pair<Eigen::Index, double> split(Iterator begin, Iterator end) {
    constexpr int kDraws = 10;
    for (int draw = 0; draw < kDraws; ++draw) {
      const auto k = static_cast<Eigen::Index>(rng_.below(static_cast<std::size_t>(X_.cols())));
      double low = X_(*begin, k);
      double high = low;
      for (Iterator j = begin; j != end; ++j) {
        low = std::min(low, X_(*j, k));
        high = std::max(high, X_(*j, k));
      }
      const double threshold = rng_.uniform(low, high);
      if (threshold > low && threshold <= high) return {k, threshold};
    }
    return {-1, 0.0};
  }

  const Eigen::MatrixXd& X_;
  Rng& rng_;
  int deepest_ = 0;
  std::vector<Node> nodes_;
};

// The rows' features, in an order that only their values decide.
Eigen::MatrixXd sorted_features(const TaskSet& tasks, Eigen::Index d, const Rows& rows) {
  std::vector<Eigen::RowVectorXd> all;
  for (std::size_t i = 0; i < tasks.size(); ++i)
    for (const Eigen::Index j : rows[i]) all.emplace_back(tasks[i].features.row(j).head(d));
  std::ranges::sort(all, [](const auto& a, const auto& b) {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
  });
  Eigen::MatrixXd X(static_cast<Eigen::Index>(all.size()), d);
  for (std::size_t j = 0; j < all.size(); ++j) X.row(static_cast<Eigen::Index>(j)) = all[j];
  return X;
}

}  // namespace

RowScores isolation_scores(const TaskSet& tasks, bool bias, const Rows& rows) {
  const Eigen::Index d = tasks.features() - (bias ? 1 : 0);
  RowScores scores;
  for (const Task& task : tasks) scores.emplace_back(Eigen::VectorXd::Zero(task.rows()));
  if (d == 0) return scores;
  const Eigen::MatrixXd X = sorted_features(tasks, d, rows);
  Rng rng(kForestSeed);
  for (int k = 0; k < kTrees; ++k) {
    const Tree tree(X, rng);
    for (std::size_t i = 0; i < tasks.size(); ++i)
      for (Eigen::Index j = 0; j < tasks[i].rows(); ++j)
        scores[i][j] -= tree.depth(tasks[i].features.row(j).head(d)) / kTrees;
  }
  return scores;
}

}  // namespace crosstalk::defence
