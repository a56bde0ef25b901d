#include "crosstalk/confidence_interval.hpp"

#include <array>
#include <cmath>
#include <limits>

namespace crosstalk {

double t_quantile(std::size_t degrees) {
  static constexpr std::array<double, 30> table = {12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060,
                                                   2.2622,  2.2281, 2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199,
                                                   2.1098,  2.1009, 2.0930, 2.0860, 2.0796, 2.0739, 2.0687, 2.0639,
                                                   2.0595,  2.0555, 2.0518, 2.0484, 2.0452, 2.0423};
  if (degrees <= table.size()) return table[degrees - 1];
  // Cornish-Fisher expansion around the normal quantile: 1e-4 from 31 degrees on.
  const double z = 1.959964;
  return z + (z * z * z + z) / (4.0 * static_cast<double>(degrees));
}

ConfidenceInterval mean_with_ci(const std::vector<double>& observations) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  ConfidenceInterval result{nan, nan, nan, 0};
  double sum = 0.0;
  for (const double x : observations)
    if (!std::isnan(x)) sum += x, ++result.count;
  if (result.count == 0) return result;
  const auto n = static_cast<double>(result.count);
  result.mean = sum / n;
  if (result.count == 1) return result;
  double squares = 0.0;
  for (const double x : observations)
    if (!std::isnan(x)) squares += (x - result.mean) * (x - result.mean);
  const double half = t_quantile(result.count - 1) * std::sqrt(squares / (n - 1.0) / n);
  result.low = result.mean - half;
  result.high = result.mean + half;
  return result;
}

}  // namespace crosstalk
