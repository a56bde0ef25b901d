#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/attack/threat.hpp"
#include "crosstalk/data/dataset.hpp"
#include "crosstalk/evaluate/audit.hpp"
#include "crosstalk/mtrl/solve.hpp"
#include "crosstalk/option_table.hpp"
#include "crosstalk/run_control.hpp"

/// The experiments of [Zhao18] on its data sets: Figure 1 (convergence), 2 (quality), 3 (relations).
namespace crosstalk::evaluate {

/// A data set of the paper and what the paper does with it.
struct PaperSet {
  std::string name;  ///< "sarcos", ...
  /// The rows of one draw, in the units of the file. Called by several threads at once.
  std::function<data::Dataset(std::uint64_t seed)> draw;
  std::size_t first_targets = 0;  ///< the first so many tasks are the targets in Figures 1 and 3; 0: only in Figure 2
  double cost = 1.0;              ///< of an attack, relative to the other sets: for the order of work and the time left
  std::size_t slow_seeds_at_most = std::numeric_limits<std::size_t>::max();   ///< see ReproductionOptions::slow_seeds
  std::size_t exact_seeds_at_most = std::numeric_limits<std::size_t>::max();  ///< see ReproductionOptions::exact_seeds
};

/// Where the paper is silent: how labels of injected rows are drawn. For classes the ends are -1 and +1.
enum class InjectedLabels {
  Uniform,        ///< uniform in the range of the task's labels
  Clean,          ///< from the task's own labels
  Ends,           ///< the smallest or the largest label of the task, each with probability 1/2
  Largest,        ///< the largest label of the task
  CommonUniform,  ///< uniform in the range of all tasks' labels
  CommonLargest,  ///< the largest label of all tasks
};
std::string_view to_string(InjectedLabels labels);

/// One way to read the paper where it is silent.
struct PaperInterpretation {
  std::string name = "as in the figures";
  bool standardise_labels = false;
  InjectedLabels labels = InjectedLabels::Uniform;
  double radius = 1.0;      ///< of the feasible ball, in units of the largest training row
  double smoothing = 1e-3;  ///< e
  double lambda = 0.1;      ///< lambda1 and lambda2
  int iterations = 10;      ///< of PATOM
  bool hinge_max = true;    ///< false: the hinge as printed, (1 - y z)^2; of classification tasks
  bool swap_parts = false;  ///< learn from the larger, test on the smaller part of a set that is split at random
  bool first_rows = false;  ///< of such a set, the part to learn from is the first rows of every task
};

/// The readings that are compared for a set; the first is that of the figures.
std::vector<PaperInterpretation> interpretations_for(const std::string& set);

/// Whose lambdas.
enum class Lambdas {
  Paper,   ///< 0.1 and 0.1
  Chosen,  ///< by cross-validation on the first draw
};
std::string_view to_string(Lambdas lambdas);

/// Who places the injected rows.
enum class PlacementMethod {
  Patom,       ///< its start are random rows
  ExactFixed,  ///< the exact attack, labels as in PATOM
  ExactFree,   ///< the exact attack with labels free in their range
};
std::string_view to_string(PlacementMethod placement);

/// Which part of the paper a trial is for.
enum class Experiment { Figure1, Starts, Figure2, Figure3, Readings };
std::string_view to_string(Experiment experiment);

struct ReproductionOptions {
  std::vector<int> figures = {1, 2, 3};
  std::size_t seeds = 10;       ///< 1 to 1000. Draws of the data and of the injected rows.
  std::size_t slow_seeds = 4;   ///< of them, for lambdas by cross-validation and for the readings
  std::size_t exact_seeds = 3;  ///< of them, for the exact attack
  /// of PATOM, for the spread of its optima: so many with the labels kept, as many with labels drawn anew
  std::size_t starts = 20;
  std::size_t pairs = 4;                               ///< of Figure 2
  int iterations = 20;                                 ///< of PATOM in Figure 1; 10 in the other figures
  std::vector<double> budgets = {0.1, 0.2, 0.3, 0.4};  ///< of Figure 2
  std::uint64_t seed = 1;                              ///< the draws have the seeds seed, seed + 1, ...
  int threads = 1;

  /// Keys, ranges and meanings.
  static const OptionTable<ReproductionOptions>& table();
};

/// One attack on one draw.
struct Trial {
  Experiment experiment = Experiment::Figure2;
  std::string set;
  Lambdas lambdas = Lambdas::Paper;
  std::string interpretation;  ///< its name
  std::size_t seed = 0;        ///< number of the draw, from 0
  std::size_t threat = 0;      ///< position in the plan's threats of the experiment and set
  PlacementMethod placement = PlacementMethod::Patom;
  double budget = 0.0;
  /// of PATOM's starts, from ReproductionOptions::starts on with labels drawn anew; 0 elsewhere
  std::size_t start = 0;

  double clean_utility = 0.0;
  double clean_metric = 0.0;          ///< mean primary metric of the targets on the test rows
  Eigen::VectorXd utility;            ///< of the random rows, then after every iteration
  Eigen::VectorXd metric;             ///< likewise
  Eigen::MatrixXd clean_correlation;  ///< m x m where relations are looked at, else empty
  Eigen::MatrixXd correlation;
  bool converged = true;
};

/// Who attacks whom in an experiment on a set.
struct PaperThreat {
  std::string name;  ///< "direct", "pair 2, indirect", "hybrid 1"
  attack::Kind kind = attack::Kind::Direct;
  std::size_t pair = 0;  ///< of Figure 2, from 0
  std::vector<std::size_t> targets;
  std::vector<std::size_t> attackers;
};

/// The threats of an experiment on m tasks. Readings: those of Figure 2, then those of Figure 3 where there are first
/// targets.
std::vector<PaperThreat> threats_of(Experiment experiment, const PaperSet& set, std::size_t tasks,
                                    const ReproductionOptions& options);

struct ReproductionResult {
  struct Set {
    std::string name;
    std::vector<std::string> task_names;
    std::string metric;  ///< "nmse" or "auc"
    std::size_t training_rows = 0;
    std::size_t test_rows = 0;
    double lambda1 = 0.0;  ///< by cross-validation; the paper's when nothing is asked at these
    double lambda2 = 0.0;
    std::map<Experiment, std::vector<PaperThreat>> threats;
  };
  std::vector<Set> sets;      ///< those that were there
  std::vector<Trial> trials;  ///< in the order of the plan

  /// Null when the set was not there.
  [[nodiscard]] const Set* find(const std::string& name) const;
};

/// Runs everything the options ask for on the sets that are given.
/// @throws std::invalid_argument for options outside their range; what `draw` throws.
ReproductionResult reproduce(const std::vector<PaperSet>& sets, const ReproductionOptions& options,
                             const PartStore& store = {}, const RunControl& control = {});

}  // namespace crosstalk::evaluate
