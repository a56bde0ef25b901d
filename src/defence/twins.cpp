#include "crosstalk/defence/twins.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <utility>

#include "crosstalk/defence/neighbours.hpp"
#include "crosstalk/quantile.hpp"

namespace crosstalk::defence {

namespace {

struct Neighbour {
  Eigen::Index row;
  double distance;
};

// The nearest other row of each, of a task with at least two.
std::vector<Neighbour> nearest_in(const Task& task, bool bias) {
  constexpr Eigen::Index kMostTried = 2000;
  const Eigen::MatrixXd X = task.features.leftCols(task.features.cols() - (bias ? 1 : 0)).transpose();
  const Eigen::Index n = X.cols();
  // Rows that are close are close in any direction: in a large task those next in one are tried.
  const Eigen::VectorXd along = X.colwise().sum().transpose();
  std::vector<Eigen::Index> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), Eigen::Index{0});
  std::ranges::stable_sort(order, {}, [&](Eigen::Index j) { return along[j]; });
  const Eigen::MatrixXd sorted = X(Eigen::all, order);
  const Eigen::Index width = std::min(n, kMostTried);
  std::vector<Neighbour> nearest(static_cast<std::size_t>(n));
  for (Eigen::Index s = 0; s < n; ++s) {
    const Eigen::Index first = std::clamp<Eigen::Index>(s - width / 2, 0, n - width);
    Eigen::VectorXd squares =
        (sorted.middleCols(first, width).colwise() - sorted.col(s)).colwise().squaredNorm().transpose();
    squares[s - first] = std::numeric_limits<double>::infinity();
    Eigen::Index best = 0;
    const double square = squares.minCoeff(&best);
    nearest[static_cast<std::size_t>(order[static_cast<std::size_t>(s)])] = {
        order[static_cast<std::size_t>(first + best)], std::sqrt(square)};
  }
  return nearest;
}

struct Closeness {
  Look look;
  Rows nearest;  // of every row, in its task; empty where the reach is
};

Closeness closeness(const TaskSet& tasks, bool bias) {
  Closeness result;
  for (const Task& task : tasks) {
    const Eigen::VectorXd reaches = reach(task, bias);
    Eigen::VectorXd look = Eigen::VectorXd::Ones(task.rows());
    std::vector<Eigen::Index> nearest;
    if (reaches.size() > 0)
      for (const auto& [row, distance] : nearest_in(task, bias)) {
        const double own = reaches[static_cast<Eigen::Index>(nearest.size())];
        if (own > 0.0)
          look[static_cast<Eigen::Index>(nearest.size())] = own / std::max(distance, own / kMostTimesCloser);
        nearest.push_back(row);
      }
    result.look.push_back(std::move(look));
    result.nearest.push_back(std::move(nearest));
  }
  return result;
}

// Rows beyond the threshold and the nearest of each, linked.
std::vector<Twins> groups_of(const Eigen::VectorXd& look, const std::vector<Eigen::Index>& nearest, double threshold) {
  std::vector<Eigen::Index> leader(static_cast<std::size_t>(look.size()));
  std::iota(leader.begin(), leader.end(), Eigen::Index{0});
  const auto leader_of = [&](Eigen::Index j) {
    for (Eigen::Index next; (next = leader[static_cast<std::size_t>(j)]) != j; j = next)
      leader[static_cast<std::size_t>(j)] = leader[static_cast<std::size_t>(next)];
    return j;
  };
  for (std::size_t j = 0; j < nearest.size(); ++j) {
    const auto row = static_cast<Eigen::Index>(j);
    if (!(look[row] > threshold)) continue;
    const auto [low, high] = std::minmax({leader_of(row), leader_of(nearest[j])});
    leader[static_cast<std::size_t>(high)] = low;
  }
  std::map<Eigen::Index, Twins> groups;
  for (Eigen::Index j = 0; j < look.size(); ++j) {
    Twins& group = groups[leader_of(j)];
    group.rows.push_back(j);
    group.closeness = std::max(group.closeness, look[j]);
  }
  std::vector<Twins> result;
  for (auto& [first, group] : groups)
    if (group.rows.size() > 1) result.push_back(std::move(group));
  return result;
}

}  // namespace

std::vector<std::vector<Twins>> twins(const TaskSet& tasks, bool bias, const Rows& rows) {
  const TaskSet known = select(tasks, rows);
  const auto [look, nearest] = closeness(known, bias);
  const double threshold = excess_threshold(pooled(look, all_rows(known)), Tail::Power);
  std::vector<std::vector<Twins>> result;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    result.push_back(groups_of(look[i], nearest[i], threshold));
    for (Twins& group : result.back())
      for (Eigen::Index& j : group.rows) j = rows[i][static_cast<std::size_t>(j)];
  }
  return result;
}

