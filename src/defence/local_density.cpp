#include "crosstalk/defence/local_density.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "crosstalk/quantile.hpp"

namespace crosstalk::defence {

namespace {

constexpr std::size_t kMostReferences = 2000;
constexpr double kFewestNeighbours = 3.0;

using Place = std::pair<std::size_t, Eigen::Index>;  // task, row

// Distance of rows to the k-th nearest reference beside themselves, k a share of the references.
class Neighbours {
 public:
  Neighbours(const TaskSet& tasks, Eigen::Index d, const std::vector<Place>& rows, double share)
      : tasks_(tasks), share_(share) {
    const std::size_t stride = (rows.size() + kMostReferences - 1) / kMostReferences;
    std::vector<Place> chosen;
    for (std::size_t k = 0; k < rows.size(); k += stride) chosen.push_back(rows[k]);
    references_.resize(d, static_cast<Eigen::Index>(chosen.size()));
    for (std::size_t k = 0; k < chosen.size(); ++k) references_.col(static_cast<Eigen::Index>(k)) = features(chosen[k]);
  }

  // 0 where a place has no k-th neighbour.
  [[nodiscard]] double distance(const Place& place) const {
    const auto n = static_cast<double>(references_.cols());
    const auto k = static_cast<Eigen::Index>(std::max(kFewestNeighbours, std::ceil(share_ * n)));
    if (k >= references_.cols()) return 0.0;
    Eigen::VectorXd squares = (references_.colwise() - features(place)).colwise().squaredNorm().transpose();
    std::nth_element(squares.begin(), squares.begin() + k, squares.end());  // position 0 is the row itself
    return std::sqrt(squares[k]);
  }

 private:
  [[nodiscard]] Eigen::VectorXd features(const Place& place) const {
    return tasks_[place.first].features.row(place.second).head(references_.rows()).transpose();
  }

  const TaskSet& tasks_;
  double share_;
  Eigen::MatrixXd references_;  // d x n
};

std::vector<Place> places_of(std::size_t task, const std::vector<Eigen::Index>& rows) {
  std::vector<Place> places;
  for (const Eigen::Index j : rows) places.emplace_back(task, j);
  return places;
}

// The median distance of the measured rows over each row's own; 1 where that median is 0.
void fill_densities(RowScores& scores, const Rows& measured, const std::vector<std::size_t>& tasks) {
  std::vector<double> distances;
  for (const std::size_t i : tasks)
    for (const Eigen::Index j : measured[i]) distances.push_back(scores[i][j]);
  const double usual =
      distances.empty() ? 0.0
                        : median(Eigen::VectorXd::Map(distances.data(), static_cast<Eigen::Index>(distances.size())));
  for (const std::size_t i : tasks)
    scores[i] = usual > 0.0 ? Eigen::VectorXd(usual * scores[i].cwiseMax(usual / kLargestRatio).cwiseInverse())
                            : Eigen::VectorXd::Ones(scores[i].size());
}

RowScores ones(const TaskSet& tasks) {
  RowScores scores;
  for (const Task& task : tasks) scores.emplace_back(Eigen::VectorXd::Ones(task.rows()));
  return scores;
}

}  // namespace

RowScores local_density(const TaskSet& tasks, bool bias, const Rows& rows) {
  constexpr double kShare = 0.03;
  RowScores scores = ones(tasks);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (!is_continuous(tasks[i], bias)) continue;
    const Neighbours neighbours(tasks, tasks.features() - (bias ? 1 : 0), places_of(i, rows[i]), kShare);
    for (Eigen::Index j = 0; j < tasks[i].rows(); ++j) scores[i][j] = neighbours.distance({i, j});
    fill_densities(scores, rows, {i});
  }
  return scores;
}

RowScores pooled_density(const TaskSet& tasks, bool bias, const Rows& rows) {
  constexpr double kShare = 0.005;
  std::vector<Place> places;
  std::vector<std::size_t> all;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    all.push_back(i);
    for (const Place& place : places_of(i, rows[i])) places.push_back(place);
  }
  const Neighbours neighbours(tasks, tasks.features() - (bias ? 1 : 0), places, kShare);
  RowScores scores = ones(tasks);
  for (const std::size_t i : all)
    for (Eigen::Index j = 0; j < tasks[i].rows(); ++j) scores[i][j] = neighbours.distance({i, j});
  fill_densities(scores, rows, all);
  return scores;
}

}  // namespace crosstalk::defence
