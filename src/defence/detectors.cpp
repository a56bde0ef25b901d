#include "crosstalk/defence/detectors.hpp"

#include "crosstalk/defence/isolation_forest.hpp"
#include "crosstalk/defence/local_density.hpp"
#include "crosstalk/defence/mcd_distances.hpp"

namespace crosstalk::defence {

namespace {

RowScores distance(const TaskSet& tasks, bool bias, const Rows& rows) {
  return mcd_distances(tasks, bias, kSupportFraction, rows);
}

}  // namespace

const std::vector<Detector>& detectors() {
  static const std::vector<Detector> table = {
      {"distance", "squared Mahalanobis distance from the task's median, in the metric of the nearest 70 % of all rows",
       "rows of all tasks have one elliptical shape around the median of their task",
       "always; in tasks of less than ten rows the median is mixed with that of all rows",
       "Rousseeuw and Van Driessen, Technometrics 1999", distance},
      {"isolation", "minus the mean depth at which random splits of all rows leave the row alone",
       "rows of all tasks come from one distribution", "always", "Liu, Ting and Zhou, ICDM 2008", isolation_scores},
      {"density", "the median distance to the k-th nearest row of the task over the row's own, k = 3 % of the rows",
       "the density of a task's rows is that of one distribution",
       "tasks of more than three rows in which some feature is continuous", "Ramaswamy, Rastogi and Shim, SIGMOD 2000",
       local_density},
      {"pooled density", "the same among the rows of all tasks, k = 0.5 %",
       "rows of all tasks come from one distribution", "always", "Ramaswamy, Rastogi and Shim, SIGMOD 2000",
       pooled_density},
      {"rare values", "share of the recurring features in which less than 1 % of all rows have the row's value",
       "honest values of a feature that recurs are drawn from its few", "three recurring features at least",
       "Chandola, Banerjee and Kumar, ACM Computing Surveys 2009", rare_value_fraction},
      {"combined", "1 over the harmonic mean of the shares of rows with each of the statistics above or more",
       "as above; the harmonic mean of p-values needs no independence", "always",
       "Vovk and Wang, Biometrika 2020; Wilson, PNAS 2019", nullptr},
  };
  return table;
}

std::vector<RowScores> measured(const TaskSet& tasks, bool bias, const Rows& rows) {
  std::vector<RowScores> statistics;
  for (const Detector& detector : detectors())
    statistics.push_back(detector.score == nullptr ? harmonic_mean_score(statistics, rows)
                                                   : detector.score(tasks, bias, rows));
  return statistics;
}

}  // namespace crosstalk::defence
