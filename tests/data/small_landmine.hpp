#pragma once

#include <random>
#include <string>
#include <vector>

#include "data/mat_bytes.hpp"

namespace crosstalk::data {

// 17 related tasks of 60 rows and 3 features in the form of the Landmine file, so that the command runs in seconds.
inline std::string small_landmine() {
  std::mt19937 source(3);
  const auto uniform = [&] { return static_cast<double>(source()) / 2147483648.0 - 1.0; };
  std::vector<std::string> features;
  std::vector<std::string> labels;
  for (int task = 0; task < 17; ++task) {
    std::vector<double> x(180);
    for (double& value : x) value = uniform();
    std::vector<double> y(60);
    for (std::size_t r = 0; r < y.size(); ++r) y[r] = x[r] - x[60 + r] + 0.3 * uniform() > 0.2 ? 1.0 : 0.0;
    features.push_back(mat::doubles(60, 3, x));
    labels.push_back(mat::doubles(60, 1, y));
  }
  return mat::file(mat::cells("feature", features) + mat::cells("label", labels));
}

}  // namespace crosstalk::data
