#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "crosstalk/attack/input_space.hpp"
#include "crosstalk/attack/row_gradient.hpp"
#include "crosstalk/attack/utility.hpp"
#include "crosstalk/mtrl/solve.hpp"
#include "crosstalk/option_table.hpp"
#include "crosstalk/run_control.hpp"

namespace crosstalk::attack {

struct NamedGradient {
  std::string name;
  RowGradient gradient;
};
/// patom, fixed-covariance, exact.
std::vector<NamedGradient> all_row_gradients();

struct GradientCheckOptions {
  std::size_t entries = 100;  ///< >= 1. Feature entries (and as many label entries) compared, chosen at random.
  double step = 1e-2;  ///< > 0. Spacing of the five-point central differences, in the learner's units; of labels, in
                       ///< half their range.
  bool bias = true;    ///< the last feature is constant and cannot be moved
  std::uint64_t seed = 0;

  /// Keys, ranges and meanings.
  static const OptionTable<GradientCheckOptions>& table();
};

/// One gradient g against the differences f over the chosen entries.
struct GradientComparison {
  std::string name;
  double relative_error = 0.0;  ///< |g - f| / |f|
  double cosine = 0.0;          ///< <g, f> / (|g| |f|)
  double length = 0.0;          ///< |g| / |f|
  double label_error = 0.0;     ///< relative_error of dU/dy
  double seconds = 0.0;         ///< for the gradient of all rows, without the fit
};

struct GradientCheck {
  std::vector<GradientComparison> gradients;
  std::size_t entries = 0;
  double differences_seconds = 0.0;  ///< for the entries compared
  bool stopped = false;              ///< ended early because the caller asked for it; then there are no comparisons
};

/// Every gradient against U refitted at x +- h, x +- 2h for randomly chosen entries of the injected rows.
/// @param clean     risk over the clean rows.
/// @param injected  m tasks, at least one row.
/// @param inputs    where the learner sees phi(x), held while an entry of x moves: then injected are rows x.
/// @throws std::invalid_argument for no injected row or an option outside its range.
GradientCheck check_gradients(const mtrl::EmpiricalRisk& clean, const Utility& utility, const TaskSet& injected,
                              const mtrl::Options& learner, const std::vector<NamedGradient>& gradients,
                              const GradientCheckOptions& options, const RunControl& control = {},
                              const InputSpace* inputs = nullptr);

}  // namespace crosstalk::attack
