#pragma once

#include <cstddef>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/task_set.hpp"

namespace crosstalk::defence {

/// The w for which the sum of the `keep` smallest squared residuals (y - w'x)^2 of the rows is least [Rousseeuw 1984],
/// as far as concentration steps (keep the rows of least residual, fit these, again) find it from `start` and from the
/// fits to 200 random subsets of d rows [Rousseeuw and Van Driessen 2006]. Up to n - keep rows have no influence,
/// wherever they lie.
/// @param rows  n >= d of them. What is drawn depends on their order alone.
/// @param keep  in [d, n].
/// @param start  d
Eigen::VectorXd least_trimmed_squares(const Task& task, const std::vector<Eigen::Index>& rows, std::size_t keep,
                                      const Eigen::VectorXd& start);

}  // namespace crosstalk::defence
