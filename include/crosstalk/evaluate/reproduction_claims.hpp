#pragma once

#include <functional>
#include <string>
#include <vector>

#include "crosstalk/confidence_interval.hpp"
#include "crosstalk/evaluate/reproduction.hpp"
#include "crosstalk/report/verdict.hpp"

namespace crosstalk::evaluate {

using report::Verdict;

/// A sentence of [Zhao18] beside what came out here.
struct Claim {
  std::string figure;  ///< "1", "2", "3"
  std::string set;
  std::string text;
  std::string paper;        ///< its number, or its word
  std::string unit;         ///< of `ours`
  ConfidenceInterval ours;  ///< over the draws of the data, unless `rule` says otherwise
  std::string detail;       ///< which numbers, by kind of attack or pair
  std::string rule;         ///< from numbers to the verdict
  Verdict verdict = Verdict::DoesNotHold;
  std::string interpretation = {};  ///< of the paper where it is silent
};

/// All claims that the trials at these lambdas can decide; one whose data or figure is missing is left out.
std::vector<Claim> claims_of(const ReproductionResult& result, const ReproductionOptions& options, Lambdas lambdas);

/// A reading of the paper and the numbers that it leads to, at 30 % injected rows and lambdas 0.1.
struct InterpretationNumbers {
  std::string set;
  std::string interpretation;
  ConfidenceInterval clean_metric;
  ConfidenceInterval direct;  ///< PATOM's harm, mean over the pairs: relative rise of the NMSE, fall of the AUC
  ConfidenceInterval indirect;
  ConfidenceInterval random;                    ///< of random rows in a direct attack
  ConfidenceInterval clean_correlation;         ///< of the second and third task
  std::vector<ConfidenceInterval> correlation;  ///< the same after each hybrid attack
  std::vector<ConfidenceInterval>
      among_attacked;  ///< mean correlation of the tasks with injected rows, after each hybrid attack
};
std::vector<InterpretationNumbers> interpretations_of(const ReproductionResult& result);

/// The reading and the hybrid attack under which the second and third task of Sarcos end with the largest correlation.
struct Closest {
  const InterpretationNumbers* interpretation = nullptr;  ///< into the list; null when there is none
  std::size_t hybrid = 0;
};
Closest closest_to_figure3(const std::vector<InterpretationNumbers>& interpretations);

/// The selection of trials and their numbers, for claims, tables and figures alike.
namespace trials {

struct Choice {
  Experiment experiment = Experiment::Figure2;
  std::string set;
  Lambdas lambdas = Lambdas::Paper;
  PlacementMethod placement = PlacementMethod::Patom;
};
std::vector<const Trial*> select(const ReproductionResult& result, const Choice& choice);

/// The last entry: what a trial ended with.
double last(const Eigen::VectorXd& values);

/// How much worse than clean a metric is: the relative rise of the NMSE, the fall of the AUC.
double harm(const std::string& metric, double clean, double value);

/// The mean over the trials of every draw for which `wanted` holds, over the draws.
ConfidenceInterval over_draws(const std::vector<const Trial*>& trials, const std::function<bool(const Trial&)>& wanted,
                              const std::function<double(const Trial&)>& number);

/// The mean correlation of the pairs among these tasks; NaN for fewer than two.
double mean_correlation(const Eigen::MatrixXd& correlation, const std::vector<std::size_t>& tasks);

/// The first iteration from which on the utility stays within 5 % of its last value.
std::size_t settled_at(const Eigen::VectorXd& utility);
/// Largest less smallest utility in the later half of the iterations, as a share of the last one.
double swing(const Eigen::VectorXd& utility);

}  // namespace trials

}  // namespace crosstalk::evaluate
