#include "crosstalk/defence/least_trimmed_squares.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include <Eigen/Cholesky>

#include "crosstalk/rng.hpp"

namespace crosstalk::defence {

namespace {

struct Candidate {
  Eigen::VectorXd w;
  double objective = std::numeric_limits<double>::infinity();  // sum of the smallest squared residuals
};

class Concentration {
 public:
  Concentration(const Task& task, const std::vector<Eigen::Index>& rows, std::size_t keep)
      : X_(task.features(rows, Eigen::all)),
        y_(task.labels(rows)),
        keep_(static_cast<Eigen::Index>(keep)),
        order_(rows.size()) {}

  [[nodiscard]] Eigen::VectorXd fit(const std::vector<Eigen::Index>& rows) const {
    constexpr double kRidge = 1e-10;  // of the mean eigenvalue: a subset may not determine w
    const Eigen::MatrixXd X = X_(rows, Eigen::all);
    Eigen::MatrixXd gram = X.transpose() * X;
    gram.diagonal().array() += kRidge * gram.diagonal().mean() + std::numeric_limits<double>::min();
    return gram.ldlt().solve(X.transpose() * y_(rows));
  }

  // One step from w, and the objective of w.
  std::pair<Eigen::VectorXd, double> step(const Eigen::VectorXd& w) {
    const Eigen::ArrayXd squares = (y_ - X_ * w).array().square();
    std::iota(order_.begin(), order_.end(), Eigen::Index{0});
    std::nth_element(order_.begin(), order_.begin() + (keep_ - 1), order_.end(),
                     [&](Eigen::Index a, Eigen::Index b) { return squares[a] < squares[b]; });
    const std::vector<Eigen::Index> kept(order_.begin(), order_.begin() + keep_);
    return {fit(kept), squares(kept).sum()};
  }

  // Steps until the objective falls no more, `most` of them at most.
  Candidate concentrated(Eigen::VectorXd w, int most) {
    Candidate best;
    for (int i = 0; i <= most; ++i) {
      auto [next, objective] = step(w);
      if (!(objective < best.objective)) break;
      best = {std::move(w), objective};
      w = std::move(next);
    }
    return best;
  }

 private:
  Eigen::MatrixXd X_;
  Eigen::VectorXd y_;
  Eigen::Index keep_;
  std::vector<Eigen::Index> order_;
};

}  // namespace

Eigen::VectorXd least_trimmed_squares(const Task& task, const std::vector<Eigen::Index>& rows, std::size_t keep,
                                      const Eigen::VectorXd& start) {
  constexpr int kSubsets = 200;
  constexpr int kFirstSteps = 2;
  constexpr std::size_t kPromising = 10;
  constexpr int kMostSteps = 100;
  Concentration search(task, rows, keep);
  Rng rng(1);
  std::vector<Candidate> candidates;
  std::vector<Eigen::Index> subset(static_cast<std::size_t>(task.features.cols()));
  for (int i = 0; i < kSubsets; ++i) {
    const auto order = rng.permutation(rows.size());
    for (std::size_t k = 0; k < subset.size(); ++k) subset[k] = static_cast<Eigen::Index>(order[k]);
    candidates.push_back(search.concentrated(search.fit(subset), kFirstSteps));
  }
  std::ranges::nth_element(candidates, candidates.begin() + kPromising, {}, &Candidate::objective);
  Candidate best = search.concentrated(start, kMostSteps);
  for (std::size_t i = 0; i < kPromising; ++i) {
    Candidate candidate = search.concentrated(std::move(candidates[i].w), kMostSteps);
    if (candidate.objective < best.objective) best = std::move(candidate);
  }
  return best.w;
}

}  // namespace crosstalk::defence
