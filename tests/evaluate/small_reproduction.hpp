#pragma once

#include <string>

#include "crosstalk/evaluate/reproduction.hpp"
#include "crosstalk/pages/reproduction_page.hpp"
#include "crosstalk/split.hpp"
#include "support/problems.hpp"

namespace small_reproduction {

using namespace crosstalk;

/// Related tasks under the name of a set of the paper, another draw for every seed.
inline evaluate::PaperSet set(const std::string& name, std::size_t first_targets) {
  const auto draw = [name](std::uint64_t seed) {
    const mtrl::Loss& loss = name == "sarcos" ? mtrl::squared_loss() : mtrl::squared_hinge_loss();
    const TaskSet all =
        problems::related_for(loss, {.tasks = 6, .rows = 24, .features = 3, .noise = 0.3, .seed = seed});
    data::Dataset drawn;
    drawn.name = name;
    drawn.recipe.loss = loss.name();
    if (name == "landmine") {
      drawn.train = all;
      drawn.recipe.test_fraction = 0.5;
    } else {
      Split split = split_rows(all, 0.5, seed);
      drawn.train = std::move(split.train);
      drawn.test = std::move(split.test);
    }
    return drawn;
  };
  return {.name = name, .draw = draw, .first_targets = first_targets};
}

inline std::vector<evaluate::PaperSet> sets() {
  return {set("sarcos", 2), set("landmine", 2), set("mnist", 0)};
}

inline evaluate::ReproductionOptions options() {
  return {
      .seeds = 2, .slow_seeds = 1, .exact_seeds = 1, .starts = 2, .pairs = 2, .iterations = 3, .budgets = {0.1, 0.3}};
}

inline pages::ReproductionFacts facts() {
  return {
      .options = options(), .sources = {"problems.cpp"}, .command = "crosstalk reproduce patom", .version = "0.1.0"};
}

}  // namespace small_reproduction
