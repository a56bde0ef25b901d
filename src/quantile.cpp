#include "crosstalk/quantile.hpp"

#include <algorithm>
#include <cmath>

namespace crosstalk {

double quantile(Eigen::VectorXd values, double share) {
  const auto rank = static_cast<Eigen::Index>(std::ceil(share * static_cast<double>(values.size())));
  const Eigen::Index position = std::clamp<Eigen::Index>(rank, 1, values.size()) - 1;
  std::nth_element(values.begin(), values.begin() + position, values.end());
  return values[position];
}

double median(const Eigen::VectorXd& values) {
  return quantile(values, 0.5);
}

}  // namespace crosstalk
