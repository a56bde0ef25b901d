#include "crosstalk/defence/calibration.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace crosstalk::defence {

std::vector<CalibrationEntry> described(const Calibration& calibration) {
  const auto list = [](const std::vector<double>& values) { return fmt::format("{:g}", fmt::join(values, ", ")); };
  const auto number = [](double value) { return fmt::format("{:g}", value); };
  return {
      {"folds", "K", fmt::format("{}", calibration.folds), ">= 2", "parts of each task's rows, each held out once",
       "Kohavi, IJCAI 1995; 3 as in fit's choice of lambdas"},
      {"norm_quantile", "q", number(calibration.norm_quantile), "(0, 1]",
       "features are divided by this quantile of the norms while rows are tested",
       "a share 1 - q of far rows does not move a quantile"},
      {"bound", "c", number(calibration.bound), "> 0",
       "the bounded loss is 1 - exp(-u^2 / (2 c^2)), u the residual in scales of the task",
       "Dennis and Welsch, Communications in Statistics B 1978; of 1, 1.5, 2.5 on the development half"},
      {"shrinkage_rows", "n0", number(calibration.shrinkage_rows), ">= 0",
       "a task's scale counts as its rows do, that of all tasks as n0 rows",
       "Efron and Morris, JASA 1975 (shrinkage); the number by gauss-6"},
      {"level", "alpha0", number(calibration.level), "(0, 1)",
       "rows stay unless p <= alpha0; H0: without them the held-out loss of the other rows is no smaller",
       "normal law of a mean, Bonferroni over detectors, shares and rounds"},
      {"least_gain", "g", number(calibration.least_gain), "[0, 1)",
       "rows stay unless the held-out loss falls by this share at least, and by the share of the rows that go",
       "honest sets of the development half: at most 4.2 % at p < 0.01 before Bonferroni"},
      {"most_of_a_task", "b", number(calibration.most_of_a_task), "[0, 0.5]", "share of its rows that a task may lose",
       "no estimator withstands more than half: Donoho and Huber 1983"},
      {"shares", "s", list(calibration.shares), "(0, 0.5)", "shares of the kept rows that are tried",
       "a grid, each about half as large again as the last"},
      {"coarse_shares", "s0", list(calibration.coarse_shares), "(0, 0.5)",
       "shares that are tried first; the others only where one of these has p < 0.05 before Bonferroni", "time"},
      {"trimmed_share", "s1", number(calibration.trimmed_share), "(0, 0.5)",
       "lambdas for a model without some rows are chosen without this share of the rows", "the largest of the shares"},
      {"most_of_tasks", "b1", number(calibration.most_of_tasks), "[0, 0.5)", "share of the tasks that may be left out",
       "as for rows, and a majority that the others can be measured by"},
      {"task_shares", "s2", list(calibration.task_shares), "(0, 0.5)", "shares of the tasks that are tried",
       "a grid; 0.3 of the tasks is as much as 43 % fictitious ones for the honest"},
      {"lambda1", "lambda1", list(calibration.lambda1), "> 0", "grid of lambda1 while rows are tested",
       "decades of fit's grid"},
      {"lambda2", "lambda2", list(calibration.lambda2), ">= 0", "grid of lambda2 while rows are tested",
       "decades of fit's grid"},
      {"rounds", "R", fmt::format("{}", calibration.rounds), ">= 1", "most times that rows are left out",
       "the development half never took more than three"},
  };
}

}  // namespace crosstalk::defence
