#pragma once

#include <cstddef>
#include <vector>

namespace crosstalk {

/// The mean of independent observations with its 95 % confidence interval by Student's t.
struct ConfidenceInterval {
  double mean = 0.0;
  double low = 0.0;   ///< NaN when there is one observation
  double high = 0.0;  ///< likewise
  std::size_t count = 0;

  [[nodiscard]] bool above(double value) const { return low > value; }   ///< the whole interval is
  [[nodiscard]] bool below(double value) const { return high < value; }  ///< the whole interval is
};

/// NaNs are left out; without any observation all is NaN.
ConfidenceInterval mean_with_ci(const std::vector<double>& observations);

/// 97.5 % quantile of Student's t.
/// @param degrees  >= 1.
double t_quantile(std::size_t degrees);

}  // namespace crosstalk
