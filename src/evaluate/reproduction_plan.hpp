#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "crosstalk/evaluate/reproduction.hpp"

namespace crosstalk::evaluate::plan {

/// Attacks on one draw of one set, done together because they share the data and the clean fit.
struct Part {
  struct Attack {
    std::size_t threat = 0;
    PlacementMethod placement = PlacementMethod::Patom;
    double budget = 0.0;
    std::size_t start = 0;
  };
  Experiment experiment = Experiment::Figure2;
  std::size_t set = 0;  ///< position among the sets
  Lambdas lambdas = Lambdas::Paper;
  PaperInterpretation interpretation;
  std::size_t interpretation_number = 0;
  std::size_t seed = 0;
  std::vector<Attack> attacks;
  double cost = 0.0;
};

/// The name of a part's file: no two parts of a plan share it.
std::string name_of(const Part& part, const PaperSet& set);

/// Everything that the options ask for, in the order of the results.
std::vector<Part> parts_of(const std::vector<PaperSet>& sets, const std::vector<std::size_t>& tasks,
                           const ReproductionOptions& options);

}  // namespace crosstalk::evaluate::plan