Look shared_places(const TaskSet& tasks, bool bias) {
  constexpr std::size_t kMostTasks = 30;
  constexpr Eigen::Index kMostReferences = 6000;
  constexpr double kFew = 0.1;
  constexpr double kMost = 0.75;
  std::vector<std::size_t> with_own;
  for (std::size_t i = 0; i < tasks.size(); ++i)
    if (has_own_values(tasks[i], bias)) with_own.push_back(i);
  const std::size_t step = std::max<std::size_t>(1, with_own.size() / kMostTasks);
  const auto references = static_cast<Eigen::Index>(std::max<std::size_t>(1, std::min(kMostTasks, with_own.size())));
  const Eigen::Index d = tasks.features() - (bias ? 1 : 0);
  std::vector<Eigen::MatrixXd> places;  // of some rows of every task, d x n
  for (const Task& task : tasks) {
    const Eigen::Index stride = 1 + task.rows() * references / kMostReferences;
    places.emplace_back(task.features(Eigen::seq(0, task.rows() - 1, stride), Eigen::seq(0, d - 1)).transpose());
  }
  Look look;
  for (const Task& task : tasks) look.emplace_back(Eigen::VectorXd::Ones(task.rows()));
  for (std::size_t a = 0; a < with_own.size(); ++a) {
    const std::size_t i = with_own[a];
    std::vector<std::size_t> others;  // the next ones round
    for (std::size_t b = 1; b < with_own.size() && others.size() < kMostTasks; b += step)
      others.push_back(with_own[(a + b) % with_own.size()]);
    if (others.size() < 2) continue;
    const auto count = static_cast<double>(others.size());
    const auto few = std::max(0, static_cast<int>(std::ceil(kFew * count)) - 1);
    const auto most = std::max(0, static_cast<int>(std::ceil(kMost * count)) - 1);
    for (Eigen::Index j = 0; j < tasks[i].rows(); ++j) {
      const Eigen::VectorXd x = tasks[i].features.row(j).head(d).transpose();
      std::vector<double> distances;
      for (const std::size_t other : others)
        distances.push_back(std::sqrt((places[other].colwise() - x).colwise().squaredNorm().minCoeff()));
      std::sort(distances.begin(), distances.end());
      const double far = distances[static_cast<std::size_t>(most)];
      if (far > 0.0) look[i][j] = far / std::max(distances[static_cast<std::size_t>(few)], far / kMostTimesCloser);
    }
  }
  return look;
}

namespace {

struct Count {
  double above = 0.0;
  double rows = 0.0;
  [[nodiscard]] double share() const { return (1.0 + above) / (1.0 + rows); }
};

// Of each task that has rows, smallest shares first.
std::vector<Count> counts_of(const Look& look, const Rows& rows, double threshold) {
  std::vector<Count> counts;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].empty()) continue;
    const auto above = std::ranges::count_if(rows[i], [&](Eigen::Index j) { return look[i][j] > threshold; });
    counts.push_back({static_cast<double>(above), static_cast<double>(rows[i].size())});
  }
  std::ranges::stable_sort(counts, {}, [](const Count& count) { return count.above / count.rows; });
  return counts;
}

Count sum_of(const std::vector<Count>& counts) {
  Count sum;
  for (const Count& count : counts) sum = {sum.above + count.above, sum.rows + count.rows};
  return sum;
}

// By how many standard deviations there are more in the first than the share of the second lets expect; both vary.
double excess(const Count& here, const Count& there) {
  const double expected = here.rows * there.share();
  return (here.above - expected) / std::sqrt(expected * (1.0 + here.rows / (1.0 + there.rows)));
}

// Beyond the tail of all.
double tail_excess(const Look& look, const Rows& attacked, const Rows& kept, const Rows& others) {
  constexpr double kNowhere = std::numeric_limits<double>::infinity();
  constexpr double kTooMany = 4.0;
  Rows all = attacked;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (all[i].empty()) all[i] = others[i];
  Eigen::VectorXd values = pooled(look, all);
  std::sort(values.begin(), values.end());
  double threshold = kNowhere;
  for (double next; (next = excess_threshold(values, Tail::Power)) < threshold; threshold = next)
    values.conservativeResize(std::upper_bound(values.begin(), values.end(), next) - values.begin());
  if (threshold == kNowhere) return threshold;
  const Count here = sum_of(counts_of(look, attacked, threshold));
  const Count stay = sum_of(counts_of(look, kept, threshold));
  std::vector<Count> of_others = counts_of(look, others, threshold);
  const Count there = sum_of(of_others);
  of_others.resize(of_others.size() - of_others.size() / 4);
  const bool attacked_more = here.above > 2.0 * here.rows * there.share() && excess(here, there) > kTooMany;
  return attacked_more && stay.above > 2.0 * stay.rows * sum_of(of_others).share() ? threshold : kNowhere;
}

}  // namespace

double excess_over(const Look& look, const Rows& attacked, const Rows& kept, const Rows& others) {
  constexpr double kMostShare = 0.25;
  constexpr double kRare = 0.02;
  constexpr double kTooMany = 3.0;
  const double beyond_tail = tail_excess(look, attacked, kept, others);
  const Eigen::VectorXd values = pooled(look, kept);
  double threshold = beyond_tail;
  double most = 0.0;
  for (double share = kMostShare; share * static_cast<double>(values.size()) >= 1.0; share *= std::sqrt(0.5)) {
    const double t = quantile(values, 1.0 - share);
    const Count stay = sum_of(counts_of(look, kept, t));
    const Count there = sum_of(counts_of(look, others, t));
    const double gain = stay.above - 2.0 * stay.rows * there.share();
    if (there.share() > kRare || gain <= most || excess(stay, there) < kTooMany) continue;
    most = gain;
    threshold = std::min(beyond_tail, t);
  }
  return threshold;
}

}  // namespace crosstalk::defence
